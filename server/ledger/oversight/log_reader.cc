#include "server/ledger/oversight/log_reader.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "crypto/log_entry.h"
#include "server/journal/commit_blob.h"
#include "server/journal/log_segment.h"

namespace vouch::server::ledger::oversight {

namespace {

// First commit and path, in order.
using Segments = std::vector<std::pair<uint64_t, std::string>>;

absl::StatusOr<Segments> SegmentsIn(const std::string& folder) {
  Segments segments;
  std::error_code error;
  std::filesystem::directory_iterator files(folder, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    const std::string name = files->path().filename().string();
    absl::string_view number = name;
    uint64_t first = 0;
    if (absl::ConsumePrefix(&number, "commits-") && absl::ConsumeSuffix(&number, ".log") &&
        absl::SimpleAtoi(number, &first)) {
      segments.emplace_back(first, files->path().string());
    }
  }
  if (error || segments.empty()) {
    return absl::NotFoundError(absl::StrCat(folder, " holds no journal to read"));
  }
  std::sort(segments.begin(), segments.end());
  return segments;
}

void TakeLog(const journal::LogSpan& log, LogExtent* extent) {
  if (!extent->logs.empty() && extent->logs.back().first == log.first) return;
  extent->logs.push_back(log);
  extent->origin = log.origin;
}

constexpr int kReadings = 5;

// The last segment, beside a node that writes to it. A commit may be written where was read already
// and the next where was not yet, and the file may change while it is read.
absl::StatusOr<journal::SegmentFrames> ReadLast(const journal::FileHandle& file,
                                                const std::string& path, uint64_t first) {
  absl::Status problem;
  for (int reading = 0; reading < kReadings; ++reading) {
    absl::StatusOr<journal::SegmentFrames> frames = journal::SegmentFrames::Read(file, first);
    problem = frames.status();
    if (!frames.ok()) {
      if (!absl::IsUnavailable(problem)) return problem;
      continue;
    }
    const uint64_t next = first + frames->frames().size();
    if (frames->clean() || !frames->HoldsLater(next + 1)) return frames;
    problem = absl::DataLossError(absl::StrCat(path, ": commit ", next, " is damaged"));
  }
  return problem;
}

}  // namespace

absl::StatusOr<LogExtent> ReadLog(const std::string& journal_folder, const VisitEntry& visit) {
  const absl::StatusOr<Segments> segments = SegmentsIn(journal_folder);
  if (!segments.ok()) return segments.status();
  LogExtent extent;
  uint64_t next_commit = 0;
  for (const auto& [first, path] : *segments) {
    const journal::FileHandle file = journal::FileHandle::Open(path, O_RDONLY);
    if (!file.is_open()) {
      return absl::UnavailableError(
          absl::StrCat(path, " cannot be read; run this as the user the node runs as"));
    }
    const absl::StatusOr<journal::SegmentStart> start = journal::ReadSegmentStart(file);
    if (!start.ok()) return start.status();
    if (next_commit == 0) {
      extent.first = start->first_entry();
      extent.size = extent.first;
    } else if (first != next_commit) {
      return absl::DataLossError(
          absl::StrCat(path, ": commits from ", next_commit, " on are missing before it"));
    }
    TakeLog({start->origin, start->first}, &extent);
    next_commit = first;
    const absl::StatusOr<journal::SegmentFrames> frames =
        first == segments->back().first ? ReadLast(file, path, first)
                                        : journal::SegmentFrames::Read(file, first);
    if (!frames.ok()) return frames.status();
    for (const journal::SegmentFrames::Frame& frame : frames->frames()) {
      journal::CommitParts commit;
      if (!journal::DecodeCommit(frame.blob, &commit)) {
        return absl::DataLossError(absl::StrCat(path, ": commit ", frame.commit, " is damaged"));
      }
      next_commit = frame.commit + 1;
      const uint32_t second_before = std::exchange(extent.last_second, commit.second);
      if (commit.first_entry != extent.size) {
        return absl::DataLossError(absl::StrCat(path, ": commit ", frame.commit,
                                                " does not follow the entries before it"));
      }
      for (const journal::CommitParts::Item& item : commit.items) {
        if (item.entry.empty()) continue;
        if (const auto opened = crypto::ReadLogBegun(item.entry); opened.ok()) {
          TakeLog({opened->origin, extent.size}, &extent);
          if (auto loss = crypto::ReadLossDeclared(item.entry); loss.ok()) {
            extent.losses.push_back({*std::move(loss), second_before == 0
                                                           ? absl::InfinitePast()
                                                           : absl::FromUnixSeconds(second_before)});
          }
        }
        const journal::LogSpan& log = extent.logs.back();
        const LogEntry entry = {extent.size, item.entry, item.sealed, log.origin,
                                extent.size - log.first};
        ++extent.size;
        if (absl::Status seen = visit(entry); !seen.ok()) return seen;
      }
    }
  }
  return extent;
}

}  // namespace vouch::server::ledger::oversight
