#include "policies/engine/explain/explain.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "policies/engine/explain/text_page.h"
#include "tests/policies/lint/opened.h"

namespace vouch::policies::explain {
namespace {

using lint::Opened;
using lint::OpenTemplate;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTemplates[] = {
    "birth-of-a-child",       "disaster-assistance-by-residence", "household-income-for-snap",
    "income-for-student-aid", "medical-benefit-renewal",          "school-meals-by-enrolment",
    "veteran-status"};

Document ExplainOpened(const Opened& opened) {
  return Explain(Explained{opened.agreement,
                           &opened.facts,
                           &opened.tables,
                           opened.file,
                           opened.text,
                           std::string(64, 'a'),
                           {}});
}

// The whole text on one line, so that sentences can be looked for whatever their breaks.
std::string Words(const Document& document) {
  const std::string text = TextPage(document);
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  return absl::StrJoin(words, " ");
}

std::string WordsOf(const Opened& opened) { return Words(ExplainOpened(opened)); }

void CollectLines(const std::vector<Section>& sections, std::vector<int>* lines,
                  std::set<std::string>* ids) {
  for (const Section& section : sections) {
    EXPECT_TRUE(ids->insert(section.id).second) << section.id;
    lines->push_back(section.line);
    for (const Block& block : section.blocks) {
      for (const Sentence& sentence : block.sentences) {
        EXPECT_FALSE(sentence.text.empty());
        lines->push_back(sentence.line);
      }
      for (const Row& row : block.table.rows) {
        EXPECT_EQ(row.cells.size(), block.table.heading.size()) << block.table.caption;
        lines->push_back(row.line);
      }
    }
    CollectLines(section.parts, lines, ids);
  }
}

TEST(ExplainTest, SaysThatAJwsReceiptCanBePassedOn) {
  const auto plain = OpenTemplate("income-for-student-aid");
  EXPECT_THAT(WordsOf(*plain), Not(HasSubstr("as a JWS")));
  const auto listed = OpenTemplate(
      "income-for-student-aid", {{"\ncontacts:", "\nreceipts: [\"ledger\", \"jws\"]\ncontacts:"}});
  EXPECT_THAT(WordsOf(*listed), HasSubstr("it is evidence that can be passed on"));
}

TEST(ExplainTest, EverySentenceOfEveryTemplateHasALineOfTheFile) {
  for (const char* name : kTemplates) {
    SCOPED_TRACE(name);
    const auto opened = OpenTemplate(name);
    const std::vector<std::string> source = absl::StrSplit(opened->text, '\n');
    std::vector<int> lines;
    std::set<std::string> ids;
    CollectLines(ExplainOpened(*opened).sections, &lines, &ids);
    EXPECT_GT(lines.size(), 40u);
    for (const int line : lines) {
      ASSERT_GE(line, 1);
      ASSERT_LE(line, static_cast<int>(source.size()));
      // No sentence comes from a comment or an empty line.
      const absl::string_view text = absl::StripAsciiWhitespace(source[line - 1]);
      EXPECT_FALSE(text.empty() || text[0] == '#') << line;
    }
  }
}

TEST(ExplainTest, SaysPartiesDatesAndPeopleInWords) {
  const std::string words = WordsOf(*OpenTemplate("income-for-student-aid"));
  EXPECT_THAT(words, HasSubstr("studentaid.example may ask."));
  EXPECT_THAT(words, HasSubstr("The first day is Thursday, October 1, 2026."));
  EXPECT_THAT(words, HasSubstr("The last day is Thursday, September 30, 2027; on October 1, 2027 "
                               "nothing is answered any more."));
  EXPECT_THAT(words, HasSubstr("That makes 365 days"));
  EXPECT_THAT(words, HasSubstr("time zone America/New_York"));
  EXPECT_THAT(words, HasSubstr("Key 1: Social Security number and date of birth."));
  EXPECT_THAT(words, HasSubstr("The tokens are blind"));
  EXPECT_THAT(words, HasSubstr("never NO."));
}

TEST(ExplainTest, SentencesNameTheirOwnLines) {
  const auto opened = OpenTemplate("income-for-student-aid");
  const std::vector<std::string> source = absl::StrSplit(opened->text, '\n');
  std::string line;
  for (const Section& section : ExplainOpened(*opened).sections) {
    for (const Block& block : section.blocks) {
      for (const Sentence& sentence : block.sentences) {
        if (absl::StartsWith(sentence.text, "The last day")) line = source[sentence.line - 1];
      }
    }
  }
  EXPECT_EQ(line, "  expires: \"2027-09-30\"");
}

TEST(ExplainTest, ShowsBothEdgesOfAShareInDollars) {
  const std::string words = WordsOf(*OpenTemplate("income-for-student-aid"));
  EXPECT_THAT(words, HasSubstr("for household size 4, region contiguous: $74,250.00 is YES; "
                               "$74,250.01 is NO."));
  // The whole table stands below, the last row included.
  EXPECT_THAT(words, HasSubstr("12 hawaii $"));
}

TEST(ExplainTest, SaysYesAndNoOfATreeAsOpposites) {
  const std::string words = WordsOf(*OpenTemplate("veteran-status"));
  EXPECT_THAT(words, HasSubstr("The answer is YES when all of these hold:"));
  EXPECT_THAT(words, HasSubstr("(2) “discharge” as last known is not “dishonorable”"));
  EXPECT_THAT(words, HasSubstr("The answer is NO when at least one of these holds:"));
  EXPECT_THAT(words, HasSubstr("(1) “veteran” as last known is no"));
  EXPECT_THAT(words, HasSubstr("(2) “discharge” as last known is “dishonorable”"));
}

TEST(ExplainTest, ShowsDaysOfAPeriodAsExamples) {
  const std::string words = WordsOf(*OpenTemplate("birth-of-a-child"));
  EXPECT_THAT(words, HasSubstr("lies within the last 180 days before the day of the question"));
  EXPECT_THAT(words, HasSubstr("Asked on "));
}

TEST(ExplainTest, ShowsAgesByBirthdays) {
  const auto opened =
      OpenTemplate("birth-of-a-child", {{"fact: \"child_birth_date\"", "fact: \"age\""},
                                        {"      period: \"last-180-days\"\n", ""},
                                        {"within_period: true", "at_least: 18"}});
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("Both edges, exactly: 17 is NO; 18 is YES."));
  EXPECT_THAT(words, HasSubstr("The day before the 18th birthday is NO; the 18th birthday is YES"));
}

TEST(ExplainTest, SaysOfWhichMembersOfAGroupSomethingHolds) {
  const auto opened = OpenTemplate("school-meals-by-enrolment",
                                   {{"about: \"person\"", "about: {group: {at_most: 8}}"},
                                    {"is: true", "is: true\n          members: \"all\""},
                                    {"is: \"free\"", "is: \"free\"\n          members: \"any\""}});
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("a household or other group of at most 8 persons"));
  EXPECT_THAT(words, HasSubstr("(1) for every member, “snap enrolled” as last known is yes"));
  EXPECT_THAT(words,
              HasSubstr("(2) for at least one member, “school meals” as last known is “free”"));
  EXPECT_THAT(words, HasSubstr("(1) for at least one member, “snap enrolled” as last known is no"));
  EXPECT_THAT(words, HasSubstr("(2) for every member, “school meals” as last known is not “free”"));
  EXPECT_THAT(words, HasSubstr("and, for a group, one set of members;"));
  EXPECT_THAT(words, HasSubstr("Two members who turn out to be one record are both unknown"));
}

