#include <limits>
#include <ostream>

#include "gtest/gtest.h"
#include "policies/engine/question.h"
#include "tests/fakes/fake_fact_source.h"
#include "tests/policies/conditions.h"

namespace vouch::policies {
namespace {

using fakes::FakeFactSource;
using fakes::Money;
using fakes::Whole;

constexpr absl::CivilDay kToday(2026, 11, 21);
constexpr Answer kYes = Answer::kYes;
constexpr Answer kNo = Answer::kNo;
constexpr Answer kUndetermined = Answer::kUndetermined;

// The guidelines as published for one region and year, and a table no amount of which is round.
ReferenceTables Tables() {
  ReferenceTables tables;
  ReferenceTable guidelines;
  guidelines.name = "guidelines";
  ReferenceTable::Edition last_year;
  last_year.year = "2025";
  last_year.effective = absl::CivilDay(2025, 1, 15);
  last_year.rows = {{"contiguous", 1565000, 550000}, {"alaska", 1955000, 688000}};
  ReferenceTable::Edition this_year;
  this_year.year = "2026";
  this_year.effective = absl::CivilDay(2026, 1, 13);
  this_year.rows = {{"contiguous", 1596000, 568000}, {"alaska", 1995000, 710000}};
  guidelines.editions = {last_year, this_year};
  tables.Add(guidelines);
  ReferenceTable odd;
  odd.name = "odd";
  ReferenceTable::Edition edition;
  edition.year = "2026";
  edition.rows = {
      {"contiguous", 1001, 0}, {"huge", std::numeric_limits<int64_t>::max(), 0}, {"none", 0, 0}};
  odd.editions = {edition};
  tables.Add(odd);
  return tables;
}

Answer Ask(const Condition& condition, const FactSource& facts, const Parameters& parameters = {},
           absl::CivilDay today = kToday) {
  Question question;
  question.yes_when = condition;
  return EvaluateQuestion(question, parameters, facts, Tables(), today);
}

// Shares of a table's amount.
Condition Share(Comparison comparison, int64_t percent, const std::string& edition,
                const std::string& table = "guidelines") {
  Condition leaf = Leaf("income", Fixed("tax-year-2025"), comparison, {});
  Threshold::TableShare share;
  share.percent = percent;
  share.table = table;
  share.edition = edition;
  share.row = {{"persons", "household_size"}, {"region", "region"}};
  leaf.threshold.share = share;
  return leaf;
}

Parameters Household(int64_t size, const std::string& region) {
  return {{"household_size", size}, {"region", region}};
}

FakeFactSource Income(int64_t cents) {
  FakeFactSource facts;
  facts.Hold("income", "tax-year-2025", Money(cents));
  return facts;
}

// Limits in cents, worked out by hand from the amounts the Federal Register printed.
struct ShareCase {
  const char* name;
  int64_t percent;
  const char* edition;
  int64_t persons;
  const char* region;
  int64_t limit;
};
std::ostream& operator<<(std::ostream& out, const ShareCase& c) { return out << c.name; }

class ShareTest : public ::testing::TestWithParam<ShareCase> {};

TEST_P(ShareTest, TurnsAtTheCent) {
  const ShareCase& c = GetParam();
  const auto ask = [&c](Comparison comparison, int64_t cents) {
    return Ask(Share(comparison, c.percent, c.edition), Income(cents),
               Household(c.persons, c.region));
  };
  EXPECT_EQ(ask(Comparison::kAtMost, c.limit - 1), kYes);
  EXPECT_EQ(ask(Comparison::kAtMost, c.limit), kYes);
  EXPECT_EQ(ask(Comparison::kAtMost, c.limit + 1), kNo);
  EXPECT_EQ(ask(Comparison::kLessThan, c.limit - 1), kYes);
  EXPECT_EQ(ask(Comparison::kLessThan, c.limit), kNo);
  EXPECT_EQ(ask(Comparison::kAtLeast, c.limit - 1), kNo);
  EXPECT_EQ(ask(Comparison::kAtLeast, c.limit), kYes);
  EXPECT_EQ(ask(Comparison::kMoreThan, c.limit), kNo);
  EXPECT_EQ(ask(Comparison::kMoreThan, c.limit + 1), kYes);
}

INSTANTIATE_TEST_SUITE_P(
    Guidelines, ShareTest,
    ::testing::Values(ShareCase{"SnapGrossForOne", 130, "2026", 1, "contiguous", 2074800},
                      ShareCase{"SnapGrossForFour", 130, "2026", 4, "contiguous", 4290000},
                      ShareCase{"MedicaidAdultForOne", 138, "2026", 1, "contiguous", 2202480},
                      ShareCase{"MedicaidAdultForFour", 138, "2026", 4, "contiguous", 4554000},
                      ShareCase{"WicForOne", 185, "2026", 1, "contiguous", 2952600},
                      ShareCase{"WicForFour", 185, "2026", 4, "contiguous", 6105000},
                      ShareCase{"DoubleForOne", 200, "2026", 1, "contiguous", 3192000},
                      ShareCase{"StudentAidForFour", 225, "2026", 4, "contiguous", 7425000},
                      ShareCase{"StudentAidForTwelve", 225, "2026", 12, "contiguous", 17649000},
                      ShareCase{"StudentAidInAlaska", 225, "2026", 3, "alaska", 7683750},
                      ShareCase{"YearBefore", 100, "2025", 2, "contiguous", 2115000},
                      ShareCase{"EditionInForce", 100, "in-force", 1, "contiguous", 1596000}),
    CaseName());

TEST(ShareTest, IsNotRoundedWhenTheLimitFallsBetweenCents) {
  // 133% of 10.01 is 13.3133.
  const auto ask = [](Comparison comparison, int64_t cents) {
    return Ask(Share(comparison, 133, "2026", "odd"), Income(cents), Household(1, "contiguous"));
  };
  EXPECT_EQ(ask(Comparison::kAtMost, 1331), kYes);
  EXPECT_EQ(ask(Comparison::kAtMost, 1332), kNo);
  EXPECT_EQ(ask(Comparison::kLessThan, 1331), kYes);
  EXPECT_EQ(ask(Comparison::kAtLeast, 1331), kNo);
  EXPECT_EQ(ask(Comparison::kAtLeast, 1332), kYes);
  EXPECT_EQ(ask(Comparison::kMoreThan, 1331), kNo);
}

TEST(ShareTest, HoldsForAmountsThatNoDoubleCanTell) {
  const int64_t largest = std::numeric_limits<int64_t>::max();
  const auto ask = [](int64_t percent, int64_t cents) {
    return Ask(Share(Comparison::kLessThan, percent, "2026", "odd"), Income(cents),
               Household(1, "huge"));
  };
  EXPECT_EQ(ask(100, largest - 1), kYes);
  EXPECT_EQ(ask(100, largest), kNo);
  EXPECT_EQ(ask(10000, largest), kYes);
  EXPECT_EQ(ask(100, std::numeric_limits<int64_t>::min()), kYes);
}

TEST(ShareTest, OfNothingIsNothing) {
  const Condition at_most = Share(Comparison::kAtMost, 225, "2026", "odd");
  EXPECT_EQ(Ask(at_most, Income(0), Household(1, "none")), kYes);
  EXPECT_EQ(Ask(at_most, Income(1), Household(1, "none")), kNo);
  EXPECT_EQ(Ask(at_most, Income(-1), Household(1, "none")), kYes);
}

TEST(ShareTest, EditionInForceChangesOnItsDay) {
  const Condition at_most = Share(Comparison::kAtMost, 100, "in-force");
  const FakeFactSource facts = Income(1596000);
  EXPECT_EQ(Ask(at_most, facts, Household(1, "contiguous"), absl::CivilDay(2026, 1, 12)), kNo);
  EXPECT_EQ(Ask(at_most, facts, Household(1, "contiguous"), absl::CivilDay(2026, 1, 13)), kYes);
}

TEST(ShareTest, IsUndeterminedWhereTheTableHasNoAmount) {
  const FakeFactSource facts = Income(1);
  EXPECT_EQ(Ask(Share(Comparison::kAtMost, 100, "2027"), facts, Household(1, "contiguous")),
            kUndetermined);
  EXPECT_EQ(Ask(Share(Comparison::kAtMost, 100, "2026"), facts, Household(1, "guam")),
            kUndetermined);
  EXPECT_EQ(Ask(Share(Comparison::kAtMost, 100, "2026"), facts, Household(0, "contiguous")),
            kUndetermined);
  EXPECT_EQ(
      Ask(Share(Comparison::kAtMost, 100, "2026", "other"), facts, Household(1, "contiguous")),
      kUndetermined);
  EXPECT_EQ(Ask(Share(Comparison::kAtMost, 100, "2026"), facts, {}), kUndetermined);
}

TEST(ShareTest, NeverTurnsAMonthIntoAYear) {
  FakeFactSource facts;
  facts.Hold("income", "month-2026-10", Money(1));
  Condition monthly = Share(Comparison::kAtMost, 100, "2026");
  monthly.period = Rule(PeriodRule::Kind::kLastFullMonth);
  EXPECT_EQ(Ask(monthly, facts, Household(1, "contiguous")), kUndetermined);
  monthly.period = Fixed("month-2026-10");
  EXPECT_EQ(Ask(monthly, facts, Household(1, "contiguous")), kUndetermined);
}

TEST(ShareTest, ComparesMoneyOnly) {
  FakeFactSource facts;
  facts.Hold("income", "tax-year-2025", Whole(1));
  EXPECT_EQ(Ask(Share(Comparison::kAtMost, 100, "2026"), facts, Household(1, "contiguous")),
            kUndetermined);
}

TEST(RowsTest, TakesTheRowOfTheParameters) {
  Condition leaf = Leaf("income", Fixed("tax-year-2025"), Comparison::kAtMost, {});
  leaf.threshold.rows = {{{{"household_size", int64_t{1}}}, Money(100)},
                         {{{"household_size", int64_t{2}}}, Money(200)}};
  EXPECT_EQ(Ask(leaf, Income(150), {{"household_size", int64_t{1}}}), kNo);
  EXPECT_EQ(Ask(leaf, Income(150), {{"household_size", int64_t{2}}}), kYes);
  EXPECT_EQ(Ask(leaf, Income(150), {{"household_size", int64_t{3}}}), kUndetermined);
  EXPECT_EQ(Ask(leaf, Income(150), {{"household_size", std::string("1")}}), kUndetermined);
}

TEST(RowsTest, ARowHoldsWhenAllItsParametersDo) {
  Condition leaf = Leaf("income", Fixed("tax-year-2025"), Comparison::kAtMost, {});
  leaf.threshold.rows = {
      {{{"household_size", int64_t{1}}, {"region", std::string("alaska")}}, Money(300)},
      {{{"household_size", int64_t{1}}, {"region", std::string("hawaii")}}, Money(100)}};
  EXPECT_EQ(Ask(leaf, Income(200), Household(1, "alaska")), kYes);
  EXPECT_EQ(Ask(leaf, Income(200), Household(1, "hawaii")), kNo);
  EXPECT_EQ(Ask(leaf, Income(200), Household(2, "hawaii")), kUndetermined);
}

TEST(SumOverGroupTest, OnePersonNeverStandsForAGroup) {
  Condition leaf = Leaf("income", Fixed("tax-year-2025"), Comparison::kAtMost, {Money(100)});
  leaf.sum_over_group = true;
  EXPECT_EQ(Ask(leaf, Income(1)), kUndetermined);
}

}  // namespace
}  // namespace vouch::policies
