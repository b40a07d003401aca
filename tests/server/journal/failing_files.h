// A disk that can run full or fail to sync, under every journal while this lives.
#ifndef VOUCH_TESTS_SERVER_JOURNAL_FAILING_FILES_H_
#define VOUCH_TESTS_SERVER_JOURNAL_FAILING_FILES_H_

#include "server/journal/file_handle.h"

namespace vouch::server::journal {

class FailingFiles {
 public:
  FailingFiles();
  ~FailingFiles();
  FailingFiles(const FailingFiles&) = delete;
  FailingFiles& operator=(const FailingFiles&) = delete;

  // Once `writes_left` writes and reservations are through, each fails with this errno, a write
  // after half of its bytes; 0 ends that.
  void FailWrites(int error, int writes_left = 0);
  void FailSyncs(bool fail);
  // A file system that cannot promise room.
  void RefuseReservations();

 private:
  const FileCalls before_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_TESTS_SERVER_JOURNAL_FAILING_FILES_H_
