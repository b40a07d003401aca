// ReadFactCatalogue, ReadReferenceTable and CheckAgainstFacts.
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Rules(const Report& report) {
  std::vector<std::string> rules;
  for (const Finding& f : report.findings()) rules.push_back(f.rule);
  return rules;
}

std::vector<std::string> RulesOfFacts(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(FileText("facts.yaml"), {{from, to}});
  Report report;
  EXPECT_FALSE(ReadFactCatalogue("facts.yaml", text, &report).has_value()) << to;
  return Rules(report);
}

TEST(ReadFactCatalogueTest, ReadsEveryFact) {
  Report report;
  const auto c = ReadFactCatalogue("facts.yaml", FileText("facts.yaml"), &report);
  ASSERT_TRUE(c.has_value()) << report.ToText(FileText("facts.yaml"));
  EXPECT_EQ(c->agency, "irs.treasury.example");
  EXPECT_EQ(c->facts.size(), 5u);
  const FactDefinition* income = c->Find("adjusted_gross_income");
  ASSERT_NE(income, nullptr);
  EXPECT_EQ(income->type, FactType::kMoney);
  EXPECT_EQ(income->period, PeriodKind::kTaxYear);
  EXPECT_EQ(income->held_per, "return");
  ASSERT_TRUE(income->different_values.has_value());
  EXPECT_EQ(income->different_values->count, 3);
  EXPECT_THAT(c->Find("filing_status")->codes, testing::SizeIs(4));
  EXPECT_EQ(c->Find("nothing"), nullptr);
}

TEST(ReadFactCatalogueTest, RefusesWhatContradictsItself) {
  EXPECT_THAT(RulesOfFacts("name: \"is_dependent\"", "name: \"filing_status\""),
              ElementsAre("facts/repeated"));
  EXPECT_THAT(RulesOfFacts("name: \"is_dependent\"", "name: \"age\""),
              ElementsAre("facts/reserved-name"));
  EXPECT_THAT(RulesOfFacts("    type: \"code\"", "    type: \"money\""),
              ElementsAre("facts/codes"));
  EXPECT_THAT(RulesOfFacts("type: \"yes-no\"", "type: \"code\""), ElementsAre("facts/codes"));
  EXPECT_THAT(RulesOfFacts("\"single\"", "\"2027-01-01\""), ElementsAre("facts/codes"));
  EXPECT_THAT(RulesOfFacts("    period: \"none\"", "    period: \"as-of\""),
              ElementsAre("facts/date-of-birth"));
  EXPECT_THAT(RulesOfFacts("\"yes-no\"", "\"yesno\""), ElementsAre("field/choice"));
}

TEST(ReadReferenceTableTest, ReadsThePovertyGuidelines) {
  Report report;
  FileDigest digest{};
  digest[0] = 7;
  const std::string text = SourceText("policies/reference/hhs-poverty-guidelines.yaml");
  const auto table = ReadReferenceTable("hhs.yaml", text, digest, &report);
  ASSERT_TRUE(table.has_value()) << report.ToText(text);
  EXPECT_EQ(table->name, "hhs-poverty-guidelines");
  EXPECT_EQ(table->digest, digest);
  EXPECT_EQ(table->Amount("2026", absl::CivilDay(2027, 1, 1), "alaska", 4), 1995000 + 3 * 710000);
}

TEST(ReadReferenceTableTest, RefusesWhatContradictsItself) {
  const std::string text = SourceText("policies/reference/hhs-poverty-guidelines.yaml");
  const auto rules = [&](const std::string& from, const std::string& to) {
    Report report;
    EXPECT_FALSE(
        ReadReferenceTable("t", absl::StrReplaceAll(text, {{from, to}}), {}, &report).has_value());
    return Rules(report);
  };
  EXPECT_THAT(rules("year: \"2026\"", "year: \"2025\""), ElementsAre("table/edition-repeated"));
  EXPECT_THAT(rules("\"2026-01-13\"", "\"2024-01-13\""), ElementsAre("table/edition-order"));
  EXPECT_THAT(rules("region: \"hawaii\", first_person: 1836000",
                    "region: \"alaska\", first_person: 1836000"),
              ElementsAre("table/row-repeated"));
  EXPECT_THAT(rules("1836000", "18360.00"), ElementsAre("field/number"));
}

// One condition in the place of the agreement's, and the rule it breaks; empty for none.
struct Fit {
  const char* name;
  const char* condition;
  const char* rule;
};
class FitTest : public ::testing::TestWithParam<Fit> {};

