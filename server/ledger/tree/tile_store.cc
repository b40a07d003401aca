#include "server/ledger/tree/tile_store.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vouch::server::ledger::tree {

namespace {

namespace fs = std::filesystem;

constexpr uint32_t kTilesASegment = kSegmentEntries / crypto::kTileWidth;
// The level of the tiles whose hashes are roots of full segments.
constexpr int kSegmentLevel = 2;
constexpr uint32_t kReadAtOnce = 8192;

crypto::Digest RootOf(absl::Span<const crypto::Digest> hashes) {
  crypto::CompactRange range;
  for (const crypto::Digest& hash : hashes) range.Append(hash);
  return range.Root();
}

absl::Status NoTile() { return absl::NotFoundError("the log has no such tile yet"); }

// `width` hashes from `first` on, or NotFound.
absl::StatusOr<std::vector<crypto::Digest>> Cut(const std::vector<crypto::Digest>& hashes,
                                                uint64_t first, uint32_t width) {
  if (first > hashes.size() || width > hashes.size() - first) return NoTile();
  const auto begin = hashes.begin() + static_cast<ptrdiff_t>(first);
  return std::vector<crypto::Digest>(begin, begin + width);
}

}  // namespace

absl::StatusOr<std::unique_ptr<TileStore>> TileStore::Open(TileStoreOptions options,
                                                           const crypto::CompactRange& head) {
  return Open(std::move(options), head.size(), head.Root());
}

absl::StatusOr<std::unique_ptr<TileStore>> TileStore::Open(TileStoreOptions options,
                                                           uint64_t head_size,
                                                           const crypto::Digest& root) {
  std::unique_ptr<TileStore> store(new TileStore(std::move(options)));
  if (absl::Status status = store->OpenFolder(); !status.ok()) return status;
  if (absl::Status status = store->TakeUpSegments(); !status.ok()) return status;
  // A segment that cannot be written now can be written later.
  absl::Status caught_up = store->CatchUp(head_size, root);
  if (!caught_up.ok() && !absl::IsUnavailable(caught_up)) return caught_up;
  if (store->size() != head_size) return caught_up;
  return store;
}

absl::Status TileStore::OpenFolder() {
  std::error_code error;
  const fs::path folder(options_.folder);
  if (!fs::exists(folder, error)) {
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  }
  fs::directory_iterator files(folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("the ledger's folder ", options_.folder, " cannot be made or read"));
  }
  for (const auto& file : files) {
    // What a crash left half written.
    if (absl::StrContains(file.path().filename().string(), ".segment.new-")) {
      fs::remove(file.path(), error);
    }
  }
  return absl::OkStatus();
}

absl::Status TileStore::TakeUpSegments() {
  for (uint64_t number = 0;; ++number) {
    absl::StatusOr<SegmentFile> file = SegmentFile::Open(PathOf(number), options_.origin, number);
    if (absl::IsNotFound(file.status())) return absl::OkStatus();
    if (!file.ok()) return file.status();
    auto segment = std::make_shared<const SegmentFile>(*std::move(file));
    if (segment->entries() == kSegmentEntries) {
      AddRoot(segment->range().Root());
      files_.push_back(std::move(segment));
      continue;
    }
    absl::StatusOr<std::vector<crypto::Digest>> leaves = segment->Leaves();
    if (!leaves.ok()) return leaves.status();
    for (const crypto::Digest& leaf : *leaves) AddLeaf(leaf);
    last_file_ = std::move(segment);
    return absl::OkStatus();
  }
}

void TileStore::AddRoot(const crypto::Digest& segment_root) {
  segments_range_.Append(segment_root);
  crypto::Digest hash = segment_root;
  for (size_t level = 0;; ++level) {
    if (upper_.size() == level) upper_.emplace_back();
    std::vector<crypto::Digest>& hashes = upper_[level];
    hashes.push_back(hash);
    if (hashes.size() % crypto::kTileWidth != 0) return;
    hash = RootOf(absl::MakeConstSpan(hashes).last(crypto::kTileWidth));
  }
}

