// The cases of every template pass, try everything, and notice the smallest change.
#include <algorithm>
#include <filesystem>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "policies/engine/cases/boundary.h"
#include "policies/engine/cases/case_yaml.h"
#include "policies/engine/cases/results.h"
#include "tests/paths.h"
#include "tests/policies/cases/opened.h"

namespace vouch::policies::cases {
namespace {

std::vector<std::string> Templates() {
  std::vector<std::string> names;
  const std::filesystem::path root =
      std::filesystem::path(VOUCH_SOURCE_DIR) / "policies" / "templates";
  for (const auto& folder : std::filesystem::directory_iterator(root)) {
    if (folder.is_directory()) names.push_back(folder.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class TemplateCasesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TemplateCasesTest, AllPass) {
  const CasesRun run = RunText(OpenTemplate(GetParam()), TemplateText(GetParam(), "cases.yaml"));
  EXPECT_TRUE(run.passed()) << cases::RunText(run, "cases.yaml", {"agreement.yaml", nullptr});
}

TEST_P(TemplateCasesTest, TryEveryOutcomeOfEveryQuestionAndEveryRefusal) {
  const CasesRun run = RunText(OpenTemplate(GetParam()), TemplateText(GetParam(), "cases.yaml"));
  EXPECT_TRUE(run.coverage.never.empty()) << run.coverage.never[0];
  EXPECT_TRUE(run.coverage.untried.empty()) << RefusedName(run.coverage.untried[0]);
}

TEST_P(TemplateCasesTest, TheGeneratedSectionIsUpToDate) {
  const Opened opened = OpenTemplate(GetParam());
  const std::string text = TemplateText(GetParam(), "cases.yaml");
  EXPECT_EQ(WithGeneratedSection(text, GenerateCases(opened.catalog, *opened.held)), text)
      << "run vouch agreement test --generate --write, and read what changed";
}

INSTANTIATE_TEST_SUITE_P(Templates, TemplateCasesTest, ::testing::ValuesIn(Templates()),
                         [](const auto& one) {
                           return absl::StrReplaceAll(one.param, {{"-", "_"}});
                         });

// What a slip of the pen would do.
struct Mutation {
  const char* name;
  const char* folder;
  const char* from;
  const char* to;
};
std::ostream& operator<<(std::ostream& out, const Mutation& mutation) {
  return out << mutation.name;
}

class MutationTest : public ::testing::TestWithParam<Mutation> {};

TEST_P(MutationTest, MakesACaseFail) {
  const std::string before = TemplateText(GetParam().folder, "agreement.yaml");
  const std::string after = absl::StrReplaceAll(before, {{GetParam().from, GetParam().to}});
  ASSERT_NE(before, after);
  const Opened opened = Open(after, TemplateText(GetParam().folder, "facts.yaml"));
  EXPECT_FALSE(RunText(opened, TemplateText(GetParam().folder, "cases.yaml")).passed());
}

constexpr char kAid[] = "income-for-student-aid";
INSTANTIATE_TEST_SUITE_P(
    Slips, MutationTest,
    ::testing::Values(
        Mutation{"Percent", kAid, "percent: 225", "percent: 226"},
        Mutation{"LessThan", kAid, "at_most:", "less_than:"},
        Mutation{"Edition", kAid, "edition: \"2026\"", "edition: \"2025\""},
        Mutation{"Range", kAid, "to: 12", "to: 13"},
        Mutation{"ShorterRange", kAid, "to: 12", "to: 11"},
        Mutation{"Obligation", kAid, "on_no: {do: \"verify-independently\"",
                 "on_no: {do: \"accept\""},
        Mutation{"TimesAsked", kAid, "count: 4, every: \"30 days\"",
                 "count: 5, every: \"30 days\""},
        Mutation{"Window", kAid, "count: 4, every: \"30 days\"", "count: 4, every: \"31 days\""},
        Mutation{"DifferentValues", kAid, "count: 2, every: \"agreement\"",
                 "count: 3, every: \"agreement\""},
        Mutation{"Freshness", kAid, "records_loaded_within: \"30 days\"",
                 "records_loaded_within: \"31 days\""},
        Mutation{"Consent", kAid, "consent: {required: true, from: \"each-subject\"}",
                 "consent: {required: false}"},
        Mutation{"Days", "birth-of-a-child", "last-180-days", "last-181-days"},
        Mutation{"Not", "veteran-status", "is: \"dishonorable\"", "is: \"bad-conduct\""},
        Mutation{"AllToAny", "medical-benefit-renewal", "all_of:", "any_of:"},
        Mutation{"AnyToAll", "school-meals-by-enrolment", "any_of:", "all_of:"},
        Mutation{"County", "disaster-assistance-by-residence", "[\"12086\", \"48201\"]",
                 "[\"12086\"]"}),
    [](const auto& one) { return one.param.name; });

TEST(MutationTest, OneCentInARowMakesAGeneratedCaseFail) {
  const auto text = [](const char* cents) {
    return absl::StrReplaceAll(
        TemplateText(kAid, "agreement.yaml"),
        {{"household_size: {from: 1, to: 12}", "household_size: {from: 1, to: 2}"},
         {"      region: {one_of: [\"contiguous\", \"alaska\", \"hawaii\"]}\n", ""},
         {"        percent: 225\n        of: \"hhs-poverty-guidelines\"\n        edition: "
          "\"2026\"\n        row: {persons: \"household_size\", region: \"region\"}\n",
          absl::StrCat("        rows:\n"
                       "          - {when: {household_size: 1}, value: {cents: 3591000}}\n"
                       "          - {when: {household_size: 2}, value: {cents: ",
                       cents, "}}\n")}});
  };
  const std::string facts = TemplateText(kAid, "facts.yaml");
  const Opened before = Open(text("4869000"), facts);
  const std::string cases = WithGeneratedSection(NewCasesFile(before.held->agreement.id),
                                                 GenerateCases(before.catalog, *before.held));
  EXPECT_TRUE(RunText(before, cases).passed());
  EXPECT_FALSE(RunText(Open(text("4869001"), facts), cases).passed());
  EXPECT_FALSE(RunText(Open(text("4868999"), facts), cases).passed());
}

}  // namespace
}  // namespace vouch::policies::cases
