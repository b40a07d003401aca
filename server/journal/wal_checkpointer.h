// Moves what the write-ahead log holds into the database file, on a thread and a connection of its
// own, so that commits do not wait for it.
#ifndef VOUCH_SERVER_JOURNAL_WAL_CHECKPOINTER_H_
#define VOUCH_SERVER_JOURNAL_WAL_CHECKPOINTER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "server/journal/sqlite_database.h"

namespace vouch::server::journal {

class WalCheckpointer {
 public:
  // `commit_lock` is held by whoever commits.
  static absl::StatusOr<std::unique_ptr<WalCheckpointer>> Start(const std::string& path,
                                                                std::mutex* commit_lock);
  // Ends a checkpoint in progress first.
  ~WalCheckpointer();

  // Says how long the log is; cheap.
  void LogHas(int pages);

 private:
  WalCheckpointer(Connection connection, std::mutex* commit_lock);
  void Run();
  // Copies what no reader still needs; the number of pages left, -1 when it failed.
  int Checkpoint();

  const Connection connection_;
  std::mutex* const commit_lock_;
  std::mutex lock_;
  std::condition_variable wake_;
  bool due_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_WAL_CHECKPOINTER_H_
