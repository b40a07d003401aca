#include "policies/engine/values.h"

#include <set>

#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

TEST(PeriodNameTest, NamesEachKind) {
  EXPECT_EQ(PeriodName({PeriodKind::kNone, 0}), "none");
  EXPECT_EQ(PeriodName({PeriodKind::kAsOf, 0}), "as-of");
  EXPECT_EQ(PeriodName({PeriodKind::kTaxYear, 2025}), "tax-year-2025");
  EXPECT_EQ(PeriodName({PeriodKind::kMonth, 2026 * 12 + 9}), "month-2026-10");
}

TEST(ParsePeriodTest, ReadsBackEveryMonthOfACentury) {
  for (int32_t month = 1950 * 12; month < 2050 * 12; ++month) {
    const Period period{PeriodKind::kMonth, month};
    EXPECT_EQ(ParsePeriod(PeriodName(period)), period);
  }
}

TEST(ParsePeriodTest, ReadsBackEveryTaxYear) {
  for (int32_t year = 1; year <= 9999; ++year) {
    const Period period{PeriodKind::kTaxYear, year};
    EXPECT_EQ(ParsePeriod(PeriodName(period)), period);
  }
}

TEST(ParsePeriodTest, ReadsBackPeriodsWithoutANumber) {
  EXPECT_EQ(ParsePeriod("none"), (Period{PeriodKind::kNone, 0}));
  EXPECT_EQ(ParsePeriod("as-of"), (Period{PeriodKind::kAsOf, 0}));
}

TEST(ParsePeriodTest, RefusesEveryOtherSpelling) {
  for (absl::string_view text : {"",
                                 "None",
                                 "as-of-today",
                                 "as-of ",
                                 " none",
                                 "tax-year-",
                                 "tax-year-25",
                                 "tax-year-02025",
                                 "tax-year-+202",
                                 "tax-year-20 5",
                                 "tax-year-0000",
                                 "tax-year-2025-01",
                                 "Tax-year-2025",
                                 "month-2026",
                                 "month-2026-1",
                                 "month-2026-00",
                                 "month-2026-13",
                                 "month-2026-010",
                                 "month-0000-01",
                                 "month-2026/10",
                                 "month-2026-1x",
                                 "latest-filed-tax-year",
                                 "last-full-month",
                                 "last-90-days"}) {
    EXPECT_FALSE(ParsePeriod(text).has_value()) << text;
  }
}

TEST(AnswerNameTest, NamesTheThreeAnswers) {
  EXPECT_EQ(AnswerName(Answer::kYes), "YES");
  EXPECT_EQ(AnswerName(Answer::kNo), "NO");
  EXPECT_EQ(AnswerName(Answer::kUndetermined), "UNDETERMINED");
}

TEST(UndeterminedReasonNameTest, NamesEveryReasonDifferently) {
  std::set<std::string> names;
  for (int reason = 0; reason <= 7; ++reason) {
    const absl::string_view name = UndeterminedReasonName(static_cast<UndeterminedReason>(reason));
    EXPECT_FALSE(name.empty()) << reason;
    names.insert(std::string(name));
  }
  EXPECT_EQ(names.size(), 8u);
}

}  // namespace
}  // namespace vouch::policies
