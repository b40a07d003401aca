#include "policies/engine/lint/condition_logic.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/lint/thresholds.h"

namespace vouch::policies::lint {
namespace {

constexpr size_t kShownVariants = 3;
constexpr size_t kMostCodesOfASet = 8;
constexpr uint64_t kStepsAVariant = 20;  // what listing its values takes
constexpr int64_t kOldest = 130;
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();

// Closed ranges of values for which a comparison is fulfilled.
using Ranges = std::vector<std::pair<int64_t, int64_t>>;

// One comparison of one value: a leaf has one of these, or two when it also looks at a period of
// the last days.
struct Test {
  size_t variable = 0;
  size_t leaf = 0;
  bool in_period = false;   // the part of it that looks at the last days
  std::vector<bool> holds;  // for each of the variable's values, of the variant at hand
};

// A value that tests look at. What it can be is listed anew for every variant: one representative
// of each class of values that its tests tell apart.
struct Variable {
  enum class Kind { kOrdered, kAge, kTruth, kCode, kCodeSet };
  Kind kind = Kind::kOrdered;
  std::vector<std::string> codes;
  std::vector<size_t> tests;
  std::vector<int64_t> values;
};

struct Branch {
  Condition::Kind kind = Condition::Kind::kLeaf;
  std::vector<Branch> children;
  size_t test = 0;
};

class Reasoning {
 public:
  Reasoning(const AgreedFacts& agreed, const Question& question, uint64_t* steps)
      : agreed_(agreed), question_(question), steps_(steps) {
    start_ = budget_ = std::min(*steps, kMostStepsAQuestion);
  }

  ConditionLogic Run() {
    root_ = Build(question_.yes_when);
    constant_.assign(leaves_.size(), 0);
    replaceable_.assign(leaves_.size(), 3);
    FindDays();
    FindParameters();
    EachVariant();
    *steps_ -= start_ - budget_;
    return Result();
  }

 private:
  bool Spend(uint64_t steps) {
    out_.judged = out_.judged && budget_ >= steps;
    if (out_.judged) budget_ -= steps;
    return out_.judged;
  }

  Branch Build(const Condition& condition) {
    Branch branch;
    branch.kind = condition.kind;
    if (condition.kind != Condition::Kind::kLeaf) {
      for (const Condition& child : condition.children) branch.children.push_back(Build(child));
      return branch;
    }
    const size_t leaf = leaves_.size();
    leaves_.push_back(&condition);
    const Threshold& threshold = condition.threshold;
    const bool compares =
        !threshold.constants.empty() || !threshold.rows.empty() || threshold.share.has_value();
    const bool last_days =
        condition.period.kind == PeriodRule::Kind::kLastDays && condition.fact != "age";
    if (!last_days) {
      branch.test = AddTest(leaf, false);
      return branch;
    }
    Branch period;
    period.test = AddTest(leaf, true);
    if (!compares) return period;
    Branch value;
    value.test = AddTest(leaf, false);
    branch.kind = Condition::Kind::kAllOf;
    branch.children = {period, value};
    return branch;
  }

  size_t AddTest(size_t leaf, bool in_period) {
    const Condition& condition = *leaves_[leaf];
    const bool one_value = condition.period.kind == PeriodRule::Kind::kNone ||
                           condition.period.kind == PeriodRule::Kind::kAsOfToday ||
                           condition.period.kind == PeriodRule::Kind::kLastDays;
    std::string key = absl::StrCat(condition.fact, "|", one_value ? "" : condition.period.text,
                                   in_period ? "|days" : "");
    if (condition.sum_over_group) {
      absl::StrAppend(&key, "|sum");
    } else if (question_.group_at_most > 0) {
      absl::StrAppend(&key, "|", leaf);  // which members it holds for is open
    }
    const auto [at, added] = variable_of_.emplace(key, variables_.size());
    if (added) variables_.push_back(MakeVariable(condition, in_period));
    Test test;
    test.variable = at->second;
    test.leaf = leaf;
    test.in_period = in_period;
    variables_[test.variable].tests.push_back(tests_.size());
    tests_.push_back(std::move(test));
    return tests_.size() - 1;
  }

