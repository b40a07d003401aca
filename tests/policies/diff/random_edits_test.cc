// Random edits of an agreement, judged twice: by Compare, and by brute force over requests. What
// Compare calls NARROWS answers nothing that was refused and tells nothing more; what it calls
// NEUTRAL changes no outcome.
#include <algorithm>
#include <iostream>
#include <random>

#include "absl/strings/str_join.h"
#include "policies/engine/limits.h"
#include "tests/policies/diff/opened.h"

namespace vouch::policies::diff {
namespace {

constexpr uint32_t kSeed = 20261122;
constexpr int kRounds = 300;
constexpr int kRequests = 500;

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int64_t Below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& all) {
    return all[static_cast<size_t>(Below(static_cast<int64_t>(all.size())))];
  }

 private:
  std::mt19937 engine_;
};

std::string Quoted(const std::string& text) { return absl::StrCat("\"", text, "\""); }

// Small differences and great ones, right at each other's edges.
std::string RandomLeaf(Random* random) {
  const std::string cents = absl::StrCat("{cents: ", 4500000 + random->Below(3) - 1, "}");
  switch (random->Below(7)) {
    case 0:
    case 1: {
      const std::string comparison =
          random->Of<std::string>({"at_most", "less_than", "at_least", "more_than"});
      const std::string period =
          random->Of<std::string>({"tax-year-2025", "tax-year-2026", "latest-filed-tax-year"});
      return absl::StrCat("{fact: \"adjusted_gross_income\", period: ", Quoted(period), ", ",
                          comparison, ": ", cents, "}");
    }
    case 2:
      return absl::StrCat("{fact: \"age\", ",
                          random->Of<std::string>({"at_least: 18", "more_than: 17", "more_than: 18",
                                                   "between: [18, 64]", "less_than: 65"}),
                          "}");
    case 3:
      return absl::StrCat("{fact: \"residence\", period: \"as-of-today\", ",
                          random->Of<std::string>({"is: \"alaska\"", "is_one_of: [\"alaska\"]",
                                                   "is_one_of: [\"alaska\", \"hawaii\"]",
                                                   "is_one_of: [\"hawaii\", \"alaska\"]"}),
                          "}");
    case 4:
      return absl::StrCat("{fact: \"moved_in\", period: \"last-", 90 + random->Below(2),
                          "-days\", within_period: true}");
    case 5:
      return absl::StrCat(
          "{fact: \"date_of_birth\", ",
          random->Of<std::string>({"on_or_before: \"2009-03-01\"", "on_or_after: \"2009-03-01\"",
                                   "on_or_before: \"2009-02-28\""}),
          "}");
    default:
      return absl::StrCat(
          "{fact: \"adjusted_gross_income\", period: \"tax-year-2025\", at_most: "
          "{percent: ",
          225 + random->Below(2), ", of: \"guideline\", edition: ",
          Quoted(random->Of<std::string>({"2026", "2027", "in-force"})),
          ", row: {persons: \"size\", region: \"region\"}}}");
  }
}

std::string RandomCondition(Random* random, int depth) {
  if (depth == 0 || random->OneIn(3)) return RandomLeaf(random);
  if (random->OneIn(4)) return absl::StrCat("{not: ", RandomCondition(random, depth - 1), "}");
  std::vector<std::string> children;
  const int64_t count = 1 + random->Below(2);
  for (int64_t i = 0; i < count; ++i) children.push_back(RandomCondition(random, depth - 1));
  return absl::StrCat("{", random->OneIn(2) ? "all_of" : "any_of", ": [",
                      absl::StrJoin(children, ", "), "]}");
}

// The choices an agreement is made of; an edit chooses one of them anew.
struct Choices {
  std::vector<std::string> asks = {"aid.example"};
  std::vector<std::string> purposes = {"aid-eligibility"};
  std::string effective = "2027-01-01";
  std::string expires = "2027-12-31";
  bool consent = true;
  int from = 1;
  int to = 3;
  std::vector<std::string> regions = {"contiguous", "alaska"};
  std::vector<std::string> conditions;  // of the questions q0, q1
  int times = 4;
  int window = 30;
  std::string comment;
  std::string contact = "officer";
  bool reordered = false;
};

