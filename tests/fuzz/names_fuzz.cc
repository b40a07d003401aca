// Normal forms of anything: total, the same every time, and never longer than folding can make
// them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "crypto/identity.h"

namespace crypto = vouch::crypto;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto& attributes = crypto::AllAttributes();
  const crypto::Attribute attribute = attributes[data[0] % attributes.size()];
  const crypto::IdentityUse use =
      data[1] % 2 == 0 ? crypto::IdentityUse::kLive : crypto::IdentityUse::kTest;
  const std::string raw(reinterpret_cast<const char*>(data + 2), size - 2);
  const absl::CivilDay today(2026, 11, 21);
  for (const std::string& name : crypto::SpellingRuleNames()) {
    const crypto::SpellingRules* rules = crypto::FindSpellingRules(name);
    const absl::StatusOr<std::string> normal = rules->Normalize(attribute, raw, use, today);
    const absl::StatusOr<std::string> again = rules->Normalize(attribute, raw, use, today);
    if (normal.ok() != again.ok() || (normal.ok() && *normal != *again)) std::abort();
    // The longest folding of one code point is 18 letters of up to four bytes.
    if (normal.ok() && normal->size() > 72 * raw.size()) std::abort();
  }
  crypto::Identity person;
  person.Add(attribute, raw);
  const crypto::NormalIdentity normal =
      NormalizeIdentity(person, *crypto::FindSpellingRules("names/1"), use, today);
  crypto::MatchKey key;
  key.parts.push_back({crypto::KeyPart::Derivation::kWhole, attribute});
  (void)crypto::TokenInputs({"agreement", "scope", 1, "names/1"}, 0, key, normal);
  return 0;
}