  Variable MakeVariable(const Condition& leaf, bool in_period) const {
    Variable variable;
    if (in_period) return variable;
    if (leaf.fact == "age") {
      variable.kind = Variable::Kind::kAge;
      return variable;
    }
    const FactDefinition* defined =
        agreed_.facts == nullptr ? nullptr : agreed_.facts->Find(leaf.fact);
    FactType type = FactType::kWholeNumber;
    if (defined != nullptr) {
      type = defined->type;
    } else if (!leaf.threshold.constants.empty()) {
      type = leaf.threshold.constants[0].type;
    } else if (!leaf.threshold.rows.empty()) {
      type = leaf.threshold.rows[0].value.type;
    }
    if (type == FactType::kYesNo) variable.kind = Variable::Kind::kTruth;
    if (type == FactType::kCode) variable.kind = Variable::Kind::kCode;
    if (type == FactType::kCodeSet) variable.kind = Variable::Kind::kCodeSet;
    if (defined != nullptr) variable.codes = defined->codes;
    // Without the catalogue there may always be another code.
    if (defined == nullptr) variable.codes.emplace_back();
    return variable;
  }

  // ---- variants: combinations of parameter values, and editions that come into force

  void FindDays() {
    std::set<absl::CivilDay> days = {agreed_.agreement->effective};
    for (const Condition* leaf : leaves_) {
      if (!leaf->threshold.share.has_value() || leaf->threshold.share->edition != "in-force") {
        continue;
      }
      const ReferenceTable* table =
          agreed_.tables == nullptr ? nullptr : agreed_.tables->Find(leaf->threshold.share->table);
      if (table == nullptr) continue;
      for (const ReferenceTable::Edition& edition : table->editions) {
        if (edition.effective > agreed_.agreement->effective &&
            edition.effective <= agreed_.agreement->expires) {
          days.insert(edition.effective);
        }
      }
    }
    days_.assign(days.begin(), days.end());
  }

  void FindParameters() {
    std::set<std::string> used;
    for (const Condition* leaf : leaves_) {
      if (leaf->threshold.share.has_value()) {
        for (const auto& [dimension, name] : leaf->threshold.share->row) used.insert(name);
      }
      if (leaf->threshold.rows.empty()) continue;
      for (const auto& [name, value] : leaf->threshold.rows[0].when) used.insert(name);
    }
    for (const ParameterRule& rule : question_.parameters) {
      if (used.count(rule.name) > 0) rules_.push_back(&rule);
    }
  }

  static int64_t ValueCount(const ParameterRule& rule) {
    return rule.range.has_value() ? rule.range->second - rule.range->first + 1
                                  : static_cast<int64_t>(rule.codes.size());
  }

  void EachVariant() {
    std::vector<int64_t> digits(rules_.size(), 0);
    while (out_.judged) {
      parameters_.clear();
      for (size_t i = 0; i < rules_.size(); ++i) {
        parameters_[rules_[i]->name] =
            rules_[i]->range.has_value()
                ? ParameterValue(rules_[i]->range->first + digits[i])
                : ParameterValue(rules_[i]->codes[static_cast<size_t>(digits[i])]);
      }
      bool yes = false;
      bool no = false;
      for (const absl::CivilDay day : days_) {
        today_ = day;
        if (!JudgeVariant(&yes, &no)) return;
      }
      out_.can_yes = out_.can_yes || yes;
      out_.can_no = out_.can_no || no;
      if (!yes && out_.never_yes.size() < kShownVariants) out_.never_yes.push_back(parameters_);
      if (!no && out_.never_no.size() < kShownVariants) out_.never_no.push_back(parameters_);
      size_t i = 0;
      while (i < digits.size() && ++digits[i] == ValueCount(*rules_[i])) digits[i++] = 0;
      if (i == digits.size()) return;
    }
  }

  // ---- one variant

