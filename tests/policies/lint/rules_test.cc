#include "policies/engine/lint/rules.h"

#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/policies/lint/checked.h"

namespace vouch::policies::lint {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::vector<std::string> RulesInPacks() {
  std::vector<std::string> ids;
  for (const RulePack& pack : Packs()) {
    for (const Rule& rule : pack.rules) ids.push_back(rule.id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(RulesTest, CodeAndPacksKnowTheSameRules) {
  EXPECT_THAT(CheckedRules(), ElementsAreArray(RulesInPacks()));
  EXPECT_GE(CheckedRules().size(), 40u);
}

TEST(RulesTest, EachRuleHasItsPage) {
  for (const RulePack& pack : Packs()) {
    const std::string page = SourceText(absl::StrCat("policies/rules/", pack.name, ".md"));
    EXPECT_THAT(page, HasSubstr(pack.title));
    for (const Rule& rule : pack.rules) {
      SCOPED_TRACE(rule.id);
      const std::string section = PageSection(page, rule.id);
      EXPECT_THAT(section, HasSubstr(rule.title));
      for (const char* part : {"**Why.** ", "**Fails:**", "```yaml", "**Mend.** ", "**Law.** ",
                               "Confirm with counsel"}) {
        EXPECT_THAT(section, HasSubstr(part));
      }
      EXPECT_THAT(section, HasSubstr(rule.citation));
      EXPECT_THAT(section, HasSubstr(rule.severity == Severity::kError     ? "(error)"
                                     : rule.severity == Severity::kWarning ? "(warning)"
                                                                           : "(note)"));
    }
  }
}

TEST(RulesTest, PagesAreFoundByTheirHeading) {
  EXPECT_EQ(PageOf("us-federal/term"), "policies/rules/us-federal.md#us-federalterm");
  EXPECT_EQ(PageSection("# a\n\n## p/one\n\n1\n\n## p/two\n\n2\n", "p/one"), "## p/one\n\n1\n");
  EXPECT_EQ(PageSection("# a\n\n## p/one\n", "p/three"), "");
}

TEST(RulesTest, PackIsReadWithPositions) {
  Report report;
  const auto pack = ReadRulePack("p.yaml",
                                 "format: \"vouch-rules/1\"\n"
                                 "pack: \"p\"\n"
                                 "title: \"T\"\n"
                                 "text: \"X\"\n"
                                 "rules:\n"
                                 "  - id: \"q/one\"\n"
                                 "    severity: \"error\"\n"
                                 "    title: \"T\"\n"
                                 "    text: \"X\"\n",
                                 &report);
  EXPECT_FALSE(pack.has_value());
  ASSERT_EQ(report.findings().size(), 1u);
  EXPECT_EQ(report.findings()[0].rule, "rules/other-pack");
  EXPECT_EQ(report.findings()[0].position.line, 6);
}

}  // namespace
}  // namespace vouch::policies::lint
