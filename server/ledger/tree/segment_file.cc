#include "server/ledger/tree/segment_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crypto/bytes.h"
#include "crypto/keys.h"

namespace vouch::server::ledger::tree {

namespace {

constexpr uint32_t kMagic = 0x564c5347;  // "VLSG"
// Room for the longest origin and the roots of a segment that was closed before it was full.
constexpr uint64_t kHeaderSize = 1024;
constexpr uint64_t kHashSize = sizeof(crypto::Digest);
constexpr uint64_t kMostAhead = 64 << 20;  // bytes of entries that room is made for at once

uint64_t BundlesOf(uint64_t entries) {
  return (entries + crypto::kTileWidth - 1) / crypto::kTileWidth;
}

struct Offsets {
  explicit Offsets(uint64_t entries)
      : tiles(kHeaderSize + entries * kHashSize),
        offsets(tiles + entries / crypto::kTileWidth * kHashSize),
        bundles(offsets + (BundlesOf(entries) + 1) * sizeof(uint64_t)) {}
  uint64_t tiles;
  uint64_t offsets;
  uint64_t bundles;
};

crypto::CompactRange RangeOf(absl::Span<const crypto::Digest> leaves) {
  crypto::CompactRange range;
  for (const crypto::Digest& leaf : leaves) range.Append(leaf);
  return range;
}

absl::Status Damaged(const std::string& path) {
  return absl::DataLossError(absl::StrCat(path, " is damaged"));
}

// It may pass.
absl::Status CannotRead(const std::string& path) {
  return absl::UnavailableError(absl::StrCat(
      path, " cannot be read: ", std::error_code(errno, std::generic_category()).message(),
      ". Nothing was changed; when it stays so, look at the disk"));
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  bool ok() const { return descriptor_ >= 0; }
  // Damaged when there are not so many; CannotRead when the system says so.
  absl::Status Read(char* bytes, uint64_t size, uint64_t offset, const std::string& path) const {
    while (size > 0) {
      const ssize_t got = pread(descriptor_, bytes, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return CannotRead(path);
      if (got == 0) return Damaged(path);
      bytes += got;
      offset += static_cast<uint64_t>(got);
      size -= static_cast<uint64_t>(got);
    }
    return absl::OkStatus();
  }
  bool Size(uint64_t* size) const {
    struct stat about {};
    if (fstat(descriptor_, &about) != 0) return false;
    *size = static_cast<uint64_t>(about.st_size);
    return true;
  }

 private:
  const int descriptor_;
};

// Everything before the entries.
void WriteHashes(uint32_t version, uint64_t number, const std::string& origin,
                 absl::Span<const crypto::Digest> leaves, crypto::ByteWriter* out) {
  // The tree above the tiles is computed from their roots, and no leaf is hashed into it twice.
  const size_t in_tiles = leaves.size() / crypto::kTileWidth * crypto::kTileWidth;
  std::vector<crypto::Digest> tile_roots;
  for (size_t i = 0; i < in_tiles; i += crypto::kTileWidth) {
    tile_roots.push_back(RangeOf(leaves.subspan(i, crypto::kTileWidth)).Root());
  }
  out->U32(kMagic).U32(version).U64(number).U32(static_cast<uint32_t>(leaves.size()));
  out->ShortText(origin);
  for (const crypto::CompactRange& part :
       {RangeOf(tile_roots), RangeOf(leaves.subspan(in_tiles))}) {
    for (const crypto::Digest& root : part.roots()) out->Raw(root);
  }
  out->Raw(crypto::AsBytes(std::string(kHeaderSize - out->str().size(), '\0')));
  for (const crypto::Digest& leaf : leaves) out->Raw(leaf);
  for (const crypto::Digest& root : tile_roots) out->Raw(root);
}

absl::Status Pruned() {
  return absl::NotFoundError("the entry was pruned: its time to be kept is over");
}

}  // namespace

std::string LogFolder(const std::string& trees, absl::string_view origin, bool is_first) {
  if (is_first) return trees;
  return absl::StrCat(trees, "/", origin.substr(origin.rfind('/') + 1));
}

std::string SegmentPath(const std::string& folder, uint64_t number) {
  return absl::StrFormat("%s/entries-%010u.segment", folder, number);
}

SegmentWriter::SegmentWriter(std::string origin, uint64_t number, uint32_t entries)
    : origin_(std::move(origin)), number_(number), entries_(entries) {
  leaves_.reserve(entries);
  file_.resize(Offsets(entries).bundles);
}

absl::Status SegmentWriter::Add(absl::string_view entry) {
  if (leaves_.size() == entries_) {
    return absl::InvalidArgumentError(absl::StrCat("a segment has ", entries_, " entries"));
  }
  if (entry.size() > crypto::kLargestEntry) {
    return absl::InvalidArgumentError("an entry is longer than a bundle can say");
  }
  if (leaves_.size() % crypto::kTileWidth == 0) {
    // Most entries of a log are of one length: the first bundle tells how long all will be.
    if (leaves_.size() == crypto::kTileWidth) {
      const size_t bundle = file_.size() - offsets_.front();
      file_.reserve(file_.size() + std::min(bundle * BundlesOf(entries_) * 9 / 8, kMostAhead));
    }
    offsets_.push_back(file_.size());
  }
  leaves_.push_back(crypto::LeafHash(crypto::AsBytes(entry)));
  const char length[] = {static_cast<char>(entry.size() >> 8),
                         static_cast<char>(entry.size() & 0xff)};
  file_.append(length, sizeof(length)).append(entry.data(), entry.size());
  return absl::OkStatus();
}

absl::Status SegmentWriter::Write(const std::string& path) {
  if (leaves_.size() != entries_) {
    return absl::FailedPreconditionError("a segment is written when it has all its entries");
  }
  crypto::ByteWriter out;
  out.Reserve(Offsets(entries_).bundles);
  WriteHashes(kSegmentVersion, number_, origin_, leaves_, &out);
  for (uint64_t offset : offsets_) out.U64(offset);
  out.U64(file_.size());
  std::copy(out.str().begin(), out.str().end(), file_.begin());
  return crypto::ReplaceFile(path, file_, /*is_private=*/true);
}

absl::StatusOr<SegmentFile> SegmentFile::Open(const std::string& path, absl::string_view origin,
                                              uint64_t number) {
  const OpenFile file(path);
  if (!file.ok()) {
    return errno == ENOENT ? absl::NotFoundError(absl::StrCat(path, " is not there"))
                           : CannotRead(path);
  }
  uint64_t size = 0;
  std::string header(kHeaderSize, '\0');
  if (!file.Size(&size)) return CannotRead(path);
  absl::Status read = file.Read(&header[0], header.size(), 0, path);
  if (!read.ok()) return read;
  crypto::ByteReader reader(crypto::AsBytes(header));
  if (reader.U32() != kMagic) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is no segment of a ledger"));
  }
  const uint32_t version = reader.U32();
  if (version > kPrunedVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " has format ", version, "; this program knows up to ", kPrunedVersion,
                     ": start a program at least as new as the one that wrote it"));
  }
  SegmentFile segment;
  segment.path_ = path;
  segment.origin_ = std::string(origin);
  segment.pruned_ = version == kPrunedVersion;
  segment.number_ = reader.U64();
  const uint32_t entries = reader.U32();
  const absl::string_view of = reader.ShortText();
  if (of != origin || segment.number_ != number) {
    return absl::DataLossError(absl::StrCat(path, " belongs to another log or place than its own"));
  }
  if (entries == 0 || entries > kSegmentEntries) return Damaged(path);
  std::vector<crypto::Digest> roots(static_cast<size_t>(__builtin_popcountll(entries)));
  for (crypto::Digest& root : roots) {
    const crypto::ByteSpan raw = reader.Raw(root.size());
    if (raw.size() == root.size()) std::copy(raw.begin(), raw.end(), root.begin());
  }
  if (!reader.ok()) return Damaged(path);
  auto range = crypto::CompactRange::From(entries, std::move(roots));
  if (!range.ok()) return Damaged(path);
  segment.range_ = *std::move(range);
  // The file says where it ends, behind the offsets or last: what was cut off or added shows.
  const Offsets places(entries);
  const uint64_t behind = segment.pruned_ ? size : places.bundles;
  std::string end(sizeof(uint64_t), '\0');
  if (behind > size || behind < places.offsets + end.size()) return Damaged(path);
  read = file.Read(&end[0], end.size(), behind - end.size(), path);
  if (!read.ok()) return read;
  if (crypto::ByteReader(crypto::AsBytes(end)).U64() != size) return Damaged(path);
  return segment;
}

