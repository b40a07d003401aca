// What a keeper looks after, and how it begins: before the first load, before any agreement is
// read, while somebody else changes the records.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "server/index_keeper.h"
#include "server/node/epoch_keys.h"
#include "tests/fakes/fake_clock.h"
#include "tests/server/agreements/agreement_folder.h"
#include "tests/server/records/loaded_folder.h"

namespace vouch::server {
namespace {

using agreements::AgreementFolder;
using agreements::Noon;
using agreements::Terms;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAgency[] = "tax.example";
constexpr char kAgreement[] = "aid-tax-001";

class IndexesForTest : public ::testing::Test {
 protected:
  std::vector<records::IndexRequest> Requests(const std::string& agency = kAgency,
                                              absl::Time now = Noon()) {
    const absl::Status reloaded = agreements_.Reload();
    EXPECT_TRUE(reloaded.ok()) << reloaded;
    return IndexesFor(*agreements_.Current(), agency, now);
  }
  std::vector<uint32_t> Epochs(const std::string& agency = kAgency, absl::Time now = Noon()) {
    std::vector<uint32_t> epochs;
    for (const records::IndexRequest& request : Requests(agency, now)) {
      epochs.push_back(request.context.epoch);
    }
    return epochs;
  }
  void AddEpoch(uint32_t epoch, absl::Duration from, absl::Duration until,
                const Terms& terms = {}) {
    folder_.AddEpoch(terms, epoch, Noon() + from, Noon() + until);
  }

  AgreementFolder folder_;
  agreements::Agreements agreements_{folder_.Options()};
};

TEST_F(IndexesForTest, NothingBeforeAnyAgreementIsRead) {
  EXPECT_THAT(IndexesFor(agreements::AgreementSet(), kAgency, Noon()), IsEmpty());
}

TEST_F(IndexesForTest, EveryUsableAndComingEpoch) {
  folder_.Write({});
  AddEpoch(1, -absl::Hours(48), -absl::Hours(1));
  AddEpoch(2, -absl::Hours(24), absl::Hours(1));
  AddEpoch(3, -absl::Hours(1), absl::Hours(24));
  AddEpoch(4, absl::Hours(12), absl::Hours(48));
  EXPECT_THAT(Epochs(), ElementsAre(2, 3, 4));
  EXPECT_THAT(Epochs(kAgency, Noon() + absl::Hours(1)), ElementsAre(3, 4));
}

TEST_F(IndexesForTest, TokensAreMadeByTheAgreementsTerms) {
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(1));
  const std::vector<records::IndexRequest> requests = Requests();
  ASSERT_EQ(requests.size(), 1u);
  const records::IndexRequest& request = requests[0];
  EXPECT_EQ(request.context.agreement_id, kAgreement);
  EXPECT_EQ(request.context.scope,
            crypto::TokenScope(/*keyed_hash=*/false, "", crypto::IdentityUse::kTest));
  EXPECT_EQ(request.context.profile, "names/1");
  EXPECT_EQ(request.use, crypto::IdentityUse::kTest);
  EXPECT_EQ(request.today, absl::CivilDay(2027, 6, 1));
  ASSERT_EQ(request.match.size(), 3u);
  EXPECT_EQ(request.match[0].parts.size(), 2u);
  EXPECT_EQ(request.match[2].parts.size(), 3u);
  EXPECT_EQ(request.match[2].parts[1].attribute, crypto::Attribute::kFamilyName);
}

TEST_F(IndexesForTest, KeyedHashTokensAreMadeForTheirAsker) {
  Terms terms;
  terms.token_kind = "keyed-hash";
  folder_.Write(terms);
  AddEpoch(1, -absl::Hours(1), absl::Hours(1), terms);
  const std::vector<records::IndexRequest> requests = Requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].context.scope,
            crypto::TokenScope(/*keyed_hash=*/true, "aid.example", crypto::IdentityUse::kTest));
}

TEST_F(IndexesForTest, AnEpochWhoseKeyIsNotHeldHasNone) {
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(1));
  AddEpoch(2, -absl::Hours(1), absl::Hours(1));
  ASSERT_TRUE(node::DestroySecret(folder_.keys(), kAgreement, 1).ok());
  EXPECT_THAT(Epochs(), ElementsAre(2));
}

TEST_F(IndexesForTest, OneWhoAsksNeedsNone) {
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(1));
  EXPECT_THAT(Epochs("aid.example"), IsEmpty());
}

TEST_F(IndexesForTest, OnlyTheRevisionThatCounts) {
  folder_.Write({}, "one");
  Terms next;
  next.revision = 2;
  next.effective = "2027-09-01";
  folder_.Write(next, "two");
  AddEpoch(1, -absl::Hours(1), absl::Hours(24 * 200));
  ASSERT_EQ(Epochs().size(), 1u);
  EXPECT_EQ(agreements_.Current()->catalog->all().size(), 2u);
}

