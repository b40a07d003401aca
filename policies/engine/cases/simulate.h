// What would become of one request, gate by gate, with what is there against what is required. The
// gates are the node's own (authorize.h, limits.h, question.h): nothing is decided here.
#ifndef VOUCH_POLICIES_ENGINE_CASES_SIMULATE_H_
#define VOUCH_POLICIES_ENGINE_CASES_SIMULATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "policies/engine/cases/case_file.h"
#include "policies/engine/cases/judgement.h"
#include "policies/engine/cases/words.h"
#include "policies/engine/catalog.h"

namespace vouch::policies::cases {

// Earlier answers about the same person, `times` of them at noon of `on`.
struct Earlier {
  absl::CivilDay on;
  int64_t times = 1;
  std::string value;               // ValueLabel of what was asked
  std::vector<std::string> facts;  // that it looked at
  bool spelt_otherwise = false;
};

// One request, and everything an outcome depends on.
struct Supposition {
  std::string asker;
  std::string question;
  std::string purpose;
  Parameters parameters;
  absl::CivilDay on;
  std::vector<SupposedPerson> people;             // one, or a group's members
  absl::optional<absl::CivilDay> records_loaded;  // nullopt: on the day
  bool consent = true;
  bool same_file = true;
  std::vector<Earlier> earlier;
};

enum class CheckState : uint8_t { kPassed, kStopped, kNotReached };

struct Check {
  std::string name;  // "party", "signatures", "in force", "file", "question", "purpose", ...
  CheckState state = CheckState::kNotReached;
  std::string actual;
  std::string required;
  std::string mend;          // the nearest miss and what to do; only where it stopped
  std::string path;          // in the agreement file: "dates.expires"
  std::vector<Contact> who;  // can mend it
};

struct Simulation {
  std::vector<Check> checks;  // in the node's order
  absl::optional<Refused> refused;
  absl::string_view reason;  // what the caller is told: "NOT_IN_AGREEMENT"; empty when answered
  std::string message;       // likewise
  Answer answer = Answer::kUndetermined;
  UndeterminedReason because = UndeterminedReason::kNotTold;
  absl::optional<Obligation> obligation;  // when answered
  absl::optional<Judgement> judgement;    // when the condition was evaluated
};

// `held` lies in `catalog`. Limits over the whole agreement are not looked at: they depend on what
// others ask.
Simulation Simulate(const std::shared_ptr<const Catalog>& catalog, const HeldAgreement& held,
                    const Supposition& supposed);

// The facts a question uses up the caps of.
std::vector<std::string> FactsOf(const Condition& condition);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_SIMULATE_H_
