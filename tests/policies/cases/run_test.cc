#include "policies/engine/cases/run.h"

#include "gmock/gmock.h"
#include "policies/engine/cases/results.h"
#include "tests/policies/cases/opened.h"

namespace vouch::policies::cases {
namespace {

using ::testing::HasSubstr;

constexpr char kIncome[] = "income-at-or-below-225-percent";

// One case about the income template; `more` are further keys.
CasesRun Outcome(const std::string& more, const std::string& question = kIncome) {
  static const Opened* const kOpened = new Opened(OpenTemplate("income-for-student-aid"));
  return RunText(*kOpened,
                 CasesFileOf(*kOpened, absl::StrCat("  - name: \"it\"\n    on: \"first day\"\n"
                                                    "    question: \"",
                                                    question, "\"\n", more)));
}
std::string Asking(const std::string& cents, const std::string& more) {
  return absl::StrCat(
      "    parameters: {household_size: 4, region: \"contiguous\"}\n    facts: "
      "{adjusted_gross_income: \"",
      cents, "\"}\n", more);
}
const Finding* Only(const CasesRun& run) {
  EXPECT_EQ(run.results.size(), 1u);
  EXPECT_FALSE(run.results[0].passed);
  EXPECT_EQ(run.results[0].findings.size(), 1u);
  return run.results[0].findings.empty() ? nullptr : &run.results[0].findings[0];
}

TEST(RunCasesTest, PassesWhatComesOutAsExpected) {
  EXPECT_TRUE(Outcome(Asking("$74,250.00", "    answer: \"YES\"\n    do: \"accept\"\n")).passed());
  EXPECT_TRUE(Outcome(Asking("$74,250.01", "    answer: \"NO\"\n")).passed());
}

TEST(RunCasesTest, FailsOnAnotherAnswerWithTheValuesThatDecided) {
  const CasesRun run = Outcome(Asking("$74,250.01", "    answer: \"YES\"\n"));
  EXPECT_FALSE(run.passed());
  const std::string text = cases::RunText(run, "cases.yaml", {"agreement.yaml", nullptr});
  EXPECT_THAT(text, HasSubstr("FAILED cases.yaml:4:5  it"));
  EXPECT_THAT(text, HasSubstr("expected: YES"));
  EXPECT_THAT(text, HasSubstr("actual:   NO"));
  EXPECT_THAT(text, HasSubstr("$74,250.01; required: at most $74,250.00 (225% of "
                              "hhs-poverty-guidelines, edition 2026)   [agreement.yaml:"));
}

TEST(RunCasesTest, FailsOnAnotherThingToDo) {
  EXPECT_FALSE(Outcome(Asking("$74,250.01", "    answer: \"NO\"\n    do: \"accept\"\n")).passed());
}

TEST(RunCasesTest, FailsWhenAnotherGateRefuses) {
  EXPECT_FALSE(
      Outcome(Asking("$1.00", "    consent: false\n    refused: \"person-limit\"\n")).passed());
  EXPECT_TRUE(Outcome(Asking("$1.00", "    consent: false\n    refused: \"subject\"\n")).passed());
}

TEST(RunCasesTest, FailsWhenARefusalWasExpectedAndAnAnswerCame) {
  EXPECT_FALSE(Outcome(Asking("$1.00", "    refused: \"person-limit\"\n")).passed());
}

TEST(RunCasesTest, AnUnknownQuestionFailsWithDidYouMean) {
  const CasesRun run = Outcome("    answer: \"YES\"\n", "income-at-or-below-255-percent");
  const Finding* finding = Only(run);
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->rule, "cases/unknown-question");
  EXPECT_THAT(finding->mend, HasSubstr(kIncome));
  EXPECT_EQ(finding->position.line, 6);
}

TEST(RunCasesTest, AnUnknownQuestionPassesOnlyWhereItIsMeant) {
  EXPECT_TRUE(Outcome("    refused: \"question-not-listed\"\n", "income-in-dollars").passed());
  EXPECT_FALSE(Outcome("    refused: \"purpose-not-listed\"\n", "income-in-dollars").passed());
}

TEST(RunCasesTest, UnknownPurposeFactAndParameterFailWithDidYouMean) {
  const CasesRun purpose =
      Outcome(Asking("$1.00", "    purpose: \"student-aid-eligiblity\"\n    answer: \"YES\"\n"));
  ASSERT_NE(Only(purpose), nullptr);
  EXPECT_THAT(Only(purpose)->mend, HasSubstr("student-aid-eligibility"));

  const CasesRun fact = Outcome(
      "    parameters: {household_size: 4, region: \"contiguous\"}\n"
      "    facts: {adjusted_gros_income: \"$1.00\"}\n    answer: \"YES\"\n");
  ASSERT_NE(Only(fact), nullptr);
  EXPECT_EQ(Only(fact)->rule, "cases/unknown-fact");
  EXPECT_THAT(Only(fact)->mend, HasSubstr("adjusted_gross_income"));

  const CasesRun parameter = Outcome(
      "    parameters: {household_size: 4, region: \"contiguous\", houshold: 1}\n"
      "    facts: {adjusted_gross_income: \"$1.00\"}\n    answer: \"YES\"\n");
  ASSERT_NE(Only(parameter), nullptr);
  EXPECT_EQ(Only(parameter)->rule, "cases/unknown-parameter");
}

TEST(RunCasesTest, AMissingParameterFails) {
  const CasesRun run = Outcome(
      "    parameters: {household_size: 4}\n    facts: {adjusted_gross_income: \"$1.00\"}\n"
      "    answer: \"YES\"\n");
  ASSERT_NE(Only(run), nullptr);
  EXPECT_EQ(Only(run)->rule, "cases/missing-parameter");
}

TEST(RunCasesTest, AValueOfTheWrongTypeFailsAndSaysHowToWriteIt) {
  const CasesRun run = Outcome(
      "    parameters: {household_size: 4, region: \"contiguous\"}\n"
      "    facts: {adjusted_gross_income: 45000}\n    answer: \"YES\"\n");
  ASSERT_NE(Only(run), nullptr);
  EXPECT_EQ(Only(run)->rule, "cases/value");
  EXPECT_THAT(Only(run)->mend, HasSubstr("$45,000.00"));
}

TEST(RunCasesTest, APeriodThatDoesNotFitFails) {
  const CasesRun run = Outcome(
      "    parameters: {household_size: 4, region: \"contiguous\"}\n"
      "    facts: {\"adjusted_gross_income@as-of\": \"$1.00\"}\n    answer: \"YES\"\n");
  ASSERT_NE(Only(run), nullptr);
  EXPECT_EQ(Only(run)->rule, "cases/period");
}

TEST(RunCasesTest, MembersInAQuestionAboutOnePersonFail) {
  const CasesRun run = Outcome(
      "    parameters: {household_size: 4, region: \"contiguous\"}\n"
      "    members: [{facts: {adjusted_gross_income: \"$1.00\"}}]\n    answer: \"YES\"\n");
  ASSERT_NE(Only(run), nullptr);
  EXPECT_EQ(Only(run)->rule, "cases/members");
}

TEST(RunCasesTest, NoCasesAreAFailure) {
  const Opened opened = OpenTemplate("income-for-student-aid");
  const CasesRun run = RunText(opened, absl::StrCat("format: \"vouch-cases/1\"\nagreement: \"",
                                                    opened.held->agreement.id, "\"\ncases: []\n"));
  EXPECT_FALSE(run.passed());
  ASSERT_EQ(run.findings.size(), 1u);
  EXPECT_EQ(run.findings[0].rule, "cases/none");
}

TEST(RunCasesTest, CasesOfAnotherAgreementAreAFailure) {
  const Opened opened = OpenTemplate("income-for-student-aid");
  const CasesRun run = RunText(opened, TemplateText("birth-of-a-child", "cases.yaml"));
  ASSERT_FALSE(run.findings.empty());
  EXPECT_EQ(run.findings[0].rule, "cases/other-agreement");
}

TEST(RunCasesTest, CoverageNamesWhatNoCaseTries) {
  const CasesRun run = Outcome(Asking("$1.00", "    answer: \"YES\"\n"));
  ASSERT_EQ(run.coverage.questions.size(), 1u);
  EXPECT_EQ(run.coverage.questions[0].yes, 1);
  EXPECT_EQ(run.coverage.never.size(), 2u);  // NO and UNDETERMINED
  EXPECT_THAT(run.coverage.untried, ::testing::Contains(Refused::kPersonLimit));
  EXPECT_THAT(run.coverage.untried, ::testing::Not(::testing::Contains(Refused::kNotSigned)));
}

TEST(RunCasesTest, JUnitEscapesWhatAFileSays) {
  CasesRun run = Outcome(Asking("$74,250.01", "    answer: \"YES\"\n"));
  run.results[0].name = "<b>\"it\" & more\x01</b>";
  const std::string xml = RunJUnit(run, "cases.yaml", {"agreement.yaml", nullptr});
  EXPECT_THAT(xml, HasSubstr("tests=\"1\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("&lt;b&gt;&quot;it&quot; &amp; more\\u{1}&lt;/b&gt;"));
}

TEST(RunCasesTest, JsonHasTheSameOutcome) {
  const CasesRun run = Outcome(Asking("$74,250.01", "    answer: \"YES\"\n"));
  const Json json = RunJson(run, "cases.yaml", {"agreement.yaml", nullptr});
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["results"][0]["expected"], "YES");
  EXPECT_EQ(json["results"][0]["simulation"]["answer"], "NO");
  EXPECT_EQ(json["results"][0]["simulation"]["why"]["actual"], "$74,250.01");
}

}  // namespace
}  // namespace vouch::policies::cases
