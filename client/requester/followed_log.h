// A responder's log as its answers show it: every checkpoint that came with an answer is shown to
// be one log that only grew, within a second or a thousand answers, or nothing more of that log is
// used. docs/ledger.md, "What a requester checks".
#ifndef VOUCH_CLIENT_REQUESTER_FOLLOWED_LOG_H_
#define VOUCH_CLIENT_REQUESTER_FOLLOWED_LOG_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "client/requester/accepted_losses.h"
#include "client/requester/used_ahead.h"
#include "crypto/checkpoint.h"
#include "crypto/log_succession.h"

namespace vouch::requester {

struct FollowedLogOptions {
  std::string agency;      // whose logs
  std::string public_der;  // the key that signs them, a SubjectPublicKeyInfo
  // What was found consistent is remembered here, over restarts; several processes may share it.
  // Made 0700 when missing. Empty: it is forgotten at the end.
  std::string folder;
  // Of this agency's own node, whose memory is held against answers too, and which is left what was
  // found (evidence, seen_checkpoints.h); empty: there is none.
  std::string witness_folder;
  // How far answers may be used ahead of the check.
  absl::Duration longest = absl::Seconds(1);
  uint64_t most_answers = 1000;
};

// Thread-safe.
class FollowedLog {
 public:
  // The log's proofs from each of these sizes to the next; they ascend. InvalidArgument: the log
  // cannot prove it. Any other error: it could not be asked.
  using AskProofs = std::function<absl::StatusOr<std::vector<std::vector<crypto::Digest>>>(
      const std::string& origin, absl::Span<const uint64_t> sizes)>;

  // How the ledger goes on from `size` entries of the log `origin`, which is remembered: its head,
  // and the steps there; none, where it cannot show any.
  struct Continuation {
    std::string note;
    std::vector<crypto::LogSuccession> steps;
  };
  using AskContinuation =
      std::function<absl::StatusOr<Continuation>(const std::string& origin, uint64_t size)>;

  // Where a log of an earlier year is remembered, a later one is used only when `ask_continuation`
  // shows that it goes on from there; null: not looked at.
  FollowedLog(FollowedLogOptions options, AskProofs ask,
              AskContinuation ask_continuation = nullptr);
  // Settles what it can.
  ~FollowedLog();
  FollowedLog(const FollowedLog&) = delete;

  // Before `answers` that this checkpoint proves are handed on; its note is signed by the log's
  // key, and is what is kept of it (kept_note.h). Asks the log first where the bound is reached,
  // and always at first. DataLoss when the log is not the one it was: then nothing more of the
  // agency's is used, here and in every later process, until somebody takes the file away that the
  // message names. Unavailable when that could not be found out: these answers must not be used,
  // and may be asked for again. FailedPrecondition when the log goes on after a loss that nobody
  // accepted here (accepted_losses.h): as soon as somebody does, they may.
  absl::Status Use(const crypto::Checkpoint& checkpoint, const std::string& note, uint64_t answers);
  // Checks everything that was used ahead, also by processes that were killed, and by those that
  // are there. Errors as Use.
  absl::Status Settle();

 private:
  using Proof = std::vector<crypto::Digest>;
  using Clock = std::chrono::steady_clock;
  struct Shown {
    crypto::Checkpoint checkpoint;
    std::string note;
    uint64_t answers = 0;
    Clock::time_point since;
  };

  bool IsConsistentLocked(const crypto::Checkpoint& checkpoint) const;
  bool ReachedLocked(uint64_t more) const;
  // What this process used ahead, or took over.
  absl::Status SettleLocked(std::unique_lock<std::mutex>* lock);
  // Lets go of `lock` meanwhile; one at a time.
  absl::Status CheckLocked(std::unique_lock<std::mutex>* lock);
  void Run();
  // All of one origin.
  absl::Status Check(const std::string& origin, std::vector<Shown> shown);
  absl::Status Order(const std::string& origin, std::vector<Shown>* all);
  // From each of these sizes to the next; an empty one where the log cannot prove it.
  absl::StatusOr<std::vector<Proof>> Proofs(const std::string& origin,
                                            absl::Span<const uint64_t> sizes) const;
  // The agency's newest log that is remembered, here or by the node, but that one. Unavailable when
  // that one `is_new`, and something is remembered that cannot be read.
  absl::StatusOr<absl::optional<Shown>> Newest(const std::string& but, bool is_new) const;
  // How the ledger goes on from what is remembered, verified. FailedPrecondition as Use;
  // InvalidArgument when it was not shown; Unavailable when it could not be asked.
  struct Onward {
    Continuation asked;
    crypto::Checkpoint head;
    std::vector<crypto::Checkpoint> ends;  // of the logs that ended, as asked.steps
  };
  absl::StatusOr<Onward> GoOn(const Shown& before) const;
  // OK when no proof can be had up to this checkpoint, because it is of what an accepted loss says
  // is lost; FailedPrecondition where that is not accepted; InvalidArgument when nothing is lost;
  // Unavailable when the log could not be asked that.
  absl::Status HoldAgainstLosses(const Shown& after) const;
  // Adds what shows that the log goes on from an earlier one.
  absl::Status Continue(const std::string& origin, const Shown& before, std::vector<Shown>* shown);
  // That a later log, which is remembered, goes on from the last one shown; adds how that ended.
  absl::Status LeadTo(const Shown& later, std::vector<Shown>* shown);
  // What is remembered of that log itself.
  absl::StatusOr<absl::optional<Shown>> Known(const std::string& origin) const;
  absl::Status Remember(const Shown& latest);
  // What a process that was killed had used ahead waits for its check, before anything else is
  // used.
  void TakeLeftLocked();
  void AwaitLocked(const std::string& note);
  absl::StatusOr<absl::optional<Shown>> Remembered(const std::string& path) const;
  absl::StatusOr<Shown> Verified(const std::string& note) const;
  absl::Status Refuse(const std::string& origin, const std::string& what, const Shown& before,
                      const Shown& after);
  void KeepEvidenceLocked();
  std::string PathOf(absl::string_view origin, absl::string_view suffix) const;

  const FollowedLogOptions options_;
  const AcceptedLosses accepted_;
  const AskProofs ask_;
  const AskContinuation ask_continuation_;
  std::map<std::string, Shown> known_;  // by origin, without a folder; of the one that checks
  // Evidence that could not be written, and where; of the one that checks, and who comes after it.
  std::string unkept_path_, unkept_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::deque<crypto::Checkpoint> consistent_;  // the latest of them
  std::vector<Shown> waiting_;                 // not checked yet
  UsedAhead used_ahead_;                       // those of them that were used
  bool took_left_ = false;
  bool checked_once_ = false;
  bool checking_ = false;
  bool stopping_ = false;
  absl::Status broken_;
  std::thread thread_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_FOLLOWED_LOG_H_
