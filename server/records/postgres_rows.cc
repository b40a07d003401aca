#include "server/records/postgres_rows.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace vouch::server::records {

namespace {

// Types whose text is not what the loader reads (pg_type.dat).
constexpr Oid kBoolean = 16;
constexpr Oid kPaddedText = 1042;  // character(n): blanks at the end mean nothing

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Connection = std::unique_ptr<PGconn, FinishConnection>;
using Result = std::unique_ptr<PGresult, ClearResult>;
using ConnectionOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

// Notices may repeat values, and would go to standard error.
void DropNotice(void* /*unused*/, const PGresult* /*notice*/) {}

// What the errors mean that a query in a mapping may well meet.
absl::string_view MeaningOf(absl::string_view state) {
  static constexpr std::pair<absl::string_view, absl::string_view> kMeanings[] = {
      {"22003", "a number is out of range"},
      {"22008", "a date or time is out of range"},
      {"22012", "division by zero"},
      {"22021", "a text is not in the encoding that the database says"},
      {"22P02", "a value cannot be read as the type it is cast to"},
      {"25006", "the query tries to change something, and loads only read"},
      {"40001", "the transaction met another one; run the load again"},
      {"42501", "the user may not read what the query names"},
      {"42601", "the query is not well formed"},
      {"42703", "the query names a column that does not exist"},
      {"42804", "types in the query do not fit"},
      {"42883", "the query names a function or operator that does not exist"},
      {"42P01", "the query names a table that does not exist"},
      {"57014", "the query was cancelled, or took longer than statement_timeout allows"},
  };
  for (const auto& [known, meaning] : kMeanings) {
    if (known == state) return meaning;
  }
  return "the server's own log says more";
}

absl::Status ErrorOf(PGconn* connection, const PGresult* result) {
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const absl::string_view state = field == nullptr ? "" : field;
  // Told as an error, then done: classes "connection exception" and "operator intervention".
  const bool lost = absl::StartsWith(state, "08") || absl::StartsWith(state, "57P");
  if (state.empty() || lost || PQstatus(connection) == CONNECTION_BAD) {
    return absl::UnavailableError(
        "PostgreSQL closed the connection before the query's last row; see the server's log");
  }
  std::string message =
      absl::StrCat("PostgreSQL ended the query with SQLSTATE ", state, ": ", MeaningOf(state));
  if (const char* place = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
      place != nullptr) {
    absl::StrAppend(&message, " (character ", place, " of the query)");
  }
  return absl::AbortedError(message);
}

absl::Status Run(PGconn* connection, const char* statement) {
  const Result result(PQexec(connection, statement));
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return absl::OkStatus();
  return ErrorOf(connection, result.get());
}

absl::StatusOr<Connection> Connect(const std::string& text) {
  // What comes later counts: whatever the settings say, text arrives as UTF-8.
  std::vector<const char*> names, values;
  if (!text.empty()) {
    names.push_back("dbname");  // expanded, since it is a connection string
    values.push_back(text.c_str());
  }
  names.push_back("fallback_application_name");
  values.push_back("vouch records load");
  names.push_back("client_encoding");
  values.push_back("UTF8");
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(PQconnectdbParams(names.data(), values.data(), /*expand_dbname=*/1));
  if (connection == nullptr) return absl::ResourceExhaustedError("out of memory");
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    // Names hosts and users; nobody's record has been read yet.
    return absl::UnavailableError(
        absl::StrCat("cannot connect to PostgreSQL: ",
                     absl::StripSuffix(PQerrorMessage(connection.get()), "\n")));
  }
  PQsetNoticeReceiver(connection.get(), DropNotice, nullptr);
  return connection;
}

class QueryReader final : public RowReader {
 public:
  QueryReader(Connection connection, const std::vector<std::string>& columns)
      : connection_(std::move(connection)), columns_(columns) {}

