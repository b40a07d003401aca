// What a run over many people must remember to survive kill -9: beside the output, in OUTPUT.state.
//
// File: records of u32 length, payload, and the first 8 bytes of SHA-256(payload). Integers are
// big-endian. Payloads:
//   1 run       Field: the run's fingerprint
//   2 message   U64 first row, U32 rows, U32 items, each U32 row within the message; Field: the
//               serialised VerifyBatchRequest, exactly as it is sent (empty when items is 0)
//   3 written   U64 rows, U64 bytes of OUTPUT.part, U64 yes, no, undetermined, refused
//   4 finished
// A record that was cut short is the last one; it and what it would have said never happened.
#ifndef VOUCH_CLIENT_REQUESTER_BATCH_STATE_H_
#define VOUCH_CLIENT_REQUESTER_BATCH_STATE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/digest.h"

namespace vouch::requester {

// One message as it was, or will be, sent.
struct StoredMessage {
  uint64_t first_row = 0;
  uint32_t rows = 0;
  std::vector<uint32_t> items;  // item -> row within the message
  std::string request;          // serialised VerifyBatchRequest
};

struct BatchCounts {
  uint64_t rows = 0;  // written to the output
  uint64_t bytes = 0;
  uint64_t yes = 0;
  uint64_t no = 0;
  uint64_t undetermined = 0;
  uint64_t refused = 0;
};

// Every call returns only when what it says is on disk. Not thread-safe. Holds a lock on its file
// while it lives.
class BatchState {
 public:
  // Opens or creates. FailedPrecondition when it belongs to a run with another fingerprint that has
  // asked about anybody, or another process holds it.
  static absl::StatusOr<BatchState> Open(const std::string& path,
                                         const crypto::Digest& fingerprint);
  BatchState(BatchState&& other) noexcept;
  BatchState(const BatchState&) = delete;
  ~BatchState();

  const BatchCounts& written() const { return written_; }
  bool finished() const { return finished_; }
  // Messages of rows not yet written, in the order in which they were added.
  const std::deque<StoredMessage>& open_messages() const { return open_; }

  absl::Status AddMessage(StoredMessage message);
  absl::Status SetWritten(const BatchCounts& written);
  absl::Status SetFinished();
  // Removes the file.
  absl::Status Remove();

 private:
  BatchState(std::string path, int file) : path_(std::move(path)), file_(file) {}
  absl::Status Read(const crypto::Digest& fingerprint);
  absl::Status Take(absl::string_view payload);
  absl::Status Append(absl::string_view payload);
  void DropWritten();
  // Rewrites a file that is mostly about rows that are written.
  absl::Status Compact();

  std::string path_;
  int file_ = -1;
  uint64_t size_ = 0;
  crypto::Digest fingerprint_{};
  BatchCounts written_;
  bool finished_ = false;
  std::deque<StoredMessage> open_;
};

// Syncs the folder that `path` is in, so that a name made or removed there stays so.
absl::Status SyncFolderOf(const std::string& path);
// Writes all of `bytes`; Unavailable with the reason otherwise.
absl::Status WriteAll(int file, absl::string_view bytes, const std::string& path);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_BATCH_STATE_H_
