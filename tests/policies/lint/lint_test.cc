#include "policies/engine/lint/lint.h"

#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/paths.h"
#include "tests/policies/lint/checked.h"

namespace vouch::policies::lint {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::CivilDay kToday(2026, 11, 22);

std::vector<std::string> Templates() {
  std::vector<std::string> names;
  for (const auto& folder : std::filesystem::directory_iterator(
           std::filesystem::path(VOUCH_SOURCE_DIR) / "policies" / "templates")) {
    if (folder.is_directory()) names.push_back(folder.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Report Check(const std::string& name,
             const std::vector<std::pair<std::string, std::string>>& edits = {},
             LintOptions options = OptionsOn(kToday)) {
  const std::string facts = TemplateText(name, "facts.yaml");
  return CheckText(Edited(TemplateText(name, "agreement.yaml"), edits), facts, facts, "", options);
}

std::vector<Finding> Of(const Report& report, absl::string_view rule) {
  std::vector<Finding> found;
  for (const Finding& finding : report.findings()) {
    if (finding.rule == rule) found.push_back(finding);
  }
  return found;
}

LintFile FileOf(const Opened& opened, const std::string& name) {
  LintFile file;
  file.name = name;
  file.bytes = opened.text;
  file.agreed = opened.agreed();
  return file;
}

TEST(LintTest, TemplatesHaveNoErrors) {
  for (const std::string& name : Templates()) {
    const Report report = Check(name);
    EXPECT_FALSE(report.HasErrors()) << name << "\n" << report.ToText("");
  }
  EXPECT_GE(Templates().size(), 6u);
}

TEST(LintTest, FindingsCarryCitationAndPage) {
  const Report report = Check("veteran-status", {{"2027-09-30", "2029-09-30"}});
  const auto found = Of(report, "us-federal/term");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].cite, "5 U.S.C. 552a(o)(2)(C)");
  EXPECT_EQ(found[0].page, "policies/rules/us-federal.md#us-federalterm");
  EXPECT_TRUE(report.HasErrors());
}

constexpr char kLastContact[] =
    "  - {party: \"veterans.example\", role: \"privacy officer\", email: "
    "\"privacy@veterans.example\"}\n";
std::string WithWaiver(const std::string& rule, const std::string& expires) {
  return absl::StrCat(kLastContact, "waivers:\n  - {rule: \"", rule,
                      "\", granted_by: \"Jane Roe, Chief Privacy Officer\", reason: \"Minutes of 3 "
                      "May.\", expires: \"",
                      expires, "\"}\n");
}

TEST(LintTest, WaivedFindingIsShownAndIsNoError) {
  const Report report = Check(
      "veteran-status",
      {{"2027-09-30", "2029-09-30"}, {kLastContact, WithWaiver("us-federal/term", "2029-09-30")}});
  EXPECT_FALSE(report.HasErrors()) << report.ToText("");
  const auto found = Of(report, "us-federal/term");
  ASSERT_EQ(found.size(), 1u);
  ASSERT_TRUE(found[0].waived.has_value());
  EXPECT_EQ(found[0].waived->by, "Jane Roe, Chief Privacy Officer");
  EXPECT_THAT(report.ToText(""), HasSubstr(": waived: the term runs from"));
  EXPECT_THAT(report.ToText(""),
              HasSubstr("waived by Jane Roe, Chief Privacy Officer until 2029-09-30: Minutes"));
  EXPECT_THAT(report.ToJson(), HasSubstr("\"until\": \"2029-09-30\""));
}

TEST(LintTest, WaiverHoldsOnItsLastDayAndNotTheDayAfter) {
  const std::vector<std::pair<std::string, std::string>> edits = {
      {"2027-09-30", "2029-09-30"}, {kLastContact, WithWaiver("us-federal/term", "2027-03-31")}};
  EXPECT_FALSE(Check("veteran-status", edits, OptionsOn(absl::CivilDay(2027, 3, 31))).HasErrors());
  const Report after = Check("veteran-status", edits, OptionsOn(absl::CivilDay(2027, 4, 1)));
  EXPECT_TRUE(after.HasErrors());
  EXPECT_EQ(Of(after, "waivers/expired").size(), 1u);
}

TEST(LintTest, PackThatIsNotAskedForSaysNothing) {
  LintOptions options = OptionsOn(kToday);
  options.only = {"privacy", "waivers"};
  const Report report = Check(
      "veteran-status",
      {{"2027-09-30", "2029-09-30"}, {kLastContact, WithWaiver("us-federal/term", "2029-09-30")}},
      options);
  EXPECT_THAT(Of(report, "us-federal/term"), IsEmpty());
  EXPECT_THAT(Of(report, "waivers/unused"), IsEmpty());
}

TEST(LintTest, BracketIsSeenAcrossAgreementsOfTheSameParties) {
  const auto one = OpenTemplate("income-for-student-aid");
  const auto other = OpenTemplate(
      "income-for-student-aid",
      {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"}, {"percent: 225", "percent: 226"}});
  Report report;
  Lint({FileOf(*one, "one.yaml"), FileOf(*other, "other.yaml")}, OptionsOn(kToday), &report);
  const auto found = Of(report, "privacy/bracket");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, Severity::kWarning);
  EXPECT_EQ(found[0].file, "other.yaml");
  EXPECT_THAT(found[0].message, HasSubstr("one.yaml:"));
}

TEST(LintTest, AgreementsOfOtherPartiesDoNotAddUp) {
  const auto one = OpenTemplate("income-for-student-aid");
  auto other = OpenTemplate(
      "income-for-student-aid",
      {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"}, {"percent: 225", "percent: 226"}});
  other->agreement.asks = {"housing.example"};
  Report report;
  Lint({FileOf(*one, "one.yaml"), FileOf(*other, "other.yaml")}, OptionsOn(kToday), &report);
  for (const Finding& finding : Of(report, "privacy/bracket")) {
    EXPECT_THAT(finding.message, testing::Not(HasSubstr(".yaml:")));
  }
}

TEST(LintTest, FactOfTwoAgreementsWithoutItsOwnCapIsSaid) {
  const std::vector<std::pair<std::string, std::string>> no_cap = {
      {"    different_values: {count: 4, every: \"1 year\"}\n", ""}};
  const auto one = OpenTemplate("income-for-student-aid", {}, no_cap);
  const auto other = OpenTemplate("income-for-student-aid",
                                  {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"}}, no_cap);
  Report report;
  Lint({FileOf(*one, "one.yaml"), FileOf(*other, "other.yaml")}, OptionsOn(kToday), &report);
  const auto found = Of(report, "privacy/no-cap-across-agreements");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].message, HasSubstr("together they allow 4 different values"));
  const auto capped = OpenTemplate("income-for-student-aid",
                                   {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"}});
  const auto first = OpenTemplate("income-for-student-aid");
  Report good;
  Lint({FileOf(*first, "one.yaml"), FileOf(*capped, "other.yaml")}, OptionsOn(kToday), &good);
  EXPECT_THAT(Of(good, "privacy/no-cap-across-agreements"), IsEmpty());
}

// Random edits of the templates: lines dropped, doubled and exchanged, numbers and words changed.
// Whatever the reader accepts must be linted without a crash and soon.
TEST(LintTest, WhateverTheReaderAcceptsIsLintedSoon) {
  std::mt19937 random(20261122);
  const LintOptions options = OptionsOn(kToday);
  std::vector<std::pair<std::string, std::string>> texts;
  for (const std::string& name : Templates()) {
    texts.emplace_back(TemplateText(name, "agreement.yaml"), TemplateText(name, "facts.yaml"));
  }
  const absl::Time end = absl::Now() + absl::Seconds(5);
  const auto pick = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  size_t accepted = 0;
  size_t tried = 0;
  absl::Duration longest;
  const std::vector<std::string> numbers = {
      "0", "1", "2", "99", "365", "10000", "999999999999", "-1", "1000000000000"};
  while (absl::Now() < end && tried < 1500) {
    ++tried;
    const auto& [original, facts] = texts[pick(texts.size())];
    std::vector<std::string> lines = absl::StrSplit(original, '\n');
    const size_t edits = 1 + pick(3);
    for (size_t i = 0; i < edits; ++i) {
      const size_t at = pick(lines.size());
      switch (pick(5)) {
        case 0:
          lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
          std::swap(lines[at], lines[pick(lines.size())]);
          break;
        case 2: {
          const size_t digit = lines[at].find_first_of("0123456789");
          if (digit == std::string::npos) break;
          const size_t last = lines[at].find_first_not_of("0123456789", digit);
          lines[at].replace(digit, last == std::string::npos ? last : last - digit,
                            numbers[pick(numbers.size())]);
          break;
        }
        case 3: {
          // The condition of one template in another, by its keys.
          const std::vector<std::string> other =
              absl::StrSplit(texts[pick(texts.size())].first, '\n');
          lines[at] = other[pick(other.size())];
          break;
        }
        default:
          lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), lines[at]);
          break;
      }
    }
    std::string text;
    for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
    const absl::Time began = absl::Now();
    const Report report = CheckText(text, facts, facts, "", options);
    longest = std::max(longest, absl::Now() - began);
    for (const Finding& finding : report.findings()) {
      if (absl::StartsWith(finding.rule, "us-federal/") ||
          absl::StartsWith(finding.rule, "privacy/") || absl::StartsWith(finding.rule, "logic/")) {
        ++accepted;
        break;
      }
    }
  }
  EXPECT_GT(accepted, 20u);
  EXPECT_LT(longest, absl::Seconds(5));
}

// A condition of many comparisons of many facts, each looked at twice, would be 3^40 cases.
TEST(LintTest, ConditionsTooLargeToGoThroughAreLeftUnjudged) {
  std::string facts =
      "format: \"vouch-facts/1\"\nagency: \"tax.revenue.example\"\nversion: \"1\"\n"
      "facts:\n";
  std::string condition = "      all_of:\n";
  for (int i = 0; i < 40; ++i) {
    if (i % 10 == 0) absl::StrAppend(&condition, "        - all_of:\n");
    absl::StrAppend(&facts, "  - {name: \"amount_", i,
                    "\", type: \"money\", period: \"tax-year\", "
                    "held_per: \"person\", meaning: \"An amount.\", source_system: \"System\"}\n");
    for (int twice = 0; twice < 2; ++twice) {
      absl::StrAppend(&condition, "            - {fact: \"amount_", i,
                      "\", period: \"tax-year-2025\", ", twice == 0 ? "at_least" : "at_most",
                      ": {cents: ", twice == 0 ? 100 : 1000000, "}}\n");
    }
  }
  std::string text = TemplateText("income-for-student-aid", "agreement.yaml");
  const size_t from = text.find("      fact: \"adjusted_gross_income\"");
  const size_t to = text.find("    records_loaded_within");
  text.replace(from, to - from, condition);
  const auto opened = Open("agreement.yaml", text, facts);
  Report report;
  const absl::Time began = absl::Now();
  Lint({FileOf(*opened, "agreement.yaml")}, OptionsOn(kToday), &report);
  EXPECT_LT(absl::Now() - began, absl::Seconds(5));
  EXPECT_EQ(Of(report, "logic/not-judged").size(), 1u);
  EXPECT_THAT(Of(report, "logic/never-yes"), IsEmpty());
}

TEST(LintTest, TermRunsFromTheFirstOfSeveralRevisions) {
  const auto first = OpenTemplate("veteran-status");
  const auto second = OpenTemplate("veteran-status", {{"2026-10-01", "2027-03-01"}});
  const auto third =
      OpenTemplate("veteran-status", {{"2026-10-01", "2027-09-01"}, {"2027-09-30", "2028-12-31"}});
  LintFile file = FileOf(*third, "agreement.yaml");
  const auto terms = [&file] {
    Report report;
    Lint({file}, OptionsOn(kToday), &report);
    return Of(report, "us-federal/term");
  };
  EXPECT_THAT(terms(), IsEmpty());
  file.replaced = &second->agreement;
  EXPECT_EQ(terms().size(), 1u);  // 22 months
  file.earlier = {&first->agreement};
  ASSERT_EQ(terms().size(), 1u);
  EXPECT_THAT(terms()[0].message, HasSubstr("from 2026-10-01 (an earlier revision)"));
  // A term that was over before is not run on.
  const auto over = OpenTemplate("veteran-status", {{"2027-09-30", "2026-12-31"}});
  file.replaced = &over->agreement;
  file.earlier.clear();
  EXPECT_THAT(terms(), IsEmpty());
}

// As many questions and parameter values as a file may hold.
TEST(LintTest, TheLargestAgreementIsLintedSoon) {
  std::string text = TemplateText("income-for-student-aid", "agreement.yaml");
  const size_t from = text.find("  - id: \"income-at-or-below");
  const size_t to = text.find("limits:\n");
  const std::string question =
      "  - id: \"question-NUMBER\"\n"
      "    ask: \"Was income at or below the limit?\"\n"
      "    about: \"person\"\n"
      "    parameters:\n"
      "      household_size: {from: 1, to: 3333}\n"
      "      region: {one_of: [\"contiguous\", \"alaska\", \"hawaii\"]}\n"
      "    yes_when:\n"
      "      all_of:\n"
      "        - fact: \"adjusted_gross_income\"\n"
      "          period: \"tax-year-2025\"\n"
      "          at_most: {percent: PERCENT, of: \"hhs-poverty-guidelines\", edition: \"2026\", "
      "row: {persons: \"household_size\", region: \"region\"}}\n"
      "        - fact: \"adjusted_gross_income\"\n"
      "          period: \"tax-year-2025\"\n"
      "          at_least: {cents: 100}\n"
      "    records_loaded_within: \"30 days\"\n"
      "    on_yes: {do: \"accept\"}\n"
      "    on_no: {do: \"verify-independently\", notice_days: 30}\n"
      "    on_undetermined: {do: \"ask-the-person\"}\n";
  std::string questions;
  for (int i = 1; i <= 200; ++i) {
    absl::StrAppend(&questions, absl::StrReplaceAll(question, {{"NUMBER", absl::StrCat(i)},
                                                               {"PERCENT", absl::StrCat(i)}}));
  }
  text.replace(from, to - from, questions);
  const auto opened =
      Open("agreement.yaml", text, TemplateText("income-for-student-aid", "facts.yaml"));
  ASSERT_EQ(opened->agreement.questions.size(), 200u);
  Report report;
  const absl::Time began = absl::Now();
  Lint({FileOf(*opened, "agreement.yaml")}, OptionsOn(kToday), &report);
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
  EXPECT_FALSE(report.findings().empty());
}

TEST(LintTest, ARenewalThatTellsThePersonSomethingElseIsNotUnchanged) {
  const auto changed = [](const std::vector<std::pair<std::string, std::string>>& edits) {
    const auto before = OpenTemplate("veteran-status");
    const auto after = OpenTemplate("veteran-status", edits);
    LintFile file = FileOf(*after, "agreement.yaml");
    file.agreed.agreement = &after->agreement;
    file.replaced = &before->agreement;
    Report report;
    Lint({file}, OptionsOn(kToday), &report);
    return Of(report, "us-federal/renewal-unchanged");
  };
  std::vector<std::pair<std::string, std::string>> edits = {
      {"  expires: \"2027-09-30\"\n",
       "  expires: \"2028-09-30\"\n  renewal: {former_expiry: \"2027-09-30\", certified: [{by: "
       "\"veterans.example\", on: \"2027-08-01\"}]}\n"}};
  EXPECT_THAT(changed(edits), IsEmpty());
  edits.emplace_back("        language: \"en\"\n        text: |\n",
                     "        language: \"en\"\n        text: |\n          Do not call us.\n");
  ASSERT_EQ(changed(edits).size(), 1u);
  EXPECT_THAT(changed(edits)[0].message, HasSubstr("these have changed: questions"));
}

TEST(LintTest, AQuestionThatPointsTheOtherWayThanItsConditionIsFound) {
  const std::string name = "income-for-student-aid";
  const auto found = Of(Check(name, {{"at_most:", "at_least:"}}), "logic/ask-differs");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].message, HasSubstr("is `at_least`: everybody gets the opposite answer"));
  EXPECT_THAT(Of(Check(name, {{"at_most:", "at_least:"},
                              {"2025 at or below 225%", "2025 at or above 225%"}}),
                 "logic/ask-differs"),
              IsEmpty());
  // Words that point both ways, or are turned round, are left to people.
  EXPECT_THAT(
      Of(Check(name, {{"at_most:", "at_least:"}, {"2025 at or below 225%", "2025 not below 225%"}}),
         "logic/ask-differs"),
      IsEmpty());
}

TEST(LintTest, APeriodHidesNoThresholdThatStandsBesideIt) {
  const std::string name = "birth-of-a-child";
  const auto found =
      Of(Check(name, {{"period: \"last-180-days\"", "period: \"last-9999-days\""},
                      {"within_period: true", "between: [\"2026-06-01\", \"2026-06-02\"]"}}),
         "privacy/bracket");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].message, HasSubstr("between 2026-06-01 and 2026-06-02, 2 days wide"));
  EXPECT_THAT(Of(Check(name), "privacy/bracket"), IsEmpty());
}

}  // namespace
}  // namespace vouch::policies::lint
