// CheckQuestions: parameters, rows, and conditions that contradict themselves.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/agreement_fields.h"

namespace vouch::policies {
namespace {

// More combinations than any table of thresholds has, and few enough to go through.
constexpr int64_t kMostVariants = 10000;

std::string Written(const ParameterValue& value) {
  return absl::holds_alternative<int64_t>(value) ? absl::StrCat(absl::get<int64_t>(value))
                                                 : absl::get<std::string>(value);
}

std::string Written(const Parameters& values) {
  return absl::StrJoin(values, ", ", [](std::string* out, const Parameters::value_type& value) {
    absl::StrAppend(out, value.first, " ", Written(value.second));
  });
}

int64_t ValueCount(const ParameterRule& rule) {
  if (rule.range.has_value())
    return std::max<int64_t>(0, rule.range->second - rule.range->first + 1);
  return static_cast<int64_t>(rule.codes.size());
}

ParameterValue ValueAt(const ParameterRule& rule, int64_t index) {
  if (rule.range.has_value()) return rule.range->first + index;
  return rule.codes[static_cast<size_t>(index)];
}

class QuestionCheck {
 public:
  QuestionCheck(const Agreement& agreement, const Question& question, const Node& node,
                Reading* reading)
      : agreement_(agreement), q_(question), node_(node), reading_(reading) {}

  void Run() {
    const int errors_before = reading_->errors();
    CheckParameters();
    CheckCondition(q_.yes_when);
    if (reading_->errors() == errors_before) CheckUse();
    CheckSay();
    if (q_.on_undetermined.action == Do::kAccept && node_.Find("on_undetermined") != nullptr) {
      Error("agreement/undetermined-accepted", node_.Find("on_undetermined")->position, "accept",
            "UNDETERMINED says nothing about the person, so there is nothing to accept",
            "write \"ask-the-person\" or \"verify-independently\"");
    }
  }

 private:
  void Error(absl::string_view rule, Position position, absl::string_view offending,
             std::string message, std::string mend) {
    reading_->Error(rule, position, offending, std::move(message), std::move(mend));
  }

  const ParameterRule* Find(absl::string_view name) const {
    for (const ParameterRule& rule : q_.parameters) {
      if (rule.name == name) return &rule;
    }
    return nullptr;
  }

  Position ParameterPosition(const std::string& name) const {
    return NodeAt(node_, absl::StrCat("parameters.", name)).position;
  }

  void CheckParameters() {
    int64_t variants = 1;
    for (const ParameterRule& rule : q_.parameters) {
      const int64_t count = ValueCount(rule);
      if (count == 0) {
        Error("agreement/range", ParameterPosition(rule.name), rule.name,
              absl::StrCat("`", rule.name, "` runs from ", rule.range->first, " to ",
                           rule.range->second, ", which is no value at all"),
              "write the lower value under `from`");
        return;
      }
      variants = std::min(variants * count, kMostVariants + 1);
    }
    if (variants > kMostVariants) {
      Error("agreement/too-many-variants", node_.position, q_.id,
            absl::StrCat("`", q_.id, "` has more than ", kMostVariants,
                         " combinations of parameter values"),
            "list fewer values; each is a threshold that can be tried on a person");
    }
    too_many_ = variants > kMostVariants;
  }

  void CheckCondition(const Condition& condition) {
    for (const Condition& child : condition.children) CheckCondition(child);
    if (condition.kind != Condition::Kind::kLeaf) return;
    CheckShare(condition);
    CheckRows(condition);
    const std::vector<FactValue>& constants = condition.threshold.constants;
    if (condition.comparison == Comparison::kBetween && constants.size() == 2) {
      if (constants[0].type != constants[1].type || constants[0].number > constants[1].number) {
        Error("agreement/between", condition.position, condition.fact,
              "`between` takes two values of one kind, the lower first", "exchange them");
      }
    }
    const bool no_threshold =
        constants.empty() && condition.threshold.rows.empty() && !condition.threshold.share;
    if (no_threshold && condition.period.kind != PeriodRule::Kind::kLastDays) {
      Error("agreement/within-period", condition.position, condition.fact,
            "`within_period` goes with a period of the last days",
            "write a period such as \"last-90-days\", or another comparison");
    }
    if (condition.sum_over_group && q_.group_at_most == 0) {
      Error("agreement/sum-over-group", condition.position, condition.fact,
            "`sum_over_group` is for questions about a group; this one is about one person",
            "delete it, or write `about: {group: {at_most: 8}}`");
    }
    CheckMembers(condition);
  }

