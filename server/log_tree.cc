#include "server/log_tree.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vouch::server {

namespace {

// Leaves of the newest entries that are kept for proofs without a tile: 96 bytes each.
constexpr uint64_t kMostRecent = 1 << 17;
// So many of them are there at any time, once there were: many times what can be on its way.
constexpr uint64_t kEnoughRecent = 1 << 14;
constexpr char kEndFile[] = "/closed.checkpoint";

// Which says nothing about what it holds: it may pass, or its mode be mended.
absl::Status Unread(const absl::Status& why) { return absl::UnavailableError(why.message()); }

}  // namespace

absl::Status LogTree::MakeSigner() {
  absl::StatusOr<crypto::NoteSigner> signer = crypto::NoteSigner::Make(origin(), options_.key);
  if (!signer.ok()) return signer.status();
  signer_ = std::make_unique<crypto::NoteSigner>(*std::move(signer));
  if (options_.also_key != nullptr) {
    signer = crypto::NoteSigner::Make(origin(), options_.also_key);
    if (!signer.ok()) return signer.status();
    if (signer->verifier().type() == signer_->verifier().type()) {
      return absl::InvalidArgumentError(
          "the ledger's two keys are of one type; one is Ed25519, the other P-256");
    }
    also_signer_ = std::make_unique<crypto::NoteSigner>(*std::move(signer));
  }
  return absl::OkStatus();
}

ledger::tree::TileStoreOptions LogTree::TileOptions() const {
  ledger::tree::TileStoreOptions tiles;
  tiles.folder = options_.folder;
  tiles.origin = origin();
  const journal::Journal* journal = options_.journal;
  const uint64_t position = first();
  tiles.entries = [journal, position](uint64_t index, uint32_t count) {
    return journal->ReadEntries(position + index, count);
  };
  return tiles;
}

std::string LogTree::EndPath() const { return options_.folder + kEndFile; }

absl::StatusOr<std::shared_ptr<LogTree>> LogTree::TakeUp(Options options,
                                                         const crypto::CompactRange& head) {
  std::shared_ptr<LogTree> tree(new LogTree(std::move(options)));
  if (absl::Status made = tree->MakeSigner(); !made.ok()) return made;
  auto tiles = ledger::tree::TileStore::Open(tree->TileOptions(), head);
  if (!tiles.ok()) return tiles.status();
  tree->tiles_ = *std::move(tiles);
  const absl::StatusOr<std::string> end = crypto::ReadPrivateFile(tree->EndPath());
  if (!end.ok() && !absl::IsNotFound(end.status())) return Unread(end.status());
  if (end.ok()) {
    return absl::DataLossError(absl::StrCat(
        tree->EndPath(), " says that the log ", tree->origin(),
        " has ended, and in the journal it has not: the journal was put back to an earlier state. "
        "Bring back the journal's folder as it was when the node stopped (docs/ledger.md, "
        "Restoring)"));
  }
  tree->size_ = head.size();
  tree->recent_.emplace(head);
  return tree;
}

absl::StatusOr<std::shared_ptr<LogTree>> LogTree::TakeUpEnded(Options options,
                                                              const crypto::Checkpoint& end) {
  std::shared_ptr<LogTree> tree(new LogTree(std::move(options)));
  if (absl::Status made = tree->MakeSigner(); !made.ok()) return made;
  auto tiles = ledger::tree::TileStore::Open(tree->TileOptions(), end.size, end.root);
  if (!tiles.ok()) return tiles.status();
  tree->tiles_ = *std::move(tiles);
  tree->size_ = end.size;
  tree->end_root_ = end.root;
  tree->ended_ = true;
  if (absl::Status read = tree->ReadEnd(end); !read.ok()) return read;
  return tree;
}

absl::Status LogTree::ReadEnd(const crypto::Checkpoint& end) {
  const absl::StatusOr<std::string> note = crypto::ReadPrivateFile(EndPath());
  // A crash came before it was written.
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  if (!note.ok()) return Unread(note.status());
  const crypto::NoteVerifier known[] = {verifier()};
  const auto opened = crypto::OpenCheckpoint(*note, known);
  if (!opened.ok() || opened->checkpoint != end) {
    return absl::DataLossError(absl::StrCat(
        EndPath(), " is not the last checkpoint of ", origin(), " as the journal has it",
        opened.ok() ? "" : absl::StrCat(": ", opened.status().message()),
        ". Bring it back from a backup; where the journal is the right one, taking the file away "
        "has it written anew"));
  }
  signed_ = Signed{end.size, std::make_shared<const std::string>(*note)};
  settled_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<LogTree>> LogTree::Begin(Options options) {
  std::shared_ptr<LogTree> tree(new LogTree(std::move(options)));
  if (absl::Status made = tree->MakeSigner(); !made.ok()) return made;
  tree->recent_.emplace(crypto::CompactRange());
  return tree;
}

uint64_t LogTree::size() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return size_;
}

bool LogTree::Take(const journal::Head& head, absl::Span<const crypto::Digest> leaves) {
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
  size_ = recent_->size();
  if ((size_ != head.tree_size || head.origin != origin()) && broken_.ok()) {
    broken_ = absl::DataLossError("the log's tree is not as long as the log");
  }
  const bool none_waited = queued_.empty();
  queued_.insert(queued_.end(), leaves.begin(), leaves.end());
  return none_waited;
}

