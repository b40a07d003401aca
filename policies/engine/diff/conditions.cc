#include "policies/engine/diff/conditions.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/diff/changes.h"

namespace vouch::policies::diff {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

// amount * percent / 100, rounded down: the most cents that are at most the share.
absl::int128 ShareFloor(int64_t amount, int64_t percent) {
  const absl::int128 product = absl::int128(amount) * percent;
  return product >= 0 ? product / 100 : -((-product + 99) / 100);
}

int64_t Clamped(absl::int128 value) {
  if (value > kHighest) return kHighest;
  if (value < kLowest) return kLowest;
  return static_cast<int64_t>(value);
}

// The share of a table that a leaf compares with; nothing where no table, edition or row covers it.
absl::optional<Share> ShareOf(const Threshold::TableShare& share, const Parameters& parameters,
                              const ReferenceTables& tables, absl::CivilDay day) {
  const absl::optional<int64_t> amount = tables.AmountFor(share, parameters, day);
  if (!amount.has_value()) return absl::nullopt;
  const absl::int128 floor = ShareFloor(*amount, share.percent);
  return Share{Clamped(floor), floor * 100 == absl::int128(*amount) * share.percent};
}

// Numbers are whole, so every comparison of numbers is an interval; at_most 5 and less_than 6 are
// the same one.
std::string IntervalText(int64_t low, int64_t high) { return absl::StrCat(low, "..", high); }

std::string NumberSet(const Condition& leaf, const Resolved& resolved) {
  if (resolved.share.has_value()) {
    const int64_t floor = resolved.share->floor;
    const int64_t ceiling = resolved.share->exact ? floor : floor + 1;
    switch (leaf.comparison) {
      case Comparison::kAtMost:
      case Comparison::kOnOrBefore:
        return IntervalText(kLowest, floor);
      case Comparison::kLessThan:
        return IntervalText(kLowest, ceiling - 1);
      case Comparison::kAtLeast:
      case Comparison::kOnOrAfter:
        return IntervalText(ceiling, kHighest);
      case Comparison::kMoreThan:
        return IntervalText(floor + 1, kHighest);
      default:
        return absl::StrCat("share ", static_cast<int>(leaf.comparison), " ", floor,
                            resolved.share->exact ? "" : "+");
    }
  }
  const int64_t value = resolved.values[0].number;
  switch (leaf.comparison) {
    case Comparison::kAtMost:
    case Comparison::kOnOrBefore:
      return IntervalText(kLowest, value);
    case Comparison::kLessThan:
      return value == kLowest ? "nothing" : IntervalText(kLowest, value - 1);
    case Comparison::kAtLeast:
    case Comparison::kOnOrAfter:
      return IntervalText(value, kHighest);
    case Comparison::kMoreThan:
      return value == kHighest ? "nothing" : IntervalText(value + 1, kHighest);
    case Comparison::kBetween:
      return resolved.values.size() == 2 ? IntervalText(value, resolved.values[1].number) : "?";
    case Comparison::kIs:
      return IntervalText(value, value);
    case Comparison::kIsOneOf: {
      std::set<int64_t> numbers;
      for (const FactValue& one : resolved.values) numbers.insert(one.number);
      if (numbers.size() == 1) return IntervalText(value, value);
      return absl::StrCat("of ", absl::StrJoin(numbers, ","));
    }
  }
  return "?";
}

std::string CodeSet(const Condition& leaf, const Resolved& resolved) {
  std::vector<std::string> sets;
  for (const FactValue& value : resolved.values) {
    std::vector<std::string> codes = value.codes;
    std::sort(codes.begin(), codes.end());
    sets.push_back(absl::StrCat(value.number, "&", absl::StrJoin(codes, "&")));
  }
  std::sort(sets.begin(), sets.end());
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  const bool one = sets.size() == 1;
  const Comparison comparison =
      one && leaf.comparison == Comparison::kIsOneOf ? Comparison::kIs : leaf.comparison;
  return absl::StrCat(static_cast<int>(comparison), " ", absl::StrJoin(sets, "|"));
}

}  // namespace

void CollectLeaves(const Condition& condition, Leaves* leaves) {
  if (condition.kind == Condition::Kind::kLeaf) leaves->push_back(&condition);
  for (const Condition& child : condition.children) CollectLeaves(child, leaves);
}

bool IsNumber(FactType type) {
  return type == FactType::kMoney || type == FactType::kWholeNumber || type == FactType::kDate;
}

