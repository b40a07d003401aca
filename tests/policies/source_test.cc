#include "policies/engine/source.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace vouch::policies {
namespace {

using ::testing::HasSubstr;

Finding At(std::string file, int line, int column) {
  Finding f;
  f.rule = "field/unknown-key";
  f.file = std::move(file);
  f.position = {line, column};
  f.message = "there is no key `x`";
  return f;
}

TEST(ReportTest, OrdersFindingsByPositionWithinEachFile) {
  Report report;
  report.Add(At("a", 9, 1));
  report.Add(At("b", 1, 1));
  report.Add(At("a", 2, 7));
  report.Add(At("a", 2, 3));
  ASSERT_EQ(report.findings().size(), 4u);
  EXPECT_EQ(report.findings()[0].position.column, 3);
  EXPECT_EQ(report.findings()[1].position.column, 7);
  EXPECT_EQ(report.findings()[2].position.line, 9);
  EXPECT_EQ(report.findings()[3].file, "b");
}

TEST(ReportTest, TellsUnreadableFromWrong) {
  Report report;
  EXPECT_FALSE(report.HasErrors());
  report.Add(At("a", 1, 1));
  EXPECT_TRUE(report.HasErrors());
  EXPECT_FALSE(report.Unreadable());
  Finding f = At("a", 1, 1);
  f.rule = "yaml/tab";
  report.Add(f);
  EXPECT_TRUE(report.Unreadable());
}

TEST(ReportTest, AWarningIsNoError) {
  Report report;
  Finding f = At("a", 1, 1);
  f.severity = Severity::kWarning;
  report.Add(f);
  EXPECT_FALSE(report.HasErrors());
}

TEST(ReportTest, KeepsABoundedNumberAndStillKnowsOfErrors) {
  Report report;
  Finding note = At("a", 1, 1);
  note.severity = Severity::kNote;
  for (size_t i = 0; i < Report::kMostFindings; ++i) report.Add(note);
  report.Add(At("a", 2, 2));
  EXPECT_EQ(report.findings().size(), Report::kMostFindings);
  EXPECT_EQ(report.left_out(), 1u);
  EXPECT_TRUE(report.HasErrors());
}

TEST(ReportTest, TextShowsTheLineWithACaretUnderTheCodePoint) {
  Report report;
  Finding f = At("a.yaml", 2, 4);
  f.mend = "remove it";
  f.cite = "docs/agreements.md, \"Keys\"";
  report.Add(f);
  EXPECT_EQ(report.ToText("x: 1\né: x: 2\n"),
            "a.yaml:2:4: error: there is no key `x` [field/unknown-key]\n"
            "     2 | é: x: 2\n"
            "       |    ^\n"
            "  mend: remove it\n"
            "  see:  docs/agreements.md, \"Keys\"\n");
}

TEST(ReportTest, JsonHasTheSameWords) {
  Report report;
  report.Add(At("a.yaml", 2, 4));
  const nlohmann::json json = nlohmann::json::parse(report.ToJson());
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["line"], 2);
  EXPECT_EQ(json[0]["column"], 4);
  EXPECT_EQ(json[0]["message"], "there is no key `x`");
  EXPECT_EQ(json[0]["severity"], "error");
}

TEST(ReportTest, JsonSurvivesBytesThatAreNotUtf8) {
  Report report;
  report.Add(At("a\xFF.yaml", 1, 1));
  EXPECT_FALSE(nlohmann::json::parse(report.ToJson(), nullptr, false).is_discarded());
}

TEST(ShownTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Shown("a\x1B[31mb"), "a\\u{1B}[31mb");
  EXPECT_EQ(Shown("a\u202Eb"), "a\\u{202E}b");
  EXPECT_EQ(Shown("a\xFF"), "a\\xFF");
  EXPECT_EQ(Shown("Größe"), "Größe");
}

TEST(ShownTest, ShortensByCodePoints) { EXPECT_EQ(Shown("ééééé", 3), "ééé..."); }

TEST(NearestTest, FindsSlipsAndNothingElse) {
  const std::vector<std::string> names = {"purposes", "parties", "at_most", "at_least"};
  EXPECT_EQ(Nearest("purpose", names), "purposes");
  EXPECT_EQ(Nearest("partise", names), "parties");
  EXPECT_EQ(Nearest("At-Most", names), "at_most");
  EXPECT_EQ(Nearest("threshold", names), "");
}

}  // namespace
}  // namespace vouch::policies
