#include "server/records/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

using testing::HasSubstr;
using testing::Not;

const Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};
const Person kBob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""};
const Person kCyd{"3", "900-12-3003", "2001-12-31", "Cyd", "Marsh", "300.00", ""};

std::vector<Person> Crowd(int size, int income) {
  std::vector<Person> people;
  for (int i = 0; i < size; ++i) {
    std::string family = "Fam";
    for (int rest = i; rest > 0; rest /= 26) family.push_back(static_cast<char>('a' + rest % 26));
    people.push_back(
        {absl::StrCat("p", i),
         absl::StrCat("9", 10 + i / 9000 % 90, "-5", i / 900 % 10, "-", 1000 + i % 9000),
         "1990-02-03", "Ada", family, absl::StrCat(income, ".00"), ""});
  }
  return people;
}

TEST(LoaderTest, LoadsPeopleAndBuildsTheIndexBeforeItPublishes) {
  const LoadedFolder loaded;
  LoadReport report;
  ASSERT_TRUE(loaded.Load({kAda, kBob}, &report).ok());
  EXPECT_EQ(report.rows, 2u);
  EXPECT_EQ(report.people, 2u);
  EXPECT_EQ(report.generation, 1u);
  EXPECT_TRUE(report.not_carried_over.empty());
  EXPECT_EQ(IncomeOf(loaded.Resolve(*loaded.Snapshot(), kBob)), 20000);
}

TEST(LoaderTest, LoadsTheSameFromJsonLines) {
  const LoadedFolder loaded;
  LoadOptions options = loaded.Options(
      "{\"id\":1,\"number\":\"900-12-3001\",\"born\":\"1990-02-03\",\"given\":\"Ada\","
      "\"family\":\"Lovelace\",\"income\":\"100.00\",\"unused\":{\"x\":[1]}}\n"
      "{\"id\":\"2\",\"number\":\"900-12-3002\",\"born\":\"1985-07-09\",\"given\":\"Bob\","
      "\"family\":\"Stone\",\"income\":null}");
  options.format = InputFormat::kJsonLines;
  LoadReport report;
  ASSERT_TRUE(LoadRecords(options, &report).ok());
  const auto snapshot = loaded.Snapshot();
  EXPECT_EQ(IncomeOf(loaded.Resolve(*snapshot, kAda)), 10000);
  EXPECT_EQ(loaded.Resolve(*snapshot, kBob).match(), Match::kOne);
  EXPECT_EQ(IncomeOf(loaded.Resolve(*snapshot, kBob)), -1);
}

TEST(LoaderTest, RecordNumbersStayAcrossLoadsAndAreNotReused) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  ASSERT_TRUE(loaded.Load({kCyd, kBob}).ok());
  ASSERT_TRUE(loaded.Upsert({{"4", "900-12-3004", "1999-09-09", "Dee", "Fell", "", ""}}).ok());
  ASSERT_TRUE(loaded.Load({kBob, kCyd, kAda}).ok());
  const auto snapshot = loaded.Snapshot();
  const auto facts = *FactsFile::Open(loaded.folder() + "/" + snapshot->manifest().facts_file);
  ASSERT_EQ(facts->rows(), 4u);
  const std::string ids[] = {"1", "2", "3", "4"};
  for (uint32_t record = 0; record < 4; ++record) {
    PersonHandle person;
    CopyHandle(facts->Row(record), &person);
    EXPECT_EQ(person, loaded.Handle(ids[record])) << record;
  }
  EXPECT_FALSE(RowPresent(facts->Row(3)));
  EXPECT_EQ(snapshot->people(), 3u);
}

TEST(LoaderTest, SomebodyWhoIsNoLongerInTheInputIsNotFound) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  ASSERT_TRUE(loaded.Load({kBob}).ok());
  EXPECT_EQ(loaded.Resolve(*loaded.Snapshot(), kAda).match(), Match::kNone);
}

TEST(LoaderTest, ABadRowKeepsTheOldGeneration) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  LoadReport report;
  const absl::Status refused =
      LoadRecords(loaded.Options(LoadedFolder::Csv({kCyd}) + "x,y\n"), &report);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(report.bad_rows, 1u);
  EXPECT_EQ(loaded.Resolve(*loaded.Snapshot(), kAda).match(), Match::kOne);
  EXPECT_EQ(loaded.Snapshot()->manifest().generation, 1u);
}

