#include "policies/engine/limits.h"

#include <limits>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

constexpr uint32_t kDay = 86400;
constexpr uint32_t kNow = 1795219200;  // 2026-11-21

CountLimit Count(int64_t count, absl::Duration every) {
  CountLimit limit;
  limit.count = count;
  limit.every = every;
  return limit;
}

Limits PersonLimits(CountLimit times_asked, CountLimit different_values) {
  Limits limits;
  limits.times_asked = times_asked;
  limits.different_values = different_values;
  return limits;
}

const CountLimit kPlenty = Count(1000, absl::InfiniteDuration());

TEST(WithinPersonLimitsTest, AllowsTheFirstAnswer) {
  EXPECT_TRUE(WithinPersonLimits(
      PersonLimits(Count(1, absl::Hours(24)), Count(1, absl::InfiniteDuration())), {}, 7, kNow));
}

TEST(WithinPersonLimitsTest, RefusesOneMoreThanTimesAsked) {
  const Limits limits = PersonLimits(Count(2, absl::Hours(24)), kPlenty);
  EXPECT_TRUE(WithinPersonLimits(limits, {{kNow - 10, 7}}, 7, kNow));
  EXPECT_FALSE(WithinPersonLimits(limits, {{kNow - 10, 7}, {kNow - 5, 7}}, 7, kNow));
}

TEST(WithinPersonLimitsTest, FreesAnAnswerAtTheSecondItsWindowEnds) {
  const Limits limits = PersonLimits(Count(1, absl::Hours(24)), kPlenty);
  EXPECT_FALSE(WithinPersonLimits(limits, {{kNow - kDay + 1, 7}}, 7, kNow));
  EXPECT_TRUE(WithinPersonLimits(limits, {{kNow - kDay, 7}}, 7, kNow));
}

TEST(WithinPersonLimitsTest, CountsEveryAnswerWhenTheWindowIsTheAgreementsLife) {
  const Limits limits = PersonLimits(Count(1, absl::InfiniteDuration()), kPlenty);
  EXPECT_FALSE(WithinPersonLimits(limits, {{0, 7}}, 7, kNow));
}

TEST(WithinPersonLimitsTest, RefusesEverythingAtACountOfNought) {
  EXPECT_FALSE(WithinPersonLimits(PersonLimits(Count(0, absl::Hours(1)), kPlenty), {}, 7, kNow));
  EXPECT_FALSE(WithinPersonLimits(PersonLimits(kPlenty, Count(0, absl::Hours(1))), {}, 7, kNow));
}

TEST(WithinPersonLimitsTest, CountsAnAnswerFromTheFuture) {
  const Limits limits = PersonLimits(Count(1, absl::Hours(1)), kPlenty);
  EXPECT_FALSE(WithinPersonLimits(limits, {{kNow + 100000, 7}}, 7, kNow));
}

TEST(WithinPersonLimitsTest, LooksBackFurtherThanTimeGoes) {
  const Limits limits = PersonLimits(Count(1, absl::Hours(24)), kPlenty);
  EXPECT_FALSE(WithinPersonLimits(limits, {{0, 7}}, 7, 10));
}

TEST(WithinPersonLimitsTest, TakesPartOfASecondAsAWholeOne) {
  const Limits limits = PersonLimits(Count(1, absl::Milliseconds(1500)), kPlenty);
  EXPECT_FALSE(WithinPersonLimits(limits, {{kNow - 1, 7}}, 7, kNow));
  EXPECT_TRUE(WithinPersonLimits(limits, {{kNow - 2, 7}}, 7, kNow));
}

TEST(WithinPersonLimitsTest, AWindowThatReachesIntoALostTimeIsFull) {
  const Limits limits = PersonLimits(Count(3, absl::Hours(24)), Count(9, absl::Seconds(1)));
  EXPECT_FALSE(WithinPersonLimits(limits, {}, 7, kNow, kNow - kDay + 1));
  EXPECT_TRUE(WithinPersonLimits(limits, {}, 7, kNow, kNow - kDay));
  const Limits unending = PersonLimits(Count(3, absl::InfiniteDuration()), kPlenty);
  EXPECT_FALSE(WithinPersonLimits(unending, {}, 7, kNow, 1));
  EXPECT_TRUE(WithinPersonLimits(unending, {}, 7, kNow, 0));
}

TEST(WithinDifferentValuesTest, AfterALostTimeTakesOnlyAValueThatIsStillThere) {
  const CountLimit limit = Count(3, absl::Hours(24));
  EXPECT_TRUE(WithinDifferentValues(limit, {{kNow - 10, 7}}, 7, kNow, kNow - 5));
  EXPECT_FALSE(WithinDifferentValues(limit, {{kNow - 10, 7}}, 8, kNow, kNow - 5));
  EXPECT_FALSE(WithinDifferentValues(limit, {{kNow - kDay, 7}}, 7, kNow, kNow - 5));
  EXPECT_TRUE(WithinDifferentValues(limit, {}, 8, kNow, kNow - kDay));
}

