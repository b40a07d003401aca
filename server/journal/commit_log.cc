#include "server/journal/commit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "crypto/log_entry.h"
#include "crypto/random.h"
#include "server/journal/commit_blob.h"

namespace vouch::server::journal {

namespace {

constexpr uint64_t kCommitsAStep = 16;
constexpr size_t kMostStepLists = 64;
// Enough of a frame to pass over it, or to know which entry it begins with.
constexpr size_t kFrameStartSize = kFrameHeaderSize + kCommitStartSize;
// One reading of entries stops when it has read this much of the log.
constexpr uint64_t kMostRead = 8u << 20;
constexpr char kNewName[] = "/commits.new";
constexpr absl::string_view kPrefix = "commits-";
constexpr absl::string_view kSuffix = ".log";

std::string PathOf(const std::string& folder, uint64_t first_commit) {
  return absl::StrFormat("%s/%s%020u%s", folder, kPrefix, first_commit, kSuffix);
}

// "agency.example/ledger" of "agency.example/ledger/2027".
absl::string_view LogOf(absl::string_view origin) { return origin.substr(0, origin.rfind('/')); }

absl::Status NoRoom() {
  return absl::UnavailableError("nothing was committed: there is no room on the disk");
}

bool SyncFolder(const std::string& folder) {
  FileHandle handle = FileHandle::Open(folder, O_RDONLY | O_DIRECTORY);
  return handle.is_open() && handle.Sync();
}

}  // namespace

void EndProcess(const char* what) {
  // A sync that failed may have dropped what it was to write: only a new start, reading what is
  // there, can tell.
  std::fprintf(stderr, "vouch: the journal cannot go on: %s: %m\n", what);
  std::abort();
}

absl::StatusOr<std::unique_ptr<CommitLog>> CommitLog::Open(const std::string& folder,
                                                           const std::string& origin,
                                                           uint64_t segment_bytes) {
  std::unique_ptr<CommitLog> log(new CommitLog(folder, segment_bytes));
  std::error_code error;
  std::filesystem::directory_iterator files(folder, error);
  if (error) return CannotRead("the journal's folder");
  for (const auto& file : files) {
    const std::string name = file.path().filename().string();
    absl::string_view number = name;
    Segment segment;
    if (!absl::ConsumePrefix(&number, kPrefix) || !absl::ConsumeSuffix(&number, kSuffix) ||
        !absl::SimpleAtoi(number, &segment.first_commit)) {
      continue;
    }
    segment.path = file.path().string();
    log->segments_.push_back(std::move(segment));
  }
  std::sort(log->segments_.begin(), log->segments_.end(),
            [](const Segment& a, const Segment& b) { return a.first_commit < b.first_commit; });
  unlink((folder + kNewName).c_str());
  absl::StatusOr<Openings> openings = ReadOpenings(folder);
  if (!openings.ok()) return openings.status();
  log->openings_ = *std::move(openings);
  for (const LogSpan& before : LogsOf(log->openings_)) log->AddLog(before);
  const absl::Status status = log->segments_.empty() ? log->Begin(origin) : log->Recover(origin);
  if (!status.ok()) return status;
  return log;
}

absl::Status CommitLog::Begin(const std::string& origin) {
  crypto::FillRandom(absl::MakeSpan(id_));
  head_.origin = origin;
  AddLog({origin, 0});
  SegmentStart start;
  start.id = id_;
  start.origin = origin;
  return MakeSegment(start, 0);
}

absl::Status CommitLog::Recover(const std::string& origin) {
  SegmentStart last;
  for (Segment& segment : segments_) {
    const FileHandle file = FileHandle::Open(segment.path, O_RDONLY);
    if (!file.is_open()) return CannotRead("the commit log");
    auto start = ReadSegmentStart(file);
    if (!start.ok()) return start.status();
    if (start->first_commit != segment.first_commit ||
        (&segment != &segments_.front() && start->id != last.id)) {
      return absl::DataLossError(
          absl::StrCat(segment.path, " does not belong to the journal it lies in"));
    }
    segment.first_entry = start->first_entry();
    AddLog({start->origin, start->first});
    last = *std::move(start);
  }
  // Whatever the year, it is this agency's journal: only another's is refused.
  if (LogOf(last.origin) != LogOf(origin)) {
    return absl::FailedPreconditionError(
        absl::StrCat("this journal holds the log ", last.origin, ", not ", origin));
  }
  return ReadLastSegment(last);
}

absl::Status CommitLog::ReadLastSegment(const SegmentStart& start) {
  file_ = FileHandle::Open(segments_.back().path, O_RDWR);
  if (!file_.is_open()) return absl::UnavailableError("the commit log cannot be written");
  auto read = SegmentFrames::Read(file_, start.first_commit);
  if (!read.ok()) return read.status();

  id_ = start.id;
  head_.origin = start.origin;
  head_.commit = start.first_commit - 1;
  head_.second = start.second;
  head_.range = start.range;
  head_.first = start.first;
  CommitParts parts;
  for (const SegmentFrames::Frame& frame : read->frames()) {
    if (!DecodeCommit(frame.blob, &parts) ||
        parts.first_entry != head_.first + head_.range.size()) {
      return absl::DataLossError(absl::StrCat("commit ", frame.commit, " is damaged"));
    }
    for (const CommitParts::Item& item : parts.items) {
      if (item.entry.empty()) continue;
      if (const auto opened = crypto::ReadLogBegun(item.entry); opened.ok()) {
        head_.first += head_.range.size();
        head_.origin = opened->origin;
        head_.range = crypto::CompactRange();
        AddLog({head_.origin, head_.first});
      }
      head_.range.Append(crypto::LeafHash(crypto::AsBytes(item.entry)));
    }
    head_.commit = frame.commit;
    head_.second = parts.second;
    AddStep(start.first_commit, frame.commit, {frame.offset, parts.first_entry}, &last_steps_);
  }
  head_.tree_size = head_.range.size();
  last_commit_ = head_.commit;
  last_size_ = head_.end();
  end_ = read->end();
  room_ = read->file_size();
  if (!read->clean()) {
    if (read->HoldsLater(head_.commit + 1)) {
      return absl::DataLossError(absl::StrCat("commit ", head_.commit + 1, " is damaged"));
    }
    TakeBack();
  }
  // A process that died before its last sync returned, or because it failed, may have left a commit
  // that can be read but is not on the disk: written again, it is.
  if (!read->frames().empty()) {
    const SegmentFrames::Frame& frame = read->frames().back();
    EncodeFrame(frame.commit, frame.blob, &frame_);
    if (file_.WriteAllAt(frame_.data(), frame_.size(), frame.offset) != WriteResult::kDone) {
      return absl::UnavailableError("the commit log cannot be written");
    }
  }
  if (!file_.Sync()) return absl::UnavailableError("the commit log cannot be synced");
  return absl::OkStatus();
}

// Makes what lies behind the last frame zeros again, without needing room for it.
void CommitLog::TakeBack() {
  if (!file_.Truncate(end_)) EndProcess("a commit could not be rolled back");
  // Where even that is refused, the next commit begins a segment of its own.
  if (!file_.Truncate(room_)) room_ = end_;
}

absl::Status CommitLog::MakeSegment(const SegmentStart& start, uint64_t first_frame) {
  const std::string fresh = folder_ + kNewName;
  FileHandle file = FileHandle::Open(fresh, O_RDWR | O_CREAT | O_TRUNC);
  if (!file.is_open()) return NoRoom();
  // On a nearly full disk a smaller segment still takes the commits there is room for.
  uint64_t size = std::max(segment_bytes_, kFramesBegin + first_frame);
  WriteResult reserved = file.Reserve(size);
  while (reserved == WriteResult::kFull && size / 2 >= kFramesBegin + first_frame) {
    size /= 2;
    reserved = file.Reserve(size);
  }
  const std::string header = EncodeSegmentStart(start);
  const std::string path = PathOf(folder_, start.first_commit);
  if (reserved != WriteResult::kDone ||
      file.WriteAllAt(header.data(), header.size(), 0) != WriteResult::kDone) {
    unlink(fresh.c_str());
    return NoRoom();
  }
  if (!file.Sync()) EndProcess("a new segment could not be synced");
  if (rename(fresh.c_str(), path.c_str()) != 0) return NoRoom();
  if (!SyncFolder(folder_)) EndProcess("the journal's folder could not be synced");
  // The room that was not needed goes back.
  if (file_.is_open()) file_.Truncate(end_);
  file_ = std::move(file);
  end_ = kFramesBegin;
  room_ = size;
  const std::lock_guard<std::mutex> guard(lock_);
  if (!segments_.empty() && segments_.back().first_commit == start.first_commit) {
    // One without a commit was made anew.
    segments_.pop_back();
  } else if (!segments_.empty()) {
    // What was just written is what is read back soonest: when a segment of the ledger is closed.
    KeepSteps(segments_.back().first_commit, std::move(last_steps_));
  }
  segments_.push_back({start.first_commit, start.first_entry(), path});
  last_steps_ = Steps();
  return absl::OkStatus();
}

void CommitLog::AddLog(const LogSpan& log) {
  // A crash may have left parts of logs that are known from what was kept of them.
  if (logs_.empty() || log.first > logs_.back().first) logs_.push_back(log);
}

std::vector<LogSpan> CommitLog::logs() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return logs_;
}

