// The largest checkpoint the node has signed, on another path than the journal: a journal that is
// put back to an earlier state, or rewritten, meets at the next start what the node itself has
// said. The file is the checkpoint's note, as signed: any tool for notes reads it. docs/ledger.md.
#ifndef VOUCH_SERVER_LEDGER_TREE_HIGH_WATER_H_
#define VOUCH_SERVER_LEDGER_TREE_HIGH_WATER_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "crypto/checkpoint.h"
#include "crypto/note.h"

namespace vouch::server::ledger::tree {

struct HighWaterOptions {
  std::string path;  // of the file; its folder must be there
  // Of a file that says that there was a mark, kept with the journal, so that a mark that is gone
  // is not taken for one that never was; empty: nothing says so. Written once, after the first
  // mark: a mark without it is an older program's, or was brought back.
  std::string marked = "";
  bool may_be_gone = false;  // the operator's explicit wish, for one start
  absl::Duration at_most_every = absl::Seconds(1);
  // Told when the mark could not be written (it is tried again), and when that has passed (OK).
  std::function<void(const absl::Status&)> problem = [](const absl::Status&) {};
};

// Thread-safe.
class HighWater {
 public:
  // The root of the log's first `size` entries, for any size up to the log's own.
  using RootAt = std::function<absl::StatusOr<crypto::Digest>(uint64_t size)>;

  // Reads the mark that is there. DataLoss when it cannot be read, is of no log of which there is a
  // key, or is not signed by it: it is never taken for none. FailedPrecondition when it is gone;
  // Unavailable when the system cannot read it now.
  // The keys are those of the journal's logs, oldest first.
  static absl::StatusOr<std::unique_ptr<HighWater>> Open(
      HighWaterOptions options, absl::Span<const crypto::NoteVerifier> keys);
  // Writes what is not written yet.
  ~HighWater();
  HighWater(const HighWater&) = delete;
  HighWater& operator=(const HighWater&) = delete;

  // What is on disk; nullopt: none yet.
  absl::optional<crypto::Checkpoint> mark() const;
  // Holds the mark's log, of `size` entries now, against it. DataLoss, which must stop the node:
  // the log is smaller, or its entries up to the mark have another root.
  absl::Status Check(uint64_t size, const RootAt& root_at) const;
  // A checkpoint was signed. Written by a thread of its own, so that no answer waits for it; one
  // that is smaller, or of an earlier log, than was raised before is passed over.
  void Raise(const crypto::Checkpoint& checkpoint, std::shared_ptr<const std::string> note);
  // Writes what is not written yet, now.
  absl::Status Flush();

 private:
  struct Raised {
    crypto::Checkpoint checkpoint;
    std::shared_ptr<const std::string> note;
  };
  explicit HighWater(HighWaterOptions options) : options_(std::move(options)) {}
  absl::Status Read(absl::Span<const crypto::NoteVerifier> keys);
  absl::Status Missing();
  absl::Status KeepMarked();
  bool WasMarked() const;
  void Loop();

  const HighWaterOptions options_;
  std::mutex writing_;  // held while the file is written

  mutable std::mutex lock_;
  absl::optional<crypto::Checkpoint> mark_;
  absl::optional<Raised> raised_;  // not on disk yet
  bool kept_ = false;              // that there was a mark
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace vouch::server::ledger::tree

#endif  // VOUCH_SERVER_LEDGER_TREE_HIGH_WATER_H_
