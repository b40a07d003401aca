#include "server/journal/file_handle.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace vouch::server::journal {

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

bool FileHandle::ReadAt(void* bytes, size_t size, size_t offset) const {
  char* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = pread(descriptor_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    offset += static_cast<size_t>(got);
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool FileHandle::Sync() { return fsync(descriptor_) == 0; }

}  // namespace vouch::server::journal
