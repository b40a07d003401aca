#include "server/records/postgres_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/harness/postgres.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

using testing::HasSubstr;
using testing::Not;

const Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};

constexpr char kTable[] = R"sql(
  CREATE TABLE people (id integer PRIMARY KEY, number text, born date, given character(12),
                       family text, income numeric(12, 2), other_family text);
  INSERT INTO people VALUES
    (1, '900-12-3001', '1990-02-03', 'Ada', 'Lovelace', 100, NULL),
    (2, '900-12-3002', '1985-07-09', 'Bob', 'Stone', 200.5, '');
  CREATE SEQUENCE counter;
  CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0;
  CREATE FUNCTION shout(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'about %', $1; RETURN $1; END $$;
)sql";

// Many people, the same in every run.
constexpr char kMany[] =
    "SELECT i AS id, '9' || lpad((i / 9999)::text, 2, '0') || '-' || "
    "lpad((1 + i % 99)::text, 2, '0') || '-' || lpad((1 + i % 9999)::text, 4, '0') AS number, "
    "'1990-02-03' AS born, 'Ada' AS given, 'Lovelace' AS family, NULL AS other_family, ";

class PostgresRowsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = tests::PostgresServer::Start();
    failed_ = new absl::Status(started.status());
    if (!started.ok()) return;
    server_ = started->release();
    for (const absl::string_view statement : absl::StrSplit(kTable, ";\n")) {
      if (statement.find_first_not_of(" \n") == absl::string_view::npos) continue;
      failed_->Update(server_->Execute(std::string(statement)));
    }
  }
  static void TearDownTestSuite() {
    delete server_;
    delete failed_;
  }
  void SetUp() override { ASSERT_TRUE(failed_->ok()) << *failed_; }

  static absl::StatusOr<std::unique_ptr<RowReader>> Open(const std::string& query,
                                                         const std::vector<std::string>& columns,
                                                         const std::string& database = "postgres") {
    return OpenQuery(server_->Connection(database), query, columns);
  }
  // The columns of the query's only row.
  static std::vector<absl::optional<std::string>> OnlyRow(const std::string& query,
                                                          const std::vector<std::string>& columns) {
    std::vector<absl::optional<std::string>> values;
    auto reader = Open(query, columns);
    EXPECT_TRUE(reader.ok()) << reader.status();
    RawRow row;
    if (!reader.ok() || !*(*reader)->Next(&row)) return values;
    (*reader)->Columns(&row, &values);
    EXPECT_EQ(row.error, "");
    EXPECT_FALSE(*(*reader)->Next(&row));
    return values;
  }
  absl::Status Load(const std::string& query, LoadReport* report) const {
    LoadOptions options = loaded_.Options("");
    options.input.clear();
    options.rows = [&](const std::vector<std::string>& columns) { return Open(query, columns); };
    return LoadRecords(options, report);
  }
  void ExpectOnlyAda() const {
    const auto snapshot = loaded_.Snapshot();
    EXPECT_EQ(snapshot->people(), 1u);
    EXPECT_EQ(loaded_.Resolve(*snapshot, kAda).match(), Match::kOne);
  }

  static tests::PostgresServer* server_;
  static absl::Status* failed_;
  LoadedFolder loaded_;
};
tests::PostgresServer* PostgresRowsTest::server_ = nullptr;
absl::Status* PostgresRowsTest::failed_ = nullptr;

TEST_F(PostgresRowsTest, LoadsWhatAQueryGives) {
  LoadReport report;
  const absl::Status loaded = Load("SELECT * FROM people ORDER BY id", &report);
  ASSERT_TRUE(loaded.ok()) << loaded;
  EXPECT_EQ(report.people, 2u);
  const auto snapshot = loaded_.Snapshot();
  EXPECT_EQ(IncomeOf(loaded_.Resolve(*snapshot, kAda)), 10000);
  const Person bob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "", ""};
  EXPECT_EQ(IncomeOf(loaded_.Resolve(*snapshot, bob)), 20050);
}

