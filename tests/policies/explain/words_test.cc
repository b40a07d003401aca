#include "policies/engine/explain/words.h"

#include <limits>

#include "gtest/gtest.h"

namespace vouch::policies::explain {
namespace {

TEST(WordsTest, WritesAmountsInDollarsWithEveryCent) {
  EXPECT_EQ(Dollars(7573500), "$75,735.00");
  EXPECT_EQ(Dollars(1), "$0.01");
  EXPECT_EQ(Dollars(-123456789), "-$1,234,567.89");
  EXPECT_EQ(Dollars(std::numeric_limits<int64_t>::min()), "-$92,233,720,368,547,758.08");
}

TEST(WordsTest, WritesDaysWithTheirMonths) {
  EXPECT_EQ(DateWords(absl::CivilDay(2026, 10, 1)), "October 1, 2026");
  EXPECT_EQ(WeekdayWords(absl::CivilDay(2026, 10, 1)), "Thursday, October 1, 2026");
}

TEST(WordsTest, CountsInTheSingularAndThePlural) {
  EXPECT_EQ(Counted(1, "day"), "1 day");
  EXPECT_EQ(Counted(50000, "day"), "50,000 days");
  EXPECT_EQ(Ordinal(1), "1st");
  EXPECT_EQ(Ordinal(12), "12th");
  EXPECT_EQ(Ordinal(22), "22nd");
  EXPECT_EQ(Ordinal(103), "103rd");
}

TEST(WordsTest, SpeaksOfWindowsAsTheySlide) {
  EXPECT_EQ(WindowWords("30 days"), "within any 30 days");
  EXPECT_EQ(WindowWords("1 day"), "within any one day");
  EXPECT_EQ(WindowWords("agreement"), "over the whole life of the agreement");
}

TEST(WordsTest, NamesDerivedAttributes) {
  EXPECT_EQ(AttributeWords("soundex:family_name"), "how the family name sounds (soundex)");
  EXPECT_EQ(AttributeWords("initial:given_name"), "the first letter of the given name");
  EXPECT_EQ(AttributeWords("social_security_number"), "Social Security number");
}

TEST(WordsTest, PutsSeveralLinesOnOne) {
  EXPECT_EQ(OneLine("  one\n\n  two \nthree\n"), "one two three");
  EXPECT_EQ(OneLine(""), "");
}

}  // namespace
}  // namespace vouch::policies::explain
