#include "server/index_keeper.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "absl/strings/str_replace.h"
#include "server/records/changes.h"
#include "tests/fakes/fake_clock.h"
#include "tests/server/agreements/agreement_folder.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server {
namespace {

using agreements::AgreementFolder;
using agreements::Noon;
using agreements::Terms;

const records::Person kAda{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""};
const records::Person kBob{"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""};

bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 3000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// A responder with two people, one agreement with two epochs, and nothing that keeps indexes yet.
class IndexKeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    records::LoadOptions options = loaded_.Options(records::LoadedFolder::Csv({kAda, kBob}));
    options.mapping.agency = options.catalogue.agency = "tax.example";
    options.indexes.clear();
    records::LoadReport report;
    ASSERT_TRUE(records::LoadRecords(options, &report).ok());
    records_ = loaded_.Open();
    ASSERT_NE(records_, nullptr);
    folder_.Write(terms_);
    folder_.AddEpoch(terms_, 1, Noon() - absl::Hours(1), kFirstEnds);
    folder_.AddEpoch(terms_, 2, Noon() - absl::Hours(1), kFirstEnds + absl::Hours(1000));
    agreements_ = std::make_unique<agreements::Agreements>(folder_.Options());
    ASSERT_TRUE(agreements_->Reload().ok());
  }

  void Start(uint64_t merge_at_bytes = 1 << 30) {
    IndexKeeper::Options options;
    options.agency = "tax.example";
    options.records_folder = loaded_.folder();
    options.keys_folder = loaded_.keys();
    options.merge_at_bytes = merge_at_bytes;
    keeper_ = std::make_unique<IndexKeeper>(options, &clock_, agreements_.get(), records_.get());
  }
  bool Ready(const records::Snapshot& snapshot, uint32_t epoch) const {
    const auto set = agreements_->Current();
    return snapshot.Ready(set->catalog->Find(terms_.id, clock_.Now())->agreement,
                          set->epochs.at(terms_.id)[epoch - 1].statement);
  }
  bool SoonReady(uint32_t epoch) {
    return Eventually([&] { return Ready(*records_->Current(), epoch); });
  }

  static constexpr absl::Duration kLife = absl::Hours(24);
  const absl::Time kFirstEnds = Noon() + kLife;
  const Terms terms_{};
  fakes::FakeClock clock_{Noon()};
  records::LoadedFolder loaded_;
  AgreementFolder folder_;
  std::unique_ptr<records::Records> records_;
  std::unique_ptr<agreements::Agreements> agreements_;
  std::unique_ptr<IndexKeeper> keeper_;  // last: it uses all the others
};

TEST_F(IndexKeeperTest, BuildsWhatIsMissing) {
  EXPECT_FALSE(Ready(*records_->Current(), 1));
  Start();
  EXPECT_TRUE(SoonReady(1));
  EXPECT_TRUE(SoonReady(2));
  EXPECT_TRUE(Eventually([&] { return keeper_->Standing().ok(); }));
}

TEST_F(IndexKeeperTest, AnIndexOfOtherMatchKeysIsNotReadyUntilItIsBuiltAnew) {
  Start();
  ASSERT_TRUE(SoonReady(1));
  ASSERT_TRUE(SoonReady(2));
  Terms revised = terms_;
  revised.revision = 2;
  const std::string text = absl::StrReplaceAll(
      folder_.Text(revised), {{"[\"social_security_number\", \"family_name\"]",
                               "[\"social_security_number\", \"soundex:family_name\"]"}});
  ASSERT_NE(text, folder_.Text(revised));
  const auto before = records_->Current();
  folder_.WriteFile("aid/agreement.yaml", text);
  for (const char* agency : {"tax.example", "aid.example", "loans.example"}) {
    folder_.Sign("aid/agreement.yaml", agency);
  }
  ASSERT_TRUE(agreements_->Reload().ok());
  ASSERT_EQ(agreements_->Current()->catalog->Find(terms_.id, Noon())->agreement.revision, 2);
  EXPECT_FALSE(Ready(*before, 1)) << "would answer UNDETERMINED about people it holds";
  EXPECT_FALSE(Ready(*before, 2));
  keeper_->Wake();
  EXPECT_TRUE(SoonReady(1));
  EXPECT_TRUE(SoonReady(2));
}

