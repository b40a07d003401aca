#include "policies/engine/agreement.h"

#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The agreement with every `from` in it replaced by `to`.
struct Reread {
  Reread(const std::string& from, const std::string& to) {
    const std::string before = FileText("income.yaml");
    text = absl::StrReplaceAll(before, {{from, to}});
    EXPECT_NE(text, before) << from;
    agreement = ReadAgreement("income.yaml", text, Known(), &report);
  }
  std::vector<std::string> Rules() const {
    std::vector<std::string> rules;
    for (const Finding& f : report.findings()) rules.push_back(f.rule);
    return rules;
  }
  std::string text;
  Report report;
  absl::optional<Agreement> agreement;
};

TEST(ReadAgreementTest, ReadsTheAgreementOfTheDesign) {
  Report report;
  const absl::optional<Agreement> a =
      ReadAgreement("income.yaml", FileText("income.yaml"), Known(), &report);
  ASSERT_TRUE(a.has_value()) << report.ToText(FileText("income.yaml"));
  EXPECT_TRUE(report.findings().empty()) << report.ToText("");
  EXPECT_EQ(a->id, "fsa-irs-2027-001");
  EXPECT_EQ(a->revision, 1);
  EXPECT_EQ(a->use, Use::kLive);
  EXPECT_EQ(a->pins.size(), 2u);
  EXPECT_EQ(a->pins[1].table, "hhs-poverty-guidelines");
  EXPECT_TRUE(a->IsAsker("fsa.ed.example"));
  EXPECT_EQ(a->answers, "irs.treasury.example");
  EXPECT_EQ(a->authority, AuthorityKind::kStatute);
  EXPECT_TRUE(a->consent_required);
  EXPECT_EQ(a->consent_from, "each-subject");
  EXPECT_TRUE(a->HasPurpose("student-aid-eligibility"));
  EXPECT_EQ(a->purposes[0].text, "Printed on the agreement's page.");
  EXPECT_EQ(a->changeover, absl::Hours(7 * 24));
  ASSERT_EQ(a->match.size(), 3u);
  EXPECT_THAT(a->match[1].parts, ElementsAre("social_security_number", "family_name"));
  EXPECT_EQ(a->token_kind, TokenKind::kBlind);
  EXPECT_EQ(a->limits.times_asked.count, 4);
  EXPECT_EQ(a->limits.times_asked.every, absl::Hours(30 * 24));
  EXPECT_EQ(a->limits.different_values.every, absl::InfiniteDuration());
  EXPECT_EQ(a->limits.evaluations.count, 4000000);
  EXPECT_EQ(a->keep_ledger, absl::Hours(5 * 366 * 24));
  EXPECT_TRUE(a->keep_life_of_record);
  EXPECT_EQ(a->corrections_reply_days, 10);
  EXPECT_EQ(a->contacts.size(), 2u);
}