void TileStore::AddLeaf(const crypto::Digest& leaf) {
  leaves_.push_back(leaf);
  tile_range_.Append(leaf);
  if (tile_range_.size() != crypto::kTileWidth) return;
  tile_roots_.push_back(tile_range_.Root());
  tiles_range_.Append(tile_roots_.back());
  tile_range_ = crypto::CompactRange();
  if (tiles_range_.size() != kTilesASegment) return;
  AddRoot(tiles_range_.Root());
  tiles_range_ = crypto::CompactRange();
}

uint64_t TileStore::SizeLocked() const {
  return segments_range_.size() * kSegmentEntries + tiles_range_.size() * crypto::kTileWidth +
         tile_range_.size();
}

crypto::CompactRange TileStore::RangeLocked() const {
  std::vector<crypto::Digest> roots = segments_range_.roots();
  for (const crypto::CompactRange* rest : {&tiles_range_, &tile_range_}) {
    roots.insert(roots.end(), rest->roots().begin(), rest->roots().end());
  }
  return *crypto::CompactRange::From(SizeLocked(), std::move(roots));
}

crypto::CompactRange TileStore::range() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return RangeLocked();
}

uint64_t TileStore::size() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return SizeLocked();
}

bool TileStore::closed() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return last_file_ != nullptr;
}

uint64_t TileStore::segments() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return files_.size() + (last_file_ != nullptr ? 1 : 0);
}

absl::Status TileStore::Append(absl::Span<const crypto::Digest> leaves) {
  const std::lock_guard<std::mutex> writing(writing_);
  return AppendLocked(leaves);
}

absl::Status TileStore::Add(absl::Span<const crypto::Digest> leaves) {
  const std::lock_guard<std::mutex> writing(writing_);
  return AddLocked(leaves);
}

absl::Status TileStore::CloseFull() {
  const std::lock_guard<std::mutex> writing(writing_);
  return CloseFullSegments();
}

absl::Status TileStore::AddLocked(absl::Span<const crypto::Digest> leaves) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (last_file_ != nullptr && !leaves.empty()) {
    return absl::FailedPreconditionError("the log was closed: nothing is added to it any more");
  }
  for (const crypto::Digest& leaf : leaves) AddLeaf(leaf);
  return absl::OkStatus();
}

absl::Status TileStore::AppendLocked(absl::Span<const crypto::Digest> leaves) {
  if (absl::Status added = AddLocked(leaves); !added.ok()) return added;
  return CloseFullSegments();
}

absl::Status TileStore::CloseFullSegments() {
  for (;;) {
    uint64_t segment = 0;
    {
      const std::lock_guard<std::mutex> guard(lock_);
      segment = files_.size();
      if (leaves_.size() < kSegmentEntries) return absl::OkStatus();
    }
    if (absl::Status status = WriteSegment(segment, kSegmentEntries); !status.ok()) return status;
    absl::StatusOr<SegmentFile> file = SegmentFile::Open(PathOf(segment), options_.origin, segment);
    if (!file.ok()) return file.status();
    const std::lock_guard<std::mutex> guard(lock_);
    files_.push_back(std::make_shared<const SegmentFile>(*std::move(file)));
    leaves_.erase(leaves_.begin(), leaves_.begin() + kSegmentEntries);
    tile_roots_.erase(tile_roots_.begin(), tile_roots_.begin() + kTilesASegment);
  }
}

absl::Status TileStore::WriteSegment(uint64_t segment, uint32_t entries) const {
  SegmentWriter writer(options_.origin, segment, entries);
  const uint64_t first = segment * kSegmentEntries;
  while (writer.leaves().size() < entries) {
    const auto done = static_cast<uint32_t>(writer.leaves().size());
    absl::StatusOr<std::vector<std::string>> read =
        options_.entries(first + done, std::min(entries - done, kReadAtOnce));
    if (!read.ok()) return read.status();
    if (read->empty()) return absl::DataLossError("the log ends before its head");
    for (const std::string& entry : *read) {
      if (absl::Status status = writer.Add(entry); !status.ok()) return status;
    }
  }
  // Only this thread changes the leaves.
  if (!std::equal(writer.leaves().begin(), writer.leaves().end(), leaves_.begin())) {
    return absl::DataLossError(absl::StrCat("entries ", first, " to ", first + entries - 1,
                                            " are not those that the tree was made from"));
  }
  absl::Status written = writer.Write(PathOf(segment));
  if (written.ok()) return written;
  return absl::UnavailableError(
      absl::StrCat("a closed segment of the ledger could not be written: ", written.message()));
}