// One word or number of a condition in the place of another.
std::string Nudged(Random* random, std::string condition) {
  static const std::vector<std::pair<std::string, std::string>>* const kNear =
      new std::vector<std::pair<std::string, std::string>>{
          {"at_most: {cents", "less_than: {cents"},
          {"less_than: {cents", "at_most: {cents"},
          {"at_least: {cents", "more_than: {cents"},
          {"more_than: {cents", "at_least: {cents"},
          {"4500000}", "4500001}"},
          {"4499999}", "4500000}"},
          {"4500001}", "4500000}"},
          {"percent: 225", "percent: 226"},
          {"edition: \"2026\"", "edition: \"2027\""},
          {"edition: \"in-force\"", "edition: \"2026\""},
          {"tax-year-2025", "latest-filed-tax-year"},
          {"latest-filed-tax-year", "tax-year-2026"},
          {"more_than: 17", "at_least: 18"},
          {"at_least: 18", "at_least: 19"},
          {"last-90", "last-91"},
          {"all_of", "any_of"},
          {"any_of", "all_of"},
          {"is: \"alaska\"", "is_one_of: [\"alaska\"]"},
          {"on_or_before", "on_or_after"},
          {"2009-03-01", "2009-02-28"},
      };
  for (int tries = 0; tries < 20; ++tries) {
    const auto& [from, to] = random->Of(*kNear);
    const size_t at = condition.find(from);
    if (at == std::string::npos) continue;
    return condition.replace(at, from.size(), to);
  }
  return condition;
}

void Edit(Random* random, Choices* choices) {
  if (random->OneIn(2)) {
    choices->conditions[0] = Nudged(random, choices->conditions[0]);
    return;
  }
  switch (random->Below(15)) {
    case 0:
      choices->asks = random->Of<std::vector<std::string>>(
          {{"aid.example"}, {"aid.example", "housing.example"}, {"housing.example"}});
      return;
    case 1:
      choices->purposes = random->Of<std::vector<std::string>>(
          {{"aid-eligibility"}, {"aid-eligibility", "aid-renewal"}, {"aid-renewal"}});
      return;
    case 2:
      choices->effective = random->Of<std::string>({"2027-01-01", "2027-01-02", "2026-12-31"});
      return;
    case 3:
      choices->expires = random->Of<std::string>({"2027-12-31", "2027-12-30", "2028-01-01"});
      return;
    case 4:
      choices->consent = !choices->consent;
      return;
    case 5:
      choices->from = 1 + static_cast<int>(random->Below(2));
      return;
    case 6:
      choices->to = 2 + static_cast<int>(random->Below(3));
      return;
    case 7:
      choices->regions = random->Of<std::vector<std::string>>(
          {{"contiguous", "alaska"}, {"alaska", "contiguous"}, {"alaska"}});
      return;
    case 8:
      choices->times = 3 + static_cast<int>(random->Below(3));
      return;
    case 9:
      choices->window = 29 + static_cast<int>(random->Below(3));
      return;
    case 10:
      choices->comment = absl::StrCat("# ", random->Below(1000), "\n");
      return;
    case 11:
      choices->contact = random->OneIn(2) ? "officer" : "director";
      return;
    case 12:
      choices->reordered = !choices->reordered;
      return;
    case 13:
      if (choices->conditions.size() > 1) {
        choices->conditions.pop_back();
      } else {
        choices->conditions.push_back(RandomCondition(random, 1));
      }
      return;
    default:
      choices->conditions[0] = RandomCondition(random, 2);
      return;
  }
}

std::string QuestionText(const std::string& id, const std::string& condition,
                         const Choices& choices) {
  return absl::StrCat(
      "  - id: ", Quoted(id),
      "\n    ask: \"Is it so?\"\n    about: \"person\"\n    parameters:\n      size: "
      "{from: ",
      choices.from, ", to: ", choices.to, "}\n      region: {one_of: [\"",
      absl::StrJoin(choices.regions, "\", \""), "\"]}\n    yes_when: ", condition,
      "\n    records_loaded_within: \"7 days\"\n    on_yes: {do: \"accept\"}\n    "
      "on_no: {do: \"verify-independently\"}\n    on_undetermined: {do: "
      "\"ask-the-person\"}\n");
}