  // Where the test is fulfilled; nothing when it is unknown whatever the value, as for an edition
  // that the table does not have.
  absl::optional<Ranges> RangesOf(const Test& test) const {
    const Condition& leaf = *leaves_[test.leaf];
    if (test.in_period) return Ranges{{-leaf.period.days, 0}};
    if (leaf.threshold.share.has_value()) {
      const absl::optional<int64_t> amount = AmountOf(*leaf.threshold.share);
      if (!amount.has_value()) return absl::nullopt;
      const int64_t percent = leaf.threshold.share->percent;
      switch (leaf.comparison) {
        case Comparison::kAtMost:
          return Ranges{{kLeast, FirstAbove(*amount, percent) - 1}};
        case Comparison::kLessThan:
          return Ranges{{kLeast, FirstAtOrAbove(*amount, percent) - 1}};
        case Comparison::kAtLeast:
          return Ranges{{FirstAtOrAbove(*amount, percent), kGreatest}};
        case Comparison::kMoreThan:
          return Ranges{{FirstAbove(*amount, percent), kGreatest}};
        default:
          return absl::nullopt;
      }
    }
    const std::vector<FactValue> against = Constants(leaf);
    if (against.empty()) return absl::nullopt;
    const int64_t at = against[0].number;
    switch (leaf.comparison) {
      case Comparison::kAtMost:
      case Comparison::kOnOrBefore:
        return Ranges{{kLeast, at}};
      case Comparison::kLessThan:
        return Ranges{{kLeast, at - 1}};
      case Comparison::kAtLeast:
      case Comparison::kOnOrAfter:
        return Ranges{{at, kGreatest}};
      case Comparison::kMoreThan:
        return Ranges{{at + 1, kGreatest}};
      case Comparison::kBetween:
        if (against.size() != 2) return absl::nullopt;
        return Ranges{{at, against[1].number}};
      case Comparison::kIs:
      case Comparison::kIsOneOf:
        break;
    }
    Ranges points;
    for (const FactValue& value : against) points.emplace_back(value.number, value.number);
    return points;
  }

  // What a leaf compares with, of the variant at hand.
  std::vector<FactValue> Constants(const Condition& leaf) const {
    if (leaf.threshold.rows.empty()) return leaf.threshold.constants;
    for (const Threshold::Row& row : leaf.threshold.rows) {
      const bool selected =
          std::all_of(row.when.begin(), row.when.end(), [&](const Parameters::value_type& entry) {
            const auto given = parameters_.find(entry.first);
            return given != parameters_.end() && given->second == entry.second;
          });
      if (selected) return {row.value};
    }
    return {};
  }

  absl::optional<int64_t> AmountOf(const Threshold::TableShare& share) const {
    if (agreed_.tables == nullptr) return absl::nullopt;
    return agreed_.tables->AmountFor(share, parameters_, today_);
  }

  // Fills `values` of a variable and `holds` of its tests, one value for each class that they tell
  // apart. False when one of them is always unknown or there is too much.
  bool Resolve(Variable* variable) {
    switch (variable->kind) {
      case Variable::Kind::kCode:
        return ResolveCodes(variable);
      case Variable::Kind::kCodeSet:
        return ResolveCodeSet(variable);
      case Variable::Kind::kTruth:
        variable->values = {0, 1};
        break;
      case Variable::Kind::kOrdered:
      case Variable::Kind::kAge:
        variable->values.clear();
        break;
    }
    std::vector<Ranges> all;
    std::set<int64_t> cuts;
    for (const size_t t : variable->tests) {
      const absl::optional<Ranges> ranges = RangesOf(tests_[t]);
      if (!ranges.has_value()) return false;
      for (const auto& [low, high] : *ranges) {
        if (low != kLeast) cuts.insert(low);
        if (high != kGreatest) cuts.insert(high + 1);
      }
      all.push_back(*ranges);
    }
    if (variable->kind != Variable::Kind::kTruth) {
      std::set<int64_t> values(cuts.begin(), cuts.end());
      values.insert(cuts.empty() || *cuts.begin() == kLeast ? 0 : *cuts.begin() - 1);
      if (variable->kind == Variable::Kind::kAge) {
        std::set<int64_t> ages = {0, kOldest};
        for (const int64_t value : values) {
          if (value >= 0 && value <= kOldest) ages.insert(value);
        }
        values = std::move(ages);
      }
      variable->values.assign(values.begin(), values.end());
    }
    if (!Spend(variable->values.size() * all.size())) return false;
    for (size_t i = 0; i < all.size(); ++i) {
      std::vector<bool>& holds = tests_[variable->tests[i]].holds;
      holds.clear();
      for (const int64_t value : variable->values) {
        holds.push_back(std::any_of(all[i].begin(), all[i].end(), [value](const auto& range) {
          return range.first <= value && value <= range.second;
        }));
      }
    }
    KeepClasses(variable);
    return true;
  }

  bool ResolveCodes(Variable* variable) {
    variable->values.assign(variable->codes.size(), 0);
    for (const size_t t : variable->tests) {
      const std::vector<FactValue> against = Constants(*leaves_[tests_[t].leaf]);
      if (against.empty() || !Spend(variable->codes.size())) return false;
      std::vector<bool>& holds = tests_[t].holds;
      holds.clear();
      for (const std::string& code : variable->codes) {
        holds.push_back(std::any_of(against.begin(), against.end(), [&](const FactValue& value) {
          // For one code `is` a list of several holds for none.
          return value.codes.size() == 1 && value.codes[0] == code;
        }));
      }
    }
    KeepClasses(variable);
    return true;
  }

