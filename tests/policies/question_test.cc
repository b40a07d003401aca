#include "policies/engine/question.h"

#include <limits>
#include <ostream>

#include "gtest/gtest.h"
#include "tests/fakes/fake_fact_source.h"
#include "tests/policies/conditions.h"

namespace vouch::policies {
namespace {

using fakes::Code;
using fakes::CodeSet;
using fakes::Day;
using fakes::FakeFactSource;
using fakes::Money;
using fakes::Whole;
using fakes::YesNo;

constexpr absl::CivilDay kToday(2026, 11, 21);
constexpr Answer kYes = Answer::kYes;
constexpr Answer kNo = Answer::kNo;
constexpr Answer kUndetermined = Answer::kUndetermined;

Answer Ask(const Condition& condition, const FactSource& facts, const Parameters& parameters = {},
           absl::CivilDay today = kToday) {
  Question question;
  question.yes_when = condition;
  return EvaluateQuestion(question, parameters, facts, ReferenceTables(), today);
}

// One comparison of a held value with constants.
struct ComparisonCase {
  const char* name;
  FactValue held;
  Comparison comparison;
  std::vector<FactValue> constants;
  Answer expected;
};
std::ostream& operator<<(std::ostream& out, const ComparisonCase& c) { return out << c.name; }

class ComparisonTest : public ::testing::TestWithParam<ComparisonCase> {};

TEST_P(ComparisonTest, Answers) {
  const ComparisonCase& c = GetParam();
  FakeFactSource facts;
  facts.Hold("fact", "none", c.held);
  EXPECT_EQ(Ask(Leaf("fact", Timeless(), c.comparison, c.constants), facts), c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Money, ComparisonTest,
    ::testing::Values(
        ComparisonCase{
            "AtMostOneCentBelow", Money(99999), Comparison::kAtMost, {Money(100000)}, kYes},
        ComparisonCase{"AtMostAt", Money(100000), Comparison::kAtMost, {Money(100000)}, kYes},
        ComparisonCase{
            "AtMostOneCentAbove", Money(100001), Comparison::kAtMost, {Money(100000)}, kNo},
        ComparisonCase{
            "LessThanOneCentBelow", Money(99999), Comparison::kLessThan, {Money(100000)}, kYes},
        ComparisonCase{"LessThanAt", Money(100000), Comparison::kLessThan, {Money(100000)}, kNo},
        ComparisonCase{"AtLeastAt", Money(100000), Comparison::kAtLeast, {Money(100000)}, kYes},
        ComparisonCase{
            "AtLeastOneCentBelow", Money(99999), Comparison::kAtLeast, {Money(100000)}, kNo},
        ComparisonCase{"MoreThanAt", Money(100000), Comparison::kMoreThan, {Money(100000)}, kNo},
        ComparisonCase{
            "MoreThanOneCentAbove", Money(100001), Comparison::kMoreThan, {Money(100000)}, kYes},
        ComparisonCase{"BetweenBelow", Money(9), Comparison::kBetween, {Money(10), Money(20)}, kNo},
        ComparisonCase{
            "BetweenLowEdge", Money(10), Comparison::kBetween, {Money(10), Money(20)}, kYes},
        ComparisonCase{
            "BetweenHighEdge", Money(20), Comparison::kBetween, {Money(10), Money(20)}, kYes},
        ComparisonCase{
            "BetweenAbove", Money(21), Comparison::kBetween, {Money(10), Money(20)}, kNo},
        ComparisonCase{"NegativeIncome", Money(-500000), Comparison::kAtMost, {Money(0)}, kYes},
        ComparisonCase{"Is", Money(5), Comparison::kIs, {Money(5)}, kYes},
        ComparisonCase{"Smallest",
                       Money(std::numeric_limits<int64_t>::min()),
                       Comparison::kLessThan,
                       {Money(std::numeric_limits<int64_t>::max())},
                       kYes}),
    CaseName());

INSTANTIATE_TEST_SUITE_P(
    Days, ComparisonTest,
    ::testing::Values(
        ComparisonCase{"OnOrBeforeDayBefore",
                       Day(2026, 3, 31),
                       Comparison::kOnOrBefore,
                       {Day(2026, 4, 1)},
                       kYes},
        ComparisonCase{
            "OnOrBeforeOn", Day(2026, 4, 1), Comparison::kOnOrBefore, {Day(2026, 4, 1)}, kYes},
        ComparisonCase{
            "OnOrBeforeDayAfter", Day(2026, 4, 2), Comparison::kOnOrBefore, {Day(2026, 4, 1)}, kNo},
        ComparisonCase{
            "OnOrAfterDayBefore", Day(2026, 3, 31), Comparison::kOnOrAfter, {Day(2026, 4, 1)}, kNo},
        ComparisonCase{
            "OnOrAfterOn", Day(2026, 4, 1), Comparison::kOnOrAfter, {Day(2026, 4, 1)}, kYes},
        ComparisonCase{"BetweenLastDay",
                       Day(2026, 4, 30),
                       Comparison::kBetween,
                       {Day(2026, 4, 1), Day(2026, 4, 30)},
                       kYes},
        ComparisonCase{"BetweenDayAfter",
                       Day(2026, 5, 1),
                       Comparison::kBetween,
                       {Day(2026, 4, 1), Day(2026, 4, 30)},
                       kNo},
        ComparisonCase{
            "Before1970", Day(1931, 1, 1), Comparison::kOnOrBefore, {Day(1969, 12, 31)}, kYes}),
    CaseName());

INSTANTIATE_TEST_SUITE_P(
    Codes, ComparisonTest,
    ::testing::Values(
        ComparisonCase{"YesIsYes", YesNo(true), Comparison::kIs, {YesNo(true)}, kYes},
        ComparisonCase{"NoIsYes", YesNo(false), Comparison::kIs, {YesNo(true)}, kNo},
        ComparisonCase{"NoIsNo", YesNo(false), Comparison::kIs, {YesNo(false)}, kYes},
        ComparisonCase{"CodeIs", Code("honorable"), Comparison::kIs, {Code("honorable")}, kYes},
        ComparisonCase{"CodeIsNot", Code("general"), Comparison::kIs, {Code("honorable")}, kNo},
        ComparisonCase{"CodeIsOneOf",
                       Code("general"),
                       Comparison::kIsOneOf,
                       {Code("honorable"), Code("general")},
                       kYes},
        ComparisonCase{"CodeIsNoneOf",
                       Code("bad"),
                       Comparison::kIsOneOf,
                       {Code("honorable"), Code("general")},
                       kNo},
        ComparisonCase{
            "SetHoldsTheCode", CodeSet({"snap", "tanf"}), Comparison::kIs, {Code("snap")}, kYes},
        ComparisonCase{"SetLacksTheCode", CodeSet({"tanf"}), Comparison::kIs, {Code("snap")}, kNo},
        ComparisonCase{"SetHoldsAllCodes",
                       CodeSet({"snap", "tanf", "wic"}),
                       Comparison::kIs,
                       {CodeSet({"wic", "snap"})},
                       kYes},
        ComparisonCase{"SetLacksOneOfTheCodes",
                       CodeSet({"snap", "tanf"}),
                       Comparison::kIs,
                       {CodeSet({"wic", "snap"})},
                       kNo},
        ComparisonCase{"SetHoldsOneOf",
                       CodeSet({"tanf"}),
                       Comparison::kIsOneOf,
                       {Code("snap"), Code("tanf")},
                       kYes},
        ComparisonCase{"EmptySetHoldsNoneOf",
                       CodeSet({}),
                       Comparison::kIsOneOf,
                       {Code("snap"), Code("tanf")},
                       kNo},
        ComparisonCase{
            "WholeNumberIsOneOf", Whole(3), Comparison::kIsOneOf, {Whole(1), Whole(3)}, kYes},
        ComparisonCase{
            "CaseMatters", Code("Honorable"), Comparison::kIs, {Code("honorable")}, kNo}),
    CaseName());

// What cannot be compared is never answered.
INSTANTIATE_TEST_SUITE_P(
    Unfit, ComparisonTest,
    ::testing::Values(
        ComparisonCase{"NoThreshold", Money(1), Comparison::kAtMost, {}, kUndetermined},
        ComparisonCase{
            "TwoThresholds", Money(1), Comparison::kAtMost, {Money(1), Money(2)}, kUndetermined},
        ComparisonCase{
            "BetweenOneThreshold", Money(1), Comparison::kBetween, {Money(1)}, kUndetermined},
        ComparisonCase{"OneOfNothing", Code("a"), Comparison::kIsOneOf, {}, kUndetermined},
        ComparisonCase{
            "IsAnEmptySet", CodeSet({"a"}), Comparison::kIs, {CodeSet({})}, kUndetermined},
        ComparisonCase{
            "MoneyAgainstDate", Money(1), Comparison::kAtMost, {Day(2026, 1, 1)}, kUndetermined},
        ComparisonCase{"DateAgainstWholeNumber",
                       Day(2026, 1, 1),
                       Comparison::kOnOrBefore,
                       {Whole(99999)},
                       kUndetermined},
        ComparisonCase{
            "WholeNumberForMoney", Money(5), Comparison::kAtMost, {Whole(5)}, kUndetermined},
        ComparisonCase{
            "MoneyForAWholeNumber", Whole(5), Comparison::kAtMost, {Money(5)}, kUndetermined},
        ComparisonCase{"CodeOrdered", Code("a"), Comparison::kAtMost, {Code("b")}, kUndetermined},
        ComparisonCase{"CodeAgainstNumber", Code("1"), Comparison::kIs, {Whole(1)}, kUndetermined},
        ComparisonCase{
            "YesNoAgainstNumber", YesNo(true), Comparison::kIs, {Whole(1)}, kUndetermined},
        ComparisonCase{
            "YesNoAgainstAWord", YesNo(true), Comparison::kIs, {Code("yes")}, kUndetermined}),
    CaseName());

// Which value a period picks, as of 21 November 2026.
struct PeriodCase {
  const char* name;
  std::vector<const char*> held;  // each holds the value 1
  PeriodRule rule;
  Answer expected;
};
std::ostream& operator<<(std::ostream& out, const PeriodCase& c) { return out << c.name; }

class PeriodTest : public ::testing::TestWithParam<PeriodCase> {};

TEST_P(PeriodTest, PicksTheValue) {
  FakeFactSource facts;
  for (const char* period : GetParam().held) facts.Hold("fact", period, Whole(1));
  EXPECT_EQ(Ask(Leaf("fact", GetParam().rule, Comparison::kIs, {Whole(1)}), facts),
            GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Periods, PeriodTest,
    ::testing::Values(
        PeriodCase{"TaxYear", {"tax-year-2025"}, Fixed("tax-year-2025"), kYes},
        PeriodCase{"AnotherTaxYear", {"tax-year-2024"}, Fixed("tax-year-2025"), kUndetermined},
        PeriodCase{"MonthOfTheYear", {"month-2026-10"}, Fixed("month-2026-10"), kYes},
        PeriodCase{"MonthIsNoTaxYear", {"month-2025-12"}, Fixed("tax-year-2025"), kUndetermined},
        PeriodCase{"LatestFiledIsLastYear",
                   {"tax-year-2025"},
                   Rule(PeriodRule::Kind::kLatestTaxYear),
                   kYes},
        PeriodCase{"LatestFiledIsAnEarlierYear",
                   {"tax-year-2023"},
                   Rule(PeriodRule::Kind::kLatestTaxYear),
                   kYes},
        PeriodCase{"LatestFiledIsNeverTheRunningYear",
                   {"tax-year-2026"},
                   Rule(PeriodRule::Kind::kLatestTaxYear),
                   kUndetermined},
        PeriodCase{
            "LastFullMonth", {"month-2026-10"}, Rule(PeriodRule::Kind::kLastFullMonth), kYes},
        PeriodCase{"RunningMonthIsNotFull",
                   {"month-2026-11"},
                   Rule(PeriodRule::Kind::kLastFullMonth),
                   kUndetermined},
        PeriodCase{"MonthBeforeLastIsNotLast",
                   {"month-2026-09"},
                   Rule(PeriodRule::Kind::kLastFullMonth),
                   kUndetermined},
        PeriodCase{"AsOfToday", {"as-of"}, Rule(PeriodRule::Kind::kAsOfToday), kYes},
        PeriodCase{
            "TimelessIsNotAsOf", {"none"}, Rule(PeriodRule::Kind::kAsOfToday), kUndetermined},
        PeriodCase{"Timeless", {"none"}, Timeless(), kYes},
        PeriodCase{"AsOfIsNotTimeless", {"as-of"}, Timeless(), kUndetermined},
        PeriodCase{"LastDaysOfANumberAsOf", {"as-of"}, LastDays(90), kUndetermined},
        PeriodCase{"LastDaysOfMonths", {"month-2026-10"}, LastDays(90), kUndetermined}),
    CaseName());

TEST(PeriodTest, LatestFiledTaxYearPrefersTheLaterOfTwo) {
  FakeFactSource facts;
  facts.Hold("fact", "tax-year-2024", Whole(1)).Hold("fact", "tax-year-2025", Whole(2));
  EXPECT_EQ(
      Ask(Leaf("fact", Rule(PeriodRule::Kind::kLatestTaxYear), Comparison::kIs, {Whole(2)}), facts),
      kYes);
}

TEST(PeriodTest, LastFullMonthInJanuaryIsDecember) {
  FakeFactSource facts;
  facts.Hold("fact", "month-2025-12", Whole(1));
  EXPECT_EQ(Ask(Leaf("fact", Rule(PeriodRule::Kind::kLastFullMonth), Comparison::kIs, {Whole(1)}),
                facts, {}, absl::CivilDay(2026, 1, 31)),
            kYes);
}

TEST(LastDaysTest, CountsFromTheDayAfterTheEvent) {
  const Condition born = Leaf("born", LastDays(90), Comparison::kIs, {});
  const auto ask = [&born](FactValue day) {
    FakeFactSource facts;
    facts.Hold("born", "none", std::move(day));
    return Ask(born, facts);
  };
  EXPECT_EQ(ask(Day(2026, 11, 21)), kYes);
  EXPECT_EQ(ask(Day(2026, 8, 23)), kYes);  // 90 days before 21 November
  EXPECT_EQ(ask(Day(2026, 8, 22)), kNo);
  EXPECT_EQ(ask(Day(2026, 11, 22)), kNo);
}

TEST(LastDaysTest, ReadsADateAsOfTodayAsWell) {
  FakeFactSource facts;
  facts.Hold("checked", "as-of", Day(2026, 11, 1));
  EXPECT_EQ(Ask(Leaf("checked", LastDays(30), Comparison::kIs, {}), facts), kYes);
}

TEST(LastDaysTest, AsksTheComparisonTooWhenThereIsOne) {
  FakeFactSource facts;
  facts.Hold("born", "none", Day(2026, 10, 1));
  EXPECT_EQ(Ask(Leaf("born", LastDays(90), Comparison::kOnOrAfter, {Day(2026, 10, 1)}), facts),
            kYes);
  EXPECT_EQ(Ask(Leaf("born", LastDays(90), Comparison::kOnOrAfter, {Day(2026, 10, 2)}), facts),
            kNo);
  EXPECT_EQ(Ask(Leaf("born", LastDays(10), Comparison::kOnOrAfter, {Day(2026, 10, 1)}), facts),
            kNo);
}

TEST(LastDaysTest, AMissingDateIsUndetermined) {
  EXPECT_EQ(Ask(Leaf("born", LastDays(90), Comparison::kIs, {}), FakeFactSource()), kUndetermined);
}

// Age in whole years on a day.
struct AgeCase {
  const char* name;
  FactValue born;
  absl::CivilDay today;
  int64_t age;
};
std::ostream& operator<<(std::ostream& out, const AgeCase& c) { return out << c.name; }

class AgeTest : public ::testing::TestWithParam<AgeCase> {};

TEST_P(AgeTest, CountsWholeYears) {
  FakeFactSource facts;
  facts.Hold("date_of_birth", "none", GetParam().born);
  const Condition is =
      Leaf("age", Rule(PeriodRule::Kind::kAsOfToday), Comparison::kIs, {Whole(GetParam().age)});
  EXPECT_EQ(Ask(is, facts, {}, GetParam().today), kYes);
}

INSTANTIATE_TEST_SUITE_P(
    Ages, AgeTest,
    ::testing::Values(
        AgeCase{"DayBeforeBirthday", Day(2000, 11, 22), absl::CivilDay(2026, 11, 21), 25},
        AgeCase{"OnBirthday", Day(2000, 11, 21), absl::CivilDay(2026, 11, 21), 26},
        AgeCase{"DayOfBirth", Day(2026, 11, 21), absl::CivilDay(2026, 11, 21), 0},
        AgeCase{"LeapDayInALeapYear", Day(2008, 2, 29), absl::CivilDay(2028, 2, 29), 20},
        AgeCase{"LeapDayDayBeforeInALeapYear", Day(2008, 2, 29), absl::CivilDay(2028, 2, 28), 19},
        AgeCase{"LeapDayOn28FebruaryOfACommonYear", Day(2008, 2, 29), absl::CivilDay(2026, 2, 28),
                17},
        AgeCase{"LeapDayOn1MarchOfACommonYear", Day(2008, 2, 29), absl::CivilDay(2026, 3, 1), 18},
        AgeCase{"BornOn1MarchTodayALeapDay", Day(2010, 3, 1), absl::CivilDay(2028, 2, 29), 17},
        AgeCase{"YearIs1900AndNoLeapYear", Day(1896, 2, 29), absl::CivilDay(1900, 3, 1), 4},
        AgeCase{"NewYearsEve", Day(2000, 12, 31), absl::CivilDay(2026, 1, 1), 25},
        AgeCase{"Over100", Day(1920, 1, 1), absl::CivilDay(2026, 11, 21), 106}),
    CaseName());

TEST(AgeTest, IsUndeterminedWithoutADateOfBirth) {
  EXPECT_EQ(Ask(Leaf("age", Timeless(), Comparison::kAtLeast, {Whole(18)}), FakeFactSource()),
            kUndetermined);
}

TEST(AgeTest, IsUndeterminedWhenBornTomorrow) {
  FakeFactSource facts;
  facts.Hold("date_of_birth", "none", Day(2026, 11, 22));
  EXPECT_EQ(Ask(Leaf("age", Timeless(), Comparison::kLessThan, {Whole(18)}), facts), kUndetermined);
}

TEST(AgeTest, IsUndeterminedForAPeriodOtherThanToday) {
  FakeFactSource facts;
  facts.Hold("date_of_birth", "none", Day(1990, 1, 1));
  EXPECT_EQ(Ask(Leaf("age", Fixed("tax-year-2025"), Comparison::kAtLeast, {Whole(18)}), facts),
            kUndetermined);
}

TEST(ObligationForTest, GivesEachAnswerItsOwn) {
  Question question;
  question.on_yes.action = Do::kAccept;
  question.on_no.action = Do::kVerifyIndependently;
  question.on_no.notice_days = 30;
  question.on_undetermined.action = Do::kAskThePerson;
  EXPECT_EQ(ObligationFor(question, kYes).action, Do::kAccept);
  EXPECT_EQ(ObligationFor(question, kNo).action, Do::kVerifyIndependently);
  EXPECT_EQ(ObligationFor(question, kNo).notice_days, 30);
  EXPECT_EQ(ObligationFor(question, kUndetermined).action, Do::kAskThePerson);
}

TEST(ValueLabelTest, NamesQuestionAndParametersInAlphabeticalOrder) {
  Question question;
  question.id = "income";
  EXPECT_EQ(ValueLabel(question, {}).find("income{"), 0u);
  EXPECT_EQ(
      ValueLabel(question, {{"household_size", int64_t{4}}, {"region", std::string("contiguous")}})
          .find("income|household_size=4|region=contiguous{"),
      0u);
}

TEST(ValueLabelTest, IsDifferentWhenTheConditionMovesAndTheSameWhenOnlyTheWordingDoes) {
  Question before;
  before.id = "income";
  before.ask = "Is income at most 1,000.00?";
  before.yes_when = Leaf("income", Timeless(), Comparison::kAtMost, {Money(100000)});
  Question reworded = before;
  reworded.ask = "Is the income no higher than 1,000.00?";
  reworded.on_no.notice_days = 10;
  EXPECT_EQ(ValueLabel(before, {}), ValueLabel(reworded, {}));
  Question moved = before;
  moved.yes_when = Leaf("income", Timeless(), Comparison::kAtMost, {Money(100001)});
  EXPECT_NE(ValueLabel(before, {}), ValueLabel(moved, {}));
  Question stricter = before;
  stricter.yes_when.comparison = Comparison::kLessThan;
  EXPECT_NE(ValueLabel(before, {}), ValueLabel(stricter, {}));
  Question denied;
  denied.id = "income";
  denied.yes_when.kind = Condition::Kind::kNot;
  denied.yes_when.children = {before.yes_when};
  EXPECT_NE(ValueLabel(before, {}), ValueLabel(denied, {}));
}

TEST(ValueLabelTest, IsDifferentForDifferentValues) {
  Question question;
  question.id = "q";
  EXPECT_NE(ValueLabel(question, {{"a", std::string("1|b=2")}}),
            ValueLabel(question, {{"a", std::string("1")}, {"b", std::string("2")}}));
  EXPECT_NE(ValueLabel(question, {{"a", std::string("\\")}, {"b", std::string("x")}}),
            ValueLabel(question, {{"a", std::string("|b=x")}}));
}

}  // namespace
}  // namespace vouch::policies