TEST_F(PostgresRowsTest, GivesValuesAsTheLoaderReadsThem) {
  // Whatever the database's own habits are.
  ASSERT_TRUE(server_->Execute("ALTER ROLE postgres SET DateStyle TO 'German'").ok());
  const auto values = OnlyRow(
      "SELECT true AS yes, false AS no, 'x  '::character(5) AS padded, '  '::character(2) AS "
      "blank, "
      "NULL::text AS nothing, '' AS empty, date '2026-11-20' AS day, 12.50 AS amount, "
      "array_to_string(ARRAY['a', 'b'], ';') AS codes",
      {"no", "yes", "padded", "blank", "nothing", "empty", "day", "amount", "codes"});
  ASSERT_EQ(values.size(), 9u);
  EXPECT_EQ(values[0], "no");
  EXPECT_EQ(values[1], "yes");
  EXPECT_EQ(values[2], "x");
  EXPECT_EQ(values[3], absl::nullopt);
  EXPECT_EQ(values[4], absl::nullopt);
  EXPECT_EQ(values[5], absl::nullopt);
  EXPECT_EQ(values[6], "2026-11-20");
  EXPECT_EQ(values[7], "12.50");
  EXPECT_EQ(values[8], "a;b");
}

TEST_F(PostgresRowsTest, ABadRowIsNamedByNumberAndNothingIsLoaded) {
  ASSERT_TRUE(loaded_.Load({kAda}).ok());
  LoadReport report;
  const absl::Status refused =
      Load(absl::StrCat(kMany,
                        "CASE i WHEN 7 THEN 'lots of money' ELSE '1.00' END AS income "
                        "FROM generate_series(1, 9) AS i ORDER BY i"),
           &report);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_EQ(report.bad.size(), 1u);
  EXPECT_EQ(report.bad[0].number, 7u);
  EXPECT_EQ(report.bad[0].line, 0u);
  EXPECT_THAT(report.bad[0].reason, HasSubstr("income"));
  EXPECT_THAT(report.bad[0].reason, Not(HasSubstr("lots")));
  ExpectOnlyAda();
}

TEST_F(PostgresRowsTest, AnErrorInTheMiddleLoadsNothingAndRepeatsNoValue) {
  ASSERT_TRUE(loaded_.Load({kAda}).ok());
  LoadReport report;
  const absl::Status refused =
      Load(absl::StrCat(kMany,
                        "CASE i WHEN 20000 THEN ('Secretname' || i)::integer ELSE i END AS income "
                        "FROM generate_series(1, 30000) AS i"),
           &report);
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("22P02"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("Secretname")));
  EXPECT_GT(report.rows, 8000u) << "rows were not streamed";
  ExpectOnlyAda();
}

TEST_F(PostgresRowsTest, AServerThatGoesAwayInTheMiddleLoadsNothing) {
  ASSERT_TRUE(loaded_.Load({kAda}).ok());
  LoadReport report;
  const absl::Status refused =
      Load(absl::StrCat(kMany,
                        "CASE WHEN i = 20000 THEN pg_terminate_backend(pg_backend_pid())::integer "
                        "ELSE i END AS income FROM generate_series(1, 30000) AS i"),
           &report);
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable) << refused;
  EXPECT_GT(report.rows, 8000u);
  ExpectOnlyAda();
  ASSERT_TRUE(loaded_.Load({kAda}).ok());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(loaded_.folder())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 5u) << "something of the interrupted load is left";
}

TEST_F(PostgresRowsTest, ReadsOneStateAndChangesNothing) {
  const auto values = OnlyRow(
      "SELECT current_setting('transaction_isolation') AS isolation, "
      "current_setting('transaction_read_only') AS read_only",
      {"isolation", "read_only"});
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0], "repeatable read");
  EXPECT_EQ(values[1], "on");
  const absl::Status refused = Open("SELECT nextval('counter') AS id", {"id"}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("25006"));
}

