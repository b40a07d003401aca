#include "policies/engine/cases/simulate.h"

#include "gmock/gmock.h"
#include "policies/engine/cases/results.h"
#include "policies/engine/question.h"
#include "tests/policies/cases/opened.h"

namespace vouch::policies::cases {
namespace {

using ::testing::HasSubstr;

class SimulateTest : public ::testing::Test {
 protected:
  SimulateTest() : opened_(OpenTemplate("income-for-student-aid")) {
    supposed_.asker = "studentaid.example";
    supposed_.question = "income-at-or-below-225-percent";
    supposed_.purpose = "student-aid-eligibility";
    supposed_.parameters = {{"household_size", int64_t{4}}, {"region", std::string("contiguous")}};
    supposed_.on = absl::CivilDay(2027, 1, 31);
    supposed_.people.resize(1);
    FactValue income;
    income.type = FactType::kMoney;
    income.number = 4500000;
    supposed_.people[0].facts.Hold("adjusted_gross_income", *ParsePeriod("tax-year-2025"), income);
  }
  Simulation Go() const { return Simulate(opened_.catalog, *opened_.held, supposed_); }
  // Where it stopped; the checks before passed, none after was reached.
  Check Stopped(absl::string_view name) const {
    const Simulation simulation = Go();
    Check found;
    bool stopped = false;
    for (const Check& check : simulation.checks) {
      if (check.state == CheckState::kStopped) {
        EXPECT_FALSE(stopped) << "stopped twice";
        stopped = true;
        found = check;
      } else {
        EXPECT_EQ(check.state, stopped ? CheckState::kNotReached : CheckState::kPassed)
            << check.name;
      }
    }
    EXPECT_EQ(found.name, name);
    EXPECT_FALSE(found.mend.empty());
    EXPECT_FALSE(found.who.empty());
    return found;
  }
  void Before(int64_t days, int64_t times, const std::string& value = "") {
    Earlier earlier;
    earlier.on = supposed_.on - days;
    earlier.times = times;
    earlier.value = value.empty()
                        ? ValueLabel(opened_.held->agreement.questions[0], supposed_.parameters)
                        : value;
    earlier.facts = {"adjusted_gross_income"};
    supposed_.earlier.push_back(earlier);
  }

  Opened opened_;
  Supposition supposed_;
};

TEST_F(SimulateTest, ListsEveryCheckInTheNodesOrder) {
  const Simulation simulation = Go();
  std::vector<std::string> names;
  for (const Check& check : simulation.checks) {
    names.push_back(check.name);
    EXPECT_EQ(check.state, CheckState::kPassed) << check.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"party", "signatures", "in force", "file", "question",
                                             "purpose", "parameters", "subject", "limits",
                                             "records", "answer"}));
  EXPECT_EQ(simulation.answer, Answer::kYes);
  ASSERT_TRUE(simulation.obligation.has_value());
  EXPECT_EQ(simulation.obligation->action, Do::kAccept);
}

TEST_F(SimulateTest, StopsAtThePartyAndSuggestsTheOneMeant) {
  supposed_.asker = "studentaids.example";
  EXPECT_THAT(Stopped("party").mend, HasSubstr("did you mean \"studentaid.example\"?"));
  EXPECT_EQ(Go().refused, Refused::kNotAParty);
  EXPECT_EQ(Go().reason, "NOT_PERMITTED");
}

TEST_F(SimulateTest, StopsAtSignatures) {
  opened_ = OpenTemplate("income-for-student-aid", false);
  Stopped("signatures");
  EXPECT_EQ(Go().refused, Refused::kNotSigned);
}

TEST_F(SimulateTest, CountsTheDaysUntilItTakesEffect) {
  supposed_.on = absl::CivilDay(2026, 9, 21);
  const Check check = Stopped("in force");
  EXPECT_EQ(check.mend, "it takes effect in 10 days");
  EXPECT_EQ(check.path, "dates.effective");
}

TEST_F(SimulateTest, CountsTheDaysSinceItEnded) {
  supposed_.on = absl::CivilDay(2027, 10, 1);
  const Check check = Stopped("in force");
  EXPECT_THAT(check.mend, HasSubstr("it ended 1 day before"));
  EXPECT_EQ(check.path, "dates.expires");
}

TEST_F(SimulateTest, FirstAndLastDayAreInForce) {
  supposed_.on = absl::CivilDay(2026, 10, 1);
  EXPECT_FALSE(Go().refused.has_value());
  supposed_.on = absl::CivilDay(2027, 9, 30);
  EXPECT_FALSE(Go().refused.has_value());
}

TEST_F(SimulateTest, StopsAtAnotherFile) {
  supposed_.same_file = false;
  Stopped("file");
  EXPECT_EQ(Go().reason, "AGREEMENT_MISMATCH");
}

