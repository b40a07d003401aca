// The commits as they lie on the disk: an append-only log in segments, each commit synced before
// the next is written. Nothing in it is ever changed; what a crash cut short is taken off at start.
#ifndef VOUCH_SERVER_JOURNAL_COMMIT_LOG_H_
#define VOUCH_SERVER_JOURNAL_COMMIT_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/journal/file_handle.h"
#include "server/journal/journal.h"
#include "server/journal/log_segment.h"
#include "server/journal/openings.h"

namespace vouch::server::journal {

// Says on stderr that the journal cannot go on, and aborts: what is on the disk is then known only
// by reading it again.
[[noreturn]] void EndProcess(const char* what);

// Appends come from one thread at a time; Read may run beside them.
class CommitLog {
 public:
  // Makes a new log in a folder without one. FailedPrecondition for a newer format, another
  // agency's log or another program's file; DataLoss when a commit that was written is damaged or
  // missing.
  static absl::StatusOr<std::unique_ptr<CommitLog>> Open(const std::string& folder,
                                                         const std::string& origin,
                                                         uint64_t segment_bytes);

  const JournalId& id() const { return id_; }
  // After the last whole commit.
  const Head& head() const { return head_; }
  std::vector<LogSpan> logs() const;
  // The first commit still there; the next one when there is none.
  uint64_t FirstCommit() const;

  // Writes commit next.commit, which follows the last, and syncs it. One that begins another log,
  // whose first entry is its last, begins a segment, so that headers tell of every log;
  // `declares_loss`: with a loss.
  // Unavailable: there was no room, and nothing was written. Any other failure ends the process.
  absl::Status Append(absl::string_view blob, const Head& next, bool declares_loss = false);

  // Gives a log without a commit another name; on the disk with the first commit, which declares a
  // loss.
  void BeginAs(const std::string& origin);

  // The commits after `after`, in order, a segment at a time. DataLoss when one is missing.
  absl::Status ForEachSegment(
      uint64_t after,
      const std::function<absl::Status(absl::Span<const SegmentFrames::Frame>)>& visit) const;
  // A commit's blob. NotFound when it is not, or no longer, there.
  absl::StatusOr<std::string> Read(uint64_t commit) const;
  // Removes segments from the first on that hold no entry from `position` on and no commit behind
  // `commit`, but never the last; what they began logs with is kept. The position of the first
  // entry that is there then. Unavailable when a file cannot be written or removed: a part may be
  // gone.
  absl::StatusOr<uint64_t> RemoveBelow(uint64_t position, uint64_t commit);
  // As Journal::ReadEntries.
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t first, uint64_t count) const;

 private:
  struct Segment {
    uint64_t first_commit = 0;
    uint64_t first_entry = 0;
    std::string path;
  };
  // Where every so many commits of one segment lie, and with which entry they begin.
  struct Step {
    uint64_t offset = 0;
    uint64_t first_entry = 0;
  };
  using Steps = std::vector<Step>;
  // A commit, found.
  struct Place {
    uint64_t commit = 0;
    uint64_t offset = 0;
  };
  // Whether a commit, which begins with this entry, is not behind what is looked for.
  using NotBehind = std::function<bool(uint64_t commit, uint64_t first_entry)>;

  CommitLog(std::string folder, uint64_t segment_bytes)
      : folder_(std::move(folder)), segment_bytes_(segment_bytes) {}
  absl::Status Begin(const std::string& origin);
  absl::Status Recover(const std::string& origin);
  absl::Status ReadLastSegment(const SegmentStart& start);
  absl::Status MakeSegment(const SegmentStart& start, uint64_t first_frame);
  void AddLog(const LogSpan& log);
  void TakeBack();
  static void AddStep(uint64_t first_commit, uint64_t commit, const Step& step, Steps* steps);
  static absl::StatusOr<FileHandle> OpenSegment(const Segment& segment);
  // The last commit up to `last` that is not behind what is looked for: the segment's first always
  // is not.
  absl::StatusOr<Place> Find(const Segment& segment, const FileHandle& file, uint64_t last,
                             const NotBehind& not_behind) const;
  absl::StatusOr<Place> StepBefore(const Segment& segment, const FileHandle& file,
                                   const NotBehind& not_behind) const;
  // With lock_ held.
  void KeepSteps(uint64_t first_commit, Steps steps) const;

  const std::string folder_;
  const uint64_t segment_bytes_;
  JournalId id_{};
  Head head_;
  FileHandle file_;    // the last segment
  uint64_t end_ = 0;   // of its last frame
  uint64_t room_ = 0;  // its size
  std::string frame_;  // kept for its memory

  // What Read looks at.
  mutable std::mutex lock_;
  std::vector<Segment> segments_;
  Openings openings_;  // of what was pruned
  std::vector<LogSpan> logs_;
  Steps last_steps_;
  uint64_t last_commit_ = 0;
  uint64_t last_size_ = 0;                              // position behind it
  mutable absl::flat_hash_map<uint64_t, Steps> steps_;  // of other segments, by first commit
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_COMMIT_LOG_H_
