#include "policies/engine/lint/condition_logic.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policies/engine/question.h"
#include "tests/policies/lint/opened.h"

namespace vouch::policies::lint {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kFacts[] =
    "format: \"vouch-facts/1\"\n"
    "agency: \"tax.revenue.example\"\n"
    "version: \"1\"\n"
    "facts:\n"
    "  - {name: \"income\", type: \"money\", period: \"tax-year\", held_per: \"person\", meaning: "
    "\"M\", source_system: \"S\"}\n"
    "  - {name: \"members\", type: \"whole-number\", period: \"as-of\", held_per: \"person\", "
    "meaning: \"M\", source_system: \"S\"}\n"
    "  - {name: \"status\", type: \"code\", period: \"as-of\", held_per: \"person\", codes: "
    "[\"a\", \"b\", \"c\"], meaning: \"M\", source_system: \"S\"}\n"
    "  - {name: \"programs\", type: \"codes\", period: \"as-of\", held_per: \"person\", codes: "
    "[\"x\", \"y\", \"z\"], meaning: \"M\", source_system: \"S\"}\n"
    "  - {name: \"enrolled\", type: \"yes-no\", period: \"as-of\", held_per: \"person\", meaning: "
    "\"M\", source_system: \"S\"}\n"
    "  - {name: \"moved\", type: \"date\", period: \"none\", held_per: \"person\", meaning: \"M\", "
    "source_system: \"S\"}\n"
    "  - {name: \"date_of_birth\", type: \"date\", period: \"none\", held_per: \"person\", "
    "meaning: "
    "\"M\", source_system: \"S\"}\n";

std::unique_ptr<Opened> WithCondition(const std::string& condition,
                                      const std::string& parameters = "") {
  std::string text = TemplateText("income-for-student-aid", "agreement.yaml");
  const size_t from = text.find("    parameters:\n");
  const size_t to = text.find("    records_loaded_within");
  text.replace(from, to - from, absl::StrCat(parameters, "    yes_when:\n", condition));
  return Open("agreement.yaml", text, kFacts);
}

ConditionLogic Reasoned(const std::string& condition, const std::string& parameters = "") {
  const auto opened = WithCondition(condition, parameters);
  uint64_t steps = kMostSteps;
  return ReasonAbout(opened->agreed(), opened->agreement.questions.at(0), &steps);
}

std::string Joined(const std::string& how, const std::vector<std::string>& leaves) {
  std::string condition = absl::StrCat("      ", how, ":\n");
  for (const std::string& leaf : leaves) absl::StrAppend(&condition, "        - ", leaf, "\n");
  return condition;
}

TEST(ConditionLogicTest, AmountsThatExcludeEachOtherAreNeverYes) {
  const ConditionLogic logic = Reasoned(
      Joined("all_of", {"{fact: \"income\", period: \"tax-year-2025\", at_most: {cents: 100}}",
                        "{fact: \"income\", period: \"tax-year-2025\", more_than: {cents: 100}}"}));
  EXPECT_TRUE(logic.judged);
  EXPECT_FALSE(logic.can_yes);
  EXPECT_TRUE(logic.can_no);
}

TEST(ConditionLogicTest, ACentBetweenThemIsEnough) {
  const ConditionLogic logic = Reasoned(
      Joined("all_of", {"{fact: \"income\", period: \"tax-year-2025\", at_most: {cents: 101}}",
                        "{fact: \"income\", period: \"tax-year-2025\", more_than: {cents: 100}}"}));
  EXPECT_TRUE(logic.can_yes);
  EXPECT_TRUE(logic.can_no);
  EXPECT_THAT(logic.redundant, IsEmpty());
}

TEST(ConditionLogicTest, TheSameFactOfAnotherYearIsAnotherValue) {
  const ConditionLogic logic = Reasoned(
      Joined("all_of", {"{fact: \"income\", period: \"tax-year-2024\", at_most: {cents: 100}}",
                        "{fact: \"income\", period: \"tax-year-2025\", more_than: {cents: 100}}"}));
  EXPECT_TRUE(logic.can_yes);
}

TEST(ConditionLogicTest, CoveringEverythingIsNeverNo) {
  const ConditionLogic logic = Reasoned(
      Joined("any_of", {"{fact: \"age\", at_least: 18}", "{fact: \"age\", less_than: 18}"}));
  EXPECT_TRUE(logic.can_yes);
  EXPECT_FALSE(logic.can_no);
}

TEST(ConditionLogicTest, NobodyIsLessThanNoYearsOldOrOlderThanAHundredAndThirty) {
  EXPECT_FALSE(Reasoned("      {fact: \"age\", less_than: 0}\n").can_yes);
  EXPECT_FALSE(Reasoned("      {fact: \"age\", at_least: 131}\n").can_yes);
  EXPECT_FALSE(Reasoned("      {fact: \"age\", at_least: 0}\n").can_no);
}

TEST(ConditionLogicTest, AllCodesTogetherAreNeverNo) {
  EXPECT_FALSE(Reasoned("      {fact: \"status\", period: \"as-of-today\", is_one_of: [\"a\", "
                        "\"b\", \"c\"]}\n")
                   .can_no);
  EXPECT_TRUE(
      Reasoned("      {fact: \"status\", period: \"as-of-today\", is_one_of: [\"a\", \"b\"]}\n")
          .can_no);
  EXPECT_FALSE(
      Reasoned(Joined("all_of", {"{fact: \"status\", period: \"as-of-today\", is: \"a\"}",
                                 "{fact: \"status\", period: \"as-of-today\", is: \"b\"}"}))
          .can_yes);
}

TEST(ConditionLogicTest, ASetMayHoldSeveralCodes) {
  EXPECT_TRUE(
      Reasoned(Joined("all_of", {"{fact: \"programs\", period: \"as-of-today\", is: \"x\"}",
                                 "{fact: \"programs\", period: \"as-of-today\", is: \"y\"}"}))
          .can_yes);
  EXPECT_FALSE(
      Reasoned(Joined("all_of",
                      {"{fact: \"programs\", period: \"as-of-today\", is: \"x\"}",
                       "{not: {fact: \"programs\", period: \"as-of-today\", is_one_of: [\"x\", "
                       "\"y\"]}}"}))
          .can_yes);
}

TEST(ConditionLogicTest, WhatTheOthersDecideIsRedundant) {
  const ConditionLogic logic = Reasoned(
      Joined("all_of", {"{fact: \"age\", at_least: 18}", "{fact: \"age\", at_least: 21}"}));
  EXPECT_THAT(logic.redundant, ElementsAre(0));
  const ConditionLogic twice = Reasoned(
      Joined("all_of", {"{fact: \"age\", at_least: 18}", "{fact: \"age\", at_least: 18}"}));
  EXPECT_THAT(twice.redundant, ElementsAre(1));
}

TEST(ConditionLogicTest, ConstantComparisonsAreNumbered) {
  const ConditionLogic logic =
      Reasoned(Joined("any_of", {"{fact: \"enrolled\", period: \"as-of-today\", is: true}",
                                 "{fact: \"age\", less_than: 0}"}));
  EXPECT_THAT(logic.always_false, ElementsAre(1));
  EXPECT_THAT(logic.always_true, IsEmpty());
}

TEST(ConditionLogicTest, EachVariantIsJudgedByItsRow) {
  const ConditionLogic logic = Reasoned(
      "      fact: \"age\"\n"
      "      less_than:\n"
      "        rows:\n"
      "          - {when: {size: 1}, value: 0}\n"
      "          - {when: {size: 2}, value: 18}\n",
      "    parameters:\n      size: {from: 1, to: 2}\n");
  EXPECT_TRUE(logic.can_yes);
  EXPECT_TRUE(logic.can_no);
  ASSERT_EQ(logic.never_yes.size(), 1u);
  EXPECT_EQ(absl::get<int64_t>(logic.never_yes[0].at("size")), 1);
  EXPECT_THAT(logic.never_no, IsEmpty());
}

TEST(ConditionLogicTest, PeriodOfTheLastDaysAndAThresholdGoTogether) {
  EXPECT_TRUE(
      Reasoned("      {fact: \"moved\", period: \"last-90-days\", within_period: true}\n").can_yes);
  const ConditionLogic shorter = Reasoned(
      Joined("all_of", {"{fact: \"moved\", period: \"last-90-days\", within_period: true}",
                        "{fact: \"moved\", period: \"last-30-days\", within_period: true}"}));
  EXPECT_TRUE(shorter.can_yes);
  EXPECT_THAT(shorter.redundant, ElementsAre(0));
}

TEST(ConditionLogicTest, StepsRunOutForTheWholeAgreement) {
  const auto opened = WithCondition("      {fact: \"age\", at_least: 18}\n");
  uint64_t steps = 0;
  EXPECT_FALSE(ReasonAbout(opened->agreed(), opened->agreement.questions[0], &steps).judged);
}

// One person's facts, all known.
class AllKnown : public FactSource {
 public:
  std::map<std::string, FactValue> values;
  absl::optional<FactValue> Find(absl::string_view fact, const Period&) const override {
    const auto found = values.find(std::string(fact));
    if (found == values.end()) return absl::nullopt;
    return found->second;
  }
  absl::optional<Period> Latest(absl::string_view, PeriodKind kind, int32_t most) const override {
    return Period{kind, most};
  }
};

// By brute force over sampled people: what is called impossible never comes out, and what the
// engine brings out is called possible.
TEST(ConditionLogicTest, AgreesWithTheEvaluator) {
  std::mt19937 random(7);
  const auto pick = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  int impossible = 0;
  for (int round = 0; round < 300; ++round) {
    const auto leaf = [&]() -> std::string {
      const std::string number = absl::StrCat(pick(4));
      const std::vector<std::string> comparisons = {"at_most", "less_than", "at_least", "more_than",
                                                    "is"};
      const std::string comparison = comparisons[static_cast<size_t>(pick(5))];
      const std::vector<std::string> leaves = {
          absl::StrCat("{fact: \"members\", period: \"as-of-today\", ", comparison, ": ", number,
                       "}"),
          absl::StrCat("{fact: \"income\", period: \"tax-year-2025\", ", comparison,
                       ": {cents: ", number, "}}"),
          absl::StrCat("{fact: \"enrolled\", period: \"as-of-today\", is: ",
                       pick(2) == 0 ? "true" : "false", "}"),
          absl::StrCat("{fact: \"status\", period: \"as-of-today\", is: \"",
                       std::string(1, static_cast<char>('a' + pick(3))), "\"}")};
      return leaves[static_cast<size_t>(pick(4))];
    };
    const auto joined = [&](auto& self, int depth) -> std::string {
      if (depth == 0 || pick(4) == 0) return leaf();
      if (pick(5) == 0) return absl::StrCat("{not: ", self(self, depth - 1), "}");
      return absl::StrCat("{", pick(2) == 0 ? "all_of" : "any_of", ": [", self(self, depth - 1),
                          ", ", self(self, depth - 1), "]}");
    };
    const std::string condition = joined(joined, 3);
    SCOPED_TRACE(condition);
    const auto opened = WithCondition(absl::StrCat("      ", condition, "\n"));
    const Question& question = opened->agreement.questions.at(0);
    uint64_t steps = kMostSteps;
    const ConditionLogic logic = ReasonAbout(opened->agreed(), question, &steps);
    ASSERT_TRUE(logic.judged);
    bool yes = false;
    bool no = false;
    AllKnown person;
    for (int64_t members = -1; members <= 4; ++members) {
      for (int64_t cents = -1; cents <= 4; ++cents) {
        for (int64_t enrolled = 0; enrolled <= 1; ++enrolled) {
          for (const char* status : {"a", "b", "c"}) {
            person.values["members"] = {FactType::kWholeNumber, members, {}};
            person.values["income"] = {FactType::kMoney, cents, {}};
            person.values["enrolled"] = {FactType::kYesNo, enrolled, {}};
            person.values["status"] = {FactType::kCode, 0, {status}};
            const Answer answer = EvaluateQuestion(question, {}, person, opened->tables,
                                                   absl::CivilDay(2026, 11, 22));
            yes = yes || answer == Answer::kYes;
            no = no || answer == Answer::kNo;
          }
        }
      }
    }
    EXPECT_EQ(logic.can_yes, yes);
    EXPECT_EQ(logic.can_no, no);
    impossible += yes && no ? 0 : 1;
  }
  EXPECT_GT(impossible, 10);
}

}  // namespace
}  // namespace vouch::policies::lint
