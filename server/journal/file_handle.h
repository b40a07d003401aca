// An open file that closes itself, and reads and writes that do not stop half-way.
#ifndef VOUCH_SERVER_JOURNAL_FILE_HANDLE_H_
#define VOUCH_SERVER_JOURNAL_FILE_HANDLE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vouch::server::journal {

// The kernel's calls by which commits reach the disk. Tests put failing ones here.
struct FileCalls {
  ssize_t (*write_at)(int descriptor, const void* bytes, size_t size, off_t offset);
  int (*sync_data)(int descriptor);
  int (*sync)(int descriptor);
  // As fallocate(2) from the beginning, but returns the error's number.
  int (*reserve)(int descriptor, off_t size);
};
FileCalls& file_calls();

// What became of a write. Full: no room for it (disk, quota, file size limit); another time there
// may be.
enum class WriteResult { kDone, kFull, kFailed };

// Unavailable, for whoever starts a node or runs a command: that `what` cannot be read, why
// (errno), and what to do.
absl::Status CannotRead(absl::string_view what);

class FileHandle {
 public:
  FileHandle() = default;
  // As open(2), never inherited by programs started from here.
  static FileHandle Open(const std::string& path, int flags);
  FileHandle(FileHandle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle();

  bool is_open() const { return descriptor_ >= 0; }
  // False when another process, or another handle in this one, holds it.
  bool Lock();
  bool WriteAll(const void* bytes, size_t size);
  // All of it, or as much as there was room for.
  WriteResult WriteAllAt(const void* bytes, size_t size, uint64_t offset);
  // Exactly `size` bytes at `offset`. `ends` when there are not so many; CannotRead when the system
  // says that it cannot: it may pass, and nothing is damaged by it.
  absl::Status ReadAt(void* bytes, size_t size, uint64_t offset, const absl::Status& ends) const;
  // Makes the file `size` bytes long with room on the disk for each of them. Done also where the
  // file system cannot promise room: then writes may still find it full.
  WriteResult Reserve(uint64_t size);
  bool Truncate(uint64_t size);
  // False when the size cannot be told.
  bool Size(uint64_t* size) const;
  bool Sync();
  // The bytes, and of the file's own data what is needed to read them.
  bool SyncData();

 private:
  int descriptor_ = -1;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_FILE_HANDLE_H_
