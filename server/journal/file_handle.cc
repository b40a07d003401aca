#include "server/journal/file_handle.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace vouch::server::journal {

namespace {

int ReserveFrom0(int descriptor, off_t size) {
  return fallocate(descriptor, 0, 0, size) == 0 ? 0 : errno;
}

bool MeansFull(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

}  // namespace

FileCalls& file_calls() {
  static FileCalls calls = {pwrite, fdatasync, fsync, ReserveFrom0};
  return calls;
}

absl::Status CannotRead(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(
      what, " cannot be read: ", std::error_code(errno, std::generic_category()).message(),
      ". Nothing was changed. It may pass: try again; when it stays so, look whether this is "
      "the user the node runs as, and at the disk (docs/operations.md, \"What can go wrong\")"));
}

FileHandle FileHandle::Open(const std::string& path, int flags) {
  FileHandle handle;
  do {
    handle.descriptor_ = open(path.c_str(), flags | O_CLOEXEC, 0600);
  } while (handle.descriptor_ < 0 && errno == EINTR);
  return handle;
}

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool FileHandle::Lock() { return flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }

bool FileHandle::WriteAll(const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = write(descriptor_, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

WriteResult FileHandle::WriteAllAt(const void* bytes, size_t size, uint64_t offset) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written =
        file_calls().write_at(descriptor_, at, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return MeansFull(errno) ? WriteResult::kFull : WriteResult::kFailed;
    if (written == 0) return WriteResult::kFailed;
    at += written;
    offset += static_cast<uint64_t>(written);
    size -= static_cast<size_t>(written);
  }
  return WriteResult::kDone;
}

absl::Status FileHandle::ReadAt(void* bytes, size_t size, uint64_t offset,
                                const absl::Status& ends) const {
  char* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = pread(descriptor_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CannotRead("the journal");
    if (got == 0) return ends;
    at += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

WriteResult FileHandle::Reserve(uint64_t size) {
  int error = 0;
  do {
    error = file_calls().reserve(descriptor_, static_cast<off_t>(size));
  } while (error == EINTR);
  if (error == 0) return WriteResult::kDone;
  if (MeansFull(error)) return WriteResult::kFull;
  if (error != EOPNOTSUPP && error != ENOSYS) return WriteResult::kFailed;
  return Truncate(size) ? WriteResult::kDone : WriteResult::kFailed;
}

bool FileHandle::Truncate(uint64_t size) {
  return ftruncate(descriptor_, static_cast<off_t>(size)) == 0;
}

bool FileHandle::Size(uint64_t* size) const {
  struct stat about;
  if (fstat(descriptor_, &about) != 0) return false;
  *size = static_cast<uint64_t>(about.st_size);
  return true;
}

bool FileHandle::Sync() { return file_calls().sync(descriptor_) == 0; }

bool FileHandle::SyncData() { return file_calls().sync_data(descriptor_) == 0; }

}  // namespace vouch::server::journal