uint64_t CommitLog::FirstCommit() const {
  const std::lock_guard<std::mutex> guard(lock_);
  return segments_.front().first_commit;
}

void CommitLog::BeginAs(const std::string& origin) {
  head_.origin = origin;
  const std::lock_guard<std::mutex> guard(lock_);
  logs_.clear();
  AddLog({origin, 0});
}

absl::Status CommitLog::Append(absl::string_view blob, const Head& next, bool declares_loss) {
  const uint64_t size = FrameSize(blob.size());
  const bool ends_log = next.origin != head_.origin;
  if (ends_log || declares_loss || size > room_ - end_) {
    SegmentStart start;
    start.id = id_;
    start.origin = head_.origin;
    start.first_commit = next.commit;
    start.second = head_.second;
    start.range = head_.range;
    start.first = head_.first;
    start.ends_log = ends_log;
    start.declares_loss = declares_loss;
    if (absl::Status status = MakeSegment(start, size); !status.ok()) return status;
  }
  EncodeFrame(next.commit, blob, &frame_);
  switch (file_.WriteAllAt(frame_.data(), frame_.size(), end_)) {
    case WriteResult::kDone:
      break;
    case WriteResult::kFull:
      TakeBack();
      return NoRoom();
    case WriteResult::kFailed:
      EndProcess("a commit failed");
  }
  if (!file_.SyncData()) EndProcess("a commit failed");
  const uint64_t first_entry = head_.end();
  head_ = next;
  const std::lock_guard<std::mutex> guard(lock_);
  AddLog({next.origin, next.first});
  AddStep(segments_.back().first_commit, next.commit, {end_, first_entry}, &last_steps_);
  last_commit_ = next.commit;
  last_size_ = next.end();
  end_ += size;
  return absl::OkStatus();
}