absl::StatusOr<std::string> SegmentFile::Read(uint64_t offset, uint64_t size) const {
  const OpenFile file(path_);
  // It was there: that it is gone now says nothing about what the log has.
  if (!file.ok()) return CannotRead(path_);
  std::string bytes(size, '\0');
  const absl::Status read = file.Read(&bytes[0], size, offset, path_);
  if (!read.ok()) return read;
  return bytes;
}

absl::StatusOr<std::vector<crypto::Digest>> SegmentFile::ReadHashes(uint64_t offset,
                                                                    uint32_t count) const {
  absl::StatusOr<std::string> bytes = Read(offset, count * kHashSize);
  if (!bytes.ok()) return bytes.status();
  return crypto::DecodeTile(*bytes, count);
}

uint32_t SegmentFile::BundleWidth(uint32_t bundle) const {
  const uint64_t begin = uint64_t{bundle} * crypto::kTileWidth;
  if (begin >= range_.size()) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(range_.size() - begin, crypto::kTileWidth));
}

absl::StatusOr<std::vector<crypto::Digest>> SegmentFile::UpperTile() const {
  const Offsets places(range_.size());
  auto hashes = ReadHashes(places.tiles, static_cast<uint32_t>(range_.size() / crypto::kTileWidth));
  if (!hashes.ok()) return hashes;
  if (range_.size() == kSegmentEntries && RangeOf(*hashes).Root() != range_.Root()) {
    return Damaged(path_);
  }
  return hashes;
}

