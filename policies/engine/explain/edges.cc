#include "policies/engine/explain/edges.h"

#include <limits>
#include <map>
#include <utility>

#include "absl/numeric/int128.h"

namespace vouch::policies::explain {
namespace {

bool Ordered(FactType type) {
  return type == FactType::kMoney || type == FactType::kWholeNumber || type == FactType::kDate;
}

// `all` divided by 100, rounded down.
absl::int128 FloorOfHundredths(absl::int128 all) {
  absl::int128 quotient = all / 100;
  if (all % 100 < 0) quotient -= 1;
  return quotient;
}

// nullopt when an end does not fit: then there is no example to give.
absl::optional<Interval> Made(absl::optional<absl::int128> lowest,
                              absl::optional<absl::int128> highest) {
  Interval interval;
  for (const auto& [from, to] :
       {std::make_pair(&lowest, &interval.lowest), std::make_pair(&highest, &interval.highest)}) {
    if (!from->has_value()) continue;
    // One is left beside each end for the value just outside.
    if (**from <= std::numeric_limits<int64_t>::min() ||
        **from >= std::numeric_limits<int64_t>::max()) {
      return absl::nullopt;
    }
    *to = static_cast<int64_t>(**from);
  }
  return interval;
}

// `floor` is the highest whole value at or below the threshold, `exact` whether it is the
// threshold.
absl::optional<Interval> FromFloor(Comparison comparison, absl::int128 floor, bool exact) {
  switch (comparison) {
    case Comparison::kAtMost:
    case Comparison::kOnOrBefore:
      return Made(absl::nullopt, floor);
    case Comparison::kLessThan:
      return Made(absl::nullopt, exact ? floor - 1 : floor);
    case Comparison::kAtLeast:
    case Comparison::kOnOrAfter:
      return Made(exact ? floor : floor + 1, absl::nullopt);
    case Comparison::kMoreThan:
      return Made(floor + 1, absl::nullopt);
    case Comparison::kIs:
      return Made(exact ? floor : floor + 1, floor);
    case Comparison::kBetween:
    case Comparison::kIsOneOf:
      break;
  }
  return absl::nullopt;
}

Edge EdgeAt(Comparison comparison, const std::vector<FactValue>& constants) {
  Edge edge;
  if (constants.empty()) return edge;
  edge.type = constants.front().type;
  edge.interval = IntervalOf(comparison, constants);
  if (!Ordered(edge.type) && comparison == Comparison::kIs) edge.code = constants.front();
  return edge;
}

std::vector<ParameterValue> ValuesOf(const ParameterRule& rule, size_t most) {
  std::vector<ParameterValue> values;
  if (rule.range.has_value()) {
    for (int64_t n = rule.range->first; n <= rule.range->second && values.size() < most; ++n) {
      values.emplace_back(n);
    }
  }
  for (const std::string& code : rule.codes) values.emplace_back(code);
  return values;
}

// In the order of the file, the last parameter changing fastest.
std::vector<Parameters> Combinations(const Question& question,
                                     const std::map<std::string, std::string>& row, size_t most) {
  std::vector<Parameters> all = {{}};
  for (const ParameterRule& rule : question.parameters) {
    bool used = false;
    for (const auto& [dimension, parameter] : row) used = used || parameter == rule.name;
    if (!used) continue;
    std::vector<Parameters> longer;
    for (const Parameters& start : all) {
      for (const ParameterValue& value : ValuesOf(rule, most)) {
        if (longer.size() >= most) break;
        longer.push_back(start);
        longer.back()[rule.name] = value;
      }
    }
    all = std::move(longer);
  }
  return all;
}

// The days of the term on which another edition begins to count.
std::vector<absl::CivilDay> EditionDays(const Threshold::TableShare& share,
                                        const Agreement& agreement, const ReferenceTable* table) {
  std::vector<absl::CivilDay> days = {agreement.effective};
  if (share.edition != "in-force" || table == nullptr) return days;
  for (const ReferenceTable::Edition& edition : table->editions) {
    if (edition.effective > agreement.effective && edition.effective <= agreement.expires) {
      days.push_back(edition.effective);
    }
  }
  return days;
}

std::string EditionOn(const ReferenceTable* table, absl::CivilDay day) {
  std::string year;
  if (table == nullptr) return year;
  for (const ReferenceTable::Edition& edition : table->editions) {
    if (edition.effective <= day) year = edition.year;
  }
  return year;
}

}  // namespace

bool Interval::Empty() const {
  return lowest.has_value() && highest.has_value() && *lowest > *highest;
}

absl::optional<Interval> IntervalOf(Comparison comparison,
                                    const std::vector<FactValue>& constants) {
  if (constants.empty() || !Ordered(constants.front().type)) return absl::nullopt;
  if (comparison == Comparison::kBetween) {
    if (constants.size() != 2) return absl::nullopt;
    return Made(constants[0].number, constants[1].number);
  }
  return constants.size() == 1 ? FromFloor(comparison, constants.front().number, true)
                               : absl::nullopt;
}

absl::optional<Interval> IntervalOfShare(Comparison comparison, int64_t amount, int64_t percent) {
  const absl::int128 hundredths = absl::int128(amount) * percent;
  return FromFloor(comparison, FloorOfHundredths(hundredths), hundredths % 100 == 0);
}

std::vector<Edge> EdgesOf(const Condition& leaf, const Question& question,
                          const Agreement& agreement, const ReferenceTables* tables, size_t most) {
  std::vector<Edge> edges;
  const Threshold& threshold = leaf.threshold;
  if (threshold.share.has_value()) {
    const ReferenceTable* table =
        tables == nullptr ? nullptr : tables->Find(threshold.share->table);
    const std::vector<Parameters> combinations = Combinations(question, threshold.share->row, most);
    const bool in_force = threshold.share->edition == "in-force";
    for (const absl::CivilDay day : EditionDays(*threshold.share, agreement, table)) {
      for (const Parameters& when : combinations) {
        if (edges.size() >= most) return edges;
        Edge edge;
        edge.when = when;
        edge.edition = in_force ? EditionOn(table, day) : threshold.share->edition;
        if (in_force) edge.from = day;
        const absl::optional<int64_t> amount =
            tables == nullptr ? absl::nullopt : tables->AmountFor(*threshold.share, when, day);
        if (amount.has_value()) {
          edge.interval = IntervalOfShare(leaf.comparison, *amount, threshold.share->percent);
        }
        edges.push_back(std::move(edge));
      }
    }
    return edges;
  }
  for (const Threshold::Row& row : threshold.rows) {
    if (edges.size() >= most) return edges;
    edges.push_back(EdgeAt(leaf.comparison, {row.value}));
    edges.back().when = row.when;
  }
  if (threshold.rows.empty() && !threshold.constants.empty()) {
    edges.push_back(EdgeAt(leaf.comparison, threshold.constants));
  }
  return edges;
}

}  // namespace vouch::policies::explain
