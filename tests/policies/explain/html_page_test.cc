#include "policies/engine/explain/html_page.h"

#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "policies/engine/explain/explain.h"
#include "tests/policies/lint/opened.h"

namespace vouch::policies::explain {
namespace {

using lint::Opened;
using lint::OpenTemplate;
using ::testing::HasSubstr;
using ::testing::Not;

std::string PageOf(const Opened& opened) {
  return HtmlPage(Explain(Explained{opened.agreement,
                                    &opened.facts,
                                    &opened.tables,
                                    opened.file,
                                    opened.text,
                                    std::string(64, 'a'),
                                    {}}));
}

TEST(HtmlPageTest, EscapesMarkupAndWhatNobodySees) {
  EXPECT_EQ(Escaped("<script>\"&'</script>"), "&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;");
  EXPECT_EQ(Escaped("a\u202Eb"), "a\\u{202E}b");
  EXPECT_EQ(Escaped(absl::string_view("\x07\0\xFF", 3)), "\\u{7}\\u{0}\\xFF");
}

TEST(HtmlPageTest, EveryTagOfAPageIsOneOfItsOwn) {
  const auto opened =
      OpenTemplate("income-for-student-aid",
                   {{"title: \"Income check for federal student aid\"",
                     "title: \"<script>alert(1)</script><img src=x onerror=alert(1)>\""},
                    {"board: \"Disclosure Office\"", "board: \"\\\"><svg onload=alert(1)>\""}});
  const std::string page = PageOf(*opened);
  std::set<std::string> tags;
  const std::regex tag("<(/?[a-zA-Z0-9!]+)");
  for (std::sregex_iterator at(page.begin(), page.end(), tag), end; at != end; ++at) {
    tags.insert((*at)[1]);
  }
  for (const char* own :
       {"!DOCTYPE", "html", "head",    "meta",  "title",      "style", "body",  "a",     "header",
        "p",        "h1",   "dl",      "dt",    "dd",         "code",  "nav",   "h2",    "ol",
        "li",       "main", "section", "span",  "blockquote", "ul",    "div",   "table", "caption",
        "thead",    "tr",   "th",      "tbody", "td",         "h3",    "footer"}) {
    tags.erase(own);
    tags.erase(absl::StrCat("/", own));
  }
  EXPECT_THAT(tags, ::testing::IsEmpty());
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("&quot;&gt;&lt;svg onload=alert(1)&gt;"));
}

TEST(HtmlPageTest, FetchesNothingAndRunsNothing) {
  const std::string page = PageOf(*OpenTemplate("veteran-status"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("@import")));
  EXPECT_THAT(page, Not(HasSubstr("url(")));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

TEST(HtmlPageTest, EveryLinkLeadsToSomethingOnThePage) {
  const std::string page = PageOf(*OpenTemplate("income-for-student-aid"));
  std::set<std::string> ids;
  const std::regex id("id=\"([^\"]*)\"");
  for (std::sregex_iterator at(page.begin(), page.end(), id), end; at != end; ++at) {
    EXPECT_TRUE(ids.insert((*at)[1]).second) << (*at)[1] << " twice";
  }
  size_t links = 0;
  const std::regex href("href=\"([^\"]*)\"");
  for (std::sregex_iterator at(page.begin(), page.end(), href), end; at != end; ++at) {
    const std::string target = (*at)[1];
    ASSERT_TRUE(absl::StartsWith(target, "#")) << target;
    EXPECT_EQ(ids.count(target.substr(1)), 1u) << target;
    ++links;
  }
  EXPECT_GT(links, 100u);
}

TEST(HtmlPageTest, HeadingsGoDownOneStepAtATime) {
  const std::string page = PageOf(*OpenTemplate("income-for-student-aid"));
  int level = 0;
  const std::regex heading("<h([1-6])");
  for (std::sregex_iterator at(page.begin(), page.end(), heading), end; at != end; ++at) {
    const int next = std::stoi((*at)[1]);
    EXPECT_LE(next, level + 1);
    level = next;
  }
  EXPECT_THAT(page, HasSubstr("<html lang=\"en\">"));
  EXPECT_THAT(page, HasSubstr("<th scope=\"col\">"));
  EXPECT_THAT(page, HasSubstr("class=\"skip\""));
}

TEST(HtmlPageTest, HoldsTheWholeFileWithItsLines) {
  const auto opened = OpenTemplate("veteran-status");
  const std::string page = PageOf(*opened);
  int line = 0;
  for (const absl::string_view text : absl::StrSplit(opened->text, '\n')) {
    if (text.empty()) continue;
    ++line;
  }
  EXPECT_THAT(page, HasSubstr("<div class=\"l\" id=\"line-1\"><span class=\"no\">1</span><code># "
                              "yaml-language-server"));
  EXPECT_THAT(page, HasSubstr(absl::StrCat("id=\"line-", line, "\"")));
  EXPECT_THAT(page, HasSubstr(std::string(64, 'a')));
}

TEST(HtmlPageTest, ListsWithinListsAreClosed) {
  const std::string page = PageOf(*OpenTemplate("veteran-status"));
  for (const char* tag : {"ul", "li", "p", "section", "table", "tr", "blockquote", "span", "div"}) {
    const auto count = [&page](const std::string& what) {
      size_t found = 0;
      for (size_t at = page.find(what); at != std::string::npos; at = page.find(what, at + 1)) {
        ++found;
      }
      return found;
    };
    EXPECT_EQ(count(absl::StrCat("<", tag, ">")) + count(absl::StrCat("<", tag, " ")),
              count(absl::StrCat("</", tag, ">")))
        << tag;
  }
}

}  // namespace
}  // namespace vouch::policies::explain