  // A leaf about several people says how they count together.
  void CheckMembers(const Condition& leaf) {
    const bool said = leaf.members != GroupMembers::kNotSaid;
    if (q_.group_at_most == 0 && said) {
      Error("agreement/members", leaf.position, leaf.fact,
            "`members` is for questions about a group; this one is about one person",
            "delete it, or write `about: {group: {at_most: 8}}`");
    } else if (q_.group_at_most > 0 && said && leaf.sum_over_group) {
      Error("agreement/members", leaf.position, leaf.fact,
            "amounts are added up over all members, so `members` says nothing more",
            "keep `sum_over_group` for the members' total, or `members` for each member's own");
    } else if (q_.group_at_most > 0 && !said && !leaf.sum_over_group) {
      Error("agreement/members", leaf.position, leaf.fact,
            absl::StrCat("the question is about a group, and nothing says of whom `", leaf.fact,
                         "` is meant"),
            "write `members: \"all\"`, `members: \"any\"`, or `sum_over_group: true` for the "
            "members' total");
    }
  }

  void CheckShare(const Condition& leaf) {
    if (!leaf.threshold.share.has_value()) return;
    const Threshold::TableShare& share = *leaf.threshold.share;
    const bool pinned = std::any_of(agreement_.pins.begin(), agreement_.pins.end(),
                                    [&](const Pin& pin) { return pin.table == share.table; });
    if (!pinned && !share.table.empty() && !agreement_.pins.empty()) {
      Error("agreement/not-pinned", leaf.position, share.table,
            absl::StrCat("the table `", share.table, "` is not among the pins"),
            absl::StrCat("add `- {table: \"", share.table, "\", sha256: \"...\"}` to the pins"));
    }
    for (const auto& [dimension, name] : share.row) {
      const ParameterRule* rule = Find(name);
      used_.insert(name);
      if (rule == nullptr) {
        UnknownParameter(leaf.position, name);
      } else if ((dimension == "persons") != rule->range.has_value()) {
        Error("agreement/table-row", leaf.position, name,
              dimension == "persons"
                  ? absl::StrCat("`", name, "` counts persons, so it is a range of numbers")
                  : absl::StrCat("`", name, "` names a region, so it is a list of codes"),
              dimension == "persons" ? "write {from: 1, to: 12}" : "write {one_of: [...]}");
      } else if (dimension == "persons" && rule->range->first < 1) {
        Error("agreement/table-row", ParameterPosition(name), name,
              absl::StrCat("`", name, "` counts persons and begins at ", rule->range->first),
              "begin at 1");
      }
    }
  }

  void UnknownParameter(Position position, const std::string& name) {
    std::vector<std::string> names;
    for (const ParameterRule& rule : q_.parameters) names.push_back(rule.name);
    const std::string near = Nearest(name, names);
    Error("agreement/unknown-parameter", position, name,
          absl::StrCat("this question has no parameter `", name, "`"),
          near.empty() ? "declare it under `parameters`"
                       : absl::StrCat("did you mean \"", near, "\"?"));
  }

