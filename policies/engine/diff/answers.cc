#include "policies/engine/diff/answers.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/diff/conditions.h"
#include "policies/engine/question.h"

namespace vouch::policies::diff {
namespace {

// Evaluations of both questions together, for one question. A second or so.
constexpr size_t kMostEvaluations = 600000;
constexpr size_t kMostCodes = 8;  // of a set, whose subsets are tried
constexpr absl::CivilDay kFirstDay(1970, 1, 1);
constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

// One thing a record may hold, and the values worth trying; nothing held is always tried.
struct Variable {
  std::string fact;
  Period period;
  FactType type = FactType::kWholeNumber;
  std::set<int64_t> numbers;
  std::set<std::string> codes;  // that some threshold names
  std::string other_code;       // one that none names, when there is one
  std::vector<FactValue> values;
};

class VariableSet {
 public:
  VariableSet(const AnswerSide& before, const AnswerSide& after, absl::CivilDay day)
      : facts_(*after.facts), older_facts_(*before.facts), day_(day) {
    CollectLeaves(before.question->yes_when, &leaves_);
    const size_t own = leaves_.size();
    CollectLeaves(after.question->yes_when, &leaves_);
    for (size_t i = 0; i < leaves_.size(); ++i) {
      tables_.push_back(i < own ? before.tables : after.tables);
    }
  }

  // The variables and their values for one combination; false when there are too many codes.
  bool For(const Parameters& parameters, std::vector<Variable>* variables) {
    variables_.clear();
    for (const Condition* leaf : leaves_) AddPeriods(*leaf);
    for (size_t i = 0; i < leaves_.size(); ++i) AddValues(*leaves_[i], *tables_[i], parameters);
    variables->clear();
    for (auto& [key, variable] : variables_) {
      if (!Spread(&variable)) return false;
      variables->push_back(variable);
    }
    return true;
  }

 private:
  static absl::string_view HeldFact(const Condition& leaf) {
    return leaf.fact == "age" ? "date_of_birth" : absl::string_view(leaf.fact);
  }
  const FactDefinition* Definition(absl::string_view fact) const {
    const FactDefinition* found = facts_.Find(fact);
    return found != nullptr ? found : older_facts_.Find(fact);
  }

  void AddPeriods(const Condition& leaf) {
    const std::string fact(HeldFact(leaf));
    switch (leaf.period.kind) {
      case PeriodRule::Kind::kNone:
        AddVariable(fact, {PeriodKind::kNone, 0});
        break;
      case PeriodRule::Kind::kFixed:
        AddVariable(fact, leaf.period.fixed);
        break;
      case PeriodRule::Kind::kLastFullMonth:
        AddVariable(
            fact, {PeriodKind::kMonth, static_cast<int32_t>(day_.year() * 12 + day_.month() - 2)});
        break;
      case PeriodRule::Kind::kLastDays: {
        const FactDefinition* definition = Definition(fact);
        const bool as_of = definition != nullptr && definition->period == PeriodKind::kAsOf;
        AddVariable(fact, {as_of ? PeriodKind::kAsOf : PeriodKind::kNone, 0});
        break;
      }
      case PeriodRule::Kind::kAsOfToday:
        // Age is computed from a date of birth, which has no period.
        AddVariable(fact, {leaf.fact == "age" ? PeriodKind::kNone : PeriodKind::kAsOf, 0});
        break;
      case PeriodRule::Kind::kLatestTaxYear:
        AddLatestYears(fact);
        break;
    }
  }

  // The latest year held may be any that a leaf names, or one in a gap between those; one year
  // stands for each gap.
  void AddLatestYears(const std::string& fact) {
    const auto last = static_cast<int32_t>(day_.year() - 1);
    std::set<int32_t> named;
    for (const Condition* leaf : leaves_) {
      if (leaf->fact == fact && leaf->period.kind == PeriodRule::Kind::kFixed &&
          leaf->period.fixed.number <= last) {
        named.insert(leaf->period.fixed.number);
      }
    }
    std::set<int32_t> years = named;
    if (named.count(last) == 0) years.insert(last);
    for (const int32_t year : named) {
      if (named.count(year - 1) == 0) years.insert(year - 1);
    }
    for (const int32_t year : years) AddVariable(fact, {PeriodKind::kTaxYear, year});
  }

  void AddVariable(const std::string& fact, Period period) {
    Variable& variable = variables_[{fact, period}];
    variable.fact = fact;
    variable.period = period;
    const FactDefinition* definition = Definition(fact);
    if (definition != nullptr) variable.type = definition->type;
  }

