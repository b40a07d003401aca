// The node's ledger as others check it: its logs, one a year, each with signed checkpoints, proofs
// and tiles, and the proof that each goes on from the one before. docs/ledger.md.
#ifndef VOUCH_SERVER_LEDGER_LOG_H_
#define VOUCH_SERVER_LEDGER_LOG_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/keys.h"
#include "crypto/log_succession.h"
#include "crypto/note.h"
#include "crypto/tiles.h"
#include "server/journal/journal.h"
#include "server/ledger/tree/high_water.h"
#include "server/log_tree.h"
#include "server/prover.h"

namespace vouch::server {

struct LedgerLogOptions {
  // Of the closed segments; created 0700 when missing. The first log lies in it, each later one in
  // a folder of its own below, named as the end of its origin.
  std::string folder;
  std::shared_ptr<const crypto::SigningKey> key;  // of all logs: Ed25519 or P-256
  journal::Journal* journal = nullptr;            // outlives the log
  std::string high_water = "";      // path of the mark of what was signed; empty: none
  std::string marked = "";          // and of what says that there was one: HighWaterOptions::marked
  bool without_high_water = false;  // it may be gone: HighWaterOptions::may_be_gone
  // Of the other type, for verifiers who may use no other: signs each checkpoint too. Null: none.
  std::shared_ptr<const crypto::SigningKey> also_key = nullptr;
  // Told when tiles could not be written (Unavailable: they stay in memory and are tried again),
  // when that has passed (OK), and when entries and tree disagree (DataLoss): then nothing more is
  // proved, and so nothing answered.
  std::function<void(const absl::Status&)> problem = [](const absl::Status&) {};
  // As HighWaterOptions::problem. Apart from the one above, which tells of every round.
  std::function<void(const absl::Status&)> mark_problem = [](const absl::Status&) {};
};

// Thread-safe. An `origin` names one of the logs, "" the one that is being written: NotFound for
// any other.
class LedgerLog final : public Prover {
 public:
  // Takes up the trees from the segments and the journal's entries. DataLoss and
  // FailedPrecondition, which must stop the node, as LogTree and HighWater; InvalidArgument for a
  // key that signs no checkpoints.
  static absl::StatusOr<std::unique_ptr<LedgerLog>> Open(LedgerLogOptions options);
  ~LedgerLog() override;
  LedgerLog(const LedgerLog&) = delete;

  // By position; of entries of one log.
  absl::StatusOr<LogProof> Prove(uint64_t first, uint32_t count) override;
  // By index in that log.
  absl::StatusOr<LogProof> ProveIn(absl::string_view origin, uint64_t first, uint32_t count);

  // How many durable entries it has.
  absl::StatusOr<uint64_t> Size(absl::string_view origin) const;

  struct Signed {
    std::string origin;
    uint64_t size = 0;
    std::shared_ptr<const std::string> note;
  };
  // Over the durable head; of a log that has ended, its last.
  absl::StatusOr<Signed> Checkpoint(absl::string_view origin = "");
  // As LogTree::Consistency.
  absl::StatusOr<std::vector<crypto::Digest>> Consistency(absl::string_view origin,
                                                          uint64_t old_size, uint64_t size);
  absl::StatusOr<crypto::Digest> RootAt(absl::string_view origin, uint64_t size);
  // One tile or bundle of the static layout, as FileOfLayout; of the log as it is now.
  absl::StatusOr<std::string> File(absl::string_view path, bool entries,
                                   absl::string_view origin = "");
  // The log's tiles and entries up to its head when it was called, at the least.
  absl::StatusOr<const crypto::LogReader*> Reader(absl::string_view origin = "");
  // The steps from `old_size` of a log that has ended to `head`, one of Checkpoint(). Also of a
  // log, or a size, that is lost: as far as losses were declared. NotFound and OutOfRange for a log
  // and a size that never were, and for nothing else.
  absl::StatusOr<std::vector<crypto::LogSuccession>> Succession(absl::string_view origin,
                                                                uint64_t old_size,
                                                                const Signed& head);

  // Signs the durable head and marks it, now.
  absl::Status MarkNow();
  // Whether a declared loss says that this checkpoint of the node's own was signed, and is lost.
  bool IsLost(const crypto::Checkpoint& seen) const;
  const std::vector<crypto::LossDeclared>& losses() const { return losses_; }

  // Of the log that is being written.
  std::string origin() const;
  // All of them, oldest first.
  std::vector<std::string> origins() const;
  crypto::NoteVerifier verifier() const;

 private:
  using Tree = std::shared_ptr<LogTree>;
  explicit LedgerLog(LedgerLogOptions options) : options_(std::move(options)) {}
  absl::Status OpenTrees();
  absl::Status HoldAgainstMark();
  // What there is of a log of which nothing is left.
  absl::StatusOr<std::string> SignNothing(const std::string& origin) const;
  LogTree::Options TreeOptions(const journal::LogSpan& log);
  void Took(const journal::Head& after, absl::Span<const crypto::Digest> leaves);
  std::vector<Tree> Trees() const;
  absl::StatusOr<Tree> Find(absl::string_view origin) const;
  void TileLoop();

  const LedgerLogOptions options_;
  std::unique_ptr<ledger::tree::HighWater> high_water_;
  std::vector<crypto::LossDeclared> losses_;  // a node that runs declares none

  mutable std::mutex lock_;  // guards the rest
  std::vector<Tree> trees_;  // oldest first; the last is being written
  absl::Status broken_;
  bool due_ = false;
  bool stopping_ = false;
  std::condition_variable work_;
  std::thread thread_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_LEDGER_LOG_H_
