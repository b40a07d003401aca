#include "server/ledger_log.h"

#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "crypto/checkpoint.h"
#include "server/ledger/tree/static_layout.h"

namespace vouch::server {

namespace {

// Leaves of the newest entries that are kept for proofs without a tile: 96 bytes each.
constexpr uint64_t kMostRecent = 1 << 17;
// So many of them are there at any time, once there were: many times what can be on its way.
constexpr uint64_t kEnoughRecent = 1 << 14;

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerLog>> LedgerLog::Open(LedgerLogOptions options) {
  std::unique_ptr<LedgerLog> log(new LedgerLog(std::move(options)));
  journal::Journal* journal = log->options_.journal;
  const journal::Head head = journal->head();
  log->origin_ = head.origin;
  absl::StatusOr<crypto::NoteSigner> signer =
      crypto::NoteSigner::Make(log->origin_, log->options_.key);
  if (!signer.ok()) return signer.status();
  log->signer_ = std::make_unique<crypto::NoteSigner>(*std::move(signer));

  ledger::tree::TileStoreOptions tiles;
  tiles.folder = log->options_.folder;
  tiles.origin = head.origin;
  tiles.entries = [journal](uint64_t first, uint32_t count) {
    return journal->ReadEntries(first, count);
  };
  absl::StatusOr<std::unique_ptr<ledger::tree::TileStore>> opened =
      ledger::tree::TileStore::Open(std::move(tiles), head.range);
  if (!opened.ok()) return opened.status();
  log->tiles_ = *std::move(opened);
  if (absl::Status held = log->HoldAgainstMark(); !held.ok()) return held;
  log->recent_.emplace(head.range);
  journal->SetWatcher(
      [log = log.get()](const journal::Head& after, absl::Span<const crypto::Digest> leaves) {
        log->Took(after, leaves);
      });
  log->thread_ = std::thread([log = log.get()] { log->TileLoop(); });
  return log;
}

absl::Status LedgerLog::HoldAgainstMark() {
  if (options_.high_water.empty()) return absl::OkStatus();
  ledger::tree::HighWaterOptions options;
  options.path = options_.high_water;
  options.problem = options_.problem;
  absl::StatusOr<std::unique_ptr<ledger::tree::HighWater>> opened =
      ledger::tree::HighWater::Open(std::move(options), signer_->verifier());
  if (!opened.ok()) return opened.status();
  high_water_ = *std::move(opened);
  return high_water_->Check(
      tiles_->size(), [this](uint64_t size) -> absl::StatusOr<crypto::Digest> {
        const absl::StatusOr<crypto::CompactRange> range = crypto::RangeFromTiles(*tiles_, size);
        if (!range.ok()) return range.status();
        return range->Root();
      });
}

LedgerLog::~LedgerLog() {
  options_.journal->SetWatcher(nullptr);
  {
    const std::lock_guard<std::mutex> guard(lock_);
    stopping_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LedgerLog::Took(const journal::Head& head, absl::Span<const crypto::Digest> leaves) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (!younger_.has_value() && recent_->size() - recent_->begin() >= kMostRecent) {
    younger_.emplace(recent_->range());
  }
  for (const crypto::Digest& leaf : leaves) recent_->Append(leaf);
  if (younger_.has_value()) {
    for (const crypto::Digest& leaf : leaves) younger_->Append(leaf);
    if (younger_->size() - younger_->begin() >= kEnoughRecent) {
      recent_ = std::move(younger_);
      younger_.reset();
    }
  }
  if (recent_->size() != head.tree_size && broken_.ok()) {
    broken_ = absl::DataLossError("the log's tree is not as long as the log");
  }
  // A waiting thread is woken by the first leaf; it takes all there are.
  if (queued_.empty()) work_.notify_one();
  queued_.insert(queued_.end(), leaves.begin(), leaves.end());
}

absl::StatusOr<LedgerLog::Signed> LedgerLog::SignLocked() {
  if (!broken_.ok()) return broken_;
  if (signed_.has_value() && signed_->size == recent_->size()) return *signed_;
  crypto::Checkpoint checkpoint;
  checkpoint.origin = origin_;
  checkpoint.size = recent_->size();
  checkpoint.root = recent_->Root();
  const crypto::NoteSigner* const signers[] = {signer_.get()};
  absl::StatusOr<std::string> note = crypto::SignCheckpoint(checkpoint, signers);
  if (!note.ok()) return note.status();
  signed_ = Signed{checkpoint.size, std::make_shared<const std::string>(*std::move(note))};
  if (high_water_ != nullptr) high_water_->Raise(checkpoint, signed_->note);
  return *signed_;
}

absl::StatusOr<LedgerLog::Signed> LedgerLog::Checkpoint() {
  const std::lock_guard<std::mutex> guard(lock_);
  return SignLocked();
}

absl::StatusOr<LogProof> LedgerLog::Prove(uint64_t first, uint32_t count) {
  LogProof proof;
  proof.first = first;
  proof.count = count;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    const absl::StatusOr<Signed> head = SignLocked();
    if (!head.ok()) return head.status();
    proof.tree_size = head->size;
    proof.checkpoint = head->note;
    if (count == 0 || first >= head->size || count > head->size - first) {
      return absl::OutOfRangeError("the log has no such entries");
    }
    if (first >= recent_->begin()) {
      proof.hashes = recent_->RangeProof(first, count);
      return proof;
    }
  }
  const absl::StatusOr<const crypto::LogReader*> reader = Reader();
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::vector<crypto::Digest>> hashes =
      crypto::RangeProofFromTiles(**reader, first, count, proof.tree_size);
  if (!hashes.ok()) return hashes.status();
  proof.hashes = *std::move(hashes);
  return proof;
}

absl::StatusOr<std::vector<crypto::Digest>> LedgerLog::Consistency(uint64_t old_size,
                                                                   uint64_t size) {
  const absl::StatusOr<const crypto::LogReader*> reader = Reader();
  if (!reader.ok()) return reader.status();
  if (old_size > size || size > tiles_->size()) {
    return absl::OutOfRangeError("the log was never of that size");
  }
  return crypto::ConsistencyProofFromTiles(**reader, old_size, size);
}

absl::StatusOr<std::string> LedgerLog::File(absl::string_view path, bool entries) {
  const absl::StatusOr<const crypto::LogReader*> reader = Reader();
  if (!reader.ok()) return reader.status();
  return ledger::tree::FileOfLayout(**reader, path, entries);
}

absl::StatusOr<const crypto::LogReader*> LedgerLog::Reader() {
  const absl::Status taken = TakeQueued();
  // Tiles that could not be written are served from memory.
  if (!taken.ok() && !absl::IsUnavailable(taken)) return taken;
  return tiles_.get();
}

absl::Status LedgerLog::TakeQueued() {
  const std::lock_guard<std::mutex> taking(taking_);
  std::vector<crypto::Digest> leaves;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (!broken_.ok()) return broken_;
    leaves.swap(queued_);
  }
  absl::Status taken = tiles_->Append(leaves);
  if (!taken.ok() && !absl::IsUnavailable(taken)) {
    const std::lock_guard<std::mutex> guard(lock_);
    broken_ = taken;
  }
  return taken;
}

void LedgerLog::TileLoop() {
  constexpr std::chrono::milliseconds kGather(200);
  std::unique_lock<std::mutex> guard(lock_);
  while (true) {
    work_.wait(guard, [this] { return stopping_ || !queued_.empty(); });
    // Nobody waits for tiles: what comes meanwhile is taken along.
    if (!stopping_) work_.wait_for(guard, kGather, [this] { return stopping_; });
    const bool last = stopping_;
    guard.unlock();
    options_.problem(TakeQueued());
    guard.lock();
    if (last) return;
  }
}

}  // namespace vouch::server