void CommitLog::AddStep(uint64_t first_commit, uint64_t commit, const Step& step, Steps* steps) {
  if ((commit - first_commit) % kCommitsAStep == 0) steps->push_back(step);
}

absl::Status CommitLog::ForEachSegment(
    uint64_t after,
    const std::function<absl::Status(absl::Span<const SegmentFrames::Frame>)>& visit) const {
  uint64_t expected = after + 1;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const bool last = i + 1 == segments_.size();
    const uint64_t next = last ? head_.commit + 1 : segments_[i + 1].first_commit;
    if (next <= expected) continue;
    const FileHandle file = FileHandle::Open(segments_[i].path, O_RDONLY);
    if (!file.is_open()) return CannotRead("the commit log");
    auto read = SegmentFrames::Read(file, segments_[i].first_commit);
    if (!read.ok()) return read.status();
    absl::Span<const SegmentFrames::Frame> frames = read->frames();
    const uint64_t found = segments_[i].first_commit + frames.size();
    if (segments_[i].first_commit > expected || found != next) {
      return absl::DataLossError(
          absl::StrCat("commit ", std::max(found, expected), " is damaged or missing"));
    }
    if (const absl::Status status =
            visit(frames.subspan(static_cast<size_t>(expected - segments_[i].first_commit)));
        !status.ok()) {
      return status;
    }
    expected = next;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CommitLog::Read(uint64_t commit) const {
  const absl::Status missing = absl::NotFoundError("the commit is not in the journal");
  const absl::Status damaged = absl::DataLossError(absl::StrCat("commit ", commit, " is damaged"));
  Segment segment;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (commit < segments_.front().first_commit || commit > last_commit_) return missing;
    const auto next = std::upper_bound(
        segments_.begin(), segments_.end(), commit,
        [](uint64_t number, const Segment& other) { return number < other.first_commit; });
    segment = *(next - 1);
  }
  absl::StatusOr<FileHandle> file = OpenSegment(segment);
  if (!file.ok()) return file.status();
  const absl::StatusOr<Place> place = Find(
      segment, *file, commit, [commit](uint64_t number, uint64_t) { return number <= commit; });
  if (!place.ok()) return place.status();
  std::string header(kFrameHeaderSize, '\0');
  absl::Status read = file->ReadAt(&header[0], header.size(), place->offset, damaged);
  if (!read.ok()) return read;
  std::string blob(BlobSizeOf(header, commit), '\0');
  if (blob.empty()) return damaged;
  read = file->ReadAt(&blob[0], blob.size(), place->offset + kFrameHeaderSize, damaged);
  if (!read.ok()) return read;
  return blob;
}