void LogTree::End() {
  const std::lock_guard<std::mutex> guard(lock_);
  end_root_ = recent_->Root();
  ended_ = true;
  // Should it fail, whoever asks next tries again.
  (void)SignLocked();
}

bool LogTree::HasWork() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return !queued_.empty() || grew_ || (ended_ && !settled_);
}

absl::Status LogTree::Work() {
  if (absl::Status taken = TakeQueued(); !taken.ok()) return taken;
  if (absl::Status closed = CloseFull(); !closed.ok()) return closed;
  bool settles = false;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    settles = ended_ && !settled_;
  }
  return settles ? Settle() : absl::OkStatus();
}

absl::Status LogTree::Settle() {
  const std::lock_guard<std::mutex> taking(taking_);
  if (absl::Status closed = tiles_->Close(); !closed.ok()) return closed;
  const absl::StatusOr<Signed> end = Sign();
  if (!end.ok()) return end.status();
  const absl::Status kept = crypto::ReplaceFile(EndPath(), *end->note, /*is_private=*/true);
  if (!kept.ok()) {
    return absl::UnavailableError(
        absl::StrCat("the last checkpoint of ", origin(), " could not be kept: ", kept.message()));
  }
  const std::lock_guard<std::mutex> guard(lock_);
  settled_ = true;
  recent_.reset();
  younger_.reset();
  return absl::OkStatus();
}

absl::StatusOr<LogTree::Signed> LogTree::SignLocked() {
  if (!broken_.ok()) return broken_;
  if (signed_.has_value() && signed_->size == size_) return *signed_;
  crypto::Checkpoint checkpoint;
  checkpoint.origin = origin();
  checkpoint.size = size_;
  checkpoint.root = ended_ ? end_root_ : recent_->Root();
  std::vector<const crypto::NoteSigner*> signers = {signer_.get()};
  if (also_signer_ != nullptr) signers.push_back(also_signer_.get());
  absl::StatusOr<std::string> note = crypto::SignCheckpoint(checkpoint, signers);
  if (!note.ok()) return note.status();
  signed_ = Signed{checkpoint.size, std::make_shared<const std::string>(*std::move(note))};
  // Not of a log that had ended before this start: what follows it is marked when the node goes on.
  if (options_.was_signed && recent_.has_value()) options_.was_signed(checkpoint, signed_->note);
  return *signed_;
}

absl::StatusOr<LogTree::Signed> LogTree::Sign() {
  const std::lock_guard<std::mutex> guard(lock_);
  return SignLocked();
}

absl::StatusOr<LogProof> LogTree::Prove(uint64_t first, uint32_t count) {
  LogProof proof;
  proof.log_first = this->first();
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
    if (recent_.has_value() && first >= recent_->begin()) {
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

absl::StatusOr<std::vector<crypto::Digest>> LogTree::Consistency(uint64_t old_size, uint64_t size) {
  const absl::StatusOr<const crypto::LogReader*> reader = Reader();
  if (!reader.ok()) return reader.status();
  if (old_size > size || size > tiles_->size()) {
    return absl::OutOfRangeError("the log was never of that size");
  }
  return crypto::ConsistencyProofFromTiles(**reader, old_size, size);
}

absl::StatusOr<crypto::Digest> LogTree::RootAt(uint64_t size) {
  const absl::StatusOr<const crypto::LogReader*> reader = Reader();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<crypto::CompactRange> range = crypto::RangeFromTiles(**reader, size);
  if (!range.ok()) return range.status();
  return range->Root();
}

absl::StatusOr<std::string> LogTree::Entry(uint64_t index) {
  const uint64_t size = this->size();
  if (index >= size) return absl::OutOfRangeError("the log has no such entry");
  const absl::StatusOr<const crypto::LogReader*> reader = Reader();
  if (!reader.ok()) return reader.status();
  return (*reader)->ReadEntry(index);
}

absl::StatusOr<const crypto::LogReader*> LogTree::Reader() {
  if (absl::Status taken = TakeQueued(); !taken.ok()) return taken;
  return tiles_.get();
}

absl::Status LogTree::TakeQueued() {
  const std::lock_guard<std::mutex> taking(taking_);
  if (tiles_ == nullptr) {
    auto tiles = ledger::tree::TileStore::Open(TileOptions(), crypto::CompactRange());
    if (!tiles.ok()) {
      const std::lock_guard<std::mutex> guard(lock_);
      if (!absl::IsUnavailable(tiles.status())) broken_ = tiles.status();
      return tiles.status();
    }
    tiles_ = *std::move(tiles);
  }
  std::vector<crypto::Digest> leaves;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (!broken_.ok()) return broken_;
    leaves.swap(queued_);
    grew_ = grew_ || !leaves.empty();
  }
  // Nobody waits for a segment that is just being written when there is nothing to add.
  if (leaves.empty()) return absl::OkStatus();
  absl::Status taken = tiles_->Add(leaves);
  if (!taken.ok()) {
    const std::lock_guard<std::mutex> guard(lock_);
    broken_ = taken;
  }
  return taken;
}

// A segment that could not be written is tried again when entries follow, and by nobody who reads:
// each try reads and hashes all of it.
absl::Status LogTree::CloseFull() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (!grew_) return absl::OkStatus();
    grew_ = false;
  }
  absl::Status closed = tiles_->CloseFull();
  if (!closed.ok() && !absl::IsUnavailable(closed)) {
    const std::lock_guard<std::mutex> guard(lock_);
    broken_ = closed;
  }
  return closed;
}

}  // namespace vouch::server