TEST(WithinDifferentValuesTest, AllowsAValueAlreadyCounted) {
  const std::vector<Mark> marks = {{kNow - 3, 1}, {kNow - 2, 2}, {kNow - 1, 1}};
  EXPECT_TRUE(WithinDifferentValues(Count(2, absl::InfiniteDuration()), marks, 2, kNow));
}

TEST(WithinDifferentValuesTest, RefusesOneDifferentValueMore) {
  const std::vector<Mark> marks = {{kNow - 3, 1}, {kNow - 2, 2}, {kNow - 1, 1}};
  EXPECT_FALSE(WithinDifferentValues(Count(2, absl::InfiniteDuration()), marks, 3, kNow));
  EXPECT_TRUE(WithinDifferentValues(Count(3, absl::InfiniteDuration()), marks, 3, kNow));
}

TEST(WithinDifferentValuesTest, ForgetsAValueWhoseWindowEnded) {
  const std::vector<Mark> marks = {{kNow - kDay, 1}};
  EXPECT_TRUE(WithinDifferentValues(Count(1, absl::Hours(24)), marks, 2, kNow));
  EXPECT_FALSE(WithinDifferentValues(Count(1, absl::Hours(25)), marks, 2, kNow));
}

TEST(LongestPersonWindowTest, TakesTheLongerOfTheTwo) {
  EXPECT_EQ(LongestPersonWindow(PersonLimits(Count(1, absl::Hours(24)), Count(1, absl::Hours(48)))),
            2 * kDay);
  EXPECT_EQ(LongestPersonWindow(PersonLimits(Count(1, absl::Hours(72)), Count(1, absl::Hours(48)))),
            3 * kDay);
}

TEST(LongestPersonWindowTest, IsForeverForTheAgreementsLife) {
  EXPECT_EQ(LongestPersonWindow(
                PersonLimits(Count(1, absl::Hours(24)), Count(1, absl::InfiniteDuration()))),
            std::numeric_limits<uint32_t>::max());
  EXPECT_EQ(LongestPersonWindow(PersonLimits(Count(1, absl::Hours(24 * 365 * 200)), kPlenty)),
            std::numeric_limits<uint32_t>::max());
}

// The limits said once more, as plainly as they can be: every mark, every window, sets of values.
bool NaiveAllows(const std::vector<Mark>& marks, int64_t times, int64_t times_window,
                 int64_t values, int64_t values_window, uint32_t value, int64_t now) {
  int64_t asked = 1;
  std::set<uint32_t> different = {value};
  for (const Mark& mark : marks) {
    const int64_t second = mark.second;
    if (times_window < 0 || second > now - times_window) ++asked;
    if (values_window < 0 || second > now - values_window) different.insert(mark.value);
  }
  return asked <= times && static_cast<int64_t>(different.size()) <= values;
}

TEST(WithinPersonLimitsTest, AgreesWithANaiveModelOverRandomHistories) {
  std::mt19937 random(20261121);
  const auto pick = [&random](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  int allowed = 0;
  int refused = 0;
  for (int history = 0; history < 2000; ++history) {
    const int64_t times = pick(0, 6);
    const int64_t values = pick(0, 4);
    const int64_t times_window = pick(0, 4) == 0 ? -1 : pick(1, 60);
    const int64_t values_window = pick(0, 4) == 0 ? -1 : pick(1, 120);
    const auto every = [](int64_t seconds) {
      return seconds < 0 ? absl::InfiniteDuration() : absl::Seconds(seconds);
    };
    const Limits limits =
        PersonLimits(Count(times, every(times_window)), Count(values, every(values_window)));
    std::vector<Mark> marks;
    uint32_t now = pick(0, 1) == 0 ? kNow : 1;
    for (int call = 0; call < 60; ++call) {
      now += static_cast<uint32_t>(pick(0, 12));
      const uint32_t value = static_cast<uint32_t>(pick(0, 5));
      const bool within = WithinPersonLimits(limits, marks, value, now);
      ASSERT_EQ(within, NaiveAllows(marks, times, times_window, values, values_window, value, now))
          << "history " << history << " call " << call;
      if (within) marks.push_back({now, value});
      ++(within ? allowed : refused);
    }
  }
  EXPECT_GT(allowed, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(WithinPersonLimitsTest, NoWindowAnywhereInAHistoryHoldsMoreThanAgreed) {
  std::mt19937 random(1);
  for (int history = 0; history < 300; ++history) {
    const Limits limits = PersonLimits(Count(3, absl::Seconds(30)), Count(2, absl::Seconds(50)));
    std::vector<Mark> released;
    uint32_t now = kNow;
    for (int call = 0; call < 100; ++call) {
      now += random() % 9;
      const uint32_t value = random() % 4;
      if (WithinPersonLimits(limits, released, value, now)) released.push_back({now, value});
    }
    for (const Mark& start : released) {
      int asked = 0;
      std::set<uint32_t> different;
      for (const Mark& mark : released) {
        if (mark.second >= start.second && mark.second < start.second + 30) ++asked;
        if (mark.second >= start.second && mark.second < start.second + 50) {
          different.insert(mark.value);
        }
      }
      EXPECT_LE(asked, 3);
      EXPECT_LE(different.size(), 2u);
    }
  }
}

}  // namespace
}  // namespace vouch::policies