TEST_F(PostgresRowsTest, TakesOneStatementThatGivesRows) {
  EXPECT_THAT(std::string(Open("SELECT 1 AS id; COMMIT", {"id"}).status().message()),
              HasSubstr("42601"));
  for (const char* statement : {"COMMIT", "", "COPY people TO STDOUT"}) {
    EXPECT_EQ(Open(statement, {"id"}).status().code(), absl::StatusCode::kInvalidArgument)
        << statement;
  }
  const absl::Status unknown = Open("SELECT nonsense FROM people", {"id"}).status();
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("42703"));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("character 8"));
}

TEST_F(PostgresRowsTest, WantsEveryColumnOnce) {
  EXPECT_THAT(std::string(Open("SELECT 1 AS a", {"b"}).status().message()), HasSubstr("`b`"));
  EXPECT_THAT(std::string(Open("SELECT 1 AS a, 2 AS a", {"a"}).status().message()),
              HasSubstr("two columns"));
  // Said also where there is no row.
  EXPECT_FALSE(Open("SELECT 1 AS a WHERE false", {"b"}).ok());
  RawRow row;
  EXPECT_FALSE(*(*Open("SELECT 1 AS a WHERE false", {"a"}))->Next(&row));
}

TEST_F(PostgresRowsTest, HoldsOneRowInMemoryNotAll) {
  const auto resident = [] {
    std::ifstream statm("/proc/self/statm");
    uint64_t total = 0, pages = 0;
    statm >> total >> pages;
    return pages * 4096;
  };
  auto reader = Open("SELECT repeat('x', 4000) AS a FROM generate_series(1, 60000)", {"a"});
  ASSERT_TRUE(reader.ok()) << reader.status();
  const uint64_t before = resident();
  uint64_t rows = 0, most = 0;
  RawRow row;
  while (*(*reader)->Next(&row)) {
    if (++rows % 1000 == 0) most = std::max(most, resident());
  }
  EXPECT_EQ(rows, 60000u);
  EXPECT_EQ((*reader)->bytes_read(), 240000000u);
  EXPECT_LT(most, before + (40 << 20));
}

// The server looks at them before it sends them, so that there is no row to name.
TEST_F(PostgresRowsTest, BytesThatAreNoTextAreRefused) {
  const absl::Status refused =
      Open("SELECT convert_from('\\xff'::bytea, 'SQL_ASCII') AS a", {"a"}, "bytes").status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("22021"));
}

TEST_F(PostgresRowsTest, WhatTheDatabaseRemarksIsNotPrinted) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(OnlyRow("SELECT shout('Secretname') AS a", {"a"}).size(), 1u);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(PostgresConnectionTest, IsNoPlaceForAPassword) {
  for (const char* good : {"", "service=tax-extract", "host=db.example dbname=tax user=vouch",
                           "postgresql://vouch@db.example/tax?sslmode=verify-full"}) {
    EXPECT_TRUE(CheckConnection(good).ok()) << good;
  }
  for (const char* bad :
       {"host=db.example password=hunter2", "postgresql://vouch:hunter2@db.example/tax",
        "postgresql://db.example/tax?password=hunter2", "sslpassword='hunter2'"}) {
    const absl::Status refused = CheckConnection(bad);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("holds a password")) << bad;
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("hunter2")));
    EXPECT_EQ(OpenQuery(bad, "SELECT 1", {}).status(), refused) << "it was tried";
  }
}

TEST(PostgresConnectionTest, RepeatsNothingOfWhatIsNoConnection) {
  for (const char* bad : {"hunter2", "password = 'hunter2", "postgresql://a:hunter2@[::1/x"}) {
    const absl::Status refused = CheckConnection(bad);
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("hunter2")));
  }
}

TEST(PostgresConnectionTest, SaysThatTheServerCannotBeReached) {
  const absl::Status refused = OpenQuery("host=/nowhere dbname=tax", "SELECT 1", {}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("cannot connect"));
}

}  // namespace
}  // namespace vouch::server::records
