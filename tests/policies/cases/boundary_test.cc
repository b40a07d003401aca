#include "policies/engine/cases/boundary.h"

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "policies/engine/cases/case_yaml.h"
#include "tests/policies/cases/opened.h"

namespace vouch::policies::cases {
namespace {

using ::testing::HasSubstr;

const Case* Find(const Generation& generation, absl::string_view words) {
  for (const Case& one : generation.cases) {
    if (absl::StrContains(one.name, words)) return &one;
  }
  ADD_FAILURE() << "no case about " << words;
  static const auto* const kNone = new Case();
  return kNone;
}

TEST(GenerateCasesTest, StandsOneCentBelowAtAndAboveEachThreshold) {
  const Opened opened = OpenTemplate("income-for-student-aid");
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  EXPECT_EQ(Find(generation, "one cent below $44,887.50")->answer, Answer::kYes);
  EXPECT_EQ(Find(generation, "exactly $44,887.50")->answer, Answer::kYes);
  EXPECT_EQ(Find(generation, "one cent above $44,887.50")->answer, Answer::kNo);
  EXPECT_EQ(Find(generation, "one cent above $44,887.50")->action, Do::kVerifyIndependently);
}

TEST(GenerateCasesTest, SaysHowManyCombinationsItLeftOut) {
  const Opened opened = OpenTemplate("income-for-student-aid");
  EXPECT_THAT(GenerateCases(opened.catalog, *opened.held).notes,
              ::testing::Contains(HasSubstr("6 of 36 combinations of parameter values")));
}

TEST(GenerateCasesTest, StandsOnBothSidesOfEveryDay) {
  const Opened opened = OpenTemplate("birth-of-a-child");
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  EXPECT_EQ(Find(generation, "asked on the day before the first day")->refused,
            Refused::kNotInForce);
  EXPECT_EQ(Find(generation, "asked on the first day")->answer, Answer::kYes);
  EXPECT_EQ(Find(generation, "asked on the last day")->answer, Answer::kYes);
  EXPECT_EQ(Find(generation, "asked on the day after the last day")->refused, Refused::kNotInForce);
  EXPECT_EQ(Find(generation, "one day too long ago")->answer, Answer::kNo);
  EXPECT_EQ(Find(generation, "the first day of the period")->answer, Answer::kYes);
}

TEST(GenerateCasesTest, GoesToTheEndOfEachParameterAndOneBeyond) {
  const Opened opened = OpenTemplate("income-for-student-aid");
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  EXPECT_TRUE(Find(generation, "household_size is the last")->answer.has_value());
  EXPECT_EQ(Find(generation, "household_size is one beyond")->refused,
            Refused::kParameterNotListed);
  EXPECT_EQ(Find(generation, "household_size is one below")->refused, Refused::kParameterNotListed);
  EXPECT_EQ(Find(generation, "region is one that is not listed")->refused,
            Refused::kParameterNotListed);
}

TEST(GenerateCasesTest, AsksUpToEachLimitAndOnceMore) {
  const Opened opened = OpenTemplate("income-for-student-aid");
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  EXPECT_TRUE(Find(generation, "asked 3 times before")->answer.has_value());
  EXPECT_EQ(Find(generation, "asked 4 times before")->refused, Refused::kPersonLimit);
  EXPECT_TRUE(Find(generation, "1 other value before")->answer.has_value());
  EXPECT_EQ(Find(generation, "2 other values before")->refused, Refused::kPersonLimit);
}

// So that one fact among several is what decides.
TEST(GenerateCasesTest, ChoosesTheOtherFactsSoThatTheOneAtHandDecides) {
  const Opened opened = OpenTemplate("medical-benefit-renewal");
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  EXPECT_EQ(Find(generation, "snap_as_of one day too long ago")->answer, Answer::kNo);
  EXPECT_EQ(Find(generation, "snap_as_of the first day of the period")->answer, Answer::kYes);
}

TEST(GenerateCasesTest, CoversEveryRowOfAThreshold) {
  const Opened opened =
      Open(absl::StrReplaceAll(
               TemplateText("income-for-student-aid", "agreement.yaml"),
               {{"household_size: {from: 1, to: 12}", "household_size: {from: 1, to: 3}"},
                {"      region: {one_of: [\"contiguous\", \"alaska\", \"hawaii\"]}\n", ""},
                {"        percent: 225\n        of: \"hhs-poverty-guidelines\"\n        "
                 "edition: \"2026\"\n        row: {persons: \"household_size\", region: "
                 "\"region\"}\n",
                 "        rows:\n"
                 "          - {when: {household_size: 1}, value: {cents: 100}}\n"
                 "          - {when: {household_size: 2}, value: {cents: 200}}\n"
                 "          - {when: {household_size: 3}, value: {cents: 300}}\n"}}),
           TemplateText("income-for-student-aid", "facts.yaml"));
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  for (const char* above :
       {"one cent above $1.00", "one cent above $2.00", "one cent above $3.00"}) {
    EXPECT_EQ(Find(generation, above)->answer, Answer::kNo);
  }
}

TEST(GenerateCasesTest, StandsOnBothSidesOfABirthday) {
  const std::string facts = TemplateText("birth-of-a-child", "facts.yaml");
  const Opened opened = Open(
      absl::StrReplaceAll(TemplateText("birth-of-a-child", "agreement.yaml"),
                          {{"      fact: \"child_birth_date\"\n      period: \"last-180-days\"\n"
                            "      within_period: true\n",
                            "      fact: \"age\"\n      at_least: 18\n"}}),
      absl::StrReplaceAll(facts, {{"child_birth_date", "date_of_birth"}}), true, facts);
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  EXPECT_EQ(Find(generation, "one day before turning 18")->answer, Answer::kNo);
  EXPECT_EQ(Find(generation, "turning 18 that day")->answer, Answer::kYes);
}

TEST(GeneratedSectionTest, ReplacesOnlyItself) {
  const Opened opened = OpenTemplate("veteran-status");
  const Generation generation = GenerateCases(opened.catalog, *opened.held);
  const std::string first =
      WithGeneratedSection(TemplateText("veteran-status", "cases.yaml"), generation);
  EXPECT_EQ(first, TemplateText("veteran-status", "cases.yaml"));
  EXPECT_EQ(WithGeneratedSection(first, generation), first);
  const CasesRun run =
      RunText(opened, WithGeneratedSection(NewCasesFile("housing-veterans-2027-001"), generation));
  EXPECT_TRUE(run.passed());
  EXPECT_EQ(run.results.size(), generation.cases.size());
  EXPECT_TRUE(run.results[0].generated);
}

}  // namespace
}  // namespace vouch::policies::cases