TEST_F(IndexKeeperTest, RemovesTheIndexOfARetiredEpochAndNoOther) {
  Start();
  ASSERT_TRUE(SoonReady(1));
  ASSERT_TRUE(SoonReady(2));
  const auto before = records_->Current();
  const std::string file = loaded_.folder() + "/" +
                           records::ReadManifest(loaded_.folder())->FindIndex(terms_.id, 1)->file;
  clock_.Set(kFirstEnds);
  keeper_->Wake();
  ASSERT_TRUE(Eventually([&] { return !Ready(*records_->Current(), 1); }));
  EXPECT_EQ(records::ReadWhole(file), "");
  EXPECT_TRUE(Ready(*records_->Current(), 2));
  EXPECT_TRUE(Ready(*before, 1)) << "a walk keeps the generation that it began with";
}

TEST_F(IndexKeeperTest, RetiresNothingByAClockThatLeaptAhead) {
  Start();
  ASSERT_TRUE(SoonReady(1));
  ASSERT_TRUE(Eventually([&] { return keeper_->Standing().ok(); }));
  keeper_->Stop();
  clock_.Distrust();
  clock_.Set(kFirstEnds);
  // Changes are merged after epochs are looked at, so that a merge shows that they were.
  ASSERT_EQ(*records::DeleteRecords(loaded_.change_folders(), {"1"}), 1u);
  Start(/*merge_at_bytes=*/1);
  ASSERT_TRUE(Eventually([&] { return *records::UnmergedBytes(loaded_.folder()) == 0; }));
  EXPECT_NE(records::ReadManifest(loaded_.folder())->FindIndex(terms_.id, 1), nullptr);
}

TEST_F(IndexKeeperTest, BuildsNothingByAClockThatLeaptAhead) {
  Start();
  ASSERT_TRUE(SoonReady(1));
  ASSERT_TRUE(SoonReady(2));
  keeper_->Stop();
  Terms waits = terms_;
  waits.revision = 2;
  waits.effective = "2027-07-01";
  folder_.Write(waits, "next");
  const std::string text = absl::StrReplaceAll(
      folder_.Text(waits), {{"[\"social_security_number\", \"family_name\"]",
                             "[\"social_security_number\", \"soundex:family_name\"]"}});
  folder_.WriteFile("next/agreement.yaml", text);
  for (const char* agency : {"tax.example", "aid.example", "loans.example"}) {
    folder_.Sign("next/agreement.yaml", agency);
  }
  ASSERT_TRUE(agreements_->Reload().ok());
  const auto label = [&] {
    return records::ReadManifest(loaded_.folder())->FindIndex(terms_.id, 2)->label;
  };
  const crypto::Digest before = label();
  clock_.Distrust();
  clock_.Set(Noon() + absl::Hours(24 * 31));
  ASSERT_EQ(agreements_->Current()->catalog->Find(terms_.id, clock_.Now())->agreement.revision, 2);
  // Changes are merged after indexes are looked at.
  ASSERT_EQ(*records::DeleteRecords(loaded_.change_folders(), {"1"}), 1u);
  Start(/*merge_at_bytes=*/1);
  ASSERT_TRUE(Eventually([&] { return *records::UnmergedBytes(loaded_.folder()) == 0; }));
  EXPECT_EQ(label(), before);
}

TEST_F(IndexKeeperTest, MergesChangesWhenThereAreMany) {
  Start(/*merge_at_bytes=*/1);
  ASSERT_TRUE(SoonReady(2));
  ASSERT_TRUE(Eventually([&] { return keeper_->Standing().ok(); }));
  keeper_->Stop();
  const auto before = records_->Current();
  ASSERT_EQ(*records::DeleteRecords(loaded_.change_folders(), {"1"}), 1u);
  Start(/*merge_at_bytes=*/1);
  ASSERT_TRUE(Eventually([&] { return *records::UnmergedBytes(loaded_.folder()) == 0; }));
  ASSERT_TRUE(Eventually([&] { return records_->Current() != before; }));
  EXPECT_EQ(records::ReadManifest(loaded_.folder())->generation, 2u);
  EXPECT_EQ(records_->Current()->people(), 1u);
  EXPECT_TRUE(Ready(*records_->Current(), 1));
  EXPECT_TRUE(Ready(*records_->Current(), 2));
  EXPECT_EQ(before->people(), 2u);
}

TEST_F(IndexKeeperTest, MergesFewChangesAfterADay) {
  Start();
  ASSERT_TRUE(SoonReady(2));
  ASSERT_TRUE(Eventually([&] { return keeper_->Standing().ok(); }));
  ASSERT_EQ(*records::DeleteRecords(loaded_.change_folders(), {"1"}), 1u);
  keeper_->Wake();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_GT(*records::UnmergedBytes(loaded_.folder()), 0u);
  clock_.Advance(absl::Hours(24));
  keeper_->Wake();
  EXPECT_TRUE(Eventually([&] { return *records::UnmergedBytes(loaded_.folder()) == 0; }));
}

}  // namespace
}  // namespace vouch::server