TEST(ReadAgreementTest, ReadsAQuestionWithItsShareOfATable) {
  Report report;
  const absl::optional<Agreement> a =
      ReadAgreement("income.yaml", FileText("income.yaml"), Known(), &report);
  ASSERT_TRUE(a.has_value());
  const Question* q = a->FindQuestion("income-at-or-below-225-percent");
  ASSERT_NE(q, nullptr);
  EXPECT_EQ(q->position.line, 42);
  EXPECT_EQ(q->position.column, 5);
  EXPECT_EQ(q->group_at_most, 0);
  ASSERT_EQ(q->parameters.size(), 2u);
  EXPECT_EQ(q->parameters[0].name, "household_size");
  EXPECT_EQ(q->parameters[0].range->second, 12);
  EXPECT_EQ(q->parameters[1].codes.size(), 3u);
  EXPECT_EQ(q->yes_when.kind, Condition::Kind::kLeaf);
  EXPECT_EQ(q->yes_when.comparison, Comparison::kAtMost);
  EXPECT_EQ(q->yes_when.period.kind, PeriodRule::Kind::kFixed);
  EXPECT_EQ(q->yes_when.period.fixed, (Period{PeriodKind::kTaxYear, 2025}));
  ASSERT_TRUE(q->yes_when.threshold.share.has_value());
  EXPECT_EQ(q->yes_when.threshold.share->percent, 225);
  EXPECT_EQ(q->yes_when.threshold.share->table, "hhs-poverty-guidelines");
  EXPECT_EQ(q->yes_when.threshold.share->edition, "2026");
  EXPECT_EQ(q->yes_when.threshold.share->row.at("persons"), "household_size");
  EXPECT_EQ(q->records_loaded_within, absl::Hours(7 * 24));
  EXPECT_EQ(q->on_no.action, Do::kVerifyIndependently);
  EXPECT_EQ(q->on_no.notice_days, 30);
  EXPECT_EQ(q->say[0].when, Answer::kUndetermined);
  EXPECT_EQ(q->spares_minutes, 25);
  EXPECT_EQ(q->answer_good_for, absl::Hours(30 * 24));
}

absl::optional<Agreement> WithReceipts(absl::string_view line, Report* report) {
  const std::string text = absl::StrReplaceAll(
      FileText("income.yaml"), {{"\ncontacts:", absl::StrCat("\n", line, "\ncontacts:")}});
  return ReadAgreement("income.yaml", text, Known(), report);
}

TEST(ReadAgreementTest, ListsJwsReceiptsOnlyWhereItSaysSo) {
  Report report;
  EXPECT_FALSE(WithReceipts("", &report)->jws_receipts);
  EXPECT_FALSE(WithReceipts("receipts: [\"ledger\"]", &report)->jws_receipts);
  EXPECT_TRUE(WithReceipts("receipts: [\"ledger\", \"jws\"]", &report)->jws_receipts);
  EXPECT_TRUE(report.findings().empty()) << report.ToText("");
}

TEST(ReadAgreementTest, RefusesReceiptsWithoutTheLedgers) {
  for (const char* line : {"receipts: [\"jws\"]", "receipts: []", "receipts: [\"ledger\", \"pdf\"]",
                           "receipts: [\"ledger\", \"ledger\"]", "receipts: \"jws\""}) {
    Report report;
    EXPECT_FALSE(WithReceipts(line, &report).has_value()) << line;
  }
}

TEST(ReadAgreementTest, BeginsAndEndsAtMidnightInItsTimeZone) {
  Report report;
  const absl::optional<Agreement> a =
      ReadAgreement("income.yaml", FileText("income.yaml"), Known(), &report);
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->effective_from,
            absl::FromCivil(absl::CivilHour(2027, 1, 1, 5), absl::UTCTimeZone()));
  EXPECT_EQ(a->expires_at, absl::FromCivil(absl::CivilHour(2028, 1, 1, 5), absl::UTCTimeZone()));
}

TEST(ReadAgreementTest, ReportsFiveDifferentMistakesAtOnceWithLineAndColumn) {
  Report report;
  const std::string text = FileText("five-mistakes.yaml");
  EXPECT_FALSE(ReadAgreement("five-mistakes.yaml", text, Known(), &report).has_value());
  std::vector<std::tuple<std::string, int, int>> found;
  for (const Finding& f : report.findings()) {
    found.emplace_back(f.rule, f.position.line, f.position.column);
  }
  EXPECT_THAT(found, ElementsAre(std::make_tuple("field/leading-zero", 5, 13),
                                 std::make_tuple("yaml/unclosed-quote", 7, 10),
                                 std::make_tuple("field/unknown-key", 14, 3),
                                 std::make_tuple("field/date", 29, 14),
                                 std::make_tuple("field/missing", 42, 5)))
      << report.ToText(text);
  EXPECT_EQ(report.findings()[2].mend, "did you mean `asks`?");
  EXPECT_THAT(report.findings()[4].message, HasSubstr("questions[1], line 42, needs `yes_when`"));
  for (const Finding& f : report.findings()) {
    EXPECT_FALSE(f.mend.empty());
    EXPECT_THAT(f.cite, AllOf(HasSubstr("docs/agreements.md section"), HasSubstr(f.rule)));
  }
}

