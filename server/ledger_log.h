// The node's log as others check it: checkpoints signed over durable heads, proofs from memory of
// what was just written, tiles for the rest. docs/ledger.md.
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
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "crypto/keys.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/tiles.h"
#include "server/journal/journal.h"
#include "server/ledger/tree/high_water.h"
#include "server/ledger/tree/tile_store.h"
#include "server/prover.h"

namespace vouch::server {

struct LedgerLogOptions {
  std::string folder;  // of the closed segments; created 0700 when missing
  std::shared_ptr<const crypto::SigningKey> key;  // the log's: Ed25519 or P-256
  journal::Journal* journal = nullptr;            // outlives the log
  std::string high_water = "";  // path of the mark of what was signed; empty: none
  // Told when tiles could not be written (Unavailable: they stay in memory and are tried again),
  // when that has passed (OK), and when entries and tree disagree (DataLoss): then nothing more is
  // proved, and so nothing answered.
  std::function<void(const absl::Status&)> problem = [](const absl::Status&) {};
};

// Thread-safe.
class LedgerLog final : public Prover {
 public:
  // Takes up the tree from the segments and the journal's entries. DataLoss, which must stop the
  // node, as TileStore::Open and HighWater; InvalidArgument for a key that signs no checkpoints.
  static absl::StatusOr<std::unique_ptr<LedgerLog>> Open(LedgerLogOptions options);
  ~LedgerLog() override;
  LedgerLog(const LedgerLog&) = delete;

  absl::StatusOr<LogProof> Prove(uint64_t first, uint32_t count) override;

  struct Signed {
    uint64_t size = 0;
    std::shared_ptr<const std::string> note;
  };
  // Over the durable head. One signature serves all that ask before the next commit.
  absl::StatusOr<Signed> Checkpoint();
  // RFC 6962, section 2.1.2. OutOfRange unless old_size <= size, and size is one that was durable.
  absl::StatusOr<std::vector<crypto::Digest>> Consistency(uint64_t old_size, uint64_t size);
  // One tile or bundle of the static layout, as FileOfLayout; of the log as it is now.
  absl::StatusOr<std::string> File(absl::string_view path, bool entries);
  // The log's tiles and entries up to its head when it was called, at the least.
  absl::StatusOr<const crypto::LogReader*> Reader();

  const std::string& origin() const { return origin_; }
  const crypto::NoteVerifier& verifier() const { return signer_->verifier(); }

 private:
  explicit LedgerLog(LedgerLogOptions options) : options_(std::move(options)) {}
  absl::Status HoldAgainstMark();
  void Took(const journal::Head& head, absl::Span<const crypto::Digest> leaves);
  absl::StatusOr<Signed> SignLocked();
  absl::Status TakeQueued();
  void TileLoop();

  const LedgerLogOptions options_;
  std::string origin_;
  std::unique_ptr<crypto::NoteSigner> signer_;
  std::unique_ptr<ledger::tree::TileStore> tiles_;
  std::unique_ptr<ledger::tree::HighWater> high_water_;
  std::mutex taking_;  // held while what is queued is handed to tiles_

  std::mutex lock_;  // guards the rest
  // The newest entries. Before it grows large, a second tree begins; when that holds enough, it
  // takes over.
  absl::optional<crypto::RecentTree> recent_;
  absl::optional<crypto::RecentTree> younger_;
  absl::optional<Signed> signed_;
  std::vector<crypto::Digest> queued_;  // leaves not yet in tiles_
  absl::Status broken_;
  bool stopping_ = false;
  std::condition_variable work_;
  std::thread thread_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_LEDGER_LOG_H_
