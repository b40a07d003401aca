#include "policies/engine/explain/edges.h"

#include <limits>
#include <random>

#include "absl/numeric/int128.h"
#include "gmock/gmock.h"
#include "tests/policies/lint/opened.h"

namespace vouch::policies::explain {
namespace {

using lint::OpenTemplate;

FactValue Whole(int64_t number) {
  FactValue value;
  value.type = FactType::kWholeNumber;
  value.number = number;
  return value;
}

// The comparison as the engine makes it, without division.
bool Holds(Comparison comparison, int64_t value, int64_t amount, int64_t percent) {
  const absl::int128 left = absl::int128(value) * 100;
  const absl::int128 right = absl::int128(amount) * percent;
  switch (comparison) {
    case Comparison::kAtMost:
      return left <= right;
    case Comparison::kLessThan:
      return left < right;
    case Comparison::kAtLeast:
      return left >= right;
    case Comparison::kMoreThan:
      return left > right;
    default:
      return left == right;
  }
}

bool Contains(const Interval& interval, int64_t value) {
  return (!interval.lowest.has_value() || value >= *interval.lowest) &&
         (!interval.highest.has_value() || value <= *interval.highest);
}

TEST(EdgesTest, AHouseholdOfFourIsYesUpToTheLastCent) {
  const auto opened = OpenTemplate("income-for-student-aid");
  const Question& question = opened->agreement.questions[0];
  const std::vector<Edge> edges =
      EdgesOf(question.yes_when, question, opened->agreement, &opened->tables, 1000);
  ASSERT_EQ(edges.size(), 36u);
  const Parameters wanted = {{"household_size", int64_t{4}}, {"region", std::string("contiguous")}};
  for (const Edge& edge : edges) {
    ASSERT_TRUE(edge.interval.has_value());
    EXPECT_FALSE(edge.interval->lowest.has_value());
    // 225% of $33,000.00 a year.
    if (edge.when == wanted) {
      EXPECT_EQ(edge.interval->highest, 7425000);
    }
  }
}

TEST(EdgesTest, SharesAgreeWithTheComparisonOnBothSidesOfEveryEdge) {
  std::mt19937_64 random(20261122);
  for (int i = 0; i < 20000; ++i) {
    const int64_t amount = static_cast<int64_t>(random() % 10000000);
    const int64_t percent = static_cast<int64_t>(random() % 1000) + 1;
    for (const Comparison comparison :
         {Comparison::kAtMost, Comparison::kLessThan, Comparison::kAtLeast, Comparison::kMoreThan,
          Comparison::kIs}) {
      const absl::optional<Interval> interval = IntervalOfShare(comparison, amount, percent);
      ASSERT_TRUE(interval.has_value());
      const int64_t near = amount * percent / 100;
      for (int64_t value = near - 3; value <= near + 3; ++value) {
        ASSERT_EQ(Contains(*interval, value), Holds(comparison, value, amount, percent))
            << value << " against " << percent << "% of " << amount;
      }
    }
  }
}

TEST(EdgesTest, ConstantsIncludeWhatTheirComparisonIncludes) {
  EXPECT_EQ(IntervalOf(Comparison::kAtMost, {Whole(18)})->highest, 18);
  EXPECT_EQ(IntervalOf(Comparison::kLessThan, {Whole(18)})->highest, 17);
  EXPECT_EQ(IntervalOf(Comparison::kAtLeast, {Whole(18)})->lowest, 18);
  EXPECT_EQ(IntervalOf(Comparison::kMoreThan, {Whole(18)})->lowest, 19);
  const absl::optional<Interval> between = IntervalOf(Comparison::kBetween, {Whole(18), Whole(65)});
  EXPECT_EQ(between->lowest, 18);
  EXPECT_EQ(between->highest, 65);
}

TEST(EdgesTest, AShareThatIsNoWholeCentIsMetByNoAmount) {
  EXPECT_TRUE(IntervalOfShare(Comparison::kIs, 1001, 133)->Empty());
  EXPECT_FALSE(IntervalOfShare(Comparison::kIs, 1000, 133)->Empty());
}

TEST(EdgesTest, AtTheEndOfTheNumbersThereIsNoEdgeToShow) {
  const int64_t last = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(IntervalOf(Comparison::kMoreThan, {Whole(last)}).has_value());
  EXPECT_FALSE(IntervalOfShare(Comparison::kAtMost, last, 1000).has_value());
}

TEST(EdgesTest, TheEditionInForceIsShownFromEachDayThatChangesIt) {
  const auto opened = OpenTemplate("income-for-student-aid",
                                   {{"edition: \"2026\"", "edition: \"in-force\""},
                                    {"effective: \"2026-10-01\"", "effective: \"2025-12-01\""}});
  const Question& question = opened->agreement.questions[0];
  const std::vector<Edge> edges =
      EdgesOf(question.yes_when, question, opened->agreement, &opened->tables, 1000);
  std::set<std::string> editions;
  for (const Edge& edge : edges) {
    ASSERT_TRUE(edge.from.has_value());
    editions.insert(edge.edition);
  }
  EXPECT_THAT(editions, ::testing::ElementsAre("2025", "2026"));
}

TEST(EdgesTest, WithoutTheTableNoAmountIsMadeUp) {
  const auto opened = OpenTemplate("income-for-student-aid");
  const Question& question = opened->agreement.questions[0];
  for (const Edge& edge : EdgesOf(question.yes_when, question, opened->agreement, nullptr, 1000)) {
    EXPECT_FALSE(edge.interval.has_value());
  }
}

}  // namespace
}  // namespace vouch::policies::explain
