#include "server/records/mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/paths.h"

namespace vouch::server::records {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kExample[] = R"(format: "vouch-mapping/1"
agency: "tax.revenue.example"
person_id: {column: "source_id"}
identity:
  social_security_number: {column: "social_security_number"}
  family_name: {columns: ["family_name", "former_family_name"]}
facts:
  - {fact: "adjusted_gross_income", column: "agi", period: "tax-year-2025"}
  - {fact: "adjusted_gross_income", column: "agi_before", period: "tax-year-2024", money_in: "cents"}
  - {fact: "enrolled", column: "enrolled", period: "none"}
data_as_of: {date: "2026-11-20"}
)";

absl::optional<Mapping> Read(absl::string_view text, std::vector<std::string>* rules = nullptr) {
  policies::Report report;
  const absl::optional<Mapping> mapping = ReadMapping("mapping.yaml", text, &report);
  EXPECT_NE(mapping.has_value(), report.HasErrors()) << report.ToText(text);
  if (rules != nullptr) {
    for (const policies::Finding& finding : report.findings()) {
      rules->push_back(absl::StrCat(finding.rule, ":", finding.position.line));
    }
  }
  return mapping;
}

std::vector<std::string> RulesOf(absl::string_view text) {
  std::vector<std::string> rules;
  EXPECT_FALSE(Read(text, &rules).has_value());
  return rules;
}

std::string With(absl::string_view from, absl::string_view to) {
  return absl::StrReplaceAll(kExample, {{from, to}});
}

TEST(MappingTest, ReadsEveryPart) {
  const absl::optional<Mapping> mapping = Read(kExample);
  ASSERT_TRUE(mapping.has_value());
  EXPECT_EQ(mapping->agency, "tax.revenue.example");
  EXPECT_EQ(mapping->person_id_column, "source_id");
  ASSERT_EQ(mapping->identity.size(), 2u);
  EXPECT_EQ(mapping->identity[0].attribute, crypto::Attribute::kSocialSecurityNumber);
  EXPECT_EQ(mapping->identity[1].columns,
            std::vector<std::string>({"family_name", "former_family_name"}));
  ASSERT_EQ(mapping->facts.size(), 3u);
  EXPECT_EQ(mapping->facts[0].period.number, 2025);
  EXPECT_FALSE(mapping->facts[0].in_cents);
  EXPECT_TRUE(mapping->facts[1].in_cents);
  EXPECT_EQ(mapping->data_as_of, absl::CivilDay(2026, 11, 20));
}

TEST(MappingTest, TheDayOfTheDataMayStandInAColumn) {
  const absl::optional<Mapping> mapping = Read(With("{date: \"2026-11-20\"}", "{column: \"day\"}"));
  ASSERT_TRUE(mapping.has_value());
  EXPECT_EQ(mapping->data_as_of_column, "day");
  EXPECT_FALSE(mapping->data_as_of.has_value());
}

TEST(MappingTest, NamesEveryErrorWithItsLine) {
  EXPECT_THAT(RulesOf(With("period: \"none\"", "period: \"sometimes\"")),
              Contains("mapping/period:10"));
  EXPECT_THAT(RulesOf(With("tax-year-2024", "tax-year-2025")), Contains("mapping/repeated-fact:9"));
  EXPECT_FALSE(RulesOf(With("social_security_number: {", "ssn: {")).empty());
  EXPECT_FALSE(
      RulesOf(With("{date: \"2026-11-20\"}", "{date: \"2026-11-20\", column: \"d\"}")).empty());
  EXPECT_FALSE(RulesOf(With("person_id: {column: \"source_id\"}\n", "")).empty());
  EXPECT_FALSE(RulesOf(With("vouch-mapping/1", "vouch-mapping/2")).empty());
}

TEST(MappingTest, SaysWhereItDoesNotFitTheCatalogue) {
  policies::FactCatalogue catalogue;
  policies::FactDefinition income, enrolled;
  income.name = "adjusted_gross_income";
  income.type = policies::FactType::kMoney;
  income.period = policies::PeriodKind::kTaxYear;
  enrolled.name = "enrolled";
  enrolled.type = policies::FactType::kYesNo;
  enrolled.period = policies::PeriodKind::kNone;
  catalogue.facts = {income, enrolled};
  const absl::optional<Mapping> mapping = Read(kExample);
  EXPECT_TRUE(CheckAgainstCatalogue(*mapping, catalogue).empty());
  catalogue.facts[0].type = policies::FactType::kWholeNumber;
  EXPECT_THAT(CheckAgainstCatalogue(*mapping, catalogue), Contains(HasSubstr("cents")));
  catalogue.facts[0].period = policies::PeriodKind::kMonth;
  EXPECT_THAT(CheckAgainstCatalogue(*mapping, catalogue), Contains(HasSubstr("tax-year-2025")));
  catalogue.facts.pop_back();
  EXPECT_THAT(CheckAgainstCatalogue(*mapping, catalogue), Contains(HasSubstr("enrolled")));
}

TEST(MappingTest, AReturnStandsBesideWhatIsHeldPerReturn) {
  const absl::optional<Mapping> mapping = Read(
      With("period: \"tax-year-2025\"", "period: \"tax-year-2025\", return_id: {column: \"r\"}"));
  ASSERT_TRUE(mapping.has_value());
  EXPECT_EQ(mapping->facts[0].return_id_column, "r");
  EXPECT_EQ(mapping->facts[1].return_id_column, "");
  policies::FactCatalogue catalogue;
  policies::FactDefinition income, enrolled;
  income.name = "adjusted_gross_income";
  income.type = policies::FactType::kMoney;
  income.period = policies::PeriodKind::kTaxYear;
  income.held_per = "return";
  enrolled.name = "enrolled";
  enrolled.type = policies::FactType::kYesNo;
  enrolled.held_per = "return";
  catalogue.facts = {income, enrolled};
  EXPECT_TRUE(CheckAgainstCatalogue(*mapping, catalogue).empty());
  // Amounts alone are added up.
  EXPECT_THAT(MappingNotes(*mapping, catalogue), ElementsAre(HasSubstr("tax-year-2024")));
  catalogue.facts[0].held_per = "person";
  EXPECT_THAT(CheckAgainstCatalogue(*mapping, catalogue), ElementsAre(HasSubstr("return_id")));
  EXPECT_TRUE(MappingNotes(*mapping, catalogue).empty());
}

TEST(MappingTest, TheCommittedSchemaIsTheGeneratedOne) {
  std::ifstream file(VOUCH_SOURCE_DIR "/policies/schema/mapping.schema.json");
  const std::string committed((std::istreambuf_iterator<char>(file)),
                              std::istreambuf_iterator<char>());
  EXPECT_EQ(committed, MappingSchema().dump(2) + "\n");
}

}  // namespace
}  // namespace vouch::server::records
