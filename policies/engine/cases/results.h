// Results of cases and simulations, for people and for programs. Holds facts that someone supposed:
// for the answering agency's eyes.
#ifndef VOUCH_POLICIES_ENGINE_CASES_RESULTS_H_
#define VOUCH_POLICIES_ENGINE_CASES_RESULTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "policies/engine/cases/run.h"
#include "policies/engine/fields.h"
#include "policies/engine/tree.h"

namespace vouch::policies::cases {

// Where a check points in the agreement's file, which is read as `agreement`; nullptr: nowhere.
struct AgreementPlace {
  std::string file;
  const Node* root = nullptr;
};

// The checks in order, the tree of conditions, the outcome, who can mend it.
std::string SimulationText(const Simulation& simulation, const AgreementPlace& place);
Json SimulationJson(const Simulation& simulation, const AgreementPlace& place);

// Failed cases with what they have against what is required, then coverage.
std::string RunText(const CasesRun& run, absl::string_view file, const AgreementPlace& place);
Json RunJson(const CasesRun& run, absl::string_view file, const AgreementPlace& place);
// As continuous integration reads it: a <testsuite> with a <testcase> for each.
std::string RunJUnit(const CasesRun& run, absl::string_view file, const AgreementPlace& place);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_RESULTS_H_
