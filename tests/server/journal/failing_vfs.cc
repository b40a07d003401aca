#include "tests/server/journal/failing_vfs.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace vouch::server::journal {

namespace {

std::atomic<int> write_error{0};
std::atomic<int> writes_until_error{0};
std::atomic<int> writes_seen{0};
std::atomic<bool> syncs_fail{false};

sqlite3_vfs vfs;
sqlite3_vfs* real = nullptr;

struct File {
  sqlite3_file base;
  sqlite3_io_methods methods;
  sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_file* Below(sqlite3_file* file) { return reinterpret_cast<File*>(file)->below(); }

int Close(sqlite3_file* file) { return Below(file)->pMethods->xClose(Below(file)); }
int Read(sqlite3_file* f, void* out, int size, sqlite3_int64 at) {
  return Below(f)->pMethods->xRead(Below(f), out, size, at);
}
int Write(sqlite3_file* f, const void* bytes, int size, sqlite3_int64 at) {
  ++writes_seen;
  if (write_error != 0 && writes_until_error-- <= 0) {
    // As a disk that fills up in the middle of a page.
    Below(f)->pMethods->xWrite(Below(f), bytes, size / 2, at);
    return write_error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  return Below(f)->pMethods->xWrite(Below(f), bytes, size, at);
}
int Truncate(sqlite3_file* f, sqlite3_int64 size) {
  return Below(f)->pMethods->xTruncate(Below(f), size);
}
int Sync(sqlite3_file* f, int flags) {
  if (syncs_fail) return SQLITE_IOERR_FSYNC;
  return Below(f)->pMethods->xSync(Below(f), flags);
}
int FileSize(sqlite3_file* f, sqlite3_int64* size) {
  return Below(f)->pMethods->xFileSize(Below(f), size);
}
int Lock(sqlite3_file* f, int level) { return Below(f)->pMethods->xLock(Below(f), level); }
int Unlock(sqlite3_file* f, int level) { return Below(f)->pMethods->xUnlock(Below(f), level); }
int CheckReservedLock(sqlite3_file* f, int* out) {
  return Below(f)->pMethods->xCheckReservedLock(Below(f), out);
}
int FileControl(sqlite3_file* f, int op, void* argument) {
  return Below(f)->pMethods->xFileControl(Below(f), op, argument);
}
int SectorSize(sqlite3_file* f) { return Below(f)->pMethods->xSectorSize(Below(f)); }
int Characteristics(sqlite3_file* f) {
  return Below(f)->pMethods->xDeviceCharacteristics(Below(f));
}
int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return Below(f)->pMethods->xShmMap(Below(f), page, size, extend, out);
}
int ShmLock(sqlite3_file* f, int offset, int n, int flags) {
  return Below(f)->pMethods->xShmLock(Below(f), offset, n, flags);
}
void ShmBarrier(sqlite3_file* f) { Below(f)->pMethods->xShmBarrier(Below(f)); }
int ShmUnmap(sqlite3_file* f, int remove) {
  return Below(f)->pMethods->xShmUnmap(Below(f), remove);
}

int Open(sqlite3_vfs*, const char* name, sqlite3_file* raw, int flags, int* out_flags) {
  File* file = reinterpret_cast<File*>(raw);
  std::memset(static_cast<void*>(file), 0, sizeof(*file));
  const int result = real->xOpen(real, name, file->below(), flags, out_flags);
  if (file->below()->pMethods == nullptr) return result;
  file->methods = {2,
                   Close,
                   Read,
                   Write,
                   Truncate,
                   Sync,
                   FileSize,
                   Lock,
                   Unlock,
                   CheckReservedLock,
                   FileControl,
                   SectorSize,
                   Characteristics,
                   ShmMap,
                   ShmLock,
                   ShmBarrier,
                   ShmUnmap,
                   nullptr,
                   nullptr};
  file->base.pMethods = &file->methods;
  return result;
}
int LastError(sqlite3_vfs*, int, char*) {
  return write_error != 0 ? write_error.load() : real->xGetLastError(real, 0, nullptr);
}

}  // namespace

FailingVfs::FailingVfs() {
  real = sqlite3_vfs_find(nullptr);
  vfs = *real;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  vfs.zName = "failing";
  vfs.pNext = nullptr;
  vfs.xOpen = Open;
  vfs.xGetLastError = LastError;
  FailWrites(0);
  FailSyncs(false);
  if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) std::abort();
}
FailingVfs::~FailingVfs() {
  sqlite3_vfs_unregister(&vfs);
  sqlite3_vfs_register(real, 1);
}

void FailingVfs::FailWrites(int error, int writes_left) {
  writes_until_error = writes_left;
  write_error = error;
}
void FailingVfs::FailSyncs(bool fail) { syncs_fail = fail; }
int FailingVfs::writes() const { return writes_seen; }

}  // namespace vouch::server::journal
