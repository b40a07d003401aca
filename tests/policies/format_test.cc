#include "policies/engine/format.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

using ::testing::HasSubstr;

std::string FormattedText(const std::string& text) {
  Report report;
  const absl::optional<std::string> made = Formatted("a.yaml", text, Known(), &report);
  EXPECT_TRUE(made.has_value()) << report.ToText(text);
  return made.value_or("");
}

TEST(FormatTest, WhatIsInOrderStaysAsItIs) {
  for (const char* name : {"tests/policies/data/income.yaml", "tests/policies/data/facts.yaml",
                           "policies/reference/hhs-poverty-guidelines.yaml",
                           "policies/templates/income-for-student-aid/agreement.yaml",
                           "policies/templates/veteran-status/agreement.yaml",
                           "policies/templates/medical-benefit-renewal/agreement.yaml",
                           "policies/templates/school-meals-by-enrolment/agreement.yaml",
                           "policies/templates/birth-of-a-child/agreement.yaml",
                           "policies/templates/disaster-assistance-by-residence/agreement.yaml"}) {
    const std::string text = SourceText(name);
    EXPECT_EQ(FormattedText(text), text) << name;
  }
}

TEST(FormatTest, MendsWhatEditorsDo) {
  const std::string text = FileText("income.yaml");
  // As a Windows editor saves it, with spaces at the ends of lines and without the last line end.
  std::string spoilt = "\xEF\xBB\xBF" + absl::StrReplaceAll(text, {{"\n", "\r\n"}});
  spoilt = absl::StrReplaceAll(spoilt, {{"parties:\r\n", "parties:  \r\n"}});
  while (absl::EndsWith(spoilt, "\n") || absl::EndsWith(spoilt, "\r")) spoilt.pop_back();
  EXPECT_EQ(FormattedText(spoilt), text);
}

TEST(FormatTest, GivesEveryLevelTwoSpaces) {
  EXPECT_EQ(FormattedText("# top\n"
                          "a:\n"
                          "    # about b\n"
                          "    b: \"x\"   # beside\n"
                          "    c:\n"
                          "    -   d: \"1\"\n"
                          "        e: |\n"
                          "               two\n"
                          "                lines  \n"
                          "\n"
                          "               # prose\n"
                          "    # last of the list\n"
                          "    -   [\"p\",\n"
                          "            \"q\"]\n"
                          "    -   \n"
                          "        d: \"2\"\n"
                          "z:\n"
                          "- \"y\"\n"),
            "# top\n"
            "a:\n"
            "  # about b\n"
            "  b: \"x\"   # beside\n"
            "  c:\n"
            "    - d: \"1\"\n"
            "      e: |\n"
            "        two\n"
            "         lines  \n"
            "\n"
            "        # prose\n"
            "    # last of the list\n"
            "    - [\"p\",\n"
            "            \"q\"]\n"
            "    -\n"
            "      d: \"2\"\n"
            "z:\n"
            "  - \"y\"\n");
}

TEST(FormatTest, QuotesWhatIsTakenForSomethingElse) {
  const std::string text = FileText("income.yaml");
  const std::string spoilt =
      absl::StrReplaceAll(text, {{"effective: \"2027-01-01\"", "effective: 2027-01-01"},
                                 {"code: \"x\"", "code: x"},
                                 {"revision: 1 ", "revision: 1 "}});
  ASSERT_NE(spoilt, text);
  EXPECT_EQ(FormattedText(spoilt), text);
}

TEST(FormatTest, IsIdempotent) {
  for (std::string text : {FileText("income.yaml"), SourceText("policies/templates/veteran-status/"
                                                               "agreement.yaml")}) {
    text = absl::StrReplaceAll(text, {{"\n  ", "\n      "}});
    Report report;
    const absl::optional<std::string> once = Formatted("a.yaml", text, Known(), &report);
    if (!once.has_value()) continue;  // indented in a way that nobody can read
    EXPECT_EQ(FormattedText(*once), *once);
  }
}

TEST(FormatTest, RefusesWhatOnlyItsAuthorCanMend) {
  for (const char* text : {"a: \"x\n", "a:\n\tb: \"x\"\n", "a: \"x\"\na: \"y\"\n", "a: &b \"x\"\n",
                           "a: \xE2\x80\x9Cx\xE2\x80\x9D\n", "a: {b: \"x\"\n", "", "a: x: y\n"}) {
    Report report;
    EXPECT_FALSE(Formatted("a.yaml", text, Known(), &report).has_value()) << text;
    EXPECT_TRUE(report.HasErrors()) << text;
  }
}

}  // namespace
}  // namespace vouch::policies
