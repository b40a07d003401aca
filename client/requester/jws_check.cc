#include "client/requester/jws_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/requester/refusal.h"
#include "crypto/keys.h"
#include "crypto/receipt_claims.h"

namespace vouch::requester {

namespace {

absl::Status Unproven(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the answer is not used, because its receipt as a JWS does not prove it: ", what,
                   "; keep this message and tell the responder's privacy officer"));
}

}  // namespace

absl::StatusOr<crypto::JwsVerifier> ReceiptVerifierFromPem(absl::string_view pem) {
  const absl::StatusOr<std::string> der = crypto::PublicKeyFromPem(pem);
  if (!der.ok()) return der.status();
  return crypto::JwsVerifier::From(crypto::AsBytes(*der));
}

absl::Status CheckJws(const crypto::JwsVerifier& verifier, const KeptAnswer& kept) {
  const v1::Receipt& receipt = *kept.receipt;
  if (receipt.jws().empty()) return Unproven("there is none, although it was asked for");
  const absl::StatusOr<std::string> payload = verifier.Open(receipt.jws(), crypto::kReceiptJwsType);
  if (!payload.ok()) return Unproven(payload.status().message());
  const absl::StatusOr<crypto::CanonicalRequest> request =
      crypto::ReadCanonicalRequest(kept.request);
  const absl::StatusOr<crypto::Details> details = crypto::ReadDetails(kept.details);
  crypto::ReceiptClaims claims;
  if (!request.ok() || !details.ok() || kept.slots == 0 ||
      receipt.entry().size() % kept.slots != 0 ||
      receipt.opening().size() != claims.opening.size()) {
    return Unproven("what it is to be held against is malformed");
  }
  claims.responder = kept.responder;
  claims.request = &*request;
  claims.entry = absl::string_view(receipt.entry()).substr(0, receipt.entry().size() / kept.slots);
  std::copy_n(crypto::AsBytes(receipt.opening()).begin(), claims.opening.size(),
              claims.opening.begin());
  claims.log = kept.checkpoint.substr(0, kept.checkpoint.find('\n'));
  claims.index = receipt.index();
  claims.answer = details->answer;
  claims.data_as_of = details->data_as_of;
  const absl::StatusOr<std::string> expected = crypto::ReceiptPayload(claims);
  if (!expected.ok()) return Unproven(expected.status().message());
  return *expected == *payload ? absl::OkStatus()
                               : Unproven("it says something else than the answer");
}

JwsCheck::JwsCheck(std::string responder, const std::string& public_der)
    : responder_(std::move(responder)) {
  if (public_der.empty()) {
    wrong_ = absl::FailedPreconditionError(absl::StrCat(
        "the key of ", responder_,
        "'s receipts is not known, so that no JWS of it can be checked: give `receipt_key` at the "
        "partner in node.yaml (receipt.pem of its `vouch partner export`)"));
    return;
  }
  absl::StatusOr<crypto::JwsVerifier> verifier =
      crypto::JwsVerifier::From(crypto::AsBytes(public_der));
  if (verifier.ok()) {
    verifier_ = *std::move(verifier);
  } else {
    wrong_ = absl::FailedPreconditionError(absl::StrCat(
        "the key of ", responder_, "'s receipts cannot be used: ", verifier.status().message()));
  }
}

absl::Status JwsCheck::MayAsk(const policies::Agreement& agreement) const {
  if (agreement.jws_receipts) return wrong_;
  Refusal refusal;
  refusal.code = absl::StatusCode::kInvalidArgument;
  refusal.reason = "NOT_IN_AGREEMENT";
  refusal.field = "jws_receipt";
  refusal.message =
      absl::StrCat(agreement.id,
                   " does not list JWS receipts (`receipts`); ask without, and the answer has its "
                   "ledger receipt");
  return RefusalStatus(refusal);
}

absl::Status JwsCheck::Check(const SentItem& sent, const CheckedAnswer& checked,
                             const v1::Receipt& receipt, absl::string_view checkpoint) const {
  if (!verifier_.has_value()) return wrong_;
  return CheckJws(*verifier_,
                  {responder_, checked.request, checked.details, sent.slots, &receipt, checkpoint});
}

absl::Status JwsCheck::CheckItem(const SentItem& sent, const CheckedAnswer& checked,
                                 const v1::VerifyBatchResponse& response, int result) const {
  const v1::Receipt& receipt = response.results(result).answered().receipt();
  const v1::LedgerProof& proof = receipt.has_proof() ? receipt.proof() : response.proof();
  return Check(sent, checked, receipt, proof.checkpoint());
}

}  // namespace vouch::requester
