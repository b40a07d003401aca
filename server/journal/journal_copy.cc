#include "server/journal/journal_copy.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/journal/commit_blob.h"
#include "server/journal/file_handle.h"
#include "server/journal/log_segment.h"
#include "server/journal/table_image.h"
#include "server/journal/tables.h"

namespace vouch::server::journal {

namespace {

constexpr int kReadings = 5;

struct Source {
  std::string name;
  std::string path;
  uint64_t first_commit = 0;
  uint64_t bytes = 0;
};

absl::Status CutShort(const std::string& path) {
  return absl::DataLossError(absl::StrCat(path, " is shorter than it was"));
}

absl::StatusOr<std::vector<Source>> Segments(const std::string& folder) {
  std::vector<Source> all;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    Source one;
    one.name = file.path().filename().string();
    one.path = file.path().string();
    absl::string_view number = one.name;
    if (absl::ConsumePrefix(&number, "commits-") && absl::ConsumeSuffix(&number, ".log") &&
        absl::SimpleAtoi(number, &one.first_commit)) {
      one.bytes = file.file_size(error);
      all.push_back(std::move(one));
    }
  }
  if (error) return CannotRead(folder);
  if (all.empty()) return absl::NotFoundError(absl::StrCat(folder, " holds no journal yet"));
  std::sort(all.begin(), all.end(),
            [](const Source& a, const Source& b) { return a.first_commit < b.first_commit; });
  return all;
}

absl::Status WriteNew(const std::string& path, const std::string& bytes) {
  FileHandle out = FileHandle::Open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (out.is_open() && out.WriteAll(bytes.data(), bytes.size()) && out.Sync()) {
    return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrCat(path, " cannot be written: is there room on the disk?"));
}

// A file of the journal besides its commits, whole. One that is not there is not copied.
absl::Status CopyWhole(const std::string& from, const std::string& to, const std::string& name,
                       std::vector<CopiedFile>* files) {
  const std::string path = absl::StrCat(from, "/", name);
  const FileHandle file = FileHandle::Open(path, O_RDONLY);
  if (!file.is_open() && errno == ENOENT) return absl::OkStatus();
  uint64_t size = 0;
  if (!file.is_open() || !file.Size(&size)) return CannotRead(path);
  std::string bytes(size, '\0');
  const absl::Status read = file.ReadAt(&bytes[0], bytes.size(), 0, CutShort(path));
  if (!read.ok()) return read;
  files->push_back({name, bytes.size(), crypto::Sha256(bytes)});
  return WriteNew(absl::StrCat(to, "/", name), bytes);
}

// That the tables can be made from the copy.
absl::Status CheckImage(const std::string& folder, const JournalId& id, const JournalCopy& copy,
                        uint64_t first_commit) {
  Tables tables;
  uint64_t newest = 0;
  const absl::Status read = ReadTableImage(folder, id, &tables, &newest);
  if (read.ok() && newest <= copy.last_commit && first_commit <= tables.OldestSegment() + 1) {
    return absl::OkStatus();
  }
  if (absl::IsUnavailable(read)) return read;
  return absl::DataLossError(absl::StrCat(
      "the journal begins with commit ", first_commit,
      ", so its tables cannot be made from the commits alone, and ",
      read.ok() ? "its table image is of another time; was it pruned meanwhile? Try again"
                : read.message()));
}

// The segment's whole commits as bytes; `next` is the commit after them.
absl::StatusOr<std::string> WholeCommits(const Source& source, bool last, uint64_t* next,
                                         JournalId* id) {
  FileHandle file = FileHandle::Open(source.path, O_RDONLY);
  if (!file.is_open()) return CannotRead(source.path);
  const absl::StatusOr<SegmentStart> start = ReadSegmentStart(file);
  if (!start.ok()) return start.status();
  *id = start->id;
  const auto read = SegmentFrames::Read(file, source.first_commit);
  if (!read.ok()) return read.status();
  // What the node is just writing can be read before it is on the disk.
  if (last && !file.Sync()) return CannotRead(source.path);
  *next = source.first_commit + read->frames().size();
  if (!read->clean() && read->HoldsLater(*next + 1)) {
    return absl::DataLossError(absl::StrCat("commit ", *next, " is damaged"));
  }
  CommitParts parts;
  for (const SegmentFrames::Frame& frame : read->frames()) {
    if (!DecodeCommit(frame.blob, &parts) || parts.number != frame.commit) {
      return absl::DataLossError(absl::StrCat("commit ", frame.commit, " is damaged"));
    }
  }
  std::string bytes(read->end(), '\0');
  const absl::Status taken = file.ReadAt(&bytes[0], bytes.size(), 0, CutShort(source.path));
  if (!taken.ok()) return taken;
  return bytes;
}

}  // namespace

absl::StatusOr<JournalCopy> CopyJournal(
    const std::string& from, const std::string& to,
    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  const absl::StatusOr<std::vector<Source>> sources = Segments(from);
  if (!sources.ok()) return sources.status();
  uint64_t total = 0, done = 0;
  for (const Source& source : *sources) total += source.bytes;
  JournalCopy copy;
  JournalId id{};
  const uint64_t first_commit = sources->front().first_commit;
  // Before the commits: so that none is missing of what it has seen.
  for (const char* name : {"tables.image", "openings"}) {
    if (first_commit == 1) break;
    if (absl::Status kept = CopyWhole(from, to, name, &copy.files); !kept.ok()) return kept;
  }
  uint64_t expected = first_commit;
  for (const Source& source : *sources) {
    if (source.first_commit != expected) {
      return absl::DataLossError(absl::StrCat("commit ", expected, " is missing"));
    }
    const bool last = &source == &sources->back();
    absl::StatusOr<std::string> bytes = WholeCommits(source, last, &expected, &id);
    // A commit may be written where was read already, and the next where was not yet.
    for (int again = 0; last && again < kReadings && absl::IsDataLoss(bytes.status()); ++again) {
      bytes = WholeCommits(source, last, &expected, &id);
    }
    if (!bytes.ok()) return bytes.status();
    const std::string path = absl::StrCat(to, "/", source.name);
    if (absl::Status written = WriteNew(path, *bytes); !written.ok()) return written;
    copy.files.push_back({source.name, bytes->size(), crypto::Sha256(*bytes)});
    done += source.bytes;
    progress(done, total);
  }
  copy.last_commit = expected - 1;
  if (first_commit != 1) {
    if (absl::Status whole = CheckImage(to, id, copy, first_commit); !whole.ok()) return whole;
  }
  FileHandle folder = FileHandle::Open(to, O_RDONLY | O_DIRECTORY);
  if (!folder.is_open() || !folder.Sync()) {
    return absl::UnavailableError(absl::StrCat(to, " cannot be synced"));
  }
  return copy;
}

}  // namespace vouch::server::journal