// Records as they lie on disk, once they were opened, and how often they were looked at.
class CountedRecords final : public records::Records {
 public:
  std::shared_ptr<const records::Snapshot> Current() const override {
    ++looks_;
    const std::lock_guard<std::mutex> lock(mutex_);
    return opened_ == nullptr ? nullptr : opened_->Current();
  }
  absl::Status Refresh() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return opened_ == nullptr ? absl::OkStatus() : opened_->Refresh();
  }
  void Open(const records::LoadedFolder& folder) {
    const std::lock_guard<std::mutex> lock(mutex_);
    opened_ = folder.Open();
  }
  int looks() const { return looks_; }

 private:
  mutable std::atomic<int> looks_{0};
  mutable std::mutex mutex_;
  std::unique_ptr<records::Records> opened_;
};

class IndexKeeperStartTest : public IndexesForTest {
 protected:
  void Load() {
    records::LoadOptions options = loaded_.Options(records::LoadedFolder::Csv(
        {{"1", "900-12-3001", "1990-02-03", "Ada", "Lovelace", "100.00", ""},
         {"2", "900-12-3002", "1985-07-09", "Bob", "Stone", "200.00", ""}}));
    options.indexes.clear();
    records::LoadReport report;
    const absl::Status loaded = records::LoadRecords(options, &report);
    ASSERT_TRUE(loaded.ok()) << loaded;
    records_.Open(loaded_);
  }
  void Start() {
    keeper_ = std::make_unique<IndexKeeper>(
        IndexKeeper::Options{kAgency, loaded_.folder(), loaded_.keys()}, &clock_, &agreements_,
        &records_);
  }
  // Until it has looked through everything once more.
  void AwaitPass() {
    // The first look after a call may be of a pass that began before it.
    for (int passes = 0; passes < 2; ++passes) {
      const int before = records_.looks();
      keeper_->Wake();
      for (int i = 0; i < 20000 && records_.looks() == before; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      ASSERT_GT(records_.looks(), before);
    }
  }
  bool Built(uint32_t epoch) const {
    return loaded_.Snapshot()->manifest().FindIndex(kAgreement, epoch) != nullptr;
  }

  fakes::FakeClock clock_{Noon()};
  records::LoadedFolder loaded_;
  CountedRecords records_;
  std::unique_ptr<IndexKeeper> keeper_;
};

// As vouchd starts: the keeper's thread may be the first to look.
TEST_F(IndexKeeperStartTest, StartsWithRecordsBeforeAnyAgreementIsRead) {
  Load();
  Start();
  AwaitPass();
  EXPECT_TRUE(keeper_->Standing().ok()) << keeper_->Standing();
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(1));
  ASSERT_TRUE(agreements_.Reload().ok());
  AwaitPass();
  EXPECT_TRUE(Built(1));
}

TEST_F(IndexKeeperStartTest, BuildsForAnEpochThatIsAnnouncedLater) {
  Load();
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(24));
  ASSERT_TRUE(agreements_.Reload().ok());
  Start();
  AwaitPass();
  AddEpoch(2, absl::Hours(1), absl::Hours(48));
  ASSERT_TRUE(agreements_.Reload().ok());
  AwaitPass();
  EXPECT_TRUE(Built(1));
  EXPECT_TRUE(Built(2));
}

TEST_F(IndexKeeperStartTest, WaitsForTheFirstLoad) {
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(24));
  ASSERT_TRUE(agreements_.Reload().ok());
  Start();
  AwaitPass();
  EXPECT_TRUE(keeper_->Standing().ok()) << keeper_->Standing();
  Load();
  AwaitPass();
  EXPECT_TRUE(Built(1));
}

TEST_F(IndexKeeperStartTest, SaysWhatFailsAndTriesAgain) {
  Load();
  folder_.Write({});
  AddEpoch(1, -absl::Hours(1), absl::Hours(24));
  ASSERT_TRUE(agreements_.Reload().ok());
  {
    const auto load_under_way = records::FolderLock::Take(loaded_.folder());
    ASSERT_TRUE(load_under_way.ok());
    Start();
    AwaitPass();
    EXPECT_EQ(keeper_->Standing().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_FALSE(Built(1));
  }
  AwaitPass();
  EXPECT_TRUE(keeper_->Standing().ok()) << keeper_->Standing();
  EXPECT_TRUE(Built(1));
}

TEST_F(IndexKeeperStartTest, StopEndsIt) {
  Start();
  AwaitPass();
  keeper_->Stop();
  const int looks = records_.looks();
  keeper_->Wake();
  keeper_->Stop();
  EXPECT_EQ(records_.looks(), looks);
}

}  // namespace
}  // namespace vouch::server