Texts TextsOf(const Choices& choices) {
  Texts texts;
  std::string contacts =
      "  - {party: \"tax.example\", role: \"officer\", email: \"officer@tax.example\"}\n";
  for (const std::string& asker : choices.asks) {
    absl::StrAppend(&contacts, "  - {party: ", Quoted(asker), ", role: ", Quoted(choices.contact),
                    ", email: \"x@", asker, "\"}\n");
  }
  std::string purposes;
  for (const std::string& purpose : choices.purposes) {
    absl::StrAppend(&purposes, "  - {id: ", Quoted(purpose), ", text: \"For it.\"}\n");
  }
  std::string questions;
  for (size_t i = 0; i < choices.conditions.size(); ++i) {
    const std::string one = QuestionText(absl::StrCat("q", i), choices.conditions[i], choices);
    questions = choices.reordered ? one + questions : questions + one;
  }
  texts.agreement = absl::StrCat(
      choices.comment,
      "format: \"vouch-agreement/1\"\nagreement:\n  id: \"aid-tax-001\"\n  revision: 1\n  "
      "replaces: "
      "\"none\"\n  title: \"T\"\n  use: \"test\"\n  pins:\n    - {file: \"facts.yaml\", sha256: "
      "\"FACTS\"}\n    - {table: \"guideline\", sha256: \"TABLE\"}\nparties:\n  asks: [\"",
      absl::StrJoin(choices.asks, "\", \""),
      "\"]\n  answers: \"tax.example\"\nauthority:\n  kind: \"statute\"\n  cites:\n    - {cite: "
      "\"S\", allows: \"A\"}\n  consent: ",
      choices.consent ? "{required: true, from: \"each-subject\"}" : "{required: false}",
      "\npurposes:\n", purposes, "dates:\n  effective: ", Quoted(choices.effective),
      "\n  expires: ", Quoted(choices.expires),
      "\n  time_zone: \"America/New_York\"\npeople:\n  spelling_rules: \"names/1\"\n  match:\n    "
      "- "
      "{key: [\"social_security_number\", \"date_of_birth\"]}\n  if_several_found: "
      "\"undetermined\"\n  tokens: {kind: \"blind\", key_authority: \"sha256:",
      std::string(64, '4'), "\"}\nquestions:\n", questions,
      "limits:\n  per_person:\n    times_asked: {count: ", choices.times, ", every: \"",
      choices.window,
      " days\"}\n    different_values: {count: 2, every: \"agreement\"}\n  new_people: {count: 50, "
      "every: \"1 day\"}\n  whole_agreement: {count: 250, every: \"1 day\"}\n  evaluations: "
      "{count: "
      "4000, every: \"1 day\"}\nprotections:\n  keep_ledger: {at_least: \"5 years\"}\n  "
      "corrections: "
      "{contact: \"privacy@tax.example\", reply_days: 10}\ncontacts:\n",
      contacts);
  return texts;
}

// A request and a record, near the edges of everything the agreements above say.
Example RandomRequest(Random* random) {
  Example example;
  example.requester = random->Of<std::string>({"aid.example", "housing.example", "x.example"});
  example.question = random->OneIn(3) ? "q1" : "q0";
  example.purpose = random->Of<std::string>({"aid-eligibility", "aid-renewal"});
  example.parameters["size"] = 1 + random->Below(4);
  example.parameters["region"] = random->Of<std::string>({"contiguous", "alaska", "hawaii"});
  const absl::CivilDay day = random->Of<absl::CivilDay>(
      {absl::CivilDay(2026, 12, 31), absl::CivilDay(2027, 1, 1), absl::CivilDay(2027, 1, 2),
       absl::CivilDay(2027, 1, 31), absl::CivilDay(2027, 2, 1), absl::CivilDay(2027, 2, 28),
       absl::CivilDay(2027, 3, 1), absl::CivilDay(2027, 6, 1), absl::CivilDay(2027, 12, 30),
       absl::CivilDay(2027, 12, 31), absl::CivilDay(2028, 1, 1)});
  example.at = absl::FromCivil(absl::CivilHour(day) + 17, absl::UTCTimeZone());
  const auto hold = [&](const std::string& fact, absl::string_view period, FactValue value) {
    if (!random->OneIn(4)) example.facts.push_back({fact, *ParsePeriod(period), std::move(value)});
  };
  for (const char* year : {"tax-year-2024", "tax-year-2025", "tax-year-2026"}) {
    const int64_t near = random->Of<int64_t>({4500000, 3591000, 3600000, 4488750, 3606960});
    hold("adjusted_gross_income", year, fakes::Money(near + random->Below(5) - 2));
  }
  const absl::CivilDay epoch(1970, 1, 1);
  FactValue born = fakes::Day(2009, 3, 1);
  if (random->OneIn(2)) {
    const int64_t years = random->Of<int64_t>({17, 18, 19, 64, 65, 66});
    born.number = absl::CivilDay(day.year() - years, day.month(), day.day()) - epoch;
  }
  born.number += random->Below(3) - 1;
  hold("date_of_birth", "none", born);
  hold("residence", "as-of",
       fakes::Code(random->Of<std::string>({"contiguous", "alaska", "hawaii"})));
  FactValue moved = fakes::Day(2027, 1, 1);
  moved.number = day - epoch - random->Of<int64_t>({-1, 0, 1, 89, 90, 91, 92});
  hold("moved_in", "as-of", moved);
  return example;
}

