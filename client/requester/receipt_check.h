// Holds an answer against its receipt. docs/protocol.md, "Receipt".
#ifndef VOUCH_CLIENT_REQUESTER_RECEIPT_CHECK_H_
#define VOUCH_CLIENT_REQUESTER_RECEIPT_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "client/requester/tokens.h"
#include "crypto/receipt.h"
#include "policies/engine/values.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::requester {

// One item as this side sent it.
struct SentItem {
  const OwnAgreement* agreement = nullptr;
  absl::string_view requester;
  absl::string_view question;
  absl::string_view purpose;
  uint32_t epoch = 0;
  crypto::RequestId request_id{};
  uint32_t position = 0;
  // Of a group: its real members, and the slots that it is padded to, each with an entry. A person
  // is one of one.
  uint32_t member_count = 1;
  uint32_t slots = 1;
  absl::string_view parameters;  // crypto::CanonicalParameters
  absl::string_view tokens;
  absl::string_view consents;
};

struct CheckedAnswer {
  policies::Answer answer = policies::Answer::kUndetermined;
  policies::UndeterminedReason why = policies::UndeterminedReason::kNotTold;
  absl::CivilDay data_as_of;
  absl::Time recorded;  // to the minute
  // What was checked, exact bytes: kept with the receipt, they let anybody check it again.
  std::string details;
  std::string request;  // canonical, with the tokens
};

// The clocks of two agencies may differ by this much before a receipt's time is disbelieved.
inline constexpr absl::Duration kClocksMayDiffer = absl::Hours(1);

// DataLoss unless the ledger entry (of a group: of every slot, all of one commitment, minute and
// period) is well formed and about exactly this question, and the opening shows that it commits to
// exactly this answer and this request. What only the responder's keys or
// its ledger could show is not checked here: nonce, tag, and the entry's place in the log.
// `scratch` as for CanonicalRequest::Hash.
absl::StatusOr<CheckedAnswer> CheckReceipt(const SentItem& sent, const v1::Answered& answered,
                                           absl::Time now, crypto::ByteWriter* scratch);

// DataLoss unless the obligations a responder sent are those of the agreement's question.
absl::Status CheckObligations(const policies::Question& question,
                              const v1::Obligations& obligations);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_RECEIPT_CHECK_H_
