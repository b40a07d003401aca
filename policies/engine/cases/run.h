// Runs cases against an agreement, and says what they leave untried.
#ifndef VOUCH_POLICIES_ENGINE_CASES_RUN_H_
#define VOUCH_POLICIES_ENGINE_CASES_RUN_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "policies/engine/cases/simulate.h"

namespace vouch::policies::cases {

struct CaseResult {
  std::string name;
  bool generated = false;
  Position position;
  bool passed = false;
  std::string expected;  // "NO, do verify-independently", "refused: person-limit"
  std::string actual;
  // Names and values that the agreement or its catalogue does not have: rule, position, mend.
  std::vector<Finding> findings;
  absl::optional<Supposition> supposed;  // when the case could be asked
  absl::optional<Simulation> simulation;
};

struct Coverage {
  struct OfQuestion {
    std::string id;
    int64_t yes = 0, no = 0, undetermined = 0, refused = 0;
  };
  std::vector<OfQuestion> questions;    // every one of the agreement, in its order
  std::map<Refused, int64_t> refusals;  // those cases expect
  std::vector<Refused> untried;         // those that could be tried, and are not
  std::vector<std::string> never;  // "income-small never answers NO", for every outcome missing
};

struct CasesRun {
  std::vector<CaseResult> results;
  std::vector<Finding> findings;  // about the file as a whole: no cases, another agreement
  Coverage coverage;
  size_t failed = 0;

  // False when a case failed, or there is none.
  bool passed() const { return failed == 0 && findings.empty(); }
};

// `file` is the name used in findings. `held` lies in `catalog`.
CasesRun RunCases(const CaseFile& cases, absl::string_view file,
                  const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held);

// What a case supposes, in the engine's types; findings for what does not fit.
absl::optional<Supposition> Suppose(const Case& one, absl::string_view file,
                                    const HeldAgreement& held, std::vector<Finding>* findings);

// The same for one fact as typed: "name" or "name@period". Used by `simulate` as well.
bool SupposeFact(const WrittenFact& fact, const Question& question, const HeldAgreement& held,
                 absl::CivilDay on, SupposedFacts* facts, Finding* finding);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_RUN_H_
