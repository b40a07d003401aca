#include "server/journal/sqlite_database.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/random.h"

namespace vouch::server::journal {

namespace {

constexpr int kApplication = 0x564a524e;  // "VJRN"
constexpr int kBusyMilliseconds = 10000;

// Checkpoints are made on another thread; the committing connection only appends.
constexpr char kSetUp[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
    "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;";

constexpr char kTables[] =
    "CREATE TABLE commits (number INTEGER PRIMARY KEY, blob BLOB NOT NULL) STRICT;"
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), journal_id BLOB NOT NULL,"
    " origin TEXT NOT NULL, tree_size INTEGER NOT NULL, roots BLOB NOT NULL,"
    " last_commit INTEGER NOT NULL, second INTEGER NOT NULL) STRICT;"
    "CREATE TABLE adoptions (agreement_id TEXT NOT NULL, revision INTEGER NOT NULL,"
    " digest BLOB NOT NULL, PRIMARY KEY (agreement_id, revision)) STRICT, WITHOUT ROWID;";

absl::Status Failed(absl::string_view doing, int result) {
  return absl::UnavailableError(
      absl::StrCat("the journal's database failed while ", doing, ": ", sqlite3_errstr(result)));
}

int Run(sqlite3* connection, const std::string& sql) {
  return sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr);
}

Statement PrepareStatement(sqlite3* connection, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  return Statement(statement);
}

// Runs a statement that returns no row, and makes it ready for the next time.
int RunOnce(sqlite3_stmt* statement) {
  const int result = sqlite3_step(statement);
  sqlite3_reset(statement);
  return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

int ReadNumber(sqlite3* connection, const char* sql, int64_t* number) {
  Statement statement = PrepareStatement(connection, sql);
  if (statement == nullptr) return sqlite3_errcode(connection);
  const int result = sqlite3_step(statement.get());
  if (result != SQLITE_ROW) return result == SQLITE_DONE ? SQLITE_ERROR : result;
  *number = sqlite3_column_int64(statement.get(), 0);
  return SQLITE_OK;
}

absl::string_view ColumnBlob(sqlite3_stmt* statement, int column) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
  return absl::string_view(bytes, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
}

std::string RootBytes(const crypto::CompactRange& range) {
  std::string bytes;
  for (const crypto::Digest& root : range.roots()) {
    bytes.append(reinterpret_cast<const char*>(root.data()), root.size());
  }
  return bytes;
}

int WalHook(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

}  // namespace

void CloseConnection::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
void FinalizeStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void EndProcess(const char* what, int result) {
  // A sync that failed may have dropped what it was to write: only a new start, reading what is
  // there, can tell.
  std::fprintf(stderr, "vouch: the journal cannot go on: %s: %s (%d)\n", what,
               sqlite3_errstr(result), result);
  std::abort();
}

bool IsFull(sqlite3* connection, int result) {
  if ((result & 0xff) == SQLITE_FULL) return true;
  if (result != SQLITE_IOERR_WRITE) return false;
  // SQLite calls only ENOSPC full. The connection's own errno may come from what it did afterwards;
  // the log's file remembers what its last write failed with.
  int error = 0;
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  if (error == 0) error = sqlite3_system_errno(connection);
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

absl::StatusOr<Connection> OpenConnection(const std::string& path, bool create) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  int result = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection connection(raw);
  if (result != SQLITE_OK) return Failed("opening its file", result);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  result = Run(raw, kSetUp);
  if (result == SQLITE_NOTADB) {
    return absl::FailedPreconditionError("the journal's file is not a database");
  }
  if (result != SQLITE_OK) return Failed("opening its file", result);
  return connection;
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path,
                                                                     const std::string& origin) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase);
  if (absl::Status status = database->Prepare(path, origin); !status.ok()) return status;
  return database;
}