absl::StatusOr<std::vector<std::string>> CommitLog::ReadEntries(uint64_t first,
                                                                uint64_t count) const {
  Segment segment;
  uint64_t last = 0;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (first >= last_size_) return absl::OutOfRangeError("the log has no such entry yet");
    if (first < segments_.front().first_entry) {
      const auto opening = openings_.find(first);
      if (opening != openings_.end()) return std::vector<std::string>{opening->second};
      return absl::NotFoundError("the entry lies in a part of the log that was archived");
    }
    const auto next = std::upper_bound(
        segments_.begin(), segments_.end(), first,
        [](uint64_t entry, const Segment& other) { return entry < other.first_entry; });
    segment = *(next - 1);
    last = next == segments_.end() ? last_commit_ : next->first_commit - 1;
  }
  absl::StatusOr<FileHandle> file = OpenSegment(segment);
  if (!file.ok()) return file.status();
  absl::StatusOr<Place> place =
      Find(segment, *file, last, [first](uint64_t, uint64_t entry) { return entry <= first; });
  if (!place.ok()) return place.status();

  std::vector<std::string> entries;
  std::string header(kFrameHeaderSize, '\0');
  std::string blob;
  CommitParts parts;
  uint64_t at = place->offset;
  for (uint64_t commit = place->commit;
       commit <= last && entries.size() < count && at - place->offset < kMostRead; ++commit) {
    const absl::Status damaged =
        absl::DataLossError(absl::StrCat("commit ", commit, " is damaged"));
    absl::Status read = file->ReadAt(&header[0], header.size(), at, damaged);
    if (!read.ok()) return read;
    blob.resize(BlobSizeOf(header, commit));
    if (blob.empty()) return damaged;
    read = file->ReadAt(&blob[0], blob.size(), at + kFrameHeaderSize, damaged);
    if (!read.ok()) return read;
    if (!DecodeCommit(blob, &parts) || parts.number != commit ||
        parts.first_entry > first + entries.size()) {
      return damaged;
    }
    uint64_t index = parts.first_entry;
    for (const CommitParts::Item& item : parts.items) {
      if (item.entry.empty() || index++ < first || entries.size() == count) continue;
      entries.emplace_back(item.entry);
    }
    at += FrameSize(blob.size());
  }
  if (entries.empty() && count > 0) {
    return absl::DataLossError(absl::StrCat("entry ", first, " is not where it should be"));
  }
  return entries;
}