TEST(ExplainTest, ShowsRowsAsTheyAreWritten) {
  const auto opened = OpenTemplate(
      "income-for-student-aid",
      {{"household_size: {from: 1, to: 12}", "household_size: {from: 1, to: 2}"},
       {"      region: {one_of: [\"contiguous\", \"alaska\", \"hawaii\"]}\n", ""},
       {"at_most:\n        percent: 225\n        of: \"hhs-poverty-guidelines\"\n        edition: "
        "\"2026\"\n        row: {persons: \"household_size\", region: \"region\"}\n",
        "less_than:\n        rows:\n          - {when: {household_size: 1}, value: {cents: "
        "3591000}}\n          - {when: {household_size: 2}, value: {cents: 4869000}}\n"}});
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("is below the value listed for the given household size"));
  EXPECT_THAT(words, HasSubstr("1 $35,909.99 $35,910.00"));
  EXPECT_THAT(words, HasSubstr("2 $48,689.99 $48,690.00"));
}

TEST(ExplainTest, SaysWhatCanBeLearnedAboutOnePerson) {
  const std::string words = WordsOf(*OpenTemplate("income-for-student-aid"));
  EXPECT_THAT(words, HasSubstr("The most that can be learned about one person"));
  // Two combinations over the agreement's life tell four bands apart, of the 37 that 36 draw.
  EXPECT_THAT(words, HasSubstr("adjusted gross income (tax-year-2025)"));
  EXPECT_THAT(words, HasSubstr("50,000 guesses in a day"));
}

TEST(ExplainTest, PrintsWaiversWithNameReasonAndLastDay) {
  const auto opened = OpenTemplate(
      "income-for-student-aid",
      {{"contacts:\n",
        "waivers:\n  - {rule: \"us-federal/term\", granted_by: \"Jane Roe, Privacy Officer\", "
        "reason: \"See the minutes.\", expires: \"2027-06-30\"}\ncontacts:\n"}});
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("us-federal/term"));
  EXPECT_THAT(words, HasSubstr("Jane Roe, Privacy Officer"));
  EXPECT_THAT(words, HasSubstr("See the minutes."));
  EXPECT_THAT(words, HasSubstr("June 30, 2027"));
  EXPECT_THAT(WordsOf(*OpenTemplate("income-for-student-aid")), Not(HasSubstr("Waivers")));
}