  // Any of the codes that are asked about may be in the set or not.
  bool ResolveCodeSet(Variable* variable) {
    std::set<std::string> named;
    for (const size_t t : variable->tests) {
      for (const FactValue& value : Constants(*leaves_[tests_[t].leaf])) {
        named.insert(value.codes.begin(), value.codes.end());
      }
    }
    if (named.size() > kMostCodesOfASet) {
      out_.judged = false;
      return false;
    }
    const std::vector<std::string> codes(named.begin(), named.end());
    const size_t sets = size_t{1} << codes.size();
    variable->values.assign(sets, 0);
    for (const size_t t : variable->tests) {
      const std::vector<FactValue> against = Constants(*leaves_[tests_[t].leaf]);
      if (against.empty() || !Spend(sets)) return false;
      std::vector<bool>& holds = tests_[t].holds;
      holds.clear();
      for (size_t set = 0; set < sets; ++set) {
        const auto has = [&](const std::string& code) {
          const auto at = std::find(codes.begin(), codes.end(), code) - codes.begin();
          return ((set >> at) & 1) != 0;
        };
        holds.push_back(std::any_of(against.begin(), against.end(), [&](const FactValue& value) {
          return !value.codes.empty() && std::all_of(value.codes.begin(), value.codes.end(), has);
        }));
      }
    }
    KeepClasses(variable);
    return true;
  }

  // Values that all tests judge alike are one.
  void KeepClasses(Variable* variable) {
    std::set<std::vector<bool>> seen;
    std::vector<size_t> kept;
    for (size_t v = 0; v < variable->values.size(); ++v) {
      std::vector<bool> signature;
      for (const size_t t : variable->tests) signature.push_back(tests_[t].holds[v]);
      if (seen.insert(std::move(signature)).second) kept.push_back(v);
    }
    for (const size_t t : variable->tests) {
      std::vector<bool> holds;
      for (const size_t v : kept) holds.push_back(tests_[t].holds[v]);
      tests_[t].holds = std::move(holds);
    }
    variable->values.resize(kept.size());
  }

  // False when the budget ran out or something is always unknown.
  bool JudgeVariant(bool* yes, bool* no) {
    if (!Spend(kStepsAVariant)) return false;
    uint64_t combinations = 1;
    for (Variable& variable : variables_) {
      if (!Resolve(&variable)) {
        out_.judged = false;
        return false;
      }
      if (combinations <= budget_) combinations *= variable.values.size();
    }
    NoteConstants();
    const bool read_once =
        std::all_of(variables_.begin(), variables_.end(),
                    [](const Variable& variable) { return variable.tests.size() == 1; });
    if (read_once) {
      // Nothing is looked at twice, so what each comparison can be is independent of the others.
      if (!Spend(tests_.size())) return false;
      const auto [can_yes, can_no] = Possible(root_);
      *yes = *yes || can_yes;
      *no = *no || can_no;
      std::fill(replaceable_.begin(), replaceable_.end(), 0);
      return true;
    }
    if (combinations > budget_ || !Spend(combinations * tests_.size())) {
      out_.judged = false;
      return false;
    }
    chosen_.assign(variables_.size(), 0);
    forced_.assign(leaves_.size(), -1);
    ForEachChoice([&] { (Evaluate(root_) ? *yes : *no) = true; });
    FindRedundant(combinations);
    return true;
  }

  void NoteConstants() {
    for (const Test& test : tests_) {
      bool any = false;
      bool all = true;
      for (const bool holds : test.holds) {
        any = any || holds;
        all = all && holds;
      }
      constant_[test.leaf] |= all ? 1 : !any ? 2 : 4;
    }
  }

  std::pair<bool, bool> Possible(const Branch& branch) const {
    if (branch.kind == Condition::Kind::kLeaf) {
      bool yes = false;
      bool no = false;
      for (const bool holds : tests_[branch.test].holds) (holds ? yes : no) = true;
      return {yes, no};
    }
    if (branch.kind == Condition::Kind::kNot) {
      const auto [yes, no] = Possible(branch.children[0]);
      return {no, yes};
    }
    const bool all_of = branch.kind == Condition::Kind::kAllOf;
    bool yes = all_of;
    bool no = !all_of;
    for (const Branch& child : branch.children) {
      const auto [child_yes, child_no] = Possible(child);
      yes = all_of ? yes && child_yes : yes || child_yes;
      no = all_of ? no || child_no : no && child_no;
    }
    return {yes, no};
  }

