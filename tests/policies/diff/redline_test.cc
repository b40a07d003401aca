#include "policies/engine/diff/redline.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "tests/policies/diff/opened.h"

namespace vouch::policies::diff {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Marks(absl::string_view before, absl::string_view after) {
  std::string marks;
  for (const DiffLine& line : LineDiff(before, after)) {
    absl::StrAppend(&marks, line.after == 0 ? "-" : line.before == 0 ? "+" : "=", line.text, " ");
  }
  return marks;
}

TEST(LineDiffTest, KeepsCommonLinesAndMarksTheOthers) {
  EXPECT_EQ(Marks("a\nb\nc\n", "a\nb\nc\n"), "=a =b =c ");
  EXPECT_EQ(Marks("a\nb\nc\n", "a\nx\nc\n"), "=a -b +x =c ");
  EXPECT_EQ(Marks("a\nb\nc\nd\n", "b\nc\ne\nd\n"), "-a =b =c +e =d ");
  EXPECT_EQ(Marks("", "a\n"), "+a ");
  EXPECT_EQ(Marks("a\nb\n", ""), "-a -b ");
}

TEST(LineDiffTest, EveryLineOfBothTextsIsThereInItsOrder) {
  uint32_t random = 20261122;
  for (int round = 0; round < 300; ++round) {
    const auto text = [&random] {
      std::string made;
      const uint32_t lines = (random = random * 1664525 + 1013904223) >> 28;
      for (uint32_t i = 0; i < lines; ++i) {
        random = random * 1664525 + 1013904223;
        absl::StrAppend(&made, random >> 30, "\n");
      }
      return made;
    };
    const std::string before = text();
    const std::string after = text();
    std::string was;
    std::string is;
    int last_before = 0;
    int last_after = 0;
    for (const DiffLine& line : LineDiff(before, after)) {
      if (line.before != 0) {
        EXPECT_EQ(line.before, ++last_before);
        absl::StrAppend(&was, line.text, "\n");
      }
      if (line.after != 0) {
        EXPECT_EQ(line.after, ++last_after);
        absl::StrAppend(&is, line.text, "\n");
      }
    }
    EXPECT_EQ(was, before);
    EXPECT_EQ(is, after);
  }
}

TEST(LineDiffTest, TextsWithNothingInCommonAreReplacedWhole) {
  std::string before;
  std::string after;
  for (int i = 0; i < 4000; ++i) {
    absl::StrAppend(&before, "b", i, "\n");
    absl::StrAppend(&after, "a", i, "\n");
  }
  EXPECT_EQ(LineDiff(before, after).size(), 8000u);
}

class RedlineTest : public testing::Test {
 protected:
  static std::string Page(const std::string& from, const std::string& to) {
    Texts texts;
    const Opened before = Open(texts);
    texts.agreement = absl::StrReplaceAll(texts.agreement, {{from, to}});
    const Opened after = Open(texts);
    EXPECT_NE(after.held, nullptr) << after.report.ToText(after.text);
    if (after.held == nullptr) return "";
    return RedlinePage(Compare(before.side(), after.side()), before.side(), "before.yaml",
                       after.side(), "after.yaml");
  }
};

TEST_F(RedlineTest, ShowsTheChangeWithItsLinesAndBothTexts) {
  const std::string page = Page("at_most: {cents: 4500000}", "at_most: {cents: 4500001}");
  EXPECT_THAT(page, HasSubstr("WIDENS and NARROWS"));
  EXPECT_THAT(page, HasSubstr("$45,000.01: was NO, would be YES"));
  EXPECT_THAT(page, HasSubstr("<a href=\"#a71\">after.yaml line 71</a>"));
  EXPECT_THAT(page, HasSubstr("id=\"a71\""));
  EXPECT_THAT(page, HasSubstr("<del>      at_most: {cents: 4500000}</del>"));
  EXPECT_THAT(page, HasSubstr("<ins>      at_most: {cents: 4500001}</ins>"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST_F(RedlineTest, HostileTextsShowAsText) {
  const std::string hostile = "</title><script>alert(1)</script><img src=x onerror=alert(1)>&";
  const std::string page = Page("Income and residence for aid", hostile);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  // A huge text stays within the page.
  EXPECT_THAT(Page("Invented", "Invented"), HasSubstr("</html>"));
}

TEST_F(RedlineTest, TheTerminalSeesNoControlOrBidirectionalCharacters) {
  const std::string text = LineDiffText(LineDiff("a\n", "a\xE2\x80\xAE\x1b[31m<b>\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\xE2\x80\xAE")));
}

}  // namespace
}  // namespace vouch::policies::diff