// One change that must be refused, and by which rule.
struct Wrong {
  const char* name;
  const char* from;
  const char* to;
  const char* rule;
};

class WrongAgreementTest : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongAgreementTest, IsRefusedByItsRule) {
  const Reread r(GetParam().from, GetParam().to);
  EXPECT_FALSE(r.agreement.has_value());
  EXPECT_THAT(r.Rules(), ElementsAre(GetParam().rule)) << r.report.ToText(r.text);
  for (const Finding& f : r.report.findings()) {
    EXPECT_GT(f.position.line, 0);
    EXPECT_GT(f.position.column, 0);
    EXPECT_FALSE(f.message.empty());
    EXPECT_FALSE(f.mend.empty());
    EXPECT_FALSE(f.cite.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongAgreementTest,
    ::testing::Values(
        Wrong{"ExpiresFirst", "2027-12-31", "2026-12-31", "agreement/dates"},
        Wrong{"NoSuchZone", "America/New_York", "America/Gotham", "agreement/time-zone"},
        Wrong{"RevisionWithoutReplaced", "revision: 1", "revision: 2", "agreement/replaces"},
        Wrong{"FirstRevisionReplaces", "\"none\"",
              "\"1111111111111111111111111111111111111111111111111111111111111111\"",
              "agreement/replaces"},
        Wrong{"NoCatalogue", "{file: \"facts.yaml\"", "{table: \"some-table\"",
              "agreement/no-fact-catalogue"},
        Wrong{"TableNotPinned", "of: \"hhs-poverty-guidelines\"", "of: \"another-table\"",
              "agreement/not-pinned"},
        Wrong{"AsksAndAnswers", "asks: [\"fsa.ed.example\"]",
              "asks: [\"fsa.ed.example\", \"irs.treasury.example\"]", "agreement/same-party"},
        Wrong{"ApprovalByStranger", "by: \"fsa.ed.example\"", "by: \"fsa.edd.example\"",
              "agreement/not-a-party"},
        Wrong{"ContactOfStranger", "party: \"fsa.ed.example\"", "party: \"ssa.example\"",
              "agreement/not-a-party"},
        Wrong{"PartyWithoutContact", "party: \"fsa.ed.example\"", "party: \"irs.treasury.example\"",
              "agreement/no-contact"},
        Wrong{"ConsentOfNobody", ", from: \"each-subject\"", "", "agreement/consent"},
        Wrong{"NoSuchAttribute", "\"given_name\"", "\"first_name\"", "agreement/attribute"},
        Wrong{"SameKeyTwice", "\"social_security_number\", \"family_name\"",
              "\"date_of_birth\", \"social_security_number\"", "agreement/match-repeated"},
        Wrong{"NoSuchSpelling", "names/1", "names/9", "agreement/spelling-rules"},
        Wrong{"EmptyRange", "from: 1, to: 12", "from: 12, to: 1", "agreement/range"},
        Wrong{"ManyVariants", "from: 1, to: 12", "from: 1, to: 9000",
              "agreement/too-many-variants"},
        Wrong{"UnknownParameter", "persons: \"household_size\"", "persons: \"household_sise\"",
              "agreement/unknown-parameter"},
        Wrong{"PersonsFromZero", "from: 1, to: 12", "from: 0, to: 12", "agreement/table-row"},
        Wrong{"SumOverNobody", "      period: \"tax-year-2025\"",
              "      sum_over_group: true\n      period: \"tax-year-2025\"",
              "agreement/sum-over-group"},
        Wrong{"MembersOfNobody", "      period: \"tax-year-2025\"",
              "      members: \"all\"\n      period: \"tax-year-2025\"", "agreement/members"},
        Wrong{"AcceptsUnknown", "on_undetermined: {do: \"ask-the-person\"}",
              "on_undetermined: {do: \"accept\"}", "agreement/undetermined-accepted"},
        Wrong{"SaysTwice", "    spares:",
              "      - {when: \"undetermined\", language: \"en\", text: \"Again.\"}\n    spares:",
              "agreement/say-repeated"},
        Wrong{"DenyIsNoAction", "do: \"verify-independently\"", "do: \"deny\"", "field/choice"},
        Wrong{"NoConditionAtAll", "      fact: \"adjusted_gross_income\"\n", "", "field/missing"},
        Wrong{"TwoComparisons", "      period: \"tax-year-2025\"",
              "      at_least: 1\n      period: \"tax-year-2025\"", "field/one-of"},
        Wrong{"DollarsWithCents",
              "at_most: {percent: 225, of: \"hhs-poverty-guidelines\", "
              "edition: \"2026\", row: {persons: \"household_size\", region: "
              "\"region\"}}",
              "at_most: {cents: 45000.00}", "field/number"},
        Wrong{"LimitLeftOut", "  new_people: {count: 50000, every: \"1 day\"}\n", "",
              "field/missing"},
        Wrong{"NumberInQuotes", "reply_days: 10", "reply_days: \"10\"", "field/number"},
        Wrong{"FormatOfTomorrow", "vouch-agreement/1", "vouch-agreement/2", "field/format"},
        Wrong{"UnquotedDate", "\"2027-12-31\"", "2027-12-31", "field/quote-it"},
        Wrong{"NoIsNotText", "role: \"program officer\"", "role: no", "field/quote-it"},
        Wrong{"YesIsNotTrue", "required: true", "required: yes", "field/true-or-false"},
        Wrong{"UpperCaseAgency", "answers: \"irs.treasury.example\"",
              "answers: \"IRS.treasury.example\"", "field/form"}),
    [](const ::testing::TestParamInfo<Wrong>& wrong) { return std::string(wrong.param.name); });

std::string MatchingAgreement() {
  std::string elements = "elements:\n";
  for (char letter = 'A'; letter <= 'K'; ++letter) {
    absl::StrAppend(&elements, "  ", std::string(1, letter), ": \"See section 4.\"\n");
  }
  return absl::StrReplaceAll(
      FileText("income.yaml"),
      {{"kind: \"statute\"", "kind: \"matching-agreement\""},
       {"purposes:\n", absl::StrCat(elements,
                                    "published: {federal_register: \"91 FR 12345\", "
                                    "sent_to_congress: \"2026-11-20\"}\npurposes:\n")}});
}

TEST(ReadAgreementTest, ReadsAMatchingAgreement) {
  Report report;
  const absl::optional<Agreement> a =
      ReadAgreement("matching.yaml", MatchingAgreement(), Known(), &report);
  ASSERT_TRUE(a.has_value()) << report.ToText(MatchingAgreement());
  EXPECT_EQ(a->elements.size(), 11u);
  EXPECT_EQ(a->federal_register, "91 FR 12345");
  EXPECT_EQ(a->sent_to_congress, absl::CivilDay(2026, 11, 20));
}

TEST(ReadAgreementTest, AMatchingAgreementCitesTheStatuteForWhatItLacks) {
  const Reread r("kind: \"statute\"", "kind: \"matching-agreement\"");
  ASSERT_THAT(r.Rules(), ElementsAre("agreement/matching", "agreement/matching"));
  EXPECT_EQ(r.report.findings()[0].cite, "5 U.S.C. 552a(o)(1)");
}

TEST(ReadAgreementTest, AMatchingAgreementNeedsEachElement) {
  Report report;
  const std::string text =
      absl::StrReplaceAll(MatchingAgreement(), {{"  H: \"See section 4.\"\n", ""}});
  EXPECT_FALSE(ReadAgreement("matching.yaml", text, Known(), &report).has_value());
  ASSERT_EQ(report.findings().size(), 1u);
  EXPECT_THAT(report.findings()[0].message, HasSubstr("needs `H`"));
  EXPECT_THAT(report.findings()[0].mend, HasSubstr("552a(o)(1)(H)"));
}

TEST(ReadAgreementTest, ReadsContractors) {
  const Reread r("  answers: \"irs.treasury.example\"\n",
                 "  answers: \"irs.treasury.example\"\n"
                 "  acting_for: {\"processor.example\": \"fsa.ed.example\"}\n");
  ASSERT_TRUE(r.agreement.has_value()) << r.report.ToText(r.text);
  EXPECT_EQ(r.agreement->acting_for.at("processor.example"), "fsa.ed.example");
}

// The agreement's question asked about a group, with one more line in its leaf.
Reread AboutAGroup(const std::string& line) {
  const std::string period = "      period: \"tax-year-2025\"";
  const std::string text = FileText("income.yaml");
  return Reread(text,
                absl::StrReplaceAll(text, {{"about: \"person\"", "about: {group: {at_most: 8}}"},
                                           {period, absl::StrCat(line, period)}}));
}

TEST(ReadAgreementTest, ReadsAQuestionAboutAGroup) {
  const Reread sum = AboutAGroup("      sum_over_group: true\n");
  ASSERT_TRUE(sum.agreement.has_value()) << sum.report.ToText(sum.text);
  EXPECT_EQ(sum.agreement->questions[0].group_at_most, 8);
  EXPECT_THAT(sum.Rules(), ElementsAre());
  const Reread any = AboutAGroup("      members: \"any\"\n");
  ASSERT_TRUE(any.agreement.has_value()) << any.report.ToText(any.text);
  EXPECT_EQ(any.agreement->questions[0].yes_when.members, GroupMembers::kAny);
}

TEST(ReadAgreementTest, ALeafAboutAGroupSaysHowTheMembersCount) {
  for (const char* line : {"", "      sum_over_group: false\n",
                           "      sum_over_group: true\n      members: \"all\"\n"}) {
    const Reread r = AboutAGroup(line);
    EXPECT_THAT(r.Rules(), ElementsAre("agreement/members")) << line;
    ASSERT_FALSE(r.report.findings().empty());
    EXPECT_THAT(r.report.findings()[0].mend, HasSubstr("sum_over_group")) << line;
  }
}

// The agreement with another condition, and no parameters.
Reread WithCondition(const std::string& condition) {
  const std::string text = FileText("income.yaml");
  const size_t from = text.find("    parameters:");
  const size_t to = text.find("    records_loaded_within:");
  return Reread(text.substr(from, to - from), condition);
}

TEST(ReadAgreementTest, ReadsConditionsWithinConditions) {
  const Reread r = WithCondition(
      "    yes_when:\n"
      "      all_of:\n"
      "        - any_of:\n"
      "            - {fact: \"age\", at_least: 18}\n"
      "            - {fact: \"filing_status\", period: \"latest-filed-tax-year\", is_one_of: "
      "[\"single\", \"married-joint\"]}\n"
      "        - not: {fact: \"is_dependent\", period: \"tax-year-2025\", is: true}\n"
      "        - {fact: \"last_filed_on\", period: \"last-90-days\", within_period: true}\n"
      "        - {fact: \"date_of_birth\", between: [\"1960-01-01\", \"1960-12-31\"]}\n"
      "        - {fact: \"adjusted_gross_income\", period: \"tax-year-2025\", less_than: {cents: "
      "4500000}}\n");
  ASSERT_TRUE(r.agreement.has_value()) << r.report.ToText(r.text);
  const Condition& all = r.agreement->questions[0].yes_when;
  ASSERT_EQ(all.kind, Condition::Kind::kAllOf);
  ASSERT_EQ(all.children.size(), 5u);
  EXPECT_EQ(all.children[0].kind, Condition::Kind::kAnyOf);
  EXPECT_EQ(all.children[0].children[0].threshold.constants[0].number, 18);
  EXPECT_EQ(all.children[0].children[1].comparison, Comparison::kIsOneOf);
  EXPECT_EQ(all.children[0].children[1].threshold.constants.size(), 2u);
  EXPECT_EQ(all.children[0].children[1].period.kind, PeriodRule::Kind::kLatestTaxYear);
  ASSERT_EQ(all.children[1].kind, Condition::Kind::kNot);
  EXPECT_EQ(all.children[1].children[0].threshold.constants[0].type, FactType::kYesNo);
  EXPECT_EQ(all.children[2].period.days, 90);
  EXPECT_TRUE(all.children[2].threshold.constants.empty());
  EXPECT_EQ(all.children[3].threshold.constants[1].number,
            absl::CivilDay(1960, 12, 31) - absl::CivilDay(1970, 1, 1));
  EXPECT_EQ(all.children[4].threshold.constants[0].type, FactType::kMoney);
  EXPECT_EQ(all.children[4].threshold.constants[0].number, 4500000);
  EXPECT_EQ(all.children[4].position.line, 53);
}

std::string Rows(const std::string& rows) {
  return absl::StrCat(
      "    parameters: {size: {from: 1, to: 2}, place: {one_of: [\"in\", \"out\"]}}\n"
      "    yes_when:\n"
      "      fact: \"adjusted_gross_income\"\n"
      "      period: \"tax-year-2025\"\n"
      "      at_most:\n"
      "        rows:\n",
      rows);
}
std::string Row(int size, const std::string& place, int cents) {
  return absl::StrCat("          - {when: {size: ", size, ", place: \"", place,
                      "\"}, value: {cents: ", cents, "}}\n");
}

TEST(ReadAgreementTest, ReadsRowsThatCoverEveryCombination) {
  const Reread r = WithCondition(Rows(
      absl::StrCat(Row(1, "in", 100), Row(2, "in", 200), Row(1, "out", 300), Row(2, "out", 400))));
  ASSERT_TRUE(r.agreement.has_value()) << r.report.ToText(r.text);
  const auto& rows = r.agreement->questions[0].yes_when.threshold.rows;
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(absl::get<int64_t>(rows[1].when.at("size")), 2);
  EXPECT_EQ(absl::get<std::string>(rows[2].when.at("place")), "out");
  EXPECT_EQ(rows[3].value.number, 400);
}

TEST(ReadAgreementTest, NamesTheCombinationThatNoRowCovers) {
  const Reread r =
      WithCondition(Rows(absl::StrCat(Row(1, "in", 100), Row(2, "in", 200), Row(1, "out", 300))));
  ASSERT_THAT(r.Rules(), ElementsAre("agreement/row-missing")) << r.report.ToText(r.text);
  EXPECT_EQ(r.report.findings()[0].message, "there is no row for place out, size 2");
}

TEST(ReadAgreementTest, RefusesRowsThatContradict) {
  const Reread twice =
      WithCondition(Rows(absl::StrCat(Row(1, "in", 100), Row(1, "in", 200), Row(1, "out", 300))));
  EXPECT_THAT(twice.Rules(), ElementsAre("agreement/row-repeated"));
  const Reread other = WithCondition(Rows(absl::StrCat(Row(1, "in", 100), Row(3, "in", 200))));
  EXPECT_THAT(other.Rules(), ElementsAre("agreement/row-value"));
  const Reread differ = WithCondition(
      Rows(absl::StrCat(Row(1, "in", 100), "          - {when: {size: 2}, value: {cents: 5}}\n")));
  EXPECT_THAT(differ.Rules(), testing::Contains("agreement/rows-differ"));
}

}  // namespace
}  // namespace vouch::policies
