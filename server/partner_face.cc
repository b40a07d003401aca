#include "server/partner_face.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <utility>
#include <vector>

namespace vouch::server {

absl::variant<std::string, policies::Refusal> PartnerFace::Identify(
    const grpc::CallbackServerContext& context) const {
  // Judged by its bytes: what it stands for is cached under them.
  thread_local std::string chain;
  chain.clear();
  if (const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context()) {
    const std::vector<grpc::string_ref> leaf =
        peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    const std::vector<grpc::string_ref> sent =
        peer->FindPropertyValues(GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
    if (!leaf.empty()) chain.assign(leaf[0].data(), leaf[0].size());
    // OpenSSL leaves a client's own certificate out of the chain that a server sees.
    if (!sent.empty() && !sent[0].starts_with(chain)) {
      chain.append(sent[0].data(), sent[0].size());
    }
  }
  auto identified = admission->Identify(chain, rooms.clock->Now());
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
