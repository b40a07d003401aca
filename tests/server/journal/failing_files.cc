#include "tests/server/journal/failing_files.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace vouch::server::journal {

namespace {

std::atomic<int> write_error{0};
std::atomic<int> writes_until_error{0};
std::atomic<bool> syncs_fail{false};
std::atomic<bool> reservations_refused{false};
FileCalls real;

bool FailsNow() { return write_error != 0 && writes_until_error-- <= 0; }

ssize_t WriteAt(int descriptor, const void* bytes, size_t size, off_t offset) {
  if (!FailsNow()) return real.write_at(descriptor, bytes, size, offset);
  // As a disk that fills up in the middle of a page.
  (void)!real.write_at(descriptor, bytes, size / 2, offset);
  errno = write_error;
  return -1;
}
int Fail() {
  errno = EIO;
  return -1;
}
int SyncData(int descriptor) { return syncs_fail ? Fail() : real.sync_data(descriptor); }
int Sync(int descriptor) { return syncs_fail ? Fail() : real.sync(descriptor); }
int Reserve(int descriptor, off_t size) {
  if (reservations_refused) return EOPNOTSUPP;
  return FailsNow() ? write_error.load() : real.reserve(descriptor, size);
}

}  // namespace

FailingFiles::FailingFiles() : before_(file_calls()) {
  real = before_;
  FailWrites(0);
  FailSyncs(false);
  reservations_refused = false;
  file_calls() = {WriteAt, SyncData, Sync, Reserve};
}
FailingFiles::~FailingFiles() { file_calls() = before_; }

void FailingFiles::FailWrites(int error, int writes_left) {
  writes_until_error = writes_left;
  write_error = error;
}
void FailingFiles::FailSyncs(bool fail) { syncs_fail = fail; }
void FailingFiles::RefuseReservations() { reservations_refused = true; }

}  // namespace vouch::server::journal