absl::StatusOr<uint64_t> CommitLog::RemoveBelow(uint64_t position, uint64_t commit) {
  std::vector<Segment> going;
  uint64_t first_entry = 0;
  Openings openings;
  std::vector<LogSpan> logs;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    size_t stays = 0;
    while (stays + 1 < segments_.size() && segments_[stays + 1].first_entry <= position &&
           segments_[stays + 1].first_commit <= commit + 1) {
      ++stays;
    }
    going.assign(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(stays));
    first_entry = segments_[stays].first_entry;
    openings = openings_;
    logs = logs_;
  }
  if (going.empty()) return first_entry;
  for (const LogSpan& log : logs) {
    if (log.first == 0 || log.first >= first_entry || openings.count(log.first) > 0) continue;
    const absl::StatusOr<std::vector<std::string>> opening = ReadEntries(log.first, 1);
    if (!opening.ok()) return opening.status();
    openings[log.first] = opening->front();
  }
  // Kept before what they are read from goes.
  if (openings.size() != openings_.size()) {
    if (absl::Status kept = WriteOpenings(folder_, openings); !kept.ok()) {
      return absl::UnavailableError(kept.message());
    }
  }
  {
    const std::lock_guard<std::mutex> guard(lock_);
    openings_ = std::move(openings);
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(going.size()));
  }
  // The oldest first: what a crash leaves is a log without its beginning, and never with a gap.
  for (const Segment& segment : going) {
    if (unlink(segment.path.c_str()) != 0 || !SyncFolder(folder_)) {
      return absl::UnavailableError(absl::StrCat(segment.path, " cannot be removed"));
    }
  }
  return first_entry;
}

absl::StatusOr<FileHandle> CommitLog::OpenSegment(const Segment& segment) {
  FileHandle file = FileHandle::Open(segment.path, O_RDONLY);
  if (file.is_open()) return file;
  if (errno == ENOENT) return absl::NotFoundError("a part of the log was archived");
  return CannotRead("the commit log");
}

absl::StatusOr<CommitLog::Place> CommitLog::Find(const Segment& segment, const FileHandle& file,
                                                 uint64_t last, const NotBehind& not_behind) const {
  absl::StatusOr<Place> place = StepBefore(segment, file, not_behind);
  if (!place.ok()) return place;
  std::string start(kFrameStartSize, '\0');
  Place next = *place;
  for (;;) {
    const absl::Status damaged =
        absl::DataLossError(absl::StrCat("commit ", next.commit, " is damaged"));
    const absl::Status read = file.ReadAt(&start[0], start.size(), next.offset, damaged);
    if (!read.ok()) return read;
    if (BlobSizeOf(absl::string_view(start).substr(0, kFrameHeaderSize), next.commit) == 0) {
      return damaged;
    }
    if (!not_behind(next.commit, FirstEntryOf(absl::string_view(start).substr(kFrameHeaderSize)))) {
      return place;
    }
    *place = next;
    if (next.commit == last) return place;
    next.offset += FrameSize(BlobSizeOf(start, next.commit));
    ++next.commit;
  }
}

absl::StatusOr<CommitLog::Place> CommitLog::StepBefore(const Segment& segment,
                                                       const FileHandle& file,
                                                       const NotBehind& not_behind) const {
  const auto place_in = [&](const Steps& steps) -> absl::StatusOr<Place> {
    size_t low = 0;
    for (size_t high = steps.size(); high - low > 1;) {
      const size_t middle = low + (high - low) / 2;
      const uint64_t commit = segment.first_commit + middle * kCommitsAStep;
      (not_behind(commit, steps[middle].first_entry) ? low : high) = middle;
    }
    if (steps.empty()) return absl::DataLossError("a segment of the commit log is empty");
    return Place{segment.first_commit + low * kCommitsAStep, steps[low].offset};
  };
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (segment.first_commit == segments_.back().first_commit) return place_in(last_steps_);
    const auto known = steps_.find(segment.first_commit);
    if (known != steps_.end()) return place_in(known->second);
  }
  auto read = SegmentFrames::Read(file, segment.first_commit);
  if (!read.ok()) return read.status();
  Steps steps;
  for (const SegmentFrames::Frame& frame : read->frames()) {
    AddStep(segment.first_commit, frame.commit, {frame.offset, FirstEntryOf(frame.blob)}, &steps);
  }
  absl::StatusOr<Place> place = place_in(steps);
  const std::lock_guard<std::mutex> guard(lock_);
  KeepSteps(segment.first_commit, std::move(steps));
  return place;
}

void CommitLog::KeepSteps(uint64_t first_commit, Steps steps) const {
  if (steps_.size() >= kMostStepLists) steps_.clear();
  steps_[first_commit] = std::move(steps);
}

}  // namespace vouch::server::journal