absl::Status SqliteDatabase::Prepare(const std::string& path, const std::string& origin) {
  absl::StatusOr<Connection> writer = OpenConnection(path, true);
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  int64_t version = 0;
  int64_t tables = 0;
  int result = ReadNumber(writer_.get(), "PRAGMA user_version", &version);
  if (result == SQLITE_OK) {
    result = ReadNumber(writer_.get(), "SELECT count(*) FROM sqlite_schema", &tables);
  }
  if (result != SQLITE_OK) return Failed("reading its schema", result);
  absl::Status status = version == 0 && tables == 0 ? MakeSchema(origin) : CheckSchema();
  if (!status.ok()) return status;
  if (status = ReadHead(origin); !status.ok()) return status;

  absl::StatusOr<Connection> reader = OpenConnection(path, false);
  if (!reader.ok()) return reader.status();
  reader_ = *std::move(reader);
  begin_ = PrepareStatement(writer_.get(), "BEGIN IMMEDIATE");
  insert_ = PrepareStatement(writer_.get(), "INSERT INTO commits (number, blob) VALUES (?1, ?2)");
  update_ = PrepareStatement(writer_.get(),
                             "UPDATE head SET tree_size = ?1, roots = ?2, last_commit = ?3,"
                             " second = ?4 WHERE one = 1");
  adopt_ = PrepareStatement(writer_.get(), "INSERT INTO adoptions VALUES (?1, ?2, ?3)");
  commit_ = PrepareStatement(writer_.get(), "COMMIT");
  rollback_ = PrepareStatement(writer_.get(), "ROLLBACK");
  read_ = PrepareStatement(reader_.get(), "SELECT blob FROM commits WHERE number = ?1");
  for (const Statement* statement :
       {&begin_, &insert_, &update_, &adopt_, &commit_, &rollback_, &read_}) {
    if (*statement == nullptr) {
      return absl::FailedPreconditionError("the journal's database lacks tables of its schema");
    }
  }
  sqlite3_wal_hook(writer_.get(), WalHook, &wal_pages_);
  return absl::OkStatus();
}

absl::Status SqliteDatabase::CheckSchema() {
  int64_t application = 0;
  int64_t version = 0;
  int result = ReadNumber(writer_.get(), "PRAGMA application_id", &application);
  if (result == SQLITE_OK) result = ReadNumber(writer_.get(), "PRAGMA user_version", &version);
  if (result != SQLITE_OK) return Failed("reading its schema", result);
  if (application != kApplication) {
    return absl::FailedPreconditionError("the journal's file is another program's database");
  }
  if (version > kSchema) {
    return absl::FailedPreconditionError(
        absl::StrCat("the journal's database has schema ", version, "; this program knows up to ",
                     kSchema, ": start a program at least as new as the one that wrote it"));
  }
  return absl::OkStatus();
}