absl::StatusOr<std::vector<crypto::Digest>> SegmentFile::LeafTile(uint32_t tile) const {
  const uint32_t width = BundleWidth(tile);
  if (width == 0) return absl::NotFoundError("a segment has no such tile");
  auto hashes = ReadHashes(kHeaderSize + uint64_t{tile} * crypto::kTileWidth * kHashSize, width);
  if (!hashes.ok()) return hashes;
  if (width == crypto::kTileWidth) {
    auto upper = UpperTile();
    if (!upper.ok()) return upper.status();
    if (RangeOf(*hashes).Root() != (*upper)[tile]) return Damaged(path_);
  }
  return hashes;
}

absl::StatusOr<std::vector<crypto::Digest>> SegmentFile::Leaves() const {
  auto hashes = ReadHashes(kHeaderSize, entries());
  if (!hashes.ok()) return hashes;
  if (RangeOf(*hashes).roots() != range_.roots()) return Damaged(path_);
  return hashes;
}

absl::StatusOr<std::vector<std::string>> SegmentFile::Bundle(uint32_t bundle) const {
  const uint32_t width = BundleWidth(bundle);
  if (width == 0) return absl::NotFoundError("a segment has no such bundle");
  if (pruned_) return Pruned();
  const Offsets places(range_.size());
  auto ends = Read(places.offsets + bundle * sizeof(uint64_t), 2 * sizeof(uint64_t));
  if (!ends.ok()) return ends.status();
  crypto::ByteReader reader(crypto::AsBytes(*ends));
  const uint64_t begin = reader.U64();
  const uint64_t end = reader.U64();
  const uint64_t largest = uint64_t{crypto::kTileWidth} * (2 + crypto::kLargestEntry);
  if (begin < places.bundles || end < begin || end - begin > largest) return Damaged(path_);
  auto bytes = Read(begin, end - begin);
  if (!bytes.ok()) return bytes.status();
  auto entries = crypto::DecodeBundle(*bytes, width);
  return entries.ok() ? entries : Damaged(path_);
}

