#include "server/records/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

const Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};
const Person kBob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""};
const Person kCyd{"3", "900-12-3003", "2001-12-31", "Cyd", "Marsh", "300.00", ""};

class ChangesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loaded_.Load({kAda, kBob}).ok()); }
  Resolved Resolve(const Person& person) {
    snapshot_ = loaded_.Snapshot();
    return loaded_.Resolve(*snapshot_, person);
  }
  LoadedFolder loaded_;
  std::shared_ptr<const FileSnapshot> snapshot_;
};

TEST_F(ChangesTest, AnUpsertAddsSomebody) {
  EXPECT_EQ(Resolve(kCyd).match(), Match::kNone);
  ASSERT_TRUE(loaded_.Upsert({kCyd}).ok());
  const Resolved found = Resolve(kCyd);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(IncomeOf(found), 30000);
  EXPECT_EQ(found.person(), loaded_.Handle("3"));
  EXPECT_EQ(snapshot_->people(), 3u);
  EXPECT_EQ(Resolve(kAda).match(), Match::kOne);
}

TEST_F(ChangesTest, AnUpsertReplacesFactsAndIdentity) {
  Person changed = kAda;
  changed.family = "King";
  changed.number = "900-12-3777";
  changed.income = "111.11";
  ASSERT_TRUE(loaded_.Upsert({changed}).ok());
  EXPECT_EQ(IncomeOf(Resolve(changed)), 11111);
  EXPECT_EQ(Resolve(changed).match(), Match::kOne);
  EXPECT_EQ(Resolve(kAda).match(), Match::kNone) << "the old identity still finds somebody";
  EXPECT_EQ(snapshot_->people(), 2u);
}

TEST_F(ChangesTest, AnUpsertOntoTheTokensOfAnotherIsSeveral) {
  Person twin = kBob;
  twin.id = "4";
  ASSERT_TRUE(loaded_.Upsert({twin}).ok());
  EXPECT_EQ(Resolve(kBob).match(), Match::kSeveral);
  ASSERT_TRUE(MergeChanges(loaded_.change_folders()).ok());
  EXPECT_EQ(Resolve(kBob).match(), Match::kSeveral);
}

TEST_F(ChangesTest, ADeletedPersonIsNotFoundAndNotHeldInFacts) {
  EXPECT_EQ(*DeleteRecords(loaded_.change_folders(), {"1", "1", "77"}), 1u);
  EXPECT_EQ(Resolve(kAda).match(), Match::kNone);
  EXPECT_EQ(snapshot_->people(), 1u);
  EXPECT_EQ(*DeleteRecords(loaded_.change_folders(), {"1"}), 0u);
}

TEST_F(ChangesTest, DeletingOneOfTwoLeavesTheOtherFoundAfterTheMerge) {
  Person twin = kBob;
  twin.id = "4";
  ASSERT_TRUE(loaded_.Load({kAda, kBob, twin}).ok());
  EXPECT_EQ(Resolve(kBob).match(), Match::kSeveral);
  ASSERT_TRUE(DeleteRecords(loaded_.change_folders(), {"4"}).ok());
  ASSERT_TRUE(MergeChanges(loaded_.change_folders()).ok());
  const Resolved found = Resolve(kBob);
  EXPECT_EQ(found.match(), Match::kOne);
  EXPECT_EQ(found.person(), loaded_.Handle("2"));
}

TEST_F(ChangesTest, AMergeKeepsEverythingAndEmptiesTheOverlay) {
  Person changed = kAda;
  changed.income = "5.00";
  ASSERT_TRUE(loaded_.Upsert({changed, kCyd}).ok());
  ASSERT_TRUE(DeleteRecords(loaded_.change_folders(), {"2"}).ok());
  ASSERT_TRUE(MergeChanges(loaded_.change_folders()).ok());
  EXPECT_EQ(IncomeOf(Resolve(kAda)), 500);
  EXPECT_EQ(IncomeOf(Resolve(kCyd)), 30000);
  EXPECT_EQ(Resolve(kBob).match(), Match::kNone);
  EXPECT_EQ(snapshot_->people(), 2u);
  EXPECT_EQ(snapshot_->manifest().generation, 2u);
  EXPECT_TRUE(loaded_.Ready(*snapshot_, 1));
  EXPECT_EQ(snapshot_->loaded_at(), absl::FromUnixSeconds(1800000000));
}