  bool Evaluate(const Branch& branch) const {
    switch (branch.kind) {
      case Condition::Kind::kLeaf: {
        const Test& test = tests_[branch.test];
        if (forced_[test.leaf] >= 0) return forced_[test.leaf] == 1;
        return test.holds[chosen_[test.variable]];
      }
      case Condition::Kind::kNot:
        return !Evaluate(branch.children[0]);
      case Condition::Kind::kAllOf:
        return std::all_of(branch.children.begin(), branch.children.end(),
                           [&](const Branch& child) { return Evaluate(child); });
      case Condition::Kind::kAnyOf:
        return std::any_of(branch.children.begin(), branch.children.end(),
                           [&](const Branch& child) { return Evaluate(child); });
    }
    return false;
  }

  template <typename F>
  void ForEachChoice(F visit) {
    std::fill(chosen_.begin(), chosen_.end(), 0);
    while (true) {
      visit();
      size_t i = 0;
      while (i < chosen_.size() && ++chosen_[i] == variables_[i].values.size()) chosen_[i++] = 0;
      if (i == chosen_.size()) return;
    }
  }

  // A comparison is redundant when the answer stays the same with one fixed truth in its place.
  // From the last to the first, those found before left out: of two that say the same one is
  // needed.
  void FindRedundant(uint64_t combinations) {
    for (size_t leaf = leaves_.size(); leaf-- > 0;) {
      if (replaceable_[leaf] == 0) continue;
      const uint64_t work = 3 * tests_.size();
      if (combinations > budget_ / work) {
        // What there is no time for is not accused.
        std::fill(replaceable_.begin(), replaceable_.end(), 0);
        return;
      }
      budget_ -= combinations * work;
      int same = replaceable_[leaf];
      ForEachChoice([&] {
        forced_[leaf] = -1;
        const bool as_it_is = Evaluate(root_);
        for (const int truth : {0, 1}) {
          forced_[leaf] = truth;
          if (Evaluate(root_) != as_it_is) same &= ~(1 << truth);
        }
      });
      replaceable_[leaf] = same;
      forced_[leaf] = same == 0 ? -1 : (same & 1) != 0 ? 0 : 1;
    }
  }

  ConditionLogic Result() {
    if (!out_.judged) {
      // What was seen to be possible is possible whatever the rest is.
      ConditionLogic out;
      out.judged = false;
      out.can_yes = out_.can_yes;
      out.can_no = out_.can_no;
      return out;
    }
    if (!out_.can_yes) out_.never_yes.clear();
    if (!out_.can_no) out_.never_no.clear();
    for (size_t leaf = 0; leaf < leaves_.size(); ++leaf) {
      if (constant_[leaf] == 1) out_.always_true.push_back(leaf);
      if (constant_[leaf] == 2) out_.always_false.push_back(leaf);
      if (replaceable_[leaf] != 0 && constant_[leaf] == 4) out_.redundant.push_back(leaf);
    }
    return std::move(out_);
  }

  const AgreedFacts& agreed_;
  const Question& question_;
  uint64_t* steps_;
  uint64_t budget_ = 0;
  uint64_t start_ = 0;
  ConditionLogic out_;

  std::vector<const Condition*> leaves_;
  std::vector<Test> tests_;
  std::vector<Variable> variables_;
  std::map<std::string, size_t> variable_of_;
  Branch root_;
  std::vector<const ParameterRule*> rules_;
  std::vector<absl::CivilDay> days_;

  Parameters parameters_;
  absl::CivilDay today_;
  std::vector<size_t> chosen_;
  std::vector<int> forced_;    // of each leaf: -1 as it is, else 0 or 1
  std::vector<int> constant_;  // bits over all variants: 1 always, 2 never, 4 either
  // Bits: the answer stays the same with false, or with true, in the place of each leaf.
  std::vector<int> replaceable_;
};

}  // namespace

ConditionLogic ReasonAbout(const AgreedFacts& agreed, const Question& question, uint64_t* steps) {
  return Reasoning(agreed, question, steps).Run();
}

}  // namespace vouch::policies::lint