  void AddNumber(Variable* variable, int64_t number) {
    variable->numbers.insert(number);
    if (number > kLowest) variable->numbers.insert(number - 1);
    if (number < kHighest) variable->numbers.insert(number + 1);
  }
  int64_t DayNumber(absl::CivilDay day) const { return day - kFirstDay; }

  void AddValues(const Condition& leaf, const ReferenceTables& tables,
                 const Parameters& parameters) {
    const Resolved resolved = Resolve(leaf, parameters, tables, day_);
    const std::string fact(HeldFact(leaf));
    for (auto& [key, variable] : variables_) {
      if (variable.fact != fact) continue;
      if (leaf.fact == "age") {
        AddNumber(&variable, DayNumber(day_));
        for (const FactValue& value : resolved.values) AddAge(&variable, value.number);
        continue;
      }
      if (leaf.period.kind == PeriodRule::Kind::kLastDays) {
        AddNumber(&variable, DayNumber(day_));
        AddNumber(&variable, DayNumber(day_ - leaf.period.days));
      }
      if (resolved.share.has_value()) {
        AddNumber(&variable, resolved.share->floor);
        if (resolved.share->floor < kHighest) AddNumber(&variable, resolved.share->floor + 1);
      }
      for (const FactValue& value : resolved.values) {
        variable.codes.insert(value.codes.begin(), value.codes.end());
        if (IsNumber(value.type)) AddNumber(&variable, value.number);
      }
    }
  }

  // Birthdays around which the age goes from one below `years` to one above it.
  void AddAge(Variable* variable, int64_t years) {
    if (years < 0 || years > 1000) return;
    for (const int64_t age : {years, years + 1}) {
      const absl::CivilDay born(day_.year() - age, day_.month(), day_.day());
      AddNumber(variable, DayNumber(born));
      AddNumber(variable, DayNumber(born + 1));
    }
  }

  bool Spread(Variable* variable) {
    variable->values.clear();
    const auto add = [variable](int64_t number, std::vector<std::string> codes) {
      FactValue value;
      value.type = variable->type;
      value.number = number;
      value.codes = std::move(codes);
      variable->values.push_back(std::move(value));
    };
    if (IsNumber(variable->type)) {
      if (variable->numbers.empty()) variable->numbers.insert(0);
      for (const int64_t number : variable->numbers) add(number, {});
      return true;
    }
    if (variable->type == FactType::kYesNo) {
      add(1, {});
      add(0, {});
      return true;
    }
    std::vector<std::string> codes(variable->codes.begin(), variable->codes.end());
    const FactDefinition* definition = Definition(variable->fact);
    if (definition != nullptr) {
      for (const std::string& code : definition->codes) {
        if (variable->codes.count(code) > 0) continue;
        codes.push_back(code);
        break;
      }
    }
    if (variable->type == FactType::kCode) {
      for (const std::string& code : codes) add(0, {code});
      return true;
    }
    if (codes.size() > kMostCodes) return false;
    for (uint32_t subset = 0; subset < 1u << codes.size(); ++subset) {
      std::vector<std::string> chosen;
      for (size_t i = 0; i < codes.size(); ++i) {
        if ((subset >> i & 1) != 0) chosen.push_back(codes[i]);
      }
      add(0, std::move(chosen));
    }
    return true;
  }

  const FactCatalogue& facts_;
  const FactCatalogue& older_facts_;
  const absl::CivilDay day_;
  Leaves leaves_;
  std::vector<const ReferenceTables*> tables_;
  std::map<std::pair<std::string, Period>, Variable> variables_;
};

// A record that holds the values chosen, one for each variable; -1: nothing held.
class ChosenFacts final : public FactSource {
 public:
  explicit ChosenFacts(const std::vector<Variable>& variables)
      : variables_(variables), chosen(variables.size(), -1) {}

  absl::optional<FactValue> Find(absl::string_view fact, const Period& period) const override {
    for (size_t i = 0; i < variables_.size(); ++i) {
      if (variables_[i].fact != fact || !(variables_[i].period == period)) continue;
      if (chosen[i] < 0) return absl::nullopt;
      return variables_[i].values[static_cast<size_t>(chosen[i])];
    }
    return absl::nullopt;
  }
  absl::optional<Period> Latest(absl::string_view fact, PeriodKind kind,
                                int32_t not_after) const override {
    absl::optional<Period> latest;
    for (size_t i = 0; i < variables_.size(); ++i) {
      const Period& period = variables_[i].period;
      if (variables_[i].fact != fact || chosen[i] < 0 || period.kind != kind ||
          period.number > not_after || (latest.has_value() && period < *latest)) {
        continue;
      }
      latest = period;
    }
    return latest;
  }
  // The next choice; false after the last.
  bool Next() {
    for (size_t i = 0; i < chosen.size(); ++i) {
      if (++chosen[i] < static_cast<int>(variables_[i].values.size())) return true;
      chosen[i] = -1;
    }
    return false;
  }
  std::vector<Example::Held> HeldNow() const {
    std::vector<Example::Held> held;
    for (size_t i = 0; i < variables_.size(); ++i) {
      if (chosen[i] < 0) continue;
      held.push_back({variables_[i].fact, variables_[i].period,
                      variables_[i].values[static_cast<size_t>(chosen[i])]});
    }
    return held;
  }

