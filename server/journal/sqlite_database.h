// The journal's database file: one row, one blob for each commit, and the head, in SQLite's WAL
// mode with every commit synced.
#ifndef VOUCH_SERVER_JOURNAL_SQLITE_DATABASE_H_
#define VOUCH_SERVER_JOURNAL_SQLITE_DATABASE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/journal/journal.h"
#include "server/journal/table_image.h"

struct sqlite3;
struct sqlite3_stmt;

namespace vouch::server::journal {

// Raised whenever the layout of database, blob or tables changes.
constexpr int kSchema = 1;

struct CloseConnection {
  void operator()(sqlite3* connection) const;
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Not thread-safe; Read has a connection of its own and may run beside the others, one at a time.
class SqliteDatabase {
 public:
  // Makes the file when it is missing. FailedPrecondition for a newer schema, another origin or a
  // file that is something else; DataLoss when the head is not one.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path,
                                                              const std::string& origin);

  const JournalId& id() const { return id_; }
  const Head& head() const { return head_; }
  absl::StatusOr<std::vector<Journal::Adoption>> ReadAdoptions();
  // The first commit still there; the next one when there is none.
  absl::StatusOr<uint64_t> FirstCommit();

  // Writes commit head.commit, which follows the last one, and head, in one durable transaction.
  // Unavailable: the disk is full, and nothing was written. Any other failure ends the process:
  // what is on disk is then known only after reading it again.
  absl::Status Write(absl::string_view blob, const Head& head, const Journal::Adoption* adoption);
  // Pages in the write-ahead log after the last Write.
  int wal_pages() const { return wal_pages_; }

  // Commits after `after`, in order, without gaps (DataLoss otherwise).
  absl::Status ForEachCommit(uint64_t after,
                             const std::function<absl::Status(uint64_t, absl::string_view)>& visit);
  // NotFound when it is not, or no longer, there.
  absl::StatusOr<std::string> Read(uint64_t commit);

 private:
  SqliteDatabase() = default;
  absl::Status Prepare(const std::string& path, const std::string& origin);
  absl::Status CheckSchema();
  absl::Status MakeSchema(const std::string& origin);
  absl::Status ReadHead(const std::string& origin);
  int WriteTransaction(absl::string_view blob, const Head& head, const Journal::Adoption* adoption);
  absl::Status RollBack(int result);

  Connection writer_;
  Connection reader_;
  Statement begin_, insert_, update_, adopt_, commit_, rollback_, read_;
  JournalId id_{};
  Head head_;
  int wal_pages_ = 0;
};

// A connection to an existing file, set up for durable writing.
absl::StatusOr<Connection> OpenConnection(const std::string& path, bool create);
// True when SQLite failed for want of room: it may be tried again.
bool IsFull(sqlite3* connection, int result);
// Says on stderr that the journal cannot go on, and aborts.
[[noreturn]] void EndProcess(const char* what, int result);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_SQLITE_DATABASE_H_
