// What a question's condition can come out as, by exact reasoning over all values there can be.
//
// Every fact that a condition compares is taken as known: a missing fact can only turn YES or NO
// into UNDETERMINED. Two comparisons go together only where they look at the same value for
// certain; where that is open they are taken as independent. So what is called impossible is
// impossible, while not everything impossible may be found.
#ifndef VOUCH_POLICIES_ENGINE_LINT_CONDITION_LOGIC_H_
#define VOUCH_POLICIES_ENGINE_LINT_CONDITION_LOGIC_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "policies/engine/agreement.h"
#include "policies/engine/lint/disclosure.h"

namespace vouch::policies::lint {

struct ConditionLogic {
  bool can_yes = false;
  bool can_no = false;
  // Parameter values with which it never comes out so, although with others it does.
  std::vector<Parameters> never_yes;  // the first few
  std::vector<Parameters> never_no;
  // Comparisons, numbered as ForEachLeaf visits them.
  std::vector<size_t> always_true;
  std::vector<size_t> always_false;
  // Whether they are fulfilled never changes the answer, as the others decide it.
  std::vector<size_t> redundant;
  // False when there was too much to go through; then nothing above that is empty or false means
  // anything.
  bool judged = true;
};

// Steps of work for one question, and for a whole agreement, before it is left unjudged.
inline constexpr uint64_t kMostStepsAQuestion = 2000000;
inline constexpr uint64_t kMostSteps = 10000000;

// `steps` is what is left of kMostSteps; it is counted down.
ConditionLogic ReasonAbout(const AgreedFacts& agreed, const Question& question, uint64_t* steps);

}  // namespace vouch::policies::lint

#endif  // VOUCH_POLICIES_ENGINE_LINT_CONDITION_LOGIC_H_
