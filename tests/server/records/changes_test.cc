#include "server/records/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  EXPECT_TRUE(snapshot_->Ready(LoadedFolder::kAgreement, 1));
  EXPECT_EQ(snapshot_->loaded_at(), absl::FromUnixSeconds(1800000000));
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