// Refused below UNDETERMINED below YES and NO, of which neither is above the other.
int Rank(Outcome outcome) {
  return outcome == Outcome::kRefused ? 0 : outcome == Outcome::kUndetermined ? 1 : 2;
}

// How many of a random sequence of requests about one person the limits let through.
std::vector<bool> LetThrough(const Limits& limits, const std::vector<uint32_t>& days) {
  std::vector<Mark> marks;
  std::vector<bool> passed;
  for (const uint32_t day : days) {
    const uint32_t second = 1800000000u + day * 86400u;
    passed.push_back(WithinPersonLimits(limits, marks, 1, second));
    if (passed.back()) marks.push_back({second, 1});
  }
  return passed;
}

TEST(RandomEditsTest, BruteForceFindsNothingThatCompareDenies) {
  std::cout << "seed " << kSeed << "\n";
  Random random(kSeed);
  int neutral = 0;
  int narrows = 0;
  int widens = 0;
  for (int round = 0; round < kRounds; ++round) {
    Choices choices;
    choices.conditions = {RandomCondition(&random, 2), RandomCondition(&random, 1)};
    Choices edited = choices;
    const int64_t edits = 1 + random.Below(2);
    for (int64_t i = 0; i < edits; ++i) Edit(&random, &edited);
    const Opened before = Open(TextsOf(choices));
    const Opened after = Open(TextsOf(edited));
    ASSERT_NE(before.held, nullptr) << before.report.ToText(before.text);
    ASSERT_NE(after.held, nullptr) << after.report.ToText(after.text);
    const Difference difference = Compare(before.side(), after.side());
    const auto said = [&] {
      return absl::StrCat("round ", round, "\n", ToText(difference, "before", "after"), before.text,
                          after.text);
    };
    if (difference.CannotTell()) continue;
    neutral += difference.Neutral() ? 1 : 0;
    narrows += difference.Narrows() && !difference.Widens() ? 1 : 0;
    widens += difference.Widens() && !difference.Narrows() ? 1 : 0;
    for (int i = 0; i < kRequests; ++i) {
      const Example request = RandomRequest(&random);
      const Outcome was = OutcomeAt(before, request);
      // A request whose consent the other revision does not want is the same request without it.
      const Outcome is = OutcomeAt(after, request);
      if (was == is) continue;
      const bool up = Rank(is) > Rank(was) || (Rank(is) == 2 && Rank(was) == 2);
      const bool down = Rank(is) < Rank(was) || (Rank(is) == 2 && Rank(was) == 2);
      ASSERT_TRUE(!up || difference.Widens()) << said();
      ASSERT_TRUE(!down || difference.Narrows()) << said();
    }
    for (int i = 0; i < 40; ++i) {
      std::vector<uint32_t> days;
      uint32_t day = 0;
      for (int j = 0; j < 12; ++j) days.push_back(day += static_cast<uint32_t>(random.Below(14)));
      const auto was = LetThrough(before.held->agreement.limits, days);
      // What passes under one passes under the other when the other lets through no less.
      std::vector<uint32_t> passed;
      for (size_t j = 0; j < days.size(); ++j) {
        if (was[j]) passed.push_back(days[j]);
      }
      const auto still = LetThrough(after.held->agreement.limits, passed);
      const bool lost = std::find(still.begin(), still.end(), false) != still.end();
      ASSERT_TRUE(!lost || difference.Narrows()) << said();
      const auto is = LetThrough(after.held->agreement.limits, days);
      std::vector<uint32_t> passed_after;
      for (size_t j = 0; j < days.size(); ++j) {
        if (is[j]) passed_after.push_back(days[j]);
      }
      const auto gained = LetThrough(before.held->agreement.limits, passed_after);
      const bool won = std::find(gained.begin(), gained.end(), false) != gained.end();
      ASSERT_TRUE(!won || difference.Widens()) << said();
    }
    // And what Compare does find, its own example shows.
    for (const Change& change : difference.changes) {
      const Example& example = change.example;
      if (example.question.empty()) continue;
      EXPECT_NE(OutcomeAt(before, example), OutcomeAt(after, example)) << said();
    }
  }
  std::cout << neutral << " neutral, " << narrows << " only narrow, " << widens
            << " only widen, of " << kRounds << "\n";
  EXPECT_GT(neutral, 10);
  EXPECT_GT(narrows, 10);
  EXPECT_GT(widens, 10);
}

}  // namespace
}  // namespace vouch::policies::diff
