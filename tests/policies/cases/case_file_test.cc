#include "policies/engine/cases/case_file.h"

#include <filesystem>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/paths.h"
#include "tests/policies/cases/opened.h"
#include "tests/policies/json_schema.h"

namespace vouch::policies::cases {
namespace {

constexpr char kOne[] = R"(format: "vouch-cases/1"
agreement: "a"
cases:
  - name: "One cent above"
    on: "2027-01-31"
    question: "income"
    parameters: {household_size: 4}
    facts: {"income@tax-year-2025": "$1.00", age_group: "b", veteran: true, count: 3, codes: ["x"]}
    asked_before: [{on: "2 days before", times: 3}]
    answer: "NO"
    do: "verify-independently"
)";

Report Findings(const std::string& text) {
  Report report;
  ReadCases("cases.yaml", text, &report);
  return report;
}

TEST(CaseFileTest, ReadsEveryKindOfValue) {
  const CaseFile file = CasesOf(kOne);
  ASSERT_EQ(file.cases.size(), 1u);
  const Case& one = file.cases[0];
  ASSERT_EQ(one.facts.size(), 5u);
  EXPECT_EQ(one.facts[0].name, "income");
  EXPECT_EQ(one.facts[0].period, "tax-year-2025");
  EXPECT_EQ(one.facts[2].value.kind, WrittenValue::Kind::kYesNo);
  EXPECT_EQ(one.facts[3].value.number, 3);
  EXPECT_EQ(one.facts[4].value.list, (std::vector<std::string>{"x"}));
  EXPECT_EQ(one.asked_before[0].times, 3);
  EXPECT_EQ(one.answer, Answer::kNo);
  EXPECT_EQ(one.position.line, 4);
  EXPECT_EQ(one.At("question").line, 6);
}

TEST(CaseFileTest, ARefusalNeedsANamedReason) {
  const std::string refused = absl::StrReplaceAll(
      kOne, {{"    answer: \"NO\"\n    do: \"verify-independently\"\n", "    refused: true\n"}});
  const Report report = Findings(refused);
  ASSERT_FALSE(report.findings().empty());
  EXPECT_EQ(report.findings()[0].position.line, 10);
  EXPECT_TRUE(report.HasErrors());
}

TEST(CaseFileTest, NeitherAnswerNorRefusalIsAnErrorAndSoAreBoth) {
  EXPECT_TRUE(Findings(absl::StrReplaceAll(kOne, {{"    answer: \"NO\"\n", ""}})).HasErrors());
  EXPECT_TRUE(Findings(absl::StrReplaceAll(kOne, {{"    answer: \"NO\"\n",
                                                   "    answer: \"NO\"\n    refused: "
                                                   "\"person-limit\"\n"}}))
                  .HasErrors());
}

TEST(CaseFileTest, SuggestsTheReasonThatWasMeant) {
  const Report report =
      Findings(absl::StrReplaceAll(kOne, {{"    answer: \"NO\"\n    do: \"verify-independently\"\n",
                                           "    refused: \"person-limits\"\n"}}));
  ASSERT_EQ(report.findings().size(), 1u);
  EXPECT_THAT(report.findings()[0].mend, ::testing::HasSubstr("person-limit"));
}

TEST(CaseFileTest, TwoCasesOfOneNameAreAnError) {
  const std::string again = std::string(kOne).substr(std::string(kOne).find("  - name"));
  const Report report = Findings(kOne + again);
  ASSERT_EQ(report.findings().size(), 1u);
  EXPECT_EQ(report.findings()[0].rule, "cases/name-repeated");
  EXPECT_EQ(report.findings()[0].position.line, 12);
}

TEST(CaseFileTest, TheCommittedSchemaIsTheGeneratedOne) {
  EXPECT_EQ(SourceText("policies/schema/cases.schema.json"), SchemaText(CasesSchema().schema))
      << "run bin/vouch-schema policies/schema and commit the result";
}

TEST(CaseFileTest, TheSchemaAcceptsEveryTemplatesCases) {
  for (const char* name : {"birth-of-a-child", "income-for-student-aid", "veteran-status"}) {
    const std::string text = TemplateText(name, "cases.yaml");
    Report report;
    const auto tree = ReadTree("cases.yaml", text, &report);
    ASSERT_TRUE(tree.has_value());
    const SchemaFile schema = CasesSchema();
    SchemaChecker checker(schema.schema);
    EXPECT_TRUE(checker.Accepts(ToJson(tree->root))) << name;
  }
}

void Properties(const Json& schema, SchemaChecker* checker, std::set<std::string>* keys) {
  if (!schema.is_structured()) return;
  if (schema.is_object() && schema.contains("properties") && schema["properties"].is_object()) {
    for (const auto& [key, property] : schema["properties"].items()) {
      keys->insert(key);
      EXPECT_FALSE(property.value("description", "").empty()) << key;
      ASSERT_TRUE(property.contains("examples")) << key;
      EXPECT_TRUE(checker->Accepts(property, property["examples"][0])) << key;
    }
  }
  for (const auto& [key, part] : schema.items()) {
    if (key != "examples") Properties(part, checker, keys);
  }
}

TEST(CaseFileTest, EveryKeyHasAGoodExampleAndIsDocumented) {
  const SchemaFile file = CasesSchema();
  SchemaChecker checker(file.schema);
  std::set<std::string> keys;
  Properties(file.schema, &checker, &keys);
  EXPECT_GT(keys.size(), 20u);
  const std::string doc = SourceText("docs/agreements.md");
  const size_t section = doc.find("## 8. Cases");
  ASSERT_NE(section, std::string::npos);
  for (const std::string& key : keys) {
    const bool found = absl::StrContains(doc.substr(section), absl::StrCat("`", key, "`")) ||
                       absl::StrContains(doc.substr(section), absl::StrCat(".", key, "`")) ||
                       absl::StrContains(doc.substr(section), absl::StrCat(key, "[]`"));
    EXPECT_TRUE(found) << key;
  }
}

TEST(CaseFileTest, EveryRuleIsDocumented) {
  const std::string doc = SourceText("docs/agreements.md");
  const std::regex rule("\"(cases/[a-z0-9-]+)\"");
  std::set<std::string> rules;
  const std::filesystem::path room =
      std::filesystem::path(VOUCH_SOURCE_DIR) / "policies" / "engine" / "cases";
  for (const auto& file : std::filesystem::directory_iterator(room)) {
    if (file.path().extension() != ".cc") continue;
    const std::string text =
        SourceText(absl::StrCat("policies/engine/cases/", file.path().filename().string()));
    for (std::sregex_iterator i(text.begin(), text.end(), rule), end; i != end; ++i) {
      rules.insert((*i)[1]);
    }
  }
  EXPECT_GT(rules.size(), 10u);
  for (const std::string& id : rules) {
    EXPECT_TRUE(absl::StrContains(doc, absl::StrCat("`", id, "`"))) << id;
  }
}

}  // namespace
}  // namespace vouch::policies::cases
