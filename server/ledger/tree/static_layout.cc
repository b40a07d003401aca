#include "server/ledger/tree/static_layout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "crypto/keys.h"
#include "crypto/note.h"

namespace vouch::server::ledger::tree {

namespace {

namespace fs = std::filesystem;

absl::Status CannotWrite(const fs::path& path) {
  return absl::UnavailableError(absl::StrCat(path.string(), " cannot be written"));
}

// Entries go to those they concern alone, so bundles are their owner's alone, whatever the umask.
enum class Readers { kAll, kOwner };

// Whole or not at all; on the disk only after SyncAll.
absl::Status WriteFile(const fs::path& path, absl::string_view bytes,
                       Readers readers = Readers::kAll) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (!error && readers == Readers::kOwner) {
    fs::permissions(path.parent_path(), fs::perms::owner_all, error);
  }
  if (error) return CannotWrite(path);
  fs::path fresh = path;
  fresh += ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) {
    fs::remove(fresh, error);
    return CannotWrite(path);
  }
  if (readers == Readers::kOwner) {
    fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write, error);
    if (error) return CannotWrite(path);
  }
  fs::rename(fresh, path, error);
  return error ? CannotWrite(path) : absl::OkStatus();
}

bool ReadFile(const fs::path& path, std::string* bytes) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  std::ifstream in(path, std::ios::binary);
  if (!in) return false;
  bytes->assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  return !in.bad();
}

