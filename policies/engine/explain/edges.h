// Both edges of every threshold, as exact examples.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_EDGES_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_EDGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"

namespace vouch::policies::explain {

// The values for which a comparison holds: from `lowest` to `highest`, both included; an end that
// is left out is open. In the units of FactValue::number: cents, whole numbers, days since 1970.
struct Interval {
  absl::optional<int64_t> lowest;
  absl::optional<int64_t> highest;
  // Nothing lies between the ends: no value makes it hold.
  bool Empty() const;
};

// Of a comparison with one value, or two for kBetween. Nothing for what has no order (codes, yes
// and no), for kIsOneOf, or when an end lies outside 64 bits.
absl::optional<Interval> IntervalOf(Comparison comparison, const std::vector<FactValue>& constants);
// Of a comparison with `percent` of `amount`. A value is compared as value * 100 against
// amount * percent, as EvaluateQuestion does: nothing is rounded, so a share that is no whole cent
// still has one cent that is the last on its side.
absl::optional<Interval> IntervalOfShare(Comparison comparison, int64_t amount, int64_t percent);

// One combination of parameter values that a threshold goes by, and where its edges lie.
struct Edge {
  Parameters when;
  // For a share of the edition in force: the first day of the term on which this one counts.
  absl::optional<absl::CivilDay> from;
  std::string edition;
  FactType type = FactType::kMoney;
  absl::optional<Interval> interval;  // none: the amount cannot be worked out, or is a code
  absl::optional<FactValue> code;     // what it is compared with, when it is no ordered value
};
// For every combination of the parameters that a leaf's threshold goes by; one for a constant. At
// most `most`.
std::vector<Edge> EdgesOf(const Condition& leaf, const Question& question,
                          const Agreement& agreement, const ReferenceTables* tables, size_t most);

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_EDGES_H_
