#include "server/journal/sqlite_database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

class SqliteDatabaseTest : public testing::Test {
 protected:
  // Leaves a journal of three commits behind.
  SqliteDatabaseTest() {
    auto journal = OpenIn(folder_);
    const std::string entries[] = {"entry"};
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(journal->Append(entries, At(kStart)).ok());
  }
  void Run(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((folder_.journal() + "/journal.sqlite").c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  absl::Status Open() { return OpenSqliteJournal(OptionsFor(folder_)).status(); }

  TemporaryFolder folder_;
};

TEST_F(SqliteDatabaseTest, RefusesANewerSchema) {
  Run(absl::StrCat("PRAGMA user_version=", kSchema + 1));
  EXPECT_TRUE(absl::IsFailedPrecondition(Open())) << Open();
  Run(absl::StrCat("PRAGMA user_version=", kSchema));
  EXPECT_TRUE(Open().ok());
}

TEST_F(SqliteDatabaseTest, RefusesAnotherProgramsDatabase) {
  Run("PRAGMA application_id=1");
  EXPECT_TRUE(absl::IsFailedPrecondition(Open()));
}

TEST_F(SqliteDatabaseTest, RefusesAFileThatIsNoDatabase) {
  WriteWholeFile(folder_.journal() + "/journal.sqlite", std::string(8192, 'x'));
  EXPECT_TRUE(absl::IsFailedPrecondition(Open())) << Open();
}

TEST_F(SqliteDatabaseTest, RefusesAMissingCommit) {
  Run("DELETE FROM commits WHERE number = 2");
  EXPECT_TRUE(absl::IsDataLoss(Open())) << Open();
}

TEST_F(SqliteDatabaseTest, RefusesAMissingLastCommit) {
  Run("DELETE FROM commits WHERE number = 3");
  EXPECT_TRUE(absl::IsDataLoss(Open()));
}

TEST_F(SqliteDatabaseTest, RefusesMissingFirstCommitsWithoutAnImage) {
  Run("DELETE FROM commits WHERE number <= 2");
  EXPECT_TRUE(absl::IsDataLoss(Open()));
}

TEST_F(SqliteDatabaseTest, RefusesADamagedCommit) {
  Run("UPDATE commits SET blob = CAST(substr(blob, 1, length(blob) - 1) || 'x' AS BLOB) WHERE "
      "number = 2");
  EXPECT_TRUE(absl::IsDataLoss(Open()));
}

TEST_F(SqliteDatabaseTest, RefusesAHeadWithTheWrongNumberOfRoots) {
  Run("UPDATE head SET tree_size = 4");
  EXPECT_TRUE(absl::IsDataLoss(Open()));
}

TEST_F(SqliteDatabaseTest, RefusesAMissingHead) {
  Run("DELETE FROM head");
  EXPECT_TRUE(absl::IsDataLoss(Open()));
}

}  // namespace
}  // namespace vouch::server::journal
