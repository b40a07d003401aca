// The closed list of refusals (docs/protocol.md, "Refusals").
#ifndef VOUCH_POLICIES_ENGINE_REFUSAL_H_
#define VOUCH_POLICIES_ENGINE_REFUSAL_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace vouch::policies {

enum class Reason : uint8_t {
  kNotPermitted = 1,
  kAgreementNotInForce = 2,
  kAgreementMismatch = 3,
  kBadRequestId = 4,
  kMalformed = 5,
  kNotInAgreement = 6,
  kPersonLimit = 7,
  kAgreementLimit = 8,
  kBusy = 9,
  kKeyEpoch = 10,
  kNotReady = 11,
  kRequestIdReused = 12,
  kLedgerUnavailable = 13,
  kCertificate = 14,
};
// "NOT_PERMITTED", ...: the reason of google.rpc.ErrorInfo.
absl::string_view ReasonName(Reason reason);

// No answer, with a reason. Holds nothing about any person.
struct Refusal {
  Reason reason = Reason::kNotPermitted;
  std::string field;    // the request field at fault, for BadRequest; may be empty
  std::string message;  // for the caller's log; what was expected and how to mend it
  absl::Duration retry_after = absl::ZeroDuration();
  std::string expected;  // AGREEMENT_MISMATCH: our digest; KEY_EPOCH: the current epoch
  std::string received;  // AGREEMENT_MISMATCH: the caller's digest
};

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_REFUSAL_H_