absl::StatusOr<std::string> SegmentFile::KeptEntry(uint32_t place) const {
  const auto kept = Kept(place / crypto::kTileWidth);
  if (!kept.ok()) return kept.status();
  const std::string& entry = (*kept)[place % crypto::kTileWidth];
  return entry.empty() ? absl::StatusOr<std::string>(Pruned()) : entry;
}

absl::StatusOr<std::vector<std::string>> SegmentFile::Kept(uint32_t bundle) const {
  const auto leaves = LeafTile(bundle);
  if (!leaves.ok()) return leaves.status();
  const Offsets places(range_.size());
  const OpenFile file(path_);
  uint64_t size = 0;
  if (!file.ok() || !file.Size(&size)) return CannotRead(path_);
  if (size < places.offsets) return Damaged(path_);
  const absl::StatusOr<std::string> bytes = Read(places.offsets, size - places.offsets);
  if (!bytes.ok()) return bytes.status();
  std::vector<std::string> kept(leaves->size());
  crypto::ByteReader reader(crypto::AsBytes(*bytes));
  for (uint32_t left = reader.U32(); left > 0 && reader.ok(); --left) {
    const uint32_t place = reader.U32();
    const uint16_t length = reader.U16();
    const crypto::ByteSpan entry = reader.Raw(length);
    if (place / crypto::kTileWidth != bundle || !reader.ok()) continue;
    const uint32_t within = place % crypto::kTileWidth;
    if (within >= kept.size() || crypto::LeafHash(entry) != (*leaves)[within]) {
      return Damaged(path_);
    }
    kept[within] = std::string(crypto::AsText(entry));
  }
  return reader.ok() ? absl::StatusOr<std::vector<std::string>>(std::move(kept)) : Damaged(path_);
}

absl::StatusOr<SegmentFile> SegmentFile::Prune(const Keep& keep) const {
  const auto leaves = Leaves();
  if (!leaves.ok()) return leaves.status();
  crypto::ByteWriter kept;
  uint32_t count = 0;
  uint32_t place = 0;
  for (uint32_t bundle = 0; bundle < BundlesOf(range_.size()); ++bundle) {
    const auto entries = Bundle(bundle);
    if (!entries.ok()) return entries.status();
    for (const std::string& entry : *entries) {
      if (crypto::LeafHash(crypto::AsBytes(entry)) != (*leaves)[place]) return Damaged(path_);
      if (keep(entry)) {
        ++count;
        kept.U32(place).U16(static_cast<uint16_t>(entry.size())).Raw(crypto::AsBytes(entry));
      }
      ++place;
    }
  }
  crypto::ByteWriter out;
  WriteHashes(kPrunedVersion, number_, origin_, *leaves, &out);
  out.U32(count).Raw(crypto::AsBytes(kept.str()));
  out.U64(out.str().size() + sizeof(uint64_t));
  const absl::Status written = crypto::ReplaceFile(path_, out.str(), /*is_private=*/true);
  if (!written.ok()) {
    return absl::UnavailableError(
        absl::StrCat(path_, " could not be pruned: ", written.message(), "; prune again"));
  }
  return Open(path_, origin_, number_);
}

absl::Status CopyPruned(const std::string& from, const std::string& origin, const std::string& to) {
  for (uint64_t number = 0;; ++number) {
    const absl::StatusOr<SegmentFile> file =
        SegmentFile::Open(SegmentPath(from, number), origin, number);
    if (absl::IsNotFound(file.status()) || (file.ok() && !file->pruned())) return absl::OkStatus();
    if (!file.ok()) return file.status();
    std::error_code error;
    std::filesystem::copy_file(SegmentPath(from, number), SegmentPath(to, number), error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat(SegmentPath(to, number), " cannot be written: ", error.message()));
    }
  }
}

}  // namespace vouch::server::ledger::tree
