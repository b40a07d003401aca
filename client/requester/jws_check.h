// Receipts as JWS: what one must say, and whether it does. docs/protocol.md, "Receipt as a JWS".
#ifndef VOUCH_CLIENT_REQUESTER_JWS_CHECK_H_
#define VOUCH_CLIENT_REQUESTER_JWS_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "client/requester/receipt_check.h"
#include "crypto/jws.h"
#include "policies/engine/agreement.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::requester {

// Of a PEM file of a P-256 public key; InvalidArgument for anything else.
absl::StatusOr<crypto::JwsVerifier> ReceiptVerifierFromPem(absl::string_view pem);

// What was answered, as it is kept: the exact bytes of request and details, and the receipt.
struct KeptAnswer {
  absl::string_view responder;
  absl::string_view request;  // canonical
  absl::string_view details;
  uint32_t slots = 1;
  const v1::Receipt* receipt = nullptr;
  absl::string_view checkpoint;  // of the proof: the note, whose first line names the log
};
// DataLoss unless the receipt's JWS is signed with that key and says exactly this.
absl::Status CheckJws(const crypto::JwsVerifier& verifier, const KeptAnswer& kept);

// Thread-safe.
class JwsCheck {
 public:
  // `public_der`: the responder's receipt key, a SubjectPublicKeyInfo; empty when it is not known.
  JwsCheck(std::string responder, const std::string& public_der);

  // Before one is asked for: the refusal NOT_IN_AGREEMENT where the agreement does not list them,
  // FailedPrecondition without a key to check them with.
  absl::Status MayAsk(const policies::Agreement& agreement) const;
  // CheckJws of an answer that was checked otherwise.
  absl::Status Check(const SentItem& sent, const CheckedAnswer& checked, const v1::Receipt& receipt,
                     absl::string_view checkpoint) const;

  // The same of one answered result of a batch, whose proof it or the response has. What it says of
  // the log holds only when LedgerCheck::CheckBatch takes the response.
  absl::Status CheckItem(const SentItem& sent, const CheckedAnswer& checked,
                         const v1::VerifyBatchResponse& response, int result) const;

 private:
  const std::string responder_;
  absl::optional<crypto::JwsVerifier> verifier_;
  absl::Status wrong_;  // why there is none
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_JWS_CHECK_H_
