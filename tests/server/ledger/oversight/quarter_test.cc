#include "server/ledger/oversight/quarter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "crypto/receipt.h"
#include "tests/server/ledger/oversight/history.h"

namespace vouch::server::ledger::oversight {
namespace {

TEST(QuarterTest, IsReadAsItIsWritten) {
  const auto quarter = Quarter::Parse("2027-Q2");
  ASSERT_TRUE(quarter.has_value());
  EXPECT_EQ(quarter->Text(), "2027-Q2");
  EXPECT_EQ(quarter->begin(), absl::FromCivil(absl::CivilDay(2027, 4, 1), absl::UTCTimeZone()));
  EXPECT_EQ(quarter->end(), absl::FromCivil(absl::CivilDay(2027, 7, 1), absl::UTCTimeZone()));
  EXPECT_EQ(Quarter::Parse("2027-Q4")->end(),
            absl::FromCivil(absl::CivilDay(2028, 1, 1), absl::UTCTimeZone()));
  for (const char* wrong : {"2027-Q0", "2027-Q5", "2027Q1", "27-Q1", "2027-q1", "+027-Q1", ""}) {
    EXPECT_FALSE(Quarter::Parse(wrong).has_value()) << wrong;
  }
}

TEST(QuarterCountTest, CountsEachQuestionOfTheQuarterOnceAHouseholdToo) {
  const History& history = History::Get();
  uint64_t answers = 0;
  uint64_t refusals = 0;
  for (const char* name : {"2027-Q2", "2027-Q3"}) {
    QuarterCount count(*Quarter::Parse(name));
    for (const KeptEntry& entry : history.log()) ASSERT_TRUE(count.Visit(entry.InLog()).ok());
    ASSERT_EQ(count.agreements().size(), 1u);
    const QuarterCounts& counts = count.agreements().begin()->second;
    EXPECT_EQ(counts.answered.size(), 3u);
    uint64_t by_month = 0;
    for (const auto& [month, number] : counts.by_month) by_month += number;
    EXPECT_EQ(by_month, counts.answers());
    answers += counts.answers();
    refusals += counts.refusals();
  }
  EXPECT_EQ(answers, history.answered());
  EXPECT_EQ(refusals, history.refused());
}

TEST(QuarterCountTest, RefusalsThatAreOnlyCountedAreOfNoAgreement) {
  QuarterCount count(*Quarter::Parse("2027-Q2"));
  const auto minute = static_cast<uint32_t>(
      absl::ToUnixSeconds(absl::FromCivil(absl::CivilDay(2027, 5, 1), absl::UTCTimeZone())) / 60);
  const std::string entry = crypto::CountedRefusalsEntry(minute, "aid.example", 9, 70);
  ASSERT_TRUE(count.Visit({0, entry, ""}).ok());
  ASSERT_TRUE(count.Visit({1, entry, ""}).ok());
  EXPECT_TRUE(count.agreements().empty());
  EXPECT_EQ(count.counted().at("aid.example").at(9), 140u);
}

std::vector<Cell> Cells(const std::vector<uint64_t>& counts) {
  std::vector<Cell> cells;
  cells.reserve(counts.size());
  for (const uint64_t count : counts) cells.push_back({"", count, true});
  return cells;
}

std::vector<bool> Shown(const SuppressedRow& row) {
  std::vector<bool> shown;
  for (const Cell& cell : row.cells) shown.push_back(cell.shown);
  shown.push_back(row.total.shown);
  return shown;
}

using ::testing::ElementsAre;

TEST(SuppressTest, LargeCountsAndNoneAtAllAreShown) {
  EXPECT_THAT(Shown(Suppress(Cells({10, 0, 500}), 10)), ElementsAre(true, true, true, true));
}

TEST(SuppressTest, ASmallCountTakesTheNextSmallestWithIt) {
  EXPECT_THAT(Shown(Suppress(Cells({500, 3, 40, 0}), 10)),
              ElementsAre(true, false, false, true, true));
}

TEST(SuppressTest, TwoSmallCountsThatAreSmallTogetherTakeAThird) {
  EXPECT_THAT(Shown(Suppress(Cells({500, 3, 2, 40}), 10)),
              ElementsAre(true, false, false, false, true));
  EXPECT_THAT(Shown(Suppress(Cells({500, 6, 7, 40}), 10)),
              ElementsAre(true, false, false, true, true));
}

TEST(SuppressTest, WhereNothingElseIsThereTheTotalGoes) {
  EXPECT_THAT(Shown(Suppress(Cells({3, 0}), 10)), ElementsAre(false, true, false));
  EXPECT_THAT(Shown(Suppress(Cells({2, 3}), 10)), ElementsAre(false, false, false));
}

// Ten that come to ten are ten ones, whatever else is known.
TEST(SuppressTest, ManyCountsThatAreNearlyAllOnesAreNotToldByTheirSum) {
  const SuppressedRow alone = Suppress(Cells({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0}), 10);
  EXPECT_THAT(Shown(alone), ElementsAre(true, true, true));
  EXPECT_EQ(alone.cells[0].count, 0u);
  EXPECT_EQ(alone.cells[1].name, kTogether);
  EXPECT_EQ(alone.cells[1].count, 10u);
  const SuppressedRow with_more = Suppress(Cells({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 40}), 10);
  EXPECT_FALSE(with_more.cells[10].shown);
  EXPECT_TRUE(with_more.total.shown);
}

// Whoever sees what is shown knows of every hidden count only that it could be several numbers.
TEST(SuppressTest, NoSmallCountFollowsFromWhatIsShown) {
  std::mt19937_64 draw(4);
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint64_t> counts(1 + draw() % 14);
    const bool small = draw() % 4 == 0;
    for (uint64_t& count : counts) {
      count = small ? draw() % 3 : draw() % 3 == 0 ? draw() % 12 : draw() % 200;
    }
    const SuppressedRow row = Suppress(Cells(counts), 10);
    uint64_t hidden = 0;
    uint64_t missing = 0;
    for (const Cell& cell : row.cells) {
      if (cell.shown) {
        EXPECT_TRUE(cell.count == 0 || cell.count >= 10);
        continue;
      }
      ++hidden;
      missing += cell.count;
    }
    if (hidden == 0) continue;
    if (row.total.shown) {
      EXPECT_GE(hidden, 2u);
      EXPECT_GE(missing, 10u);
      EXPECT_GE(missing, 2 * hidden);
    } else {
      EXPECT_LT(row.total.count, 10u);
    }
  }
}

}  // namespace
}  // namespace vouch::server::ledger::oversight