absl::Status SqliteDatabase::MakeSchema(const std::string& origin) {
  JournalId id;
  crypto::FillRandom(absl::MakeSpan(id));
  int result = Run(writer_.get(), "BEGIN IMMEDIATE");
  if (result == SQLITE_OK) result = Run(writer_.get(), kTables);
  if (result == SQLITE_OK) {
    Statement head = PrepareStatement(writer_.get(), "INSERT INTO head VALUES (1,?1,?2,0,x'',0,0)");
    result = SQLITE_ERROR;
    if (head != nullptr) {
      sqlite3_bind_blob(head.get(), 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
      sqlite3_bind_text(head.get(), 2, origin.data(), static_cast<int>(origin.size()),
                        SQLITE_STATIC);
      result = RunOnce(head.get());
    }
  }
  if (result == SQLITE_OK) {
    result = Run(writer_.get(), absl::StrCat("PRAGMA application_id=", kApplication,
                                             "; PRAGMA user_version=", kSchema, "; COMMIT"));
  }
  if (result == SQLITE_OK) return absl::OkStatus();
  Run(writer_.get(), "ROLLBACK");
  return Failed("making its tables", result);
}

namespace {

// "agency.example/ledger" of "agency.example/ledger/2027".
absl::string_view LogOf(absl::string_view origin) { return origin.substr(0, origin.rfind('/')); }

}  // namespace

absl::Status SqliteDatabase::ReadHead(const std::string& origin) {
  const absl::Status damaged = absl::DataLossError("the journal's head is missing or damaged");
  Statement statement = PrepareStatement(
      writer_.get(),
      "SELECT journal_id, origin, tree_size, roots, last_commit, second FROM head WHERE one = 1");
  if (statement == nullptr || sqlite3_step(statement.get()) != SQLITE_ROW) return damaged;
  const absl::string_view id = ColumnBlob(statement.get(), 0);
  if (id.size() != id_.size()) return damaged;
  std::memcpy(id_.data(), id.data(), id.size());
  head_.origin = std::string(ColumnBlob(statement.get(), 1));
  head_.tree_size = static_cast<uint64_t>(sqlite3_column_int64(statement.get(), 2));
  absl::string_view roots = ColumnBlob(statement.get(), 3);
  head_.commit = static_cast<uint64_t>(sqlite3_column_int64(statement.get(), 4));
  head_.second = static_cast<uint32_t>(sqlite3_column_int64(statement.get(), 5));
  if (roots.size() % sizeof(crypto::Digest) != 0) return damaged;
  std::vector<crypto::Digest> digests(roots.size() / sizeof(crypto::Digest));
  if (!roots.empty()) std::memcpy(digests.data(), roots.data(), roots.size());
  absl::StatusOr<crypto::CompactRange> range =
      crypto::CompactRange::From(head_.tree_size, std::move(digests));
  if (!range.ok()) return damaged;
  head_.range = *std::move(range);
  // A log keeps the year it was begun in: only another agency's log is refused.
  if (LogOf(head_.origin) != LogOf(origin)) {
    return absl::FailedPreconditionError(
        absl::StrCat("this journal holds the log ", head_.origin, ", not ", origin));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Journal::Adoption>> SqliteDatabase::ReadAdoptions() {
  Statement statement = PrepareStatement(
      writer_.get(),
      "SELECT agreement_id, revision, digest FROM adoptions ORDER BY agreement_id, revision");
  if (statement == nullptr) return Failed("reading adoptions", sqlite3_errcode(writer_.get()));
  std::vector<Journal::Adoption> adoptions;
  int result;
  while ((result = sqlite3_step(statement.get())) == SQLITE_ROW) {
    Journal::Adoption adoption;
    adoption.agreement_id = std::string(ColumnBlob(statement.get(), 0));
    adoption.revision = sqlite3_column_int64(statement.get(), 1);
    const absl::string_view digest = ColumnBlob(statement.get(), 2);
    if (digest.size() != adoption.digest.size()) {
      return absl::DataLossError("an adoption's digest is damaged");
    }
    std::memcpy(adoption.digest.data(), digest.data(), digest.size());
    adoptions.push_back(std::move(adoption));
  }
  if (result != SQLITE_DONE) return Failed("reading adoptions", result);
  return adoptions;
}

absl::StatusOr<uint64_t> SqliteDatabase::FirstCommit() {
  int64_t first = 0;
  const int result = ReadNumber(
      writer_.get(), "SELECT ifnull(min(number), (SELECT last_commit + 1 FROM head)) FROM commits",
      &first);
  if (result != SQLITE_OK) return Failed("reading commits", result);
  return static_cast<uint64_t>(first);
}

int SqliteDatabase::WriteTransaction(absl::string_view blob, const Head& head,
                                     const Journal::Adoption* adoption) {
  int result = RunOnce(begin_.get());
  if (result != SQLITE_OK) return result;
  sqlite3_bind_int64(insert_.get(), 1, static_cast<int64_t>(head.commit));
  sqlite3_bind_blob64(insert_.get(), 2, blob.data(), blob.size(), SQLITE_STATIC);
  result = RunOnce(insert_.get());
  if (result != SQLITE_OK) return result;
  const std::string roots = RootBytes(head.range);
  sqlite3_bind_int64(update_.get(), 1, static_cast<int64_t>(head.tree_size));
  sqlite3_bind_blob(update_.get(), 2, roots.data(), static_cast<int>(roots.size()), SQLITE_STATIC);
  sqlite3_bind_int64(update_.get(), 3, static_cast<int64_t>(head.commit));
  sqlite3_bind_int64(update_.get(), 4, head.second);
  result = RunOnce(update_.get());
  if (result != SQLITE_OK) return result;
  if (adoption != nullptr) {
    sqlite3_bind_text(adopt_.get(), 1, adoption->agreement_id.data(),
                      static_cast<int>(adoption->agreement_id.size()), SQLITE_STATIC);
    sqlite3_bind_int64(adopt_.get(), 2, adoption->revision);
    sqlite3_bind_blob(adopt_.get(), 3, adoption->digest.data(),
                      static_cast<int>(adoption->digest.size()), SQLITE_STATIC);
    result = RunOnce(adopt_.get());
    if (result != SQLITE_OK) return result;
  }
  return RunOnce(commit_.get());
}

absl::Status SqliteDatabase::Write(absl::string_view blob, const Head& head,
                                   const Journal::Adoption* adoption) {
  const int result = WriteTransaction(blob, head, adoption);
  sqlite3_clear_bindings(insert_.get());
  if (result != SQLITE_OK) return RollBack(result);
  head_ = head;
  return absl::OkStatus();
}

absl::Status SqliteDatabase::RollBack(int result) {
  const bool retriable =
      IsFull(writer_.get(), result) || (result & 0xff) == SQLITE_BUSY || result == SQLITE_NOMEM;
  if (!retriable) EndProcess("a commit failed", result);
  if (sqlite3_get_autocommit(writer_.get()) == 0) RunOnce(rollback_.get());
  int64_t last = -1;
  if (sqlite3_get_autocommit(writer_.get()) == 0 ||
      ReadNumber(writer_.get(), "SELECT last_commit FROM head", &last) != SQLITE_OK ||
      last != static_cast<int64_t>(head_.commit)) {
    EndProcess("a commit could not be rolled back", result);
  }
  return absl::UnavailableError(absl::StrCat("nothing was committed: ", sqlite3_errstr(result)));
}

absl::Status SqliteDatabase::ForEachCommit(
    uint64_t after, const std::function<absl::Status(uint64_t, absl::string_view)>& visit) {
  Statement statement = PrepareStatement(
      writer_.get(), "SELECT number, blob FROM commits WHERE number > ?1 ORDER BY number");
  if (statement == nullptr) return Failed("reading commits", sqlite3_errcode(writer_.get()));
  sqlite3_bind_int64(statement.get(), 1, static_cast<int64_t>(after));
  uint64_t expected = after + 1;
  int result;
  while ((result = sqlite3_step(statement.get())) == SQLITE_ROW) {
    const auto number = static_cast<uint64_t>(sqlite3_column_int64(statement.get(), 0));
    if (number != expected) break;
    if (absl::Status status = visit(number, ColumnBlob(statement.get(), 1)); !status.ok()) {
      return status;
    }
    ++expected;
  }
  if (result != SQLITE_DONE && result != SQLITE_ROW) return Failed("reading commits", result);
  if (expected != head_.commit + 1) {
    return absl::DataLossError(absl::StrCat("commit ", expected, " is missing from the journal"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SqliteDatabase::Read(uint64_t commit) {
  sqlite3_bind_int64(read_.get(), 1, static_cast<int64_t>(commit));
  const int result = sqlite3_step(read_.get());
  absl::StatusOr<std::string> blob = absl::NotFoundError("the commit is not in the journal");
  if (result == SQLITE_ROW) {
    blob = std::string(ColumnBlob(read_.get(), 0));
  } else if (result != SQLITE_DONE) {
    blob = Failed("reading a commit", result);
  }
  sqlite3_reset(read_.get());
  return blob;
}

}  // namespace vouch::server::journal
