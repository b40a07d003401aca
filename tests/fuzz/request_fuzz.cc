// Requests from the network: parsed, shaped, hashed, and refusals mapped back.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "crypto/receipt.h"
#include "server/admission/admission.h"
#include "server/status_mapping.h"

namespace server = vouch::server;

namespace {

void Judge(server::admission::Request request) {
  static server::admission::Admission admission(std::make_shared<server::admission::Peers>());
  auto admitted = admission.Admit("asker.example", std::move(request));
  if (const auto* refusal = absl::get_if<vouch::policies::Refusal>(&admitted)) {
    const grpc::Status status = server::ToStatus(*refusal);
    if (status.ok()) std::abort();
    vouch::v1::VerifyBatchResponse response;
    server::ToRefused(*refusal, response.mutable_refused());
    server::Pad(&response);
    if (response.ByteSizeLong() != server::PaddedSize(response.ByteSizeLong())) std::abort();
    return;
  }
  const auto& call = *absl::get<std::shared_ptr<const server::admission::AdmittedCall>>(admitted);
  vouch::crypto::ByteWriter scratch;
  for (const server::admission::RequestedItem& item : call.request().items) {
    if (item.tokens.empty() || item.tokens.size() % 32 != 0) std::abort();
    vouch::crypto::CanonicalRequest canonical;
    canonical.parameters = item.canonical_parameters;
    canonical.tokens = vouch::crypto::AsBytes(item.tokens);
    (void)canonical.Hash(&scratch);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  google::protobuf::SetLogHandler(nullptr);  // it reports every string that is not UTF-8
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vouch::v1::VerifyRequest single;
  if (single.ParseFromArray(data, static_cast<int>(size))) Judge(server::FromVerify(single));
  vouch::v1::VerifyBatchRequest batch;
  if (batch.ParseFromArray(data, static_cast<int>(size))) Judge(server::FromBatch(batch));
  (void)vouch::crypto::ReadSubjectEntry(vouch::crypto::AsText({data, size}));
  (void)vouch::crypto::ReadDetails(vouch::crypto::AsText({data, size}));
  return 0;
}
