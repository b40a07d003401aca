// What every file of a generation has in common: written once from front to back, synced, then only
// read through a memory map. Layout (docs/records.md): magic (8 bytes), schema u32, header size
// u32, body size u64, details as a Field, SHA-256 of everything before it, zeros up to the header
// size (a multiple of 64), body. Header fields are big-endian; bodies hold little-endian machine
// words.
#ifndef VOUCH_SERVER_RECORDS_MAPPED_FILE_H_
#define VOUCH_SERVER_RECORDS_MAPPED_FILE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/bytes.h"

namespace vouch::server::records {

// The error of the last system call, with what was being done to which file.
absl::Status SystemError(absl::string_view what, const std::string& path);

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int number() const { return number_; }
  bool ok() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

absl::Status SyncFolder(const std::string& folder);
absl::Status WriteAll(int file, crypto::ByteSpan bytes, const std::string& path);

// A 32-bit sum that finds damage (not tampering) in a row or line, and a row in the wrong place.
uint32_t DamageSum(crypto::ByteSpan bytes, uint64_t place);

struct FileKind {
  absl::string_view magic;  // 8 characters
  uint32_t schema = 1;
};

// A finished file, read only. Movable; unmapped on destruction. A reader keeps its map even after
// the file was unlinked.
class MappedFile {
 public:
  // DataLoss when the file is damaged or cut short; FailedPrecondition when its schema is newer
  // than this program; NotFound when it is not there. Only the header and the size are checked
  // here: bodies carry sums of their own.
  static absl::StatusOr<MappedFile> Open(const std::string& path, const FileKind& kind);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  absl::string_view details() const { return details_; }
  crypto::ByteSpan body() const { return body_; }

 private:
  void Close();
  void* memory_ = nullptr;
  size_t size_ = 0;
  crypto::ByteSpan body_;
  std::string details_;
};

// Writes a new file with mode 0600 from front to back. The file is removed again unless Finish
// succeeded.
class FileWriter {
 public:
  // `details_size` is what Finish will be given: the header's room is kept free.
  static absl::StatusOr<FileWriter> Create(const std::string& path, size_t details_size);
  FileWriter(FileWriter&&) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  // Errors are kept and returned by Finish.
  void Append(crypto::ByteSpan bytes);
  uint64_t body_size() const { return body_size_; }
  absl::Status Finish(const FileKind& kind, absl::string_view details);

 private:
  FileWriter(std::string path, Descriptor file, size_t details_size);
  std::string path_;
  Descriptor file_;
  size_t details_size_;
  uint64_t body_size_ = 0;
  std::string buffer_;
  absl::Status status_;
};

// A new file written in any order through a map that grows; zeros where nothing was written. Used
// for rows by record number.
class GrowingFile {
 public:
  static absl::StatusOr<GrowingFile> Create(const std::string& path, size_t details_size);
  GrowingFile(GrowingFile&&) noexcept;
  GrowingFile& operator=(GrowingFile&&) = delete;
  ~GrowingFile();

  // Makes the body at least `size` bytes long. Pointers into the body die.
  absl::Status Reserve(uint64_t size);
  uint8_t* body() { return memory_ + header_size_; }
  absl::Status Finish(const FileKind& kind, absl::string_view details, uint64_t body_size);

 private:
  GrowingFile() = default;
  std::string path_;
  Descriptor file_;
  size_t header_size_ = 0;
  uint8_t* memory_ = nullptr;
  uint64_t capacity_ = 0;  // of the whole map
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_MAPPED_FILE_H_