absl::Status TileStore::CatchUp(const crypto::CompactRange& head) {
  return CatchUp(head.size(), head.Root());
}

absl::Status TileStore::CatchUp(uint64_t head_size, const crypto::Digest& root) {
  const std::lock_guard<std::mutex> writing(writing_);
  uint64_t done = size();
  if (done > head_size) {
    return absl::DataLossError(absl::StrCat("the ledger's tree in ", options_.folder, " has ", done,
                                            " entries, the log has ", head_size,
                                            ": the log was put back to an earlier state"));
  }
  const uint64_t segments_before = segments();
  absl::Status kept;
  while (done < head_size) {
    absl::StatusOr<std::vector<std::string>> read =
        FromSource(done, static_cast<uint32_t>(std::min<uint64_t>(head_size - done, kReadAtOnce)));
    if (!read.ok()) return read.status();
    std::vector<crypto::Digest> leaves;
    leaves.reserve(read->size());
    for (const std::string& entry : *read) {
      leaves.push_back(crypto::LeafHash(crypto::AsBytes(entry)));
    }
    done += leaves.size();
    kept = AppendLocked(leaves);
    if (!kept.ok() && !absl::IsUnavailable(kept)) return kept;
  }
  if (range().Root() != root) {
    // What these entries were closed into would be found there by the next start.
    for (uint64_t segment = segments(); segment > segments_before; --segment) {
      std::error_code ignored;
      fs::remove(PathOf(segment - 1), ignored);
    }
    return absl::DataLossError(
        absl::StrCat("the ledger's entries and its tree in ", options_.folder,
                     " do not agree: entries were changed, or the folder belongs to another log"));
  }
  return kept;
}

absl::Status TileStore::Close() {
  const std::lock_guard<std::mutex> writing(writing_);
  if (closed()) return absl::OkStatus();
  if (absl::Status status = CloseFullSegments(); !status.ok()) return status;
  uint64_t segment = 0;
  uint32_t rest = 0;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    segment = files_.size();
    rest = static_cast<uint32_t>(leaves_.size());
  }
  if (rest == 0) return absl::OkStatus();
  if (absl::Status status = WriteSegment(segment, rest); !status.ok()) return status;
  absl::StatusOr<SegmentFile> file = SegmentFile::Open(PathOf(segment), options_.origin, segment);
  if (!file.ok()) return file.status();
  const std::lock_guard<std::mutex> guard(lock_);
  last_file_ = std::make_shared<const SegmentFile>(*std::move(file));
  return absl::OkStatus();
}

absl::Status TileStore::Verify() const {
  const crypto::CompactRange expected = range();
  absl::StatusOr<crypto::CompactRange> computed = crypto::RecomputeLog(*this, expected.size());
  if (!computed.ok()) return computed.status();
  if (computed->roots() == expected.roots()) return absl::OkStatus();
  return absl::DataLossError("the ledger's entries do not give the root of its tree");
}

absl::StatusOr<std::vector<crypto::Digest>> TileStore::ReadTile(const crypto::Tile& tile) const {
  if (tile.level < 0 || tile.width == 0 || tile.width > crypto::kTileWidth ||
      tile.index > UINT64_MAX / crypto::kTileWidth) {
    return NoTile();
  }
  std::shared_ptr<const SegmentFile> file;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    const uint64_t first = tile.index * crypto::kTileWidth;
    if (tile.level >= kSegmentLevel) {
      const auto level = static_cast<size_t>(tile.level - kSegmentLevel);
      return level < upper_.size() ? Cut(upper_[level], first, tile.width) : NoTile();
    }
    const uint64_t segment = tile.level == 0 ? tile.index / kTilesASegment : tile.index;
    if (segment >= files_.size()) {
      return tile.level == 0 ? Cut(leaves_, first - files_.size() * kSegmentEntries, tile.width)
                             : Cut(tile_roots_, first - files_.size() * kTilesASegment, tile.width);
    }
    file = files_[segment];
  }
  absl::StatusOr<std::vector<crypto::Digest>> whole =
      tile.level == 0 ? file->LeafTile(static_cast<uint32_t>(tile.index % kTilesASegment))
                      : file->UpperTile();
  if (!whole.ok()) return whole;
  return Cut(*whole, 0, tile.width);
}

