// Holds the place of an answer's entries in the responder's log against the log's own signature.
// docs/protocol.md, "Receipt".
#ifndef VOUCH_CLIENT_REQUESTER_LEDGER_CHECK_H_
#define VOUCH_CLIENT_REQUESTER_LEDGER_CHECK_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "client/requester/followed_log.h"
#include "crypto/checkpoint.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::requester {

// Entries of one answer: their index, and what each is in the log.
struct ProvedEntries {
  uint64_t first = 0;
  std::vector<crypto::Digest> leaves;
};
// Of a receipt's `entry`: as many entries of one length as the question has slots. Empty when it
// does not divide.
std::vector<crypto::Digest> LeavesOf(absl::string_view entries, uint32_t slots);

// Thread-safe.
class LedgerCheck {
 public:
  // Whose log, and its key, a SubjectPublicKeyInfo in DER; no key: every check fails, and says what
  // to do.
  // `followed`: every checkpoint is held against those before; null: against none.
  LedgerCheck(std::string agency, std::string public_der,
              std::unique_ptr<FollowedLog> followed = nullptr)
      : agency_(std::move(agency)),
        public_der_(std::move(public_der)),
        followed_(std::move(followed)) {}

  // The checkpoint, when the log's key signed it and it is one of that agency's log of the year of
  // `now` or one before. DataLoss otherwise.
  absl::StatusOr<crypto::Checkpoint> Open(const std::string& note, absl::Time now) const {
    return Open(note, now, nullptr);
  }

  // DataLoss unless the proof shows, under a checkpoint that Open takes, that each of `answers` is
  // where it says. `answers` are in the order of their indexes; entries of the range that are none
  // of theirs are the proof's other leaves. Then as FollowedLog::Use.
  absl::Status Check(const v1::LedgerProof& proof, absl::Span<const ProvedEntries> answers,
                     absl::Time now) const;

  // FollowedLog::Settle.
  absl::Status Settle() const {
    return followed_ == nullptr ? absl::OkStatus() : followed_->Settle();
  }

  // Check, of everything a batch response answers: under its one proof, or for what was answered
  // before under the receipt's own. Gives the receipts, by result, that stand alone only now.
  absl::StatusOr<std::vector<std::pair<int, v1::Receipt>>> CheckBatch(
      const v1::VerifyBatchResponse& response, absl::Time now) const;

  // Of each answer, a proof of its own made from one that Check took, so that its receipt stands
  // alone. For answers of one entry each; empty otherwise.
  static std::vector<v1::LedgerProof> EachAlone(const v1::LedgerProof& proof,
                                                absl::Span<const ProvedEntries> answers);

 private:
  // What is kept of the note goes to `kept`; null: nowhere.
  absl::StatusOr<crypto::Checkpoint> Open(const std::string& note, absl::Time now,
                                          std::string* kept) const;

  const std::string agency_;
  const std::string public_der_;
  const std::unique_ptr<FollowedLog> followed_;
  // The last one taken: what one commit answers has one checkpoint.
  mutable std::mutex mutex_;
  mutable std::string last_note_, last_kept_;
  mutable absl::optional<crypto::Checkpoint> last_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_LEDGER_CHECK_H_
