// Every file people edit, through the one reader: nothing they write may crash a node.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"
#include "server/node/known_names.h"
#include "server/records/mapping.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const vouch::policies::KnownNames known = vouch::server::node::NamesOfCrypto();
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  vouch::policies::Report report;
  const auto agreement = vouch::policies::ReadAgreement("fuzz.yaml", bytes, known, &report);
  // A value beside an error would let a broken file into force.
  if (agreement.has_value() && report.HasErrors()) std::abort();
  vouch::policies::Report others;
  (void)vouch::policies::ReadFactCatalogue("fuzz.yaml", bytes, &others);
  (void)vouch::policies::ReadReferenceTable("fuzz.yaml", bytes, {}, &others);
  (void)vouch::server::records::ReadMapping("fuzz.yaml", bytes, &others);
  (void)report.ToText(bytes);
  (void)report.ToJson();
  return 0;
}