 private:
  const std::vector<Variable>& variables_;

 public:
  std::vector<int> chosen;
};

Outcome OutcomeOf(Answer answer) {
  switch (answer) {
    case Answer::kYes:
      return Outcome::kYes;
    case Answer::kNo:
      return Outcome::kNo;
    case Answer::kUndetermined:
      break;
  }
  return Outcome::kUndetermined;
}

// A group of one member: a sum is that member's amount, all and any are that member.
void AsOnePerson(Condition* condition) {
  condition->sum_over_group = false;
  condition->members = GroupMembers::kNotSaid;
  for (Condition& child : condition->children) AsOnePerson(&child);
}

std::vector<Parameters> SharedCombinations(const Question& before, const Question& after) {
  std::vector<Parameters> combinations = {{}};
  for (const ParameterRule& rule : before.parameters) {
    const auto other = std::find_if(after.parameters.begin(), after.parameters.end(),
                                    [&rule](const auto& one) { return one.name == rule.name; });
    if (other == after.parameters.end()) return {};
    std::vector<ParameterValue> values;
    if (rule.range.has_value() && other->range.has_value()) {
      const int64_t low = std::max(rule.range->first, other->range->first);
      const int64_t high = std::min(rule.range->second, other->range->second);
      for (int64_t value = low; value <= high; ++value) values.push_back(value);
    }
    for (const std::string& code : rule.codes) {
      if (std::find(other->codes.begin(), other->codes.end(), code) != other->codes.end()) {
        values.push_back(code);
      }
    }
    std::vector<Parameters> next;
    for (const Parameters& one : combinations) {
      for (const ParameterValue& value : values) {
        next.push_back(one);
        next.back()[rule.name] = value;
      }
    }
    combinations = std::move(next);
  }
  return combinations;
}

// What of the day a condition looks at, fact by fact.
struct DayUse {
  bool any = false;
  bool month = false;
  // For dates: whether they are held against an age, against the last days, against a fixed day.
  std::map<std::string, std::set<std::string>> dates;
};

void CollectDayUse(const Condition& condition, DayUse* use) {
  Leaves leaves;
  CollectLeaves(condition, &leaves);
  for (const Condition* leaf : leaves) {
    const bool in_force =
        leaf->threshold.share.has_value() && leaf->threshold.share->edition == "in-force";
    use->any |= in_force || leaf->fact == "age" ||
                leaf->period.kind == PeriodRule::Kind::kLatestTaxYear ||
                leaf->period.kind == PeriodRule::Kind::kLastFullMonth ||
                leaf->period.kind == PeriodRule::Kind::kLastDays;
    use->month |= leaf->period.kind == PeriodRule::Kind::kLastFullMonth;
    if (leaf->fact == "age") {
      use->dates["date_of_birth"].insert("age");
    } else if (leaf->period.kind == PeriodRule::Kind::kLastDays) {
      use->dates[leaf->fact].insert(absl::StrCat("last ", leaf->period.days));
      if (!leaf->threshold.constants.empty() || !leaf->threshold.rows.empty()) {
        use->dates[leaf->fact].insert("fixed");
      }
    } else {
      use->dates[leaf->fact].insert("fixed");
    }
  }
}

// The days between which no answer of either question changes for the same record.
std::vector<absl::CivilDay> DaysToTry(const AnswerSide& before, const AnswerSide& after,
                                      absl::CivilDay first, absl::CivilDay last) {
  std::set<absl::CivilDay> days = {first};
  DayUse use;
  CollectDayUse(before.question->yes_when, &use);
  CollectDayUse(after.question->yes_when, &use);
  if (!use.any) return {first};
  const auto add = [&](absl::CivilDay day) {
    if (day >= first && day <= last) days.insert(day);
  };
  for (const AnswerSide* side : {&before, &after}) {
    for (const std::string& name : side->tables->Names()) {
      for (const auto& edition : side->tables->Find(name)->editions) add(edition.effective);
    }
  }
  for (absl::CivilYear year(first); absl::CivilDay(year) <= last; ++year) add(absl::CivilDay(year));
  if (use.month) {
    for (absl::CivilMonth month(first); absl::CivilDay(month) <= last; ++month) {
      add(absl::CivilDay(month));
    }
  }
  const bool mixed = std::any_of(use.dates.begin(), use.dates.end(),
                                 [](const auto& one) { return one.second.size() > 1; });
  if (mixed) {
    for (absl::CivilDay day = first; day <= last; ++day) days.insert(day);
  }
  return {days.begin(), days.end()};
}

class AnswerComparison {
 public:
  AnswerComparison(const AnswerSide& before, const AnswerSide& after)
      : before_(before),
        after_(after),
        before_question_(*before.question),
        after_question_(*after.question) {
    AsOnePerson(&before_question_.yes_when);
    AsOnePerson(&after_question_.yes_when);
  }