TEST_F(SimulateTest, SuggestsTheQuestionAndThePurposeMeant) {
  supposed_.question = "income-at-or-below-225-percnt";
  EXPECT_THAT(Stopped("question").mend, HasSubstr("income-at-or-below-225-percent"));
  supposed_.question = "income-at-or-below-225-percent";
  supposed_.purpose = "student-aid-elegibility";
  EXPECT_THAT(Stopped("purpose").mend, HasSubstr("student-aid-eligibility"));
}

TEST_F(SimulateTest, NamesTheNearestListedValue) {
  supposed_.parameters["household_size"] = int64_t{14};
  const Check number = Stopped("parameters");
  EXPECT_EQ(number.mend, "the nearest listed value is 12");
  EXPECT_EQ(number.path, "questions[1].parameters.household_size");
  supposed_.parameters["household_size"] = int64_t{4};
  supposed_.parameters["region"] = std::string("alasca");
  EXPECT_THAT(Stopped("parameters").mend, HasSubstr("did you mean \"alaska\"?"));
  supposed_.parameters.erase("region");
  EXPECT_EQ(Stopped("parameters").mend, "add the parameter \"region\"");
  supposed_.parameters["region"] = std::string("alaska");
  supposed_.parameters["regions"] = std::string("alaska");
  EXPECT_THAT(Stopped("parameters").mend, HasSubstr("no parameter \"regions\""));
}

TEST_F(SimulateTest, ShowsWhereInTheFileItStopped) {
  supposed_.parameters["household_size"] = int64_t{14};
  const std::string text = TemplateText("income-for-student-aid", "agreement.yaml");
  Report report;
  const auto tree = ReadTree("agreement.yaml", text, &report);
  ASSERT_TRUE(tree.has_value());
  const std::string shown = SimulationText(Go(), {"agreement.yaml", &tree->root});
  EXPECT_THAT(shown, HasSubstr("at agreement.yaml:53:23"));
  EXPECT_THAT(shown, HasSubstr("officer@studentaid.example"));
}

TEST_F(SimulateTest, StopsWithoutConsent) {
  supposed_.consent = false;
  Stopped("subject");
}

TEST_F(SimulateTest, CountsTimesAskedWithinTheWindow) {
  Before(29, 3);
  EXPECT_FALSE(Go().refused.has_value());
  Before(1, 1);
  EXPECT_EQ(Stopped("limits").path, "limits.per_person.times_asked");
  supposed_.earlier.clear();
  Before(30, 400);
  EXPECT_FALSE(Go().refused.has_value());
}

TEST_F(SimulateTest, CountsDifferentValuesForTheAgreementsLife) {
  Before(100, 1, "one");
  EXPECT_FALSE(Go().refused.has_value());
  Before(90, 1, "two");
  EXPECT_EQ(Stopped("limits").path, "limits.per_person.different_values");
  EXPECT_EQ(Go().reason, "PERSON_LIMIT");
}

TEST_F(SimulateTest, AnotherSpellingIsUndeterminedAndNeverRefused) {
  Before(1, 4);
  supposed_.earlier[0].spelt_otherwise = true;
  const Simulation simulation = Go();
  EXPECT_FALSE(simulation.refused.has_value());
  EXPECT_EQ(simulation.answer, Answer::kUndetermined);
  EXPECT_EQ(simulation.because, UndeterminedReason::kLimitUsedUp);
}

TEST_F(SimulateTest, AFactsOwnCapIsUndetermined) {
  for (int i = 0; i < 4; ++i) {
    Before(40, 1, absl::StrCat(i));
    supposed_.earlier.back().spelt_otherwise = true;
  }
  EXPECT_EQ(Go().because, UndeterminedReason::kLimitUsedUp);
}

TEST_F(SimulateTest, WhomTheRecordsDoNotFindIsUndetermined) {
  supposed_.people[0].person = Person::kMismatch;
  EXPECT_EQ(Go().because, UndeterminedReason::kMismatch);
  supposed_.people[0].person = Person::kHeldBack;
  EXPECT_EQ(Go().because, UndeterminedReason::kHeldBack);
  EXPECT_EQ(Go().answer, Answer::kUndetermined);
  // The age of the whole data set comes first, as in the node.
  supposed_.records_loaded = supposed_.on - 31;
  EXPECT_EQ(Go().because, UndeterminedReason::kTooOld);
  supposed_.people[0].person = Person::kKnown;
  supposed_.records_loaded = supposed_.on - 30;
  EXPECT_EQ(Go().answer, Answer::kYes);
}

TEST_F(SimulateTest, ExplainsEachPartOfAConditionWithItsValue) {
  opened_ = OpenTemplate("veteran-status");
  supposed_.asker = "housingassistance.example";
  supposed_.question = "discharged-other-than-dishonorably";
  supposed_.purpose = "veterans-supported-housing";
  supposed_.parameters.clear();
  FactValue yes;
  yes.type = FactType::kYesNo;
  yes.number = 1;
  supposed_.people[0].facts = SupposedFacts();
  supposed_.people[0].facts.Hold("veteran", *ParsePeriod("as-of"), yes);
  const Simulation simulation = Go();
  ASSERT_TRUE(simulation.judgement.has_value());
  const std::string text = JudgementText(*simulation.judgement, "agreement.yaml", "");
  EXPECT_THAT(text, HasSubstr("unknown  all of these"));
  EXPECT_THAT(text, HasSubstr("  YES  veteran, as-of-today: yes; required: is yes"));
  EXPECT_THAT(text, HasSubstr("unknown  discharge, as-of-today: not held; required: is "
                              "\"dishonorable\""));
}