TEST(ExplainTest, PrintsSignersAndWhyOneDoesNotCount) {
  const auto opened = OpenTemplate("veteran-status");
  Explained in{opened->agreement,
               &opened->facts,
               &opened->tables,
               opened->file,
               opened->text,
               std::string(64, 'a'),
               {}};
  AgencySignatures agency;
  agency.agency = "veterans.example";
  agency.state = "one signature of two";
  agency.complete = false;
  agency.signers = {{"Ann Lee", "2026-11-20 15:04 UTC", true, ""},
                    {"Bo Day", "", false, "the certificate was revoked"}};
  in.signatures = {agency};
  const std::string words = Words(Explain(in));
  EXPECT_THAT(words, HasSubstr("veterans.example: one signature of two (NOT COMPLETE)"));
  EXPECT_THAT(words, HasSubstr("Ann Lee, 2026-11-20 15:04 UTC: valid"));
  EXPECT_THAT(words, HasSubstr("Bo Day: NOT VALID, the certificate was revoked"));
}

TEST(ExplainTest, TextLinesAreNoWiderThanATerminal) {
  for (const char* name : kTemplates) {
    const std::string text = TextPage(ExplainOpened(*OpenTemplate(name)));
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_LE(line.size(), 130u) << line;
    }
  }
}

TEST(ExplainTest, WhatIsNotAtHandIsSaidToBeMissing) {
  const auto opened = OpenTemplate("income-for-student-aid");
  const std::string words = Words(
      Explain(Explained{opened->agreement, nullptr, nullptr, opened->file, opened->text, "", {}}));
  EXPECT_THAT(words, HasSubstr("cannot be worked out here: the table “hhs-poverty-guidelines”"));
  EXPECT_THAT(words, HasSubstr("what the agreement pins is not at hand"));
}

TEST(ExplainTest, ARenewalSaysUntilWhenTheRevisionBeforeItIsAccepted) {
  const auto opened = OpenTemplate(
      "veteran-status",
      {{"  expires: \"2027-09-30\"\n",
        "  expires: \"2028-09-30\"\n  renewal: {former_expiry: \"2027-09-30\", certified: [{by: "
        "\"veterans.example\", on: \"2027-08-01\"}]}\n"}});
  ASSERT_TRUE(opened->agreement.renewed_from.has_value());
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("are still answered until that one's own last day"));
  EXPECT_THAT(words, Not(HasSubstr("For 7 days from the first day")));
}

TEST(ExplainTest, ADayHeldAgainstAPeriodAndADateHasEdgesOfBoth) {
  const auto opened =
      OpenTemplate("birth-of-a-child", {{"within_period: true", "on_or_after: \"2026-06-01\""}});
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("each has edges of its own, and neither decides alone."));
  EXPECT_THAT(words, HasSubstr("Both edges, exactly: May 31, 2026 is outside; June 1, 2026 is "
                               "within."));
  // The child born on 1 June is long past the period at the end of the term.
  EXPECT_THAT(words, Not(HasSubstr("June 1, 2026 is YES")));
  EXPECT_THAT(words, HasSubstr("Asked on October 1, 2026: April 3, 2026 is outside; April 4, 2026 "
                               "is within;"));
}

TEST(ExplainTest, SaysThatAFactsCapMakesAnAnswerUndetermined) {
  const std::string words = WordsOf(*OpenTemplate("income-for-student-aid"));
  EXPECT_THAT(words, HasSubstr("tries more than 4 different combinations on “adjusted gross "
                               "income” of one person within any 1 year"));
  const auto uncapped =
      OpenTemplate("income-for-student-aid", {},
                   {{"    different_values: {count: 4, every: \"1 year\"}\n", ""}});
  EXPECT_THAT(WordsOf(*uncapped), Not(HasSubstr("tries more than")));
}

TEST(ExplainTest, NamesDaysBeforeTheQuestionAsThat) {
  const std::string words = WordsOf(*OpenTemplate("birth-of-a-child"));
  EXPECT_THAT(words, HasSubstr("The two closest thresholds for “child birth date” are 180 days "
                               "before the day of the question and the day after it;"));
  EXPECT_THAT(words, Not(HasSubstr("1970-01")));
}

TEST(ExplainTest, OneMembersValueIsNotCalledTheGroupsAnswer) {
  const auto opened = OpenTemplate(
      "birth-of-a-child", {{"about: \"person\"", "about: {group: {at_most: 8}}"},
                           {"fact: \"child_birth_date\"", "fact: \"age\""},
                           {"      period: \"last-180-days\"\n", "      members: \"any\"\n"},
                           {"within_period: true", "at_least: 18"}});
  const std::string words = WordsOf(*opened);
  EXPECT_THAT(words, HasSubstr("Both edges for one member's value, exactly: 17 is outside; 18 is "
                               "within."));
  EXPECT_THAT(words, Not(HasSubstr("18 is YES")));
}

}  // namespace
}  // namespace vouch::policies::explain
