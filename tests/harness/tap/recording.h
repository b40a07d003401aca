// What a tap saw, as a file: the 12 bytes "vouch-tap/1\n", then records. A record is the length of
// its rest (U32), direction (U8), kind (U8), call number (U64), and two fields: the method's path
// and the bytes. A field is a U32 length and its bytes; integers are big-endian.
#ifndef VOUCH_TESTS_HARNESS_TAP_RECORDING_H_
#define VOUCH_TESTS_HARNESS_TAP_RECORDING_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vouch::tap {

enum class Direction : uint8_t { kToResponder = 1, kToRequester = 2 };

enum class Kind : uint8_t {
  kMetadata = 1,  // initial: fields name, value, name, value, ... in order
  kMessage = 2,   // one serialised message
  kTrailing = 3,  // trailing metadata, like kMetadata
  kStatus = 4,    // U32 code, field message, field details
  kEnd = 5,       // the sender's side of the call ended: half-close or cancellation; no bytes
};

struct Record {
  Direction direction = Direction::kToResponder;
  Kind kind = Kind::kMessage;
  uint64_t call = 0;
  std::string method;
  std::string bytes;
};

std::string MetadataBytes(const std::vector<std::pair<std::string, std::string>>& metadata);
std::string StatusBytes(uint32_t code, absl::string_view message, absl::string_view details);

// Appends records to a file, each flushed before Write returns. Thread-safe.
class Recording {
 public:
  // Replaces what is at `path`. Unavailable when it cannot be written.
  static absl::StatusOr<std::unique_ptr<Recording>> Create(const std::string& path);
  // A record that cannot be written ends the process: a tap that misses something proves nothing.
  void Write(const Record& record);

 private:
  struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  explicit Recording(FILE* file) : file_(file) {}

  std::mutex mutex_;
  std::unique_ptr<FILE, Close> file_;
};

// InvalidArgument when the file is not a recording or ends within a record.
absl::StatusOr<std::vector<Record>> ReadRecording(const std::string& path);

}  // namespace vouch::tap

#endif  // VOUCH_TESTS_HARNESS_TAP_RECORDING_H_
