// One file of the commit log: a header that says where it begins, then a frame for each commit.
//
// Layout. Integers are big-endian.
//   header, at 0: "VJLS" | u32 version | u32 size of the header | 16 bytes journal id
//     u64 first commit | u32 second of the commit before | u64 tree size before | u32 origin length
//     origin | version 2: u64 position of that log's first entry | roots of the tree before, 32
//     bytes each | u32 CRC-32C of everything before
//   zeros up to 4096
//   frames: "VJF1" | u32 size of the blob | u64 commit | the blob (commit_blob.h) | zeros up to the
//     next multiple of 8
//   zeros: room reserved for the next frames
#ifndef VOUCH_SERVER_JOURNAL_LOG_SEGMENT_H_
#define VOUCH_SERVER_JOURNAL_LOG_SEGMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/merkle.h"
#include "server/journal/file_handle.h"
#include "server/journal/page_block.h"
#include "server/journal/table_image.h"

namespace vouch::server::journal {

// Raised whenever the layout of segments, blobs or tables changes.
constexpr uint32_t kLogVersion = 3;
constexpr uint64_t kFramesBegin = 4096;

// What was so before a segment's first commit.
struct SegmentStart {
  JournalId id{};
  std::string origin;
  uint64_t first_commit = 1;
  uint32_t second = 0;
  crypto::CompactRange range;  // of the log `origin`
  uint64_t first = 0;          // position of its first entry
  // The segment begins with the commit that ends that log. A program that knows only one log would
  // go on with it: so this is version 2, as is all that follows.
  bool ends_log = false;
  // It begins with the commit that declares a loss: version 3, because a program that does not know
  // them would forget that what was charged meanwhile counts as used up.
  bool declares_loss = false;

  // Position of the segment's first entry.
  uint64_t first_entry() const { return first + range.size(); }
};

// The header with the zeros behind it: kFramesBegin bytes.
std::string EncodeSegmentStart(const SegmentStart& start);
// FailedPrecondition: a newer version, or a file that is something else. DataLoss: damaged.
absl::StatusOr<SegmentStart> ReadSegmentStart(const FileHandle& file);

// The whole frame of a commit into `out`, replacing what was there.
void EncodeFrame(uint64_t commit, absl::string_view blob, std::string* out);
uint64_t FrameSize(uint64_t blob_size);
// The blob's size, from the first 16 bytes of a frame; 0 when this is no frame of `commit`.
constexpr size_t kFrameHeaderSize = 16;
uint32_t BlobSizeOf(absl::string_view frame_header, uint64_t commit);

// A segment read into memory, and the frames found in it, in order.
class SegmentFrames {
 public:
  struct Frame {
    uint64_t commit = 0;
    uint64_t offset = 0;  // of the frame, in the file
    absl::string_view blob;
  };
  // Stops at the first place that is no whole frame of the next commit. Unavailable when the file
  // cannot be read; DataLoss when it is shorter than a header.
  static absl::StatusOr<SegmentFrames> Read(const FileHandle& file, uint64_t first_commit);

  const std::vector<Frame>& frames() const { return frames_; }
  // Where the next frame belongs.
  uint64_t end() const { return end_; }
  uint64_t file_size() const { return size_; }
  // Whether nothing but zeros follows.
  bool clean() const { return clean_; }
  // Whether a whole frame of a commit from `commit` on stands anywhere behind end(): then what is
  // at end() was damaged after it had been written, and is not a write that a crash cut short.
  bool HoldsLater(uint64_t commit) const;

 private:
  const char* data() const { return static_cast<const char*>(bytes_.data()); }

  PageBlock bytes_;
  uint64_t size_ = 0;
  uint64_t end_ = 0;
  bool clean_ = true;
  std::vector<Frame> frames_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_LOG_SEGMENT_H_