TEST_F(ChangesTest, SaysHowMuchIsNotMergedAndWhenItShouldBe) {
  EXPECT_EQ(*UnmergedBytes(loaded_.folder()), 0u);
  ASSERT_TRUE(loaded_.Upsert({kCyd}).ok());
  const uint64_t one = *UnmergedBytes(loaded_.folder());
  EXPECT_GT(one, 100u);
  ASSERT_TRUE(loaded_.Upsert({kCyd}).ok());
  EXPECT_EQ(*UnmergedBytes(loaded_.folder()), 2 * one);
  EXPECT_EQ(*MergeAt(loaded_.folder(), 1000), 1000u);
  struct stat facts;
  ASSERT_EQ(stat((loaded_.folder() + "/identities.1").c_str(), &facts), 0);
  EXPECT_EQ(*MergeAt(loaded_.folder(), 1), static_cast<uint64_t>(facts.st_size) / 64);
  ASSERT_TRUE(MergeChanges(loaded_.change_folders()).ok());
  EXPECT_EQ(*UnmergedBytes(loaded_.folder()), 0u);
}

TEST_F(ChangesTest, AMergeKilledAtAnyTimeLeavesTheOldStateOrTheNew) {
  std::vector<Person> crowd;
  for (int i = 0; i < 12000; ++i) {
    Person person = kAda;
    person.id = absl::StrCat("c", i);
    person.number = absl::StrFormat("9%02d-%02d-%04d", i / 9999, 1 + i % 99, 1 + i % 9999);
    for (int rest = i; rest > 0; rest /= 26) person.family += static_cast<char>('a' + rest % 26);
    crowd.push_back(person);
  }
  ASSERT_TRUE(loaded_.Load(crowd).ok());
  int finished = 0, killed = 0;
  for (int round = 0; round < 14; ++round) {
    // Changed anew for each round, so that each has something to merge.
    Person changed = crowd[5];
    changed.income = absl::StrCat(round + 1, ".00");
    ASSERT_TRUE(loaded_.Upsert({changed, kCyd}).ok());
    ASSERT_TRUE(DeleteRecords(loaded_.change_folders(), {"c7"}).ok());
    const uint64_t generation = loaded_.Snapshot()->manifest().generation;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) _exit(MergeChanges(loaded_.change_folders()).ok() ? 0 : 1);
    usleep(static_cast<useconds_t>(1000 + round * 6000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(!WIFEXITED(status) || WEXITSTATUS(status) == 0);
    ++(WIFEXITED(status) ? finished : killed);
    EXPECT_EQ(IncomeOf(Resolve(changed)), (round + 1) * 100);
    EXPECT_EQ(IncomeOf(Resolve(kCyd)), 30000);
    EXPECT_EQ(Resolve(crowd[7]).match(), Match::kNone);
    EXPECT_EQ(Resolve(crowd[11999]).match(), Match::kOne);
    EXPECT_EQ(snapshot_->people(), 12000u);
    EXPECT_TRUE(loaded_.Ready(*snapshot_));
    const bool merged = snapshot_->manifest().generation == generation + 1;
    EXPECT_TRUE(merged || snapshot_->manifest().generation == generation);
    EXPECT_EQ(*UnmergedBytes(loaded_.folder()) == 0, merged);
  }
  EXPECT_GT(killed, 0) << "nothing was interrupted, so nothing was shown";
  // A merge after the interrupted ones works and removes what they left.
  ASSERT_TRUE(loaded_.Upsert({kCyd}).ok());
  ASSERT_TRUE(MergeChanges(loaded_.change_folders()).ok());
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(loaded_.folder())) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre(
                         "lock", "manifest", testing::StartsWith("facts."),
                         testing::StartsWith("identities."), testing::StartsWith("index.")));
  RecordProperty("finished_before_the_kill", finished);
}