  void CheckRows(const Condition& leaf) {
    const std::vector<Threshold::Row>& rows = leaf.threshold.rows;
    if (rows.empty()) return;
    std::vector<const ParameterRule*> rules;
    for (const auto& [name, value] : rows[0].when) {
      used_.insert(name);
      if (Find(name) == nullptr) {
        UnknownParameter(leaf.position, name);
        return;
      }
      rules.push_back(Find(name));
    }
    std::set<Parameters> covered;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!CheckRow(leaf, rows, i, rules)) return;
      if (!covered.insert(rows[i].when).second) {
        Error("agreement/row-repeated", leaf.position, Written(rows[i].when),
              absl::StrCat("row ", i + 1, " is for ", Written(rows[i].when),
                           ", as is a row before it"),
              "delete one of them");
        return;
      }
    }
    if (too_many_) return;
    // Every combination of the parameters that rows go by, counted like an odometer.
    std::vector<int64_t> digits(rules.size(), 0);
    while (true) {
      Parameters combination;
      for (size_t i = 0; i < rules.size(); ++i) {
        combination[rules[i]->name] = ValueAt(*rules[i], digits[i]);
      }
      if (covered.count(combination) == 0) {
        Error("agreement/row-missing", leaf.position, leaf.fact,
              absl::StrCat("there is no row for ", Written(combination)),
              "add one, or narrow the parameter's values");
        return;
      }
      size_t i = 0;
      while (i < digits.size() && ++digits[i] == ValueCount(*rules[i])) digits[i++] = 0;
      if (i == digits.size()) return;
    }
  }

  bool CheckRow(const Condition& leaf, const std::vector<Threshold::Row>& rows, size_t i,
                const std::vector<const ParameterRule*>& rules) {
    const auto same_name = [](const Parameters::value_type& a, const Parameters::value_type& b) {
      return a.first == b.first;
    };
    if (!std::equal(rows[i].when.begin(), rows[i].when.end(), rows[0].when.begin(),
                    rows[0].when.end(), same_name)) {
      Error("agreement/rows-differ", leaf.position, Written(rows[i].when),
            absl::StrCat("row ", i + 1, " goes by other parameters than row 1"),
            "name the same parameters in every row");
      return false;
    }
    if (rows[i].value.type != rows[0].value.type) {
      Error("agreement/rows-differ", leaf.position, Written(rows[i].when),
            absl::StrCat("row ", i + 1, " has another kind of value than row 1"),
            "write the same kind of value in every row");
      return false;
    }
    for (const ParameterRule* rule : rules) {
      const ParameterValue& value = rows[i].when.at(rule->name);
      if (rule->Allows(value)) continue;
      Error("agreement/row-value", leaf.position, Written(value),
            absl::StrCat("row ", i + 1, " is for ", rule->name, " ", Written(value),
                         ", which the parameter cannot be"),
            "delete the row, or add the value to the parameter");
      return false;
    }
    return true;
  }

  void CheckUse() {
    for (const ParameterRule& rule : q_.parameters) {
      if (used_.count(rule.name) > 0) continue;
      reading_->Warning("agreement/unused-parameter", ParameterPosition(rule.name), rule.name,
                        absl::StrCat("no threshold goes by the parameter `", rule.name, "`"),
                        "delete it, or use it in a row");
    }
  }

  void CheckSay() {
    std::set<std::pair<Answer, std::string>> seen;
    for (size_t i = 0; i < q_.say.size(); ++i) {
      if (seen.emplace(q_.say[i].when, q_.say[i].language).second) continue;
      Error("agreement/say-repeated", NodeAt(node_, absl::StrCat("say[", i + 1, "]")).position,
            q_.say[i].language, "there is a text for this answer in this language already",
            "delete one of them");
    }
  }

  const Agreement& agreement_;
  const Question& q_;
  const Node& node_;
  Reading* reading_;
  std::set<std::string> used_;
  bool too_many_ = false;
};

}  // namespace

void CheckQuestions(const Agreement& agreement, const Node& root, Reading* reading) {
  const Node* list = root.Find("questions");
  if (list == nullptr) return;
  const Reading::Step questions(reading, "questions");
  for (const Question& question : agreement.questions) {
    // Questions with errors were left out, so the item is found by its position.
    for (size_t i = 0; i < list->items.size(); ++i) {
      const Position at = list->items[i].position;
      if (at.line != question.position.line || at.column != question.position.column) continue;
      const Reading::Step index(reading, i);
      QuestionCheck(agreement, question, list->items[i], reading).Run();
    }
  }
}

}  // namespace vouch::policies
