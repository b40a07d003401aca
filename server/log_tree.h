// One of the node's logs as others check it: checkpoints signed over its durable entries, proofs
// from memory of what was just written, tiles for the rest. docs/ledger.md.
#ifndef VOUCH_SERVER_LOG_TREE_H_
#define VOUCH_SERVER_LOG_TREE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/tiles.h"
#include "server/journal/journal.h"
#include "server/ledger/tree/tile_store.h"
#include "server/prover.h"

namespace vouch::server {

// Thread-safe. Indexes are the log's own.
class LogTree {
 public:
  struct Options {
    journal::LogSpan log;
    std::string folder;  // of its closed segments; created 0700 when missing
    std::shared_ptr<const crypto::SigningKey> key;
    std::shared_ptr<const crypto::SigningKey> also_key;  // signs beside it; may be null
    const journal::Journal* journal = nullptr;
    // Told of each checkpoint that was signed, in the order of their sizes, with a lock held.
    std::function<void(const crypto::Checkpoint&, std::shared_ptr<const std::string>)> was_signed;
  };
  // The log that is being written, from its segments and the journal's entries up to `head`.
  // DataLoss as TileStore::Open, and when the folder says that this log had ended; InvalidArgument
  // for a key that signs no checkpoints.
  static absl::StatusOr<std::shared_ptr<LogTree>> TakeUp(Options options,
                                                         const crypto::CompactRange& head);
  // One that ended so.
  static absl::StatusOr<std::shared_ptr<LogTree>> TakeUpEnded(Options options,
                                                              const crypto::Checkpoint& end);
  // One that begins now; nothing is read or written yet.
  static absl::StatusOr<std::shared_ptr<LogTree>> Begin(Options options);

  // Entries that are durable now. True when none had waited to be taken into tiles.
  bool Take(const journal::Head& head, absl::Span<const crypto::Digest> leaves);
  // Nothing follows: the last checkpoint is signed, and Work keeps it.
  void End();
  // Takes what waits into tiles; of a log that has ended, closes its last segment and keeps its
  // last checkpoint beside it. Unavailable: to be tried again. DataLoss: entries and tree disagree.
  absl::Status Work();
  bool HasWork() const;

  struct Signed {
    uint64_t size = 0;
    std::shared_ptr<const std::string> note;
  };
  // Over what is durable. One signature serves all that ask before the next commit.
  absl::StatusOr<Signed> Sign();
  // As Prover::Prove.
  absl::StatusOr<LogProof> Prove(uint64_t first, uint32_t count);
  // RFC 6962, section 2.1.2. OutOfRange unless old_size <= size, and size is one that was durable.
  absl::StatusOr<std::vector<crypto::Digest>> Consistency(uint64_t old_size, uint64_t size);
  // The root over the first `size` entries.
  absl::StatusOr<crypto::Digest> RootAt(uint64_t size);
  absl::StatusOr<std::string> Entry(uint64_t index);
  // Tiles and entries up to what was durable when it was called, at the least.
  absl::StatusOr<const crypto::LogReader*> Reader();

  const std::string& origin() const { return options_.log.origin; }
  uint64_t first() const { return options_.log.first; }
  uint64_t size() const;
  const crypto::NoteVerifier& verifier() const { return signer_->verifier(); }

 private:
  explicit LogTree(Options options) : options_(std::move(options)) {}
  absl::Status MakeSigner();
  ledger::tree::TileStoreOptions TileOptions() const;
  std::string EndPath() const;
  absl::Status ReadEnd(const crypto::Checkpoint& end);
  absl::StatusOr<Signed> SignLocked();
  // In memory alone: whoever reads writes nothing.
  absl::Status TakeQueued();
  absl::Status CloseFull();
  absl::Status Settle();

  const Options options_;
  std::unique_ptr<crypto::NoteSigner> signer_, also_signer_;
  std::mutex taking_;                               // held while what is queued is handed to tiles_
  std::unique_ptr<ledger::tree::TileStore> tiles_;  // set once, with taking_ held

  mutable std::mutex lock_;  // guards the rest
  uint64_t size_ = 0;
  crypto::Digest end_root_{};  // of a log that has ended
  // The newest entries. Before it grows large, a second tree begins; when that holds enough, it
  // takes over. None of a log that ended long ago.
  absl::optional<crypto::RecentTree> recent_;
  absl::optional<crypto::RecentTree> younger_;
  absl::optional<Signed> signed_;
  std::vector<crypto::Digest> queued_;  // leaves not yet in tiles_
  absl::Status broken_;
  bool ended_ = false;
  bool settled_ = false;  // an end that is wholly kept
  bool grew_ = false;     // since it was last tried to close what is full
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_LOG_TREE_H_
