#include "server/journal/written_entries.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "crypto/log_entry.h"
#include "server/journal/commit_blob.h"
#include "server/journal/file_handle.h"
#include "server/journal/log_segment.h"

namespace vouch::server::journal {

namespace {

constexpr int kReadings = 5;

}  // namespace

absl::StatusOr<std::vector<std::string>> WrittenEntries::ReadSegment(const Segment& segment,
                                                                     bool last) {
  FileHandle file = FileHandle::Open(segment.path, O_RDONLY);
  if (!file.is_open()) return CannotRead(segment.path);
  const auto read = SegmentFrames::Read(file, segment.first_commit);
  if (!read.ok()) return read.status();
  // What the node is just writing can be read before it is on the disk.
  if (last && !file.Sync()) return CannotRead(segment.path);
  std::vector<std::string> entries;
  CommitParts parts;
  const uint64_t next_commit = segment.first_commit + read->frames().size();
  // Behind the last commit there is what the node is just writing, or nothing.
  if (last && !read->clean() && read->HoldsLater(next_commit + 1)) {
    return absl::DataLossError(absl::StrCat("commit ", next_commit, " is damaged"));
  }
  for (const SegmentFrames::Frame& frame : read->frames()) {
    if (!DecodeCommit(frame.blob, &parts) || parts.number != frame.commit ||
        parts.first_entry != segment.first_entry + entries.size()) {
      return absl::DataLossError(absl::StrCat("commit ", frame.commit, " is damaged"));
    }
    for (const CommitParts::Item& item : parts.items) {
      if (!item.entry.empty()) entries.emplace_back(item.entry);
    }
  }
  return entries;
}

absl::StatusOr<std::unique_ptr<WrittenEntries>> WrittenEntries::Open(const std::string& folder) {
  std::unique_ptr<WrittenEntries> log(new WrittenEntries());
  std::error_code error;
  std::filesystem::directory_iterator files(folder, error);
  if (error) return CannotRead(folder);
  for (const auto& file : files) {
    const std::string name = file.path().filename().string();
    absl::string_view number = name;
    Segment segment;
    segment.path = file.path().string();
    if (absl::ConsumePrefix(&number, "commits-") && absl::ConsumeSuffix(&number, ".log") &&
        absl::SimpleAtoi(number, &segment.first_commit)) {
      log->segments_.push_back(std::move(segment));
    }
  }
  if (log->segments_.empty()) {
    return absl::NotFoundError(
        absl::StrCat(folder, " holds no journal yet; the node makes it when it first starts"));
  }
  std::sort(log->segments_.begin(), log->segments_.end(),
            [](const Segment& a, const Segment& b) { return a.first_commit < b.first_commit; });
  absl::StatusOr<Openings> openings = ReadOpenings(folder);
  if (!openings.ok()) return openings.status();
  log->openings_ = *std::move(openings);
  log->logs_ = LogsOf(log->openings_);
  for (Segment& segment : log->segments_) {
    const FileHandle file = FileHandle::Open(segment.path, O_RDONLY);
    if (!file.is_open()) return CannotRead(segment.path);
    absl::StatusOr<SegmentStart> start = ReadSegmentStart(file);
    if (!start.ok()) return start.status();
    segment.first_entry = start->first_entry();
    if (log->logs_.empty() || start->first > log->logs_.back().first) {
      log->logs_.push_back({start->origin, start->first});
    }
    log->range_ = std::move(start->range);
  }
  absl::StatusOr<std::vector<std::string>> newest = ReadSegment(log->segments_.back(), true);
  // A commit may be written where was read already, and the next where was not yet.
  for (int again = 0; again < kReadings && absl::IsDataLoss(newest.status()); ++again) {
    newest = ReadSegment(log->segments_.back(), true);
  }
  if (!newest.ok()) return newest.status();
  for (const std::string& entry : *newest) {
    const auto opened = crypto::ReadLogBegun(entry);
    // A journal may begin with a loss of all there was before: its header told of that log.
    if (opened.ok() && log->end() > log->logs_.back().first) {
      log->logs_.push_back({opened->origin, log->end()});
      log->range_ = crypto::CompactRange();
    }
    log->range_.Append(crypto::LeafHash(crypto::AsBytes(entry)));
  }
  log->entries_ = *std::move(newest);
  log->held_ = log->segments_.size() - 1;
  return log;
}

absl::StatusOr<std::vector<std::string>> WrittenEntries::Read(uint64_t first, uint32_t count) {
  if (first >= end()) return absl::OutOfRangeError("the log has no such entry yet");
  if (first < segments_.front().first_entry) {
    const auto opening = openings_.find(first);
    if (opening != openings_.end()) return std::vector<std::string>{opening->second};
    return absl::NotFoundError("the entry lies in a part of the log that was archived");
  }
  const auto next = std::upper_bound(
      segments_.begin(), segments_.end(), first,
      [](uint64_t entry, const Segment& segment) { return entry < segment.first_entry; });
  const size_t at = static_cast<size_t>(next - segments_.begin()) - 1;
  if (at != held_) {
    absl::StatusOr<std::vector<std::string>> entries = ReadSegment(segments_[at], false);
    if (!entries.ok()) return entries.status();
    entries_ = *std::move(entries);
    held_ = at;
  }
  const uint64_t offset = first - segments_[at].first_entry;
  if (offset >= entries_.size()) {
    return absl::DataLossError(absl::StrCat("entry ", first, " is not where it should be"));
  }
  const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(offset);
  const uint64_t size = std::min<uint64_t>(count, entries_.size() - offset);
  return std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(size));
}

}  // namespace vouch::server::journal
