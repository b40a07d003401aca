// A file system under SQLite that can run full or fail to sync, as the default for connections
// opened while it lives.
#ifndef VOUCH_TESTS_SERVER_JOURNAL_FAILING_VFS_H_
#define VOUCH_TESTS_SERVER_JOURNAL_FAILING_VFS_H_

#include <atomic>

namespace vouch::server::journal {

class FailingVfs {
 public:
  FailingVfs();
  ~FailingVfs();
  FailingVfs(const FailingVfs&) = delete;
  FailingVfs& operator=(const FailingVfs&) = delete;

  // Once `writes_left` writes are through, every write fails with this errno; 0 ends that.
  void FailWrites(int error, int writes_left = 0);
  void FailSyncs(bool fail);
  int writes() const;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_TESTS_SERVER_JOURNAL_FAILING_VFS_H_
