// A node that nobody asks ends its log when the year is over all the same.
#include "server/year_end.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/harness/process.h"

namespace vouch::server {
namespace {

// 2028-01-01, 00:00:00 UTC, and a year later.
const absl::Time kNewYear = absl::FromUnixSeconds(1830297600);
const absl::Time kYearAfter = absl::FromUnixSeconds(1861920000);
constexpr char kFirst[] = "tax.example/ledger/2027";
constexpr char kSecond[] = "tax.example/ledger/2028";

class YearEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = kFirst;
    auto journal = journal::OpenFileJournal(options);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    ASSERT_TRUE(journal_->Append({"an entry"}, kNewYear - absl::Hours(1)).ok());
  }
  std::string OriginAt(absl::Time now) {
    clock_.Set(now);
    EXPECT_EQ(EndYear(clock_, journal_.get()), absl::OkStatus());
    return journal_->head().origin;
  }

  tests::TemporaryFolder folder_;
  fakes::FakeClock clock_{kNewYear - absl::Hours(1)};
  std::unique_ptr<journal::Journal> journal_;
};

TEST_F(YearEndTest, AtMidnightAndOnce) {
  EXPECT_EQ(OriginAt(kNewYear - absl::Seconds(1)), kFirst);
  EXPECT_EQ(journal_->head().commit, 1u) << "nothing is committed before";
  EXPECT_EQ(OriginAt(kNewYear), kSecond);
  EXPECT_EQ(journal_->head().tree_size, 1u);
  const uint64_t commit = journal_->head().commit;
  EXPECT_EQ(OriginAt(kNewYear + absl::Seconds(1)), kSecond);
  EXPECT_EQ(journal_->head().commit, commit);
  EXPECT_EQ(OriginAt(kYearAfter), "tax.example/ledger/2029");
}

TEST_F(YearEndTest, NotByAClockThatIsNotTrusted) {
  clock_.RunAhead(absl::Hours(3));
  clock_.Set(kNewYear + absl::Hours(2));
  EXPECT_EQ(EndYear(clock_, journal_.get()), absl::OkStatus());
  EXPECT_EQ(journal_->head().origin, kFirst);
  clock_.Acknowledge(clock_.Ahead());
  EXPECT_EQ(EndYear(clock_, journal_.get()), absl::OkStatus());
  EXPECT_EQ(journal_->head().origin, kSecond);
}

TEST_F(YearEndTest, NotByAClockOfAnotherTimeAltogether) {
  for (const absl::Time wrong :
       {absl::UnixEpoch(), kYearAfter + absl::Hours(1), absl::FromUnixSeconds(4102444800)}) {
    EXPECT_EQ(OriginAt(wrong), kFirst);
  }
}

}  // namespace
}  // namespace vouch::server