Resolved Resolve(const Condition& leaf, const Parameters& parameters, const ReferenceTables& tables,
                 absl::CivilDay day) {
  Resolved resolved;
  if (leaf.threshold.share.has_value()) {
    resolved.share = ShareOf(*leaf.threshold.share, parameters, tables, day);
    resolved.covered = resolved.share.has_value();
    return resolved;
  }
  if (leaf.threshold.rows.empty()) {
    resolved.values = leaf.threshold.constants;
    return resolved;
  }
  for (const Threshold::Row& row : leaf.threshold.rows) {
    const bool selected = std::all_of(row.when.begin(), row.when.end(), [&](const auto& entry) {
      const auto given = parameters.find(entry.first);
      return given != parameters.end() && given->second == entry.second;
    });
    if (!selected) continue;
    resolved.values = {row.value};
    return resolved;
  }
  resolved.covered = false;
  return resolved;
}

std::string NormalForm(const Condition& condition, const Parameters& parameters,
                       const ReferenceTables& tables, absl::CivilDay day) {
  if (condition.kind == Condition::Kind::kLeaf) {
    const Resolved resolved = Resolve(condition, parameters, tables, day);
    std::string compared = "unknown";
    if (resolved.covered && (resolved.share.has_value() || !resolved.values.empty())) {
      const bool number = resolved.share.has_value() || IsNumber(resolved.values[0].type);
      const int type = resolved.share.has_value() ? static_cast<int>(FactType::kMoney)
                                                  : static_cast<int>(resolved.values[0].type);
      compared = absl::StrCat(
          type, ":", number ? NumberSet(condition, resolved) : CodeSet(condition, resolved));
    } else if (resolved.covered) {
      compared = "none";
    }
    return absl::StrCat("<", condition.fact, " ", static_cast<int>(condition.period.kind), " ",
                        static_cast<int>(condition.period.fixed.kind), ":",
                        condition.period.fixed.number, " ", condition.period.days, " ",
                        condition.sum_over_group ? "sum " : "", static_cast<int>(condition.members),
                        " ", compared, ">");
  }
  std::set<std::string> children;
  for (const Condition& child : condition.children) {
    children.insert(NormalForm(child, parameters, tables, day));
  }
  if (condition.kind == Condition::Kind::kNot) return absl::StrCat("!", *children.begin());
  if (children.size() == 1) return *children.begin();
  return absl::StrCat(
      "(", absl::StrJoin(children, condition.kind == Condition::Kind::kAllOf ? " and " : " or "),
      ")");
}

std::string ConditionText(const Condition& condition) {
  if (condition.kind != Condition::Kind::kLeaf) {
    std::vector<std::string> children;
    for (const Condition& child : condition.children) children.push_back(ConditionText(child));
    if (condition.kind == Condition::Kind::kNot) {
      return absl::StrCat("not (", absl::StrJoin(children, ""), ")");
    }
    return absl::StrCat(condition.kind == Condition::Kind::kAllOf ? "all of (" : "any of (",
                        absl::StrJoin(children, "; "), ")");
  }
  std::string text = condition.fact;
  if (!condition.period.text.empty()) absl::StrAppend(&text, " (", condition.period.text, ")");
  if (condition.sum_over_group) absl::StrAppend(&text, " summed over the group");
  if (condition.members == GroupMembers::kAll) absl::StrAppend(&text, " of all members");
  if (condition.members == GroupMembers::kAny) absl::StrAppend(&text, " of any member");
  const Threshold& threshold = condition.threshold;
  if (threshold.share.has_value()) {
    absl::StrAppend(&text, " ", ComparisonKey(condition.comparison), " ", threshold.share->percent,
                    "% of ", threshold.share->table, " ", threshold.share->edition);
    for (const auto& [dimension, parameter] : threshold.share->row) {
      absl::StrAppend(&text, ", ", dimension, " by ", parameter);
    }
  } else if (!threshold.rows.empty()) {
    std::vector<std::string> rows;
    for (const Threshold::Row& row : threshold.rows) {
      rows.push_back(absl::StrCat(ParametersText(row.when), ": ", ValueText(row.value)));
    }
    const size_t shown = std::min<size_t>(rows.size(), 4);
    absl::StrAppend(&text, " ", ComparisonKey(condition.comparison), " ",
                    absl::StrJoin(rows.begin(), rows.begin() + static_cast<long>(shown), "; "));
    if (rows.size() > shown) absl::StrAppend(&text, "; and ", rows.size() - shown, " rows more");
  } else if (threshold.constants.empty()) {
    absl::StrAppend(&text, " lies within the period");
  } else {
    std::vector<std::string> values;
    for (const FactValue& value : threshold.constants) values.push_back(ValueText(value));
    absl::StrAppend(
        &text, " ", ComparisonKey(condition.comparison), " ",
        absl::StrJoin(values, condition.comparison == Comparison::kBetween ? " and " : ", "));
  }
  return text;
}

}  // namespace vouch::policies::diff
