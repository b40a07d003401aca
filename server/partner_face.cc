#include "server/partner_face.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/receipt_signer.h"

namespace vouch::server {

namespace {

absl::string_view First(const std::vector<grpc::string_ref>& values) {
  return values.empty() ? absl::string_view()
                        : absl::string_view(values[0].data(), values[0].size());
}

// The peer's certificates, leaf first, in a buffer of this thread: a verdict is cached by their
// bytes. OpenSSL leaves a client's own certificate out of the chain that a server sees.
absl::string_view ChainOf(const grpc::CallbackServerContext& context) {
  thread_local std::string pem;
  pem.clear();
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  if (peer == nullptr) return pem;
  const std::vector<grpc::string_ref> leaves =
      peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  const std::vector<grpc::string_ref> chains =
      peer->FindPropertyValues(GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
  const absl::string_view leaf = First(leaves), chain = First(chains);
  if (!absl::StartsWith(chain, leaf)) absl::StrAppend(&pem, leaf, "\n");
  absl::StrAppend(&pem, chain);
  return pem;
}

}  // namespace

absl::variant<std::string, policies::Refusal> PartnerFace::Identify(
    const grpc::CallbackServerContext& context) const {
  auto identified = admission->Identify(ChainOf(context), rooms.clock->Now());
  if (auto* refusal = absl::get_if<policies::Refusal>(&identified)) {
    CountRefusal("", *refusal);
    return identified;
  }
  const std::string& requester = absl::get<std::string>(identified);
  if (absl::optional<policies::Refusal> busy = admission->TakeTurn(requester, rooms.clock->Now())) {
    CountRefusal(requester, *busy);
    return *std::move(busy);
  }
  return identified;
}

absl::variant<std::shared_ptr<const admission::AdmittedCall>, policies::Refusal> PartnerFace::Admit(
    const std::string& requester, admission::Request request) const {
  if (absl::optional<policies::Refusal> lags = Lags(requester)) return *std::move(lags);
  return admission->Admit(requester, std::move(request));
}

absl::optional<policies::Refusal> PartnerFace::Lags(const std::string& requester) const {
  if (ends != nullptr && *ends) {
    policies::Refusal refusal;
    refusal.reason = policies::Reason::kLedgerUnavailable;
    refusal.message = "this node stops, because its ledger is not the latest";
    refusal.retry_after = absl::Seconds(60);
    return refusal;
  }
  return cosignatures == nullptr ? absl::nullopt : cosignatures->Judge(requester);
}

void PartnerFace::CountRefusal(const std::string& requester,
                               const policies::Refusal& refusal) const {
  rooms.refusals->Count(requester, static_cast<uint8_t>(refusal.reason), rooms.clock->Now());
  metrics->Refused(requester, policies::ReasonName(refusal.reason), 1);
}

void PartnerFace::SignReceipt(const admission::AdmittedCall& call, uint32_t position,
                              const AnsweredItem& answered, v1::Answered* out) const {
  if (!call.request().jws_receipt) return;
  // The walk answered, so there is a key.
  out->mutable_receipt()->set_jws(rooms.receipts->Sign(call, position, answered));
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