TEST_P(FitTest, IsJudgedAgainstTheCatalogue) {
  const std::string text = FileText("income.yaml");
  const size_t from = text.find("    parameters:");
  const size_t to = text.find("    records_loaded_within:");
  const std::string changed = absl::StrCat(
      text.substr(0, from), "    yes_when: ", GetParam().condition, "\n", text.substr(to));
  Report report;
  const auto agreement = ReadAgreement("a.yaml", changed, Known(), &report);
  ASSERT_TRUE(agreement.has_value()) << report.ToText(changed);
  const auto facts = ReadFactCatalogue("facts.yaml", FileText("facts.yaml"), &report);
  ASSERT_TRUE(facts.has_value());
  CheckAgainstFacts(*agreement, "a.yaml", *facts, &report);
  if (GetParam().rule[0] == '\0') {
    EXPECT_THAT(Rules(report), testing::IsEmpty()) << report.ToText(changed);
  } else {
    ASSERT_THAT(Rules(report), ElementsAre(GetParam().rule)) << report.ToText(changed);
    EXPECT_EQ(report.findings()[0].position.line, 45);
    EXPECT_FALSE(report.findings()[0].mend.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FitTest,
    ::testing::Values(
        Fit{"Money",
            "{fact: \"adjusted_gross_income\", period: \"tax-year-2025\", at_most: "
            "{cents: 1}}",
            ""},
        Fit{"LatestYear",
            "{fact: \"adjusted_gross_income\", period: \"latest-filed-tax-year\", "
            "more_than: {cents: 1}}",
            ""},
        Fit{"MoneyAsNumber",
            "{fact: \"adjusted_gross_income\", period: \"tax-year-2025\", "
            "at_most: 45000}",
            "agreement/fact-type"},
        Fit{"Misspelt",
            "{fact: \"adjusted_gros_income\", period: \"tax-year-2025\", at_most: "
            "{cents: 1}}",
            "agreement/unknown-fact"},
        Fit{"PeriodMissing", "{fact: \"adjusted_gross_income\", at_most: {cents: 1}}",
            "agreement/period"},
        Fit{"PeriodOfAnotherKind",
            "{fact: \"adjusted_gross_income\", period: \"month-2026-10\", "
            "at_most: {cents: 1}}",
            "agreement/period"},
        Fit{"PeriodForNone",
            "{fact: \"date_of_birth\", period: \"tax-year-2025\", on_or_before: "
            "\"2000-01-01\"}",
            "agreement/period"},
        Fit{"Date", "{fact: \"date_of_birth\", on_or_before: \"2000-01-01\"}", ""},
        Fit{"Age", "{fact: \"age\", at_least: 18}", ""},
        Fit{"AgeToday", "{fact: \"age\", period: \"as-of-today\", between: [18, 64]}", ""},
        Fit{"AgeAsMoney", "{fact: \"age\", at_least: {cents: 18}}", "agreement/fact-type"},
        Fit{"Code", "{fact: \"filing_status\", period: \"tax-year-2025\", is: \"single\"}", ""},
        Fit{"Codes",
            "{fact: \"filing_status\", period: \"tax-year-2025\", is_one_of: "
            "[\"single\", \"married-joint\"]}",
            ""},
        Fit{"CodeMisspelt",
            "{fact: \"filing_status\", period: \"tax-year-2025\", is: "
            "\"singel\"}",
            "agreement/unknown-code"},
        Fit{"YesNo", "{fact: \"is_dependent\", period: \"tax-year-2025\", is: false}", ""},
        Fit{"YesNoAsCode", "{fact: \"is_dependent\", period: \"tax-year-2025\", is: \"no\"}",
            "agreement/fact-type"},
        Fit{"LastDays",
            "{fact: \"last_filed_on\", period: \"last-90-days\", within_period: "
            "true}",
            ""},
        Fit{"LastDaysOfMoney",
            "{fact: \"adjusted_gross_income\", period: \"last-90-days\", "
            "within_period: true}",
            "agreement/period"}),
    [](const ::testing::TestParamInfo<Fit>& fit) { return std::string(fit.param.name); });

TEST(CheckAgainstFactsTest, RefusesAnotherAgencysCatalogue) {
  Report report;
  const auto agreement = ReadAgreement("a.yaml", FileText("income.yaml"), Known(), &report);
  auto facts = ReadFactCatalogue("facts.yaml", FileText("facts.yaml"), &report);
  ASSERT_TRUE(agreement.has_value() && facts.has_value());
  facts->agency = "ssa.example";
  CheckAgainstFacts(*agreement, "a.yaml", *facts, &report);
  EXPECT_THAT(Rules(report), ElementsAre("agreement/other-catalogue"));
}

}  // namespace
}  // namespace vouch::policies