  absl::Status Begin(const std::string& query) {
    PGconn* const connection = connection_.get();
    for (const char* statement : {"BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                                  "SET LOCAL DateStyle TO 'ISO, YMD'"}) {
      if (absl::Status s = Run(connection, statement); !s.ok()) return s;
    }
    // With parameters, even none, the server takes one statement only: nothing can end the
    // transaction and go on outside it.
    if (PQsendQueryParams(connection, query.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) !=
            1 ||
        PQsetSingleRowMode(connection) != 1) {
      return absl::UnavailableError("the query cannot be sent to PostgreSQL");
    }
    if (absl::Status s = Fetch(); !s.ok()) return s;
    return FindColumns();
  }

  absl::StatusOr<bool> Next(RawRow* row) override {
    row->error.clear();
    row->text.clear();
    row->ends.clear();
    const PGresult* const result = waiting_.get();
    if (PQresultStatus(result) == PGRES_TUPLES_OK) return false;
    row->number = ++rows_;
    row->line = 0;
    for (const Place& place : places_) {
      if (PQgetisnull(result, 0, place.field) == 0) {
        absl::string_view text(PQgetvalue(result, 0, place.field),
                               static_cast<size_t>(PQgetlength(result, 0, place.field)));
        if (place.type == kBoolean) text = text == "t" ? "yes" : "no";
        if (place.type == kPaddedText) text = text.substr(0, text.find_last_not_of(' ') + 1);
        row->text.append(text.data(), text.size());
      }
      bytes_ += static_cast<uint64_t>(PQgetlength(result, 0, place.field));
      if (row->text.size() > kLargestRow) {
        row->error = "is longer than 1 MiB";
        break;
      }
      row->ends.push_back(static_cast<uint32_t>(row->text.size()));
    }
    // A database without an encoding of its own sends whatever bytes it was given.
    if (row->error.empty() && !IsText(row->text)) row->error = "is not UTF-8 text";
    if (absl::Status s = Fetch(); !s.ok()) return s;
    return true;
  }

  void Columns(RawRow* row, std::vector<absl::optional<std::string>>* values) const override {
    values->clear();
    uint32_t from = 0;
    for (const uint32_t end : row->ends) {
      values->emplace_back();
      if (end > from) values->back() = row->text.substr(from, end - from);
      from = end;
    }
  }

  uint64_t bytes_read() const override { return bytes_; }
  uint64_t bytes_total() const override { return 0; }

 private:
  struct Place {
    int field;
    Oid type;
  };

  // Waits for the next row, or for the end.
  absl::Status Fetch() {
    waiting_.reset(PQgetResult(connection_.get()));
    switch (PQresultStatus(waiting_.get())) {
      case PGRES_SINGLE_TUPLE:
      case PGRES_TUPLES_OK:
        return absl::OkStatus();
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
      case PGRES_COPY_OUT:
      case PGRES_COPY_IN:
      case PGRES_COPY_BOTH:
        return absl::InvalidArgumentError("the statement gives no rows; write a SELECT");
      default:
        return ErrorOf(connection_.get(), waiting_.get());
    }
  }

  absl::Status FindColumns() {
    const PGresult* const result = waiting_.get();
    for (const std::string& column : columns_) {
      int found = -1;
      for (int field = 0; field < PQnfields(result); ++field) {
        if (column != PQfname(result, field)) continue;
        if (found >= 0) {
          return absl::InvalidArgumentError(
              absl::StrCat("the query gives two columns `", column, "`; name one otherwise (AS)"));
        }
        found = field;
      }
      if (found < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("the query gives no column `", column,
                         "`, which the mapping names; PostgreSQL makes unquoted names lower case"));
      }
      places_.push_back({found, PQftype(result, found)});
    }
    return absl::OkStatus();
  }

  const Connection connection_;
  const std::vector<std::string> columns_;
  std::vector<Place> places_;
  Result waiting_;  // the next row; without rows, the end
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::Status CheckConnection(const std::string& connection) {
  char* ignored = nullptr;  // may repeat part of a password
  const ConnectionOptions options(PQconninfoParse(connection.c_str(), &ignored));
  if (ignored != nullptr) PQfreemem(ignored);
  if (options == nullptr) {
    return absl::InvalidArgumentError(
        "is no connection string of PostgreSQL; write for example \"service=tax-extract\" or "
        "\"host=db.example dbname=tax user=vouch\"");
  }
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const bool secret = std::strcmp(option->keyword, "password") == 0 ||
                        std::strcmp(option->keyword, "sslpassword") == 0;
    if (secret && option->val != nullptr) {
      return absl::InvalidArgumentError(
          "holds a password, and a mapping is no place for one: take it out, change it, and keep "
          "it in a password file (~/.pgpass or PGPASSFILE, mode 0600) or a service file, or let "
          "the database know you by certificate or as a user of the system");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RowReader>> OpenQuery(const std::string& connection,
                                                     const std::string& query,
                                                     const std::vector<std::string>& columns) {
  if (absl::Status s = CheckConnection(connection); !s.ok()) return s;
  absl::StatusOr<Connection> connected = Connect(connection);
  if (!connected.ok()) return connected.status();
  auto reader = std::make_unique<QueryReader>(*std::move(connected), columns);
  if (absl::Status s = reader->Begin(query); !s.ok()) return s;
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace vouch::server::records
