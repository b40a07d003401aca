#include "policies/engine/lint/disclosure.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/policies/lint/opened.h"

namespace vouch::policies::lint {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
using Edits = std::vector<std::pair<std::string, std::string>>;

const char* const kShare =
    "      at_most:\n"
    "        percent: 225\n"
    "        of: \"hhs-poverty-guidelines\"\n"
    "        edition: \"2026\"\n"
    "        row: {persons: \"household_size\", region: \"region\"}\n";
const char* const kParameters =
    "    parameters:\n"
    "      household_size: {from: 1, to: 12}\n"
    "      region: {one_of: [\"contiguous\", \"alaska\", \"hawaii\"]}\n";

Disclosure Measured(const Opened& opened) { return MeasureDisclosure({opened.agreed()}); }

TEST(DisclosureTest, BandsGrowByTwoToThePowerOfTheValuesTried) {
  EXPECT_EQ(BandsToldApart(0, 37), 1u);
  EXPECT_EQ(BandsToldApart(2, 37), 4u);
  EXPECT_EQ(BandsToldApart(6, 37), 37u);
  EXPECT_EQ(BandsToldApart(64, kMost), kMost);
  EXPECT_EQ(BandsToldApart(63, kMost), uint64_t{1} << 63);
}

TEST(DisclosureTest, SlidingLimitIsUsableOnceInEachWindowBegun) {
  const absl::Duration day = absl::Hours(24);
  EXPECT_EQ(UsableWithin({4, 30 * day}, 30 * day), 4u);
  EXPECT_EQ(UsableWithin({4, 30 * day}, 31 * day), 8u);
  EXPECT_EQ(UsableWithin({4, absl::InfiniteDuration()}, 3660 * day), 4u);
  EXPECT_EQ(UsableWithin({4, 30 * day}, absl::ZeroDuration()), 0u);
}

TEST(DisclosureTest, EveryRowOfTheTableIsACut) {
  const auto opened = OpenTemplate("income-for-student-aid");
  const Disclosure measured = Measured(*opened);
  ASSERT_EQ(measured.facts.size(), 1u);
  const FactDisclosure& income = measured.facts[0];
  EXPECT_EQ(income.fact, "adjusted_gross_income");
  EXPECT_EQ(income.period, "tax-year-2025");
  EXPECT_EQ(income.variants, 36u);
  EXPECT_EQ(income.cuts.size(), 36u);
  EXPECT_EQ(income.classes, 37u);
  // 225% of 15,960 dollars are 35,910 dollars: at or below, or a cent above.
  EXPECT_EQ(income.cuts[0].at, 3591001);
  EXPECT_EQ(measured.guesses_a_day, 50000u);
  EXPECT_EQ(measured.askers, 1u);
}

TEST(DisclosureTest, TwoValuesOverTheWholeAgreementTellFourBandsApartAtAnyTime) {
  const Disclosure measured = Measured(*OpenTemplate("income-for-student-aid"));
  const LearnedOverTime& learned = measured.facts[0].learned;
  for (const Learned& one : {learned.window, learned.year, learned.term}) {
    EXPECT_EQ(one.values, 2u);
    EXPECT_EQ(one.bands, 4u);
  }
  EXPECT_EQ(learned.term.answers, 52u);
}

TEST(DisclosureTest, WindowThatStartsAfreshAddsUpOverTheTerm) {
  const Disclosure measured =
      Measured(*OpenTemplate("income-for-student-aid",
                             {{"different_values: {count: 2, every: \"agreement\"}",
                               "different_values: {count: 1, every: \"30 days\"}"}},
                             {{"    different_values: {count: 4, every: \"1 year\"}\n", ""}}));
  const LearnedOverTime& learned = measured.facts[0].learned;
  EXPECT_EQ(learned.window.values, 1u);
  EXPECT_EQ(learned.window.bands, 2u);
  EXPECT_EQ(learned.term.values, 13u);
  EXPECT_EQ(learned.term.bands, 37u);
}

TEST(DisclosureTest, FactsOwnCapHoldsAcrossAgreements) {
  const Disclosure measured = Measured(*OpenTemplate(
      "income-for-student-aid", {{"different_values: {count: 2, every: \"agreement\"}",
                                  "different_values: {count: 30, every: \"agreement\"}"}}));
  EXPECT_EQ(measured.facts[0].learned.term.values, 4u);
  EXPECT_EQ(measured.facts[0].learned.term.bands, 16u);
}

TEST(DisclosureTest, TimesAskedBoundsValuesToo) {
  const Disclosure measured = Measured(
      *OpenTemplate("income-for-student-aid", {{"times_asked: {count: 4, every: \"30 days\"}",
                                                "times_asked: {count: 1, every: \"agreement\"}"}}));
  EXPECT_EQ(measured.facts[0].learned.term.values, 1u);
  EXPECT_FALSE(measured.facts[0].bracket_reachable);
}

TEST(DisclosureTest, NarrowestBracketNamesBothThresholds) {
  const auto opened = OpenTemplate("income-for-student-aid");
  const Disclosure measured = Measured(*opened);
  const FactDisclosure& income = measured.facts[0];
  ASSERT_TRUE(income.narrowest.has_value());
  const Bracket& bracket = *income.narrowest;
  uint64_t least = kMost;
  for (size_t i = 1; i < income.cuts.size(); ++i) {
    least =
        std::min<uint64_t>(least, static_cast<uint64_t>(income.cuts[i].at - income.cuts[i - 1].at));
  }
  EXPECT_EQ(bracket.width(), least);
  EXPECT_EQ(bracket.values_needed, 2u);
  EXPECT_TRUE(income.bracket_reachable);
  const Question& question = opened->agreement.questions[0];
  EXPECT_NE(VariantName(question, bracket.low.parameters),
            VariantName(question, bracket.high.parameters));
  EXPECT_EQ(bracket.low.position.line, question.yes_when.position.line);
}

TEST(DisclosureTest, BetweenBracketsWithOneValue) {
  const Disclosure measured = Measured(*OpenTemplate(
      "income-for-student-aid",
      {{kParameters, ""}, {kShare, "      between: [{cents: 4000000}, {cents: 4000099}]\n"}}));
  const FactDisclosure& income = measured.facts[0];
  ASSERT_TRUE(income.narrowest.has_value());
  EXPECT_EQ(income.narrowest->width(), 100u);
  EXPECT_EQ(income.narrowest->values_needed, 1u);
  EXPECT_EQ(income.variants, 1u);
  EXPECT_EQ(income.classes, 3u);
  EXPECT_EQ(income.learned.term.bands, 2u);
}

TEST(DisclosureTest, LessThanCutsAtTheThresholdItself) {
  const Disclosure measured = Measured(*OpenTemplate(
      "income-for-student-aid",
      {{"      at_most:\n        percent: 225", "      less_than:\n        percent: 133"},
       {"household_size: {from: 1, to: 12}", "household_size: {from: 1, to: 1}"}}));
  const FactDisclosure& income = measured.facts[0];
  ASSERT_EQ(income.cuts.size(), 3u);
  EXPECT_EQ(income.cuts[0].at, 1596000 / 100 * 133);
}

TEST(DisclosureTest, EditionInForceAddsTheCutsOfEveryEditionOfTheTerm) {
  const Edits later = {{"edition: \"2026\"", "edition: \"in-force\""},
                       {"effective: \"2026-10-01\"", "effective: \"2025-10-01\""},
                       {"expires: \"2027-09-30\"", "expires: \"2026-09-30\""}};
  EXPECT_EQ(Measured(*OpenTemplate("income-for-student-aid", later)).facts[0].cuts.size(), 72u);
  EXPECT_EQ(Measured(*OpenTemplate("income-for-student-aid", {later[0]})).facts[0].cuts.size(),
            36u);
}

TEST(DisclosureTest, CodesFallIntoClassesThatNoThresholdTellsApart) {
  const Disclosure measured = Measured(*OpenTemplate("school-meals-by-enrolment"));
  ASSERT_EQ(measured.facts.size(), 2u);
  EXPECT_EQ(measured.facts[0].fact, "school_meals");
  EXPECT_EQ(measured.facts[0].classes, 3u);  // free, reduced, any other
  EXPECT_EQ(measured.facts[0].variants, 2u);
  EXPECT_EQ(measured.facts[1].classes, 2u);  // enrolled or not
  EXPECT_EQ(measured.facts[1].variants, 1u);
  EXPECT_EQ(measured.all.term.values, 2u);
  EXPECT_EQ(measured.all.term.bands, 4u);
}

TEST(DisclosureTest, CutsThatMoveWithTimeAreBoundedByHowOftenOneMayAsk) {
  const Disclosure measured = Measured(*OpenTemplate("birth-of-a-child"));
  ASSERT_EQ(measured.facts.size(), 1u);
  const FactDisclosure& birth = measured.facts[0];
  EXPECT_TRUE(birth.moves);
  EXPECT_EQ(birth.learned.term.values, 1u);
  EXPECT_GT(birth.learned.term.bands, 365u);
}

TEST(DisclosureTest, AgreementsBetweenTheSamePartiesAddUp) {
  const auto one = OpenTemplate("income-for-student-aid");
  const auto other = OpenTemplate(
      "income-for-student-aid",
      {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"}, {"percent: 225", "percent: 226"}});
  const Disclosure both = MeasureDisclosure({one->agreed(), other->agreed()});
  ASSERT_EQ(both.facts.size(), 1u);
  EXPECT_EQ(both.facts[0].cuts.size(), 72u);
  EXPECT_EQ(both.facts[0].learned.term.values, 4u);  // the fact's own cap is 4 a year
  // 1% of 15,960 dollars.
  EXPECT_LE(both.facts[0].narrowest->width(), 15960u);
  EXPECT_NE(both.facts[0].narrowest->low.agreement, both.facts[0].narrowest->high.agreement);
  EXPECT_EQ(both.guesses_a_day, 100000u);
}

TEST(DisclosureTest, RevisionsOfOneAgreementShareItsLimits) {
  const auto one = OpenTemplate("income-for-student-aid");
  const auto other = OpenTemplate(
      "income-for-student-aid",
      {{"revision: 1", "revision: 2"},
       {"replaces: \"none\"", absl::StrCat("replaces: \"", std::string(64, 'a'), "\"")},
       {"percent: 225", "percent: 226"}});
  const Disclosure both = MeasureDisclosure({one->agreed(), other->agreed()});
  EXPECT_EQ(both.facts[0].learned.term.values, 2u);
  EXPECT_EQ(both.guesses_a_day, 50000u);
}

TEST(DisclosureTest, EachCompositionOfAGroupIsADifferentValue) {
  const Disclosure measured =
      Measured(*OpenTemplate("income-for-student-aid",
                             {{"about: \"person\"", "about: {group: {at_most: 8}}"},
                              {"      period: \"tax-year-2025\"\n",
                               "      period: \"tax-year-2025\"\n      sum_over_group: true\n"}}));
  ASSERT_TRUE(measured.groups.has_value());
  EXPECT_EQ(measured.groups->questions, 1u);
  EXPECT_EQ(measured.groups->at_most, 8);
  EXPECT_EQ(measured.groups->groups, 2u);  // different_values; times_asked allows 4
  EXPECT_EQ(measured.groups->outcomes, 4u);
  EXPECT_TRUE(measured.groups->sums);
  EXPECT_TRUE(measured.facts[0].of_group);
  // One threshold alone cuts one member's amount at as many places as there are amounts of others.
  const Disclosure one = Measured(*OpenTemplate(
      "income-for-student-aid",
      {{"about: \"person\"", "about: {group: {at_most: 8}}"},
       {"      period: \"tax-year-2025\"\n",
        "      period: \"tax-year-2025\"\n      sum_over_group: true\n"},
       {"different_values: {count: 2", "different_values: {count: 3"},
       {"{from: 1, to: 12}", "{from: 4, to: 4}"},
       {"one_of: [\"contiguous\", \"alaska\", \"hawaii\"]", "one_of: [\"contiguous\"]"}}));
  EXPECT_EQ(one.facts[0].classes, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(one.facts[0].learned.window.values, 3u);
  EXPECT_EQ(one.facts[0].learned.window.bands, 8u);
}

TEST(DisclosureTest, AmountsAreShownAsPeopleWriteThem) {
  EXPECT_EQ(AmountText(FactType::kMoney, 3591000), "$35,910.00");
  EXPECT_EQ(AmountText(FactType::kMoney, -5), "-$0.05");
  EXPECT_EQ(AmountText(FactType::kMoney, 123456789012), "$1,234,567,890.12");
  EXPECT_EQ(AmountText(FactType::kDate, 0), "1970-01-01");
  EXPECT_EQ(AmountText(FactType::kWholeNumber, 18), "18");
  EXPECT_EQ(SpanText(absl::Hours(24 * 30)), "30 days");
  EXPECT_EQ(SpanText(absl::Hours(24 * 366)), "1 year");
  EXPECT_EQ(SpanText(absl::Hours(1)), "1 hour");
  EXPECT_EQ(SpanText(absl::InfiniteDuration()), "the whole agreement");
}

TEST(DisclosureTest, TheLatestYearMayBeTheOneThatAnotherQuestionNames) {
  const auto one = OpenTemplate("income-for-student-aid");
  const auto other = OpenTemplate(
      "income-for-student-aid", {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"},
                                 {"period: \"tax-year-2025\"", "period: \"latest-filed-tax-year\""},
                                 {"percent: 225", "percent: 226"}});
  const Disclosure both = MeasureDisclosure({one->agreed(), other->agreed()});
  ASSERT_EQ(both.facts.size(), 2u);
  for (const FactDisclosure& fact : both.facts) {
    EXPECT_EQ(fact.cuts.size(), fact.period == "tax-year-2025" ? 72u : 36u) << fact.period;
  }
}

}  // namespace
}  // namespace vouch::policies::lint