bool IsThere(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// Everything below the folder that was written, at once: there are many small files.
absl::Status SyncAll(const fs::path& folder) {
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = opened >= 0 && syncfs(opened) == 0;
  if (opened >= 0) close(opened);
  return synced ? absl::OkStatus() : CannotWrite(folder);
}

// Up to how many entries what an earlier export wrote is whole: what its checkpoint says, which
// came last. Full tiles behind it are what one that was cut short left, and may be anything after a
// power cut.
uint64_t WholeUpTo(const std::string& folder, const std::string& origin) {
  const absl::StatusOr<std::string> note = FolderLog(folder).ReadCheckpointNote();
  const auto read = note.ok() ? crypto::ReadNote(*note) : note.status();
  const auto earlier = read.ok() ? crypto::ReadCheckpoint(read->text)
                                 : absl::StatusOr<crypto::Checkpoint>(read.status());
  return earlier.ok() && earlier->origin == origin ? earlier->size : 0;
}

// How many entries a log has at least that has this full tile.
uint64_t EntriesUpTo(const crypto::Tile& tile) {
  return (tile.index + 1) << (crypto::kTileHeight * (tile.level + 1));
}

constexpr char kMinimum[] = "minimum-index";
constexpr char kKept[] = "kept";

// Says from which entry on there are bundles, and takes away those below. The number comes first:
// a reader beside it looks for no bundle that is going.
absl::Status ExportMinimum(const crypto::LogReader& log, uint64_t size, const fs::path& root) {
  const uint64_t minimum = log.first_entry();
  if (minimum == 0) return absl::OkStatus();
  // By these two a log goes on from the one before, and ends.
  for (const uint64_t index : {uint64_t{0}, size - 1}) {
    const absl::StatusOr<std::string> entry = log.ReadEntry(index);
    if (index >= minimum || absl::IsNotFound(entry.status())) continue;
    if (!entry.ok()) return entry.status();
    if (absl::Status status = WriteFile(root / kKept / absl::StrCat(index), *entry); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = WriteFile(root / kMinimum, absl::StrCat(minimum, "\n")); !status.ok()) {
    return status;
  }
  for (uint64_t index = 0; index * crypto::kTileWidth < minimum; ++index) {
    const fs::path path = root / crypto::BundlePath(index, crypto::kTileWidth);
    fs::path partials = path;
    partials += ".p";
    std::error_code error;
    fs::remove(path, error);
    if (!error) fs::remove_all(partials, error);
    if (error) return CannotWrite(path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ExportLog(const crypto::LogReader& log, absl::string_view note,
                       const std::string& folder, const ExportOptions& options) {
  const absl::StatusOr<crypto::SignedNote> read = crypto::ReadNote(note);
  if (!read.ok()) return read.status();
  const absl::StatusOr<crypto::Checkpoint> checkpoint = crypto::ReadCheckpoint(read->text);
  if (!checkpoint.ok()) return checkpoint.status();
  const absl::StatusOr<crypto::CompactRange> range = crypto::RangeFromTiles(log, checkpoint->size);
  if (!range.ok()) return range.status();
  if (range->Root() != checkpoint->root) {
    return absl::DataLossError("the log does not have the root that its checkpoint says");
  }
  const fs::path root(folder);
  const uint64_t minimum = log.first_entry();
  if (options.entries) {
    absl::Status status = ExportMinimum(log, checkpoint->size, root);
    if (!status.ok()) return status;
  }
  const fs::path bundles = root / "tile" / "entries";
  std::error_code error;
  if (options.entries) fs::create_directories(bundles, error);
  // Of an export that was made before, what is below may be readable by others.
  if (!error && IsThere(bundles)) fs::permissions(bundles, fs::perms::owner_all, error);
  if (error) return CannotWrite(bundles);
  const uint64_t whole = WholeUpTo(folder, checkpoint->origin);
  for (const crypto::Tile& tile : crypto::TilesOf(checkpoint->size)) {
    const bool stays = tile.width == crypto::kTileWidth && EntriesUpTo(tile) <= whole;
    if (tile.level == 0 && options.entries && tile.index * crypto::kTileWidth >= minimum) {
      const fs::path path = root / crypto::BundlePath(tile.index, tile.width);
      if (!stays || !IsThere(path)) {
        const absl::StatusOr<std::vector<std::string>> entries =
            log.ReadBundle(tile.index, tile.width);
        if (!entries.ok()) return entries.status();
        const absl::StatusOr<std::string> bundle = crypto::EncodeBundle(*entries);
        if (!bundle.ok()) return bundle.status();
        if (absl::Status status = WriteFile(path, *bundle, Readers::kOwner); !status.ok()) {
          return status;
        }
      }
    }
    const fs::path path = root / crypto::TilePath(tile);
    if (stays && IsThere(path)) continue;
    const absl::StatusOr<std::vector<crypto::Digest>> hashes = log.ReadTile(tile);
    if (!hashes.ok()) return hashes.status();
    if (absl::Status status = WriteFile(path, crypto::EncodeTile(*hashes)); !status.ok()) {
      return status;
    }
  }
  fs::create_directories(root, error);
  if (absl::Status synced = SyncAll(root); !synced.ok()) return synced;
  return crypto::ReplaceFile((root / "checkpoint").string(), note, /*is_private=*/false);
}

absl::StatusOr<std::string> FileOfLayout(const crypto::LogReader& log, absl::string_view path,
                                         bool entries) {
  const absl::StatusOr<crypto::TileName> name = crypto::ReadTilePath(path);
  if (!name.ok()) return absl::NotFoundError("the log has no such file");
  const crypto::Tile& tile = name->tile;
  if (!name->entries) {
    const absl::StatusOr<std::vector<crypto::Digest>> hashes = log.ReadTile(tile);
    if (!hashes.ok()) return hashes.status();
    return crypto::EncodeTile(*hashes);
  }
  if (!entries) return absl::PermissionDeniedError("entries go to those they concern alone");
  const absl::StatusOr<std::vector<std::string>> bundle = log.ReadBundle(tile.index, tile.width);
  if (!bundle.ok()) return bundle.status();
  return crypto::EncodeBundle(*bundle);
}

absl::StatusOr<crypto::VerifiedCheckpoint> VerifyFolder(
    const FolderLog& folder, absl::Span<const crypto::NoteVerifier> known) {
  const absl::StatusOr<std::string> note = folder.ReadCheckpointNote();
  if (!note.ok()) return note.status();
  absl::StatusOr<crypto::VerifiedCheckpoint> opened = crypto::OpenCheckpoint(*note, known);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<crypto::CompactRange> range =
      crypto::RecomputeLog(folder, opened->checkpoint.size);
  if (!range.ok()) return range.status();
  if (range->Root() != opened->checkpoint.root) {
    return absl::DataLossError("the entries do not give the root that the checkpoint says");
  }
  return opened;
}

absl::StatusOr<std::string> FolderLog::ReadCheckpointNote() const {
  std::string note;
  if (!ReadFile(fs::path(folder_) / "checkpoint", &note)) {
    return absl::NotFoundError(absl::StrCat(folder_, " holds no checkpoint"));
  }
  return note;
}

absl::StatusOr<std::string> FolderLog::ReadNarrowest(const std::string& path,
                                                     uint32_t width) const {
  const fs::path full = fs::path(folder_) / path;
  std::string bytes;
  if (width == crypto::kTileWidth) {
    if (ReadFile(full, &bytes)) return bytes;
  } else {
    fs::path partials = full;
    partials += ".p";
    if (ReadFile(partials / absl::StrCat(width), &bytes) || ReadFile(full, &bytes)) return bytes;
    uint32_t narrowest = crypto::kTileWidth;
    std::error_code error;
    for (const auto& file : fs::directory_iterator(partials, error)) {
      uint32_t other = 0;
      if (absl::SimpleAtoi(file.path().filename().string(), &other) && other > width) {
        narrowest = std::min(narrowest, other);
      }
    }
    if (narrowest < crypto::kTileWidth && ReadFile(partials / absl::StrCat(narrowest), &bytes)) {
      return bytes;
    }
  }
  return absl::NotFoundError(absl::StrCat(path, " is not in ", folder_));
}

absl::StatusOr<std::vector<crypto::Digest>> FolderLog::ReadTile(const crypto::Tile& tile) const {
  const absl::StatusOr<std::string> bytes =
      ReadNarrowest(crypto::TilePath({tile.level, tile.index}), tile.width);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < tile.width * sizeof(crypto::Digest) ||
      bytes->size() > crypto::kTileWidth * sizeof(crypto::Digest)) {
    return absl::DataLossError(absl::StrCat(crypto::TilePath(tile), " has another size"));
  }
  return crypto::DecodeTile(
      absl::string_view(*bytes).substr(0, tile.width * sizeof(crypto::Digest)), tile.width);
}

absl::StatusOr<std::vector<std::string>> FolderLog::ReadBundle(uint64_t index,
                                                               uint32_t width) const {
  const absl::StatusOr<std::string> bytes =
      ReadNarrowest(crypto::BundlePath(index, crypto::kTileWidth), width);
  if (!bytes.ok()) return bytes.status();
  return crypto::DecodeBundle(*bytes, width, /*or_more=*/true);
}

absl::StatusOr<std::string> FolderLog::ReadEntry(uint64_t index) const {
  if (index >= first_entry()) return LogReader::ReadEntry(index);
  std::string entry;
  if (ReadFile(fs::path(folder_) / kKept / absl::StrCat(index), &entry)) return entry;
  return absl::NotFoundError(absl::StrCat("entry ", index, " was pruned"));
}

uint64_t FolderLog::first_entry() const {
  std::string text;
  uint64_t minimum = 0;
  if (!ReadFile(fs::path(folder_) / kMinimum, &text) ||
      !absl::SimpleAtoi(absl::StripSuffix(text, "\n"), &minimum)) {
    return 0;
  }
  return minimum;
}

}  // namespace vouch::server::ledger::tree
