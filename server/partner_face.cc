#include "server/partner_face.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <utility>
#include <vector>

namespace vouch::server {

absl::variant<std::string, policies::Refusal> PartnerFace::Identify(
    const grpc::CallbackServerContext& context) const {
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  std::vector<grpc::string_ref> chain;
  if (peer != nullptr) {
    chain = peer->FindPropertyValues(GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
    if (chain.empty()) chain = peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  }
  const absl::string_view pem =
      chain.empty() ? absl::string_view() : absl::string_view(chain[0].data(), chain[0].size());
  auto identified = admission->Identify(pem, rooms.clock->Now());
  if (auto* refusal = absl::get_if<policies::Refusal>(&identified)) CountRefusal("", *refusal);
  return identified;
}

void PartnerFace::CountRefusal(const std::string& requester,
                               const policies::Refusal& refusal) const {
  rooms.refusals->Count(requester, static_cast<uint8_t>(refusal.reason), rooms.clock->Now());
  metrics->Refused(requester, policies::ReasonName(refusal.reason), 1);
}

void PartnerFace::Observe(const std::string& requester,
                          const std::vector<Recorded>& outcomes) const {
  uint64_t answered = 0, replayed = 0;
  for (const Recorded& outcome : outcomes) {
    if (const policies::Refusal* refusal = outcome.refused()) {
      metrics->Refused(requester, policies::ReasonName(refusal->reason), 1);
    } else if (outcome.replayed()) {
      ++replayed;
    } else {
      ++answered;
    }
  }
  if (answered > 0) metrics->Answered(requester, answered);
  if (replayed > 0) metrics->Replayed(requester, replayed);
}

}  // namespace vouch::server
