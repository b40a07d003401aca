#include "policies/engine/refusal.h"

namespace vouch::policies {

absl::string_view ReasonName(Reason reason) {
  switch (reason) {
    case Reason::kNotPermitted:
      return "NOT_PERMITTED";
    case Reason::kAgreementNotInForce:
      return "AGREEMENT_NOT_IN_FORCE";
    case Reason::kAgreementMismatch:
      return "AGREEMENT_MISMATCH";
    case Reason::kBadRequestId:
      return "BAD_REQUEST_ID";
    case Reason::kMalformed:
      return "MALFORMED";
    case Reason::kNotInAgreement:
      return "NOT_IN_AGREEMENT";
    case Reason::kPersonLimit:
      return "PERSON_LIMIT";
    case Reason::kAgreementLimit:
      return "AGREEMENT_LIMIT";
    case Reason::kBusy:
      return "BUSY";
    case Reason::kKeyEpoch:
      return "KEY_EPOCH";
    case Reason::kNotReady:
      return "NOT_READY";
    case Reason::kRequestIdReused:
      return "REQUEST_ID_REUSED";
    case Reason::kLedgerUnavailable:
      return "LEDGER_UNAVAILABLE";
    case Reason::kCertificate:
      return "CERTIFICATE";
  }
  return "";
}

}  // namespace vouch::policies
