// A condition resolved for one combination of parameter values and one day, in a normal form.
#ifndef VOUCH_POLICIES_ENGINE_DIFF_CONDITIONS_H_
#define VOUCH_POLICIES_ENGINE_DIFF_CONDITIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"

namespace vouch::policies::diff {

using Leaves = std::vector<const Condition*>;
void CollectLeaves(const Condition& condition, Leaves* leaves);

// The share of a table that a leaf compares with, in cents.
struct Share {
  int64_t floor = 0;
  bool exact = false;  // no fraction of a cent was cut off
};

// What a leaf compares with.
struct Resolved {
  std::vector<FactValue> values;  // one; two for between; several for is_one_of; none: no threshold
  absl::optional<Share> share;
  bool covered = true;  // false: no row or table covers it, so the leaf is unknown
};
Resolved Resolve(const Condition& leaf, const Parameters& parameters, const ReferenceTables& tables,
                 absl::CivilDay day);

bool IsNumber(FactType type);

// Two conditions with the same normal form answer alike for every record; the reverse need not be.
std::string NormalForm(const Condition& condition, const Parameters& parameters,
                       const ReferenceTables& tables, absl::CivilDay day);

// A condition in words: "adjusted_gross_income (tax-year-2025) at_most 225% of
// hhs-poverty-guidelines 2026".
std::string ConditionText(const Condition& condition);

}  // namespace vouch::policies::diff

#endif  // VOUCH_POLICIES_ENGINE_DIFF_CONDITIONS_H_