absl::StatusOr<std::vector<std::string>> TileStore::ReadBundle(uint64_t index,
                                                               uint32_t width) const {
  const crypto::Tile tile{0, index, width};
  std::shared_ptr<const SegmentFile> file;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    const uint64_t segment = index / kTilesASegment;
    file = segment < files_.size() ? files_[segment] : last_file_;
  }
  if (file != nullptr && index / kTilesASegment != file->number()) return NoTile();
  absl::StatusOr<std::vector<crypto::Digest>> leaves = ReadTile(tile);
  if (!leaves.ok()) return leaves.status();
  auto entries = file != nullptr ? file->Bundle(static_cast<uint32_t>(index % kTilesASegment))
                                 : FromSource(index * crypto::kTileWidth, width);
  if (!entries.ok()) return entries;
  entries->resize(width);
  for (size_t i = 0; i < entries->size(); ++i) {
    if (crypto::LeafHash(crypto::AsBytes((*entries)[i])) != (*leaves)[i]) {
      return absl::DataLossError(absl::StrCat("entry ", index * crypto::kTileWidth + i,
                                              " is not the one that the tree was made from"));
    }
  }
  return entries;
}

std::shared_ptr<const SegmentFile> TileStore::PrunedAt(uint64_t bundle) const {
  const std::lock_guard<std::mutex> guard(lock_);
  const uint64_t segment = bundle / kTilesASegment;
  const auto& file = segment < files_.size() ? files_[segment] : last_file_;
  return file != nullptr && file->pruned() ? file : nullptr;
}

absl::StatusOr<std::string> TileStore::ReadEntry(uint64_t index) const {
  const auto file = PrunedAt(index / crypto::kTileWidth);
  if (file == nullptr) return LogReader::ReadEntry(index);
  const uint64_t place = index - file->number() * kSegmentEntries;
  if (index / kSegmentEntries != file->number() || place >= file->entries()) return NoTile();
  return file->KeptEntry(static_cast<uint32_t>(place));
}

absl::StatusOr<std::vector<std::string>> TileStore::ReadKept(uint64_t index, uint32_t width) const {
  const auto file = PrunedAt(index);
  if (file == nullptr || index / kTilesASegment != file->number()) {
    return LogReader::ReadKept(index, width);
  }
  auto kept = file->Kept(static_cast<uint32_t>(index % kTilesASegment));
  if (!kept.ok()) return kept;
  if (width > kept->size()) return NoTile();
  kept->resize(width);
  return kept;
}

uint64_t TileStore::first_entry() const {
  const std::lock_guard<std::mutex> guard(lock_);
  const auto whole =
      std::find_if(files_.begin(), files_.end(),
                   [](const std::shared_ptr<const SegmentFile>& file) { return !file->pruned(); });
  const auto pruned = static_cast<uint64_t>(whole - files_.begin());
  if (whole == files_.end() && last_file_ != nullptr && last_file_->pruned()) return SizeLocked();
  return pruned * kSegmentEntries;
}

absl::StatusOr<std::vector<std::string>> TileStore::FromSource(uint64_t first,
                                                               uint32_t count) const {
  std::vector<std::string> entries;
  while (entries.size() < count) {
    auto more =
        options_.entries(first + entries.size(), count - static_cast<uint32_t>(entries.size()));
    if (!more.ok()) return more.status();
    if (more->empty()) return absl::DataLossError("the log ends before its head");
    entries.insert(entries.end(), std::make_move_iterator(more->begin()),
                   std::make_move_iterator(more->end()));
  }
  return entries;
}

}  // namespace vouch::server::ledger::tree