TEST_F(ChangesTest, AnIndexBuiltAfterAChangeHoldsIt) {
  ASSERT_TRUE(loaded_.Upsert({kCyd}).ok());
  ASSERT_TRUE(DeleteRecords(loaded_.change_folders(), {"2"}).ok());
  BuildOptions build;
  build.folder = loaded_.folder();
  build.keys_folder = loaded_.keys();
  build.indexes = {loaded_.Index(2)};
  ASSERT_TRUE(BuildIndexes(build).ok());
  const auto snapshot = loaded_.Snapshot();
  const auto resolve = [&](const Person& person) {
    return snapshot->ResolveTokens(LoadedFolder::kAgreement, 2, 0, loaded_.TokensOf(person, 2));
  };
  EXPECT_EQ(resolve(kCyd).match(), Match::kOne);
  EXPECT_EQ(IncomeOf(resolve(kCyd)), 30000);
  EXPECT_EQ(resolve(kAda).match(), Match::kOne);
  EXPECT_EQ(resolve(kBob).match(), Match::kNone);
}

TEST_F(ChangesTest, AnUpsertNeedsTheKeysOfEveryIndex) {
  LoadOptions options = loaded_.Options(LoadedFolder::Csv({kCyd}));
  options.indexes.clear();
  LoadReport report;
  EXPECT_EQ(UpsertRecords(options, &report).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ChangesTest, AnUpsertWithABadRowChangesNothing) {
  Person bad = kCyd;
  bad.income = "lots";
  LoadReport report;
  EXPECT_FALSE(loaded_.Upsert({kAda, bad}, &report).ok());
  ASSERT_EQ(report.bad.size(), 1u);
  EXPECT_EQ(report.bad[0].number, 2u);
  EXPECT_THAT(report.bad[0].reason, testing::Not(testing::HasSubstr("lots")));
  EXPECT_EQ(Resolve(kCyd).match(), Match::kNone);
}

TEST_F(ChangesTest, AnUpsertBringsNothingOlderThanTheDataSetSaysItIs) {
  LoadReport report;
  LoadOptions options = loaded_.Options(LoadedFolder::Csv({kCyd}));
  options.mapping.data_as_of = absl::CivilDay(2026, 11, 19);
  EXPECT_FALSE(UpsertRecords(options, &report).ok());
  ASSERT_EQ(report.bad.size(), 1u);
  EXPECT_THAT(report.bad[0].reason, testing::HasSubstr("expected as of 2026-11-20"));
  EXPECT_THAT(report.bad[0].reason, testing::Not(testing::HasSubstr("2026-11-19")));
  EXPECT_EQ(Resolve(kCyd).match(), Match::kNone);
  options.mapping.data_as_of = absl::CivilDay(2026, 11, 21);
  EXPECT_TRUE(UpsertRecords(options, &report).ok());
  EXPECT_EQ(Resolve(kCyd).match(), Match::kOne);
  EXPECT_EQ(snapshot_->data_as_of(), absl::CivilDay(2026, 11, 20));
}

TEST_F(ChangesTest, AHoldOutlivesALoadUntilItIsLifted) {
  const absl::Time now = absl::FromUnixSeconds(1800000001);
  EXPECT_FALSE(Resolve(kAda).held_back());
  EXPECT_TRUE(*HoldPerson(loaded_.change_folders(), "1", HoldReason::kDispute, now));
  EXPECT_FALSE(*HoldPerson(loaded_.change_folders(), "1", HoldReason::kDispute, now));
  EXPECT_TRUE(Resolve(kAda).held_back());
  EXPECT_FALSE(Resolve(kBob).held_back());
  ASSERT_TRUE(loaded_.Load({kAda, kBob, kCyd}).ok());
  EXPECT_TRUE(Resolve(kAda).held_back());
  EXPECT_TRUE(*ReleasePerson(loaded_.change_folders(), "1"));
  EXPECT_FALSE(*ReleasePerson(loaded_.change_folders(), "1"));
  EXPECT_FALSE(Resolve(kAda).held_back());
}

TEST_F(ChangesTest, AChangeWaitsForNobodyButSaysThatALoadIsUnderWay) {
  const absl::StatusOr<FolderLock> lock = FolderLock::Take(loaded_.folder());
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(DeleteRecords(loaded_.change_folders(), {"1"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(loaded_.Load({kAda}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Resolve(kAda).match(), Match::kOne);
}

}  // namespace
}  // namespace vouch::server::records