TEST(LoaderTest, ReportsEveryBadRowByNumberAndLineWithoutItsValues) {
  const LoadedFolder loaded;
  const std::string csv =
      "id,number,born,given,family,income,other_family\n"
      "1,900-12-3001,1990-02-03,Ada,\"Love\nlace\",100.00,\n"
      "2,900-12-3002,1985-07-09,Bob,Stone,SECRETVALUE,\n"
      ",900-12-3003,1985-07-09,Bob,Stone,1.00,\n"
      "1,900-12-3004,1985-07-09,Bob,Stone,1.00,\n"
      "5,900-12-3005,1985-07-09,Bob,Stone\n"
      "6,SECRETVALUE,1885-99-99,,,1.00,\n"
      "7,900-12-3007,1985-07-09,B\"SECRETVALUE,Stone,1.00,\n"
      "8,900-12-3008,1985-07-09,Bob,Stone,1.00,\n";
  LoadReport report;
  EXPECT_FALSE(LoadRecords(loaded.Options(csv), &report).ok());
  ASSERT_EQ(report.bad.size(), 6u);
  const uint64_t numbers[] = {2, 3, 4, 5, 6, 7};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(report.bad[i].number, numbers[i]);
    EXPECT_EQ(report.bad[i].line, numbers[i] + 2) << "a quoted field spans two lines above";
    EXPECT_THAT(report.bad[i].reason, Not(HasSubstr("SECRETVALUE")));
    EXPECT_FALSE(report.bad[i].reason.empty());
  }
  EXPECT_THAT(report.bad[2].reason, HasSubstr("same source id"));
}

TEST(LoaderTest, LeavesOutBadRowsUpToTheNumberAllowed) {
  const LoadedFolder loaded;
  LoadOptions options = loaded.Options(LoadedFolder::Csv({kAda, kBob}) + "x,y\n");
  options.max_errors = 1;
  LoadReport report;
  ASSERT_TRUE(LoadRecords(options, &report).ok());
  EXPECT_EQ(report.people, 2u);
  EXPECT_EQ(report.bad_rows, 1u);
}

TEST(LoaderTest, CountsIdentityValuesThatAreNotValidAndKeepsTheRow) {
  const LoadedFolder loaded;
  Person live_number = kAda;
  live_number.number = "123-45-6789";
  LoadReport report;
  ASSERT_TRUE(loaded.Load({live_number, kBob}, &report).ok());
  EXPECT_EQ(report.left_out[crypto::Attribute::kSocialSecurityNumber], 1u);
  EXPECT_EQ(report.people, 2u);
}

TEST(LoaderTest, AnEmptyInputIsRefused) {
  const LoadedFolder loaded;
  EXPECT_EQ(loaded.Load({}).code(), absl::StatusCode::kFailedPrecondition);
  LoadReport report;
  EXPECT_EQ(LoadRecords(loaded.Options(""), &report).code(), absl::StatusCode::kInvalidArgument);
}

TEST(LoaderTest, HoldsNobodyOnlyWhereThatIsAllowed) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  LoadOptions options = loaded.Options(LoadedFolder::Csv({}));
  LoadReport report;
  EXPECT_EQ(LoadRecords(options, &report).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(loaded.Snapshot()->people(), 1u);
  options.allow_empty = true;
  ASSERT_TRUE(LoadRecords(options, &report).ok());
  const auto snapshot = loaded.Snapshot();
  EXPECT_EQ(snapshot->people(), 0u);
  EXPECT_EQ(snapshot->data_as_of(), absl::CivilDay(2026, 11, 20));
  EXPECT_TRUE(loaded.Ready(*snapshot));
  EXPECT_EQ(loaded.Resolve(*snapshot, kAda).match(), Match::kNone);
}

TEST(LoaderTest, AnswersFromRecordsThatNeverHeldAnybody) {
  const LoadedFolder loaded;
  LoadOptions options = loaded.Options(LoadedFolder::Csv({}));
  options.allow_empty = true;
  LoadReport report;
  ASSERT_TRUE(LoadRecords(options, &report).ok());
  const auto snapshot = loaded.Snapshot();
  ASSERT_TRUE(loaded.Ready(*snapshot));
  const Resolved nobody = loaded.Resolve(*snapshot, kAda);
  EXPECT_EQ(nobody.match(), Match::kNone);
  EXPECT_EQ(IncomeOf(nobody), -1);
  EXPECT_EQ(nobody.by_key().size(), 3u);
  EXPECT_EQ(snapshot->work().damaged_reads, 0u);
  EXPECT_EQ(snapshot->work().facts_reads, 1u);
  // And somebody is found who is added to them, before a merge and after.
  ASSERT_TRUE(loaded.Upsert({kAda}).ok());
  EXPECT_EQ(loaded.Resolve(*loaded.Snapshot(), kAda).match(), Match::kOne);
  ASSERT_TRUE(MergeChanges(loaded.change_folders()).ok());
  EXPECT_EQ(loaded.Resolve(*loaded.Snapshot(), kAda).match(), Match::kOne);
  ASSERT_EQ(*DeleteRecords(loaded.change_folders(), {"1"}), 1u);
  ASSERT_TRUE(MergeChanges(loaded.change_folders()).ok());
  EXPECT_EQ(loaded.Resolve(*loaded.Snapshot(), kAda).match(), Match::kNone);
}