  AnswerDifference Run(absl::CivilDay first, absl::CivilDay last) {
    const std::vector<Parameters> combinations =
        SharedCombinations(before_question_, after_question_);
    difference_.combinations = combinations.size();
    std::vector<bool> differs(combinations.size(), false);
    for (const absl::CivilDay day : DaysToTry(before_, after_, first, last)) {
      VariableSet variables(before_, after_, day);
      for (size_t i = 0; i < combinations.size(); ++i) {
        const Parameters& parameters = combinations[i];
        // Also where it is a sum over a household, hence the question as it stands.
        if (NormalForm(before_.question->yes_when, parameters, *before_.tables, day) ==
            NormalForm(after_.question->yes_when, parameters, *after_.tables, day)) {
          continue;
        }
        differs[i] = true;
        if (Settled()) continue;
        std::vector<Variable> tried;
        if (!variables.For(parameters, &tried)) {
          difference_.undecided = true;
          continue;
        }
        TryRecords(parameters, tried, day);
      }
      if (Settled()) break;
    }
    difference_.differing = static_cast<size_t>(std::count(differs.begin(), differs.end(), true));
    const bool group = before_.question->group_at_most > 0 || after_.question->group_at_most > 0;
    if (group && difference_.differing > 0 && !Settled()) difference_.undecided = true;
    if (Settled()) difference_.undecided = false;
    return std::move(difference_);
  }

 private:
  bool Settled() const { return difference_.widens.has_value() && difference_.narrows.has_value(); }

  void TryRecords(const Parameters& parameters, const std::vector<Variable>& variables,
                  absl::CivilDay day) {
    ChosenFacts facts(variables);
    do {
      if (++evaluations_ > kMostEvaluations) {
        difference_.undecided = true;
        return;
      }
      Judge(parameters, day, &facts);
    } while (!Settled() && facts.Next());
  }

  std::pair<Answer, Answer> Both(const Parameters& parameters, absl::CivilDay day,
                                 const FactSource& facts) const {
    return {EvaluateQuestion(before_question_, parameters, facts, *before_.tables, day),
            EvaluateQuestion(after_question_, parameters, facts, *after_.tables, day)};
  }

  void Judge(const Parameters& parameters, absl::CivilDay day, ChosenFacts* facts) {
    const std::pair<Answer, Answer> answers = Both(parameters, day, *facts);
    if (answers.first == answers.second) return;
    const bool up = answers.second != Answer::kUndetermined && !difference_.widens.has_value();
    const bool down = answers.first != Answer::kUndetermined && !difference_.narrows.has_value();
    if (!up && !down) return;
    // What makes no difference is left out of the example.
    const std::vector<int> whole = facts->chosen;
    for (int& chosen : facts->chosen) {
      const int kept = chosen;
      chosen = -1;
      if (Both(parameters, day, *facts) != answers) chosen = kept;
    }
    Example example;
    example.parameters = parameters;
    example.facts = facts->HeldNow();
    facts->chosen = whole;
    example.before = OutcomeOf(answers.first);
    example.after = OutcomeOf(answers.second);
    // Midday in UTC: the caller, who knows the time zone, moves it.
    example.at = absl::FromCivil(absl::CivilHour(day) + 12, absl::UTCTimeZone());
    // One answer for another says it best, for both directions.
    const bool exchanged =
        answers.first != Answer::kUndetermined && answers.second != Answer::kUndetermined;
    if (up || exchanged) difference_.widens = example;
    if (down || exchanged) difference_.narrows = example;
  }

  const AnswerSide before_;
  const AnswerSide after_;
  Question before_question_;
  Question after_question_;
  AnswerDifference difference_;
  size_t evaluations_ = 0;
};

}  // namespace

AnswerDifference CompareAnswers(const AnswerSide& before, const AnswerSide& after,
                                absl::CivilDay first, absl::CivilDay last) {
  return AnswerComparison(before, after).Run(first, last);
}

bool DependsOnDay(const Condition& condition) {
  DayUse use;
  CollectDayUse(condition, &use);
  return use.any;
}

}  // namespace vouch::policies::diff