// A household: the same rules, with members.
class SimulateGroupTest : public ::testing::Test {
 protected:
  SimulateGroupTest()
      : opened_(
            Open(absl::StrReplaceAll(TemplateText("income-for-student-aid", "agreement.yaml"),
                                     {{"about: \"person\"", "about: {group: {at_most: 4}}"},
                                      {"period: \"tax-year-2025\"",
                                       "period: \"tax-year-2025\"\n      sum_over_group: true"}}),
                 TemplateText("income-for-student-aid", "facts.yaml"))) {}
  CasesRun Run(const std::string& more) const {
    return RunText(
        opened_,
        CasesFileOf(opened_, absl::StrCat("  - name: \"it\"\n    on: \"first day\"\n    question: "
                                          "\"income-at-or-below-225-percent\"\n    parameters: "
                                          "{household_size: 4, region: \"contiguous\"}\n",
                                          more)));
  }
  Opened opened_;
};

TEST_F(SimulateGroupTest, AJointReturnCountsOnce) {
  EXPECT_TRUE(Run("    members:\n"
                  "      - {return: \"joint\", facts: {adjusted_gross_income: \"$50,000.00\"}}\n"
                  "      - {return: \"joint\", facts: {adjusted_gross_income: \"$50,000.00\"}}\n"
                  "    answer: \"YES\"\n")
                  .passed());
}

TEST_F(SimulateGroupTest, TwoReturnsAreAddedUp) {
  const CasesRun run =
      Run("    members:\n"
          "      - {facts: {adjusted_gross_income: \"$50,000.00\"}}\n"
          "      - {facts: {adjusted_gross_income: \"$50,000.00\"}}\n"
          "    answer: \"YES\"\n");
  EXPECT_FALSE(run.passed());
  EXPECT_EQ(run.results[0].actual, "NO, do verify-independently");
  EXPECT_THAT(cases::RunText(run, "cases.yaml", {"agreement.yaml", nullptr}),
              HasSubstr("member 1: $50,000.00; member 2: $50,000.00"));
}

TEST_F(SimulateGroupTest, AMemberWhoIsNotFoundLeavesTheSumUnknown) {
  EXPECT_TRUE(Run("    members: [{facts: {adjusted_gross_income: \"$1.00\"}}, {person: "
                  "\"unknown\"}]\n    answer: \"UNDETERMINED\"\n    because: \"no-record\"\n")
                  .passed());
}

TEST_F(SimulateGroupTest, MoreMembersThanAgreedAreRefused) {
  std::string members;
  for (int i = 0; i < 5; ++i) members += "{person: \"unknown\"}, ";
  EXPECT_TRUE(Run(absl::StrCat("    members: [", members.substr(0, members.size() - 2),
                               "]\n    refused: \"subject\"\n"))
                  .passed());
}

TEST_F(SimulateGroupTest, ACaseWithoutMembersFails) {
  const CasesRun run = Run("    facts: {adjusted_gross_income: \"$1.00\"}\n    answer: \"YES\"\n");
  ASSERT_EQ(run.results[0].findings.size(), 1u);
  EXPECT_EQ(run.results[0].findings[0].rule, "cases/members");
}

TEST(JudgementTest, AShareThatIsNoWholeCentIsNotShownAsOne) {
  ReferenceTable table;
  table.name = "table";
  table.editions = {{"2026", absl::CivilDay(2026, 1, 1), "", {{"", 333, 0}}}};
  ReferenceTables tables;
  tables.Add(table);
  Question question;
  question.yes_when.fact = "income";
  question.yes_when.comparison = Comparison::kAtLeast;
  question.yes_when.threshold.share.emplace();
  question.yes_when.threshold.share->percent = 50;
  question.yes_when.threshold.share->table = "table";
  question.yes_when.threshold.share->edition = "2026";
  FactValue income;
  income.type = FactType::kMoney;
  income.number = 166;
  std::vector<SupposedPerson> people(1);
  people[0].facts.Hold("income", Period(), income);
  const Parameters none;
  const FactCatalogue facts;
  const Facing facing{question, none, people, facts, tables, absl::CivilDay(2026, 6, 1)};
  // Half of $3.33 is $1.665, and $1.66 is below it.
  const Judgement judgement = JudgementOf(question.yes_when, facing);
  EXPECT_EQ(judgement.answer, Answer::kNo);
  EXPECT_THAT(judgement.required, HasSubstr("at least $1.66 and a part of a cent"));
}

}  // namespace
}  // namespace vouch::policies::cases
