#include "server/journal/wal_checkpointer.h"

#include <sqlite3.h>

#include <utility>

namespace vouch::server::journal {

namespace {

constexpr int kPagesDue = 8192;  // 32 MiB
constexpr int kPagesCopiedWhileCommitsWait = 2048;

}  // namespace

absl::StatusOr<std::unique_ptr<WalCheckpointer>> WalCheckpointer::Start(const std::string& path,
                                                                        std::mutex* commit_lock) {
  absl::StatusOr<Connection> connection = OpenConnection(path, false);
  if (!connection.ok()) return connection.status();
  // A connection that has read nothing has not opened the log: its checkpoints do nothing, and say
  // that they went well.
  const int result =
      sqlite3_exec(connection->get(), "SELECT last_commit FROM head", nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return absl::UnavailableError("the journal's database cannot be read");
  return std::unique_ptr<WalCheckpointer>(new WalCheckpointer(*std::move(connection), commit_lock));
}

WalCheckpointer::WalCheckpointer(Connection connection, std::mutex* commit_lock)
    : connection_(std::move(connection)), commit_lock_(commit_lock), thread_([this] { Run(); }) {}

WalCheckpointer::~WalCheckpointer() {
  {
    const std::lock_guard<std::mutex> guard(lock_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WalCheckpointer::LogHas(int pages) {
  if (pages < kPagesDue) return;
  {
    const std::lock_guard<std::mutex> guard(lock_);
    if (due_) return;
    due_ = true;
  }
  wake_.notify_one();
}

void WalCheckpointer::Run() {
  std::unique_lock<std::mutex> guard(lock_);
  for (;;) {
    wake_.wait(guard, [this] { return due_ || stop_; });
    if (stop_) return;
    guard.unlock();
    // Nearly everything, beside the commits; then, with commits waiting, the few pages they have
    // added meanwhile. Only a log that was copied whole is begun again from its start.
    const int left = Checkpoint();
    if (left >= 0 && left <= kPagesCopiedWhileCommitsWait) {
      const std::lock_guard<std::mutex> commits_wait(*commit_lock_);
      Checkpoint();
    }
    guard.lock();
    due_ = false;
  }
}

int WalCheckpointer::Checkpoint() {
  int in_log = 0;
  int copied = 0;
  const int result = sqlite3_wal_checkpoint_v2(connection_.get(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  // The log keeps what was not copied: a full disk or a busy reader only means trying again. But a
  // page whose sync failed may be lost to the file while the log thinks it was copied.
  if (result == SQLITE_IOERR_FSYNC || result == SQLITE_IOERR_DIR_FSYNC) {
    EndProcess("the database could not be synced", result);
  }
  return result == SQLITE_OK ? in_log - copied : -1;
}

}  // namespace vouch::server::journal
