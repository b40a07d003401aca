// An open file that closes itself, and reads and writes that do not stop half-way.
#ifndef VOUCH_SERVER_JOURNAL_FILE_HANDLE_H_
#define VOUCH_SERVER_JOURNAL_FILE_HANDLE_H_

#include <cstddef>
#include <string>
#include <utility>

namespace vouch::server::journal {

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
  // Exactly `size` bytes at `offset`, or false.
  bool ReadAt(void* bytes, size_t size, size_t offset) const;
  bool Sync();

 private:
  int descriptor_ = -1;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_FILE_HANDLE_H_
