// Proposes cases at every edge of an agreement, with the answers that the engine gives, for people
// to approve.
#ifndef VOUCH_POLICIES_ENGINE_CASES_BOUNDARY_H_
#define VOUCH_POLICIES_ENGINE_CASES_BOUNDARY_H_

#include <memory>
#include <string>
#include <vector>

#include "policies/engine/cases/run.h"

namespace vouch::policies::cases {

// So many combinations of parameter values at the most get cases of their own for one threshold.
// A threshold by rows has a number of its own in each row; a share of a table has one for all, so
// that its corners suffice.
inline constexpr size_t kMostRowCombinations = 200;
inline constexpr size_t kMostShareCombinations = 12;

struct Generation {
  std::vector<Case> cases;         // with the answer or refusal that the engine gives
  std::vector<std::string> notes;  // what was left out, and how much of it
};

// Thresholds: one cent, unit or day below, at, and above; codes listed and not; each fact not held.
// Days: the first and the last and their neighbours. Parameters: first, last, one beyond. Limits:
// the last time that is answered and the first that is not. The engine does not say whether an
// answer is what the parties meant.
Generation GenerateCases(const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_BOUNDARY_H_
