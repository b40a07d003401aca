// The log's entries as they lie in a journal's folder, read beside the node that writes them, or
// without one: nothing is locked, and nothing is changed.
#ifndef VOUCH_SERVER_JOURNAL_WRITTEN_ENTRIES_H_
#define VOUCH_SERVER_JOURNAL_WRITTEN_ENTRIES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/merkle.h"
#include "server/journal/journal.h"
#include "server/journal/openings.h"

namespace vouch::server::journal {

// Not thread-safe.
class WrittenEntries {
 public:
  // What is there now, made durable: a checkpoint may be signed over it. NotFound when the folder
  // holds no log; DataLoss when what was written is damaged; Unavailable when it cannot be read.
  static absl::StatusOr<std::unique_ptr<WrittenEntries>> Open(const std::string& folder);

  // The log that is being written: its name and its entries.
  const std::string& origin() const { return logs_.back().origin; }
  const crypto::CompactRange& range() const { return range_; }
  // All of them, as Journal::logs.
  const std::vector<LogSpan>& logs() const { return logs_; }
  // Position of the first entry that was not pruned.
  uint64_t first_entry() const { return segments_.front().first_entry; }
  // Position behind the last entry.
  uint64_t end() const { return logs_.back().first + range_.size(); }
  // As Journal::ReadEntries, up to end(). Quick when read in order.
  absl::StatusOr<std::vector<std::string>> Read(uint64_t first, uint32_t count);

 private:
  struct Segment {
    std::string path;
    uint64_t first_commit = 0;
    uint64_t first_entry = 0;
  };
  WrittenEntries() = default;
  // The entries of one segment, in order.
  static absl::StatusOr<std::vector<std::string>> ReadSegment(const Segment& segment, bool last);

  std::vector<LogSpan> logs_;
  crypto::CompactRange range_;
  std::vector<Segment> segments_;
  Openings openings_;
  size_t held_ = SIZE_MAX;  // the segment whose entries are held
  std::vector<std::string> entries_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_WRITTEN_ENTRIES_H_