TEST(LoaderTest, ARowThatIsBadIsNotNobody) {
  const LoadedFolder loaded;
  Person bad = kAda;
  bad.income = "lots";
  LoadOptions options = loaded.Options(LoadedFolder::Csv({bad}));
  options.allow_empty = true;
  options.max_errors = 5;
  LoadReport report;
  EXPECT_EQ(LoadRecords(options, &report).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(LoaderTest, NamesColumnsThatTheHeaderLacks) {
  const LoadedFolder loaded;
  LoadReport report;
  const absl::Status refused =
      LoadRecords(loaded.Options("id,number,born,given,family\n1,2,3,4,5\n"), &report);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("income"));
}

TEST(LoaderTest, TakesTheEarliestDayOfADataAsOfColumn) {
  const LoadedFolder loaded;
  LoadOptions options = loaded.Options(
      "id,number,born,given,family,income,other_family,as_of\n"
      "1,900-12-3001,1990-02-03,Ada,Stone,1.00,,2026-11-20\n"
      "2,900-12-3002,1990-02-03,Bob,Stone,1.00,,2026-11-18\n");
  options.mapping.data_as_of.reset();
  options.mapping.data_as_of_column = "as_of";
  LoadReport report;
  ASSERT_TRUE(LoadRecords(options, &report).ok());
  EXPECT_EQ(loaded.Snapshot()->data_as_of(), absl::CivilDay(2026, 11, 18));
}

TEST(LoaderTest, RefusesAnotherPersonKey) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  std::filesystem::remove(loaded.keys() + "/person.key");
  ASSERT_TRUE(CreateRecordKeys(loaded.keys()).ok());
  EXPECT_EQ(loaded.Load({kAda}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(LoaderTest, SaysWhichIndexesTheNewGenerationLacks) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  LoadOptions options = loaded.Options(LoadedFolder::Csv({kAda}));
  options.indexes.clear();
  LoadReport report;
  ASSERT_TRUE(LoadRecords(options, &report).ok());
  ASSERT_EQ(report.not_carried_over.size(), 1u);
  EXPECT_EQ(report.not_carried_over[0].agreement_id, LoadedFolder::kAgreement);
  EXPECT_FALSE(loaded.Ready(*loaded.Snapshot(), 1));
}

TEST(LoaderTest, LeavesNoFileInClearAndNothingOfOldGenerations) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  ASSERT_TRUE(loaded.Load({kAda, kBob}).ok());
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(loaded.folder())) {
    names.push_back(entry.path().filename().string());
    const std::string bytes = ReadWhole(entry.path().string());
    EXPECT_THAT(bytes, Not(HasSubstr("Lovelace")));
    EXPECT_THAT(bytes, Not(HasSubstr("3001")));
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("lock", "manifest", "facts.2", "identities.2",
                                                   testing::StartsWith("index.2.")));
}

TEST(LoaderTest, KilledAtAnyTimeTheOldGenerationStays) {
  const LoadedFolder loaded;
  ASSERT_TRUE(loaded.Load(Crowd(2000, 1)).ok());
  const LoadOptions next = loaded.Options(LoadedFolder::Csv(Crowd(30000, 2)));
  int finished = 0;
  for (int round = 0; round < 12; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      LoadReport report;
      _exit(LoadRecords(next, &report).ok() ? 0 : 1);
    }
    usleep(static_cast<useconds_t>(3000 + round * 25000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      ++finished;
    }
    const auto snapshot = loaded.Snapshot();
    ASSERT_NE(snapshot, nullptr);
    const int64_t income = IncomeOf(loaded.Resolve(*snapshot, Crowd(1, 1)[0]));
    EXPECT_TRUE(income == 100 || income == 200);
    EXPECT_EQ(snapshot->people(), income == 100 ? 2000u : 30000u);
    EXPECT_TRUE(loaded.Ready(*snapshot, 1));
  }
  // A load after the interrupted ones works and removes what they left.
  ASSERT_TRUE(loaded.Load({kAda}).ok());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(loaded.folder())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 5u);
  RecordProperty("finished_before_the_kill", finished);
}

}  // namespace
}  // namespace vouch::server::records
