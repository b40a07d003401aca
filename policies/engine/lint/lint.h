// What `vouch agreement check` finds in agreements that can be read: law, privacy and plain logic,
// by the rules of the packs. Errors of form are the reader's (agreement.h) and cannot be waived.
#ifndef VOUCH_POLICIES_ENGINE_LINT_LINT_H_
#define VOUCH_POLICIES_ENGINE_LINT_LINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "policies/engine/agreement.h"
#include "policies/engine/lint/disclosure.h"
#include "policies/engine/lint/rules.h"
#include "policies/engine/source.h"

namespace vouch::policies::lint {

// An agreement without errors of its own. What is pointed at outlives the call.
struct LintFile {
  std::string name;   // used in findings
  std::string bytes;  // for positions
  // `facts` and `tables` may be nullptr when what is pinned is not at hand; rules that need them
  // then say nothing.
  AgreedFacts agreed;
  // The revision it replaces, when its file is at hand; nullptr otherwise.
  const Agreement* replaced = nullptr;
  // Those before it, the nearest first, as far as they are at hand.
  std::vector<const Agreement*> earlier = {};
};

struct LintOptions {
  std::vector<RulePack> packs;    // all there are
  std::vector<std::string> only;  // names of packs to judge by; empty: all
  uint64_t people = 1000000;      // how many the answering agency holds
  absl::CivilDay on;              // the day on which waivers are judged
};

// Judges all files together: agreements between the same parties add up. Waived findings carry
// `waived`; waivers that are expired, unused or of no rule are findings themselves.
void Lint(const std::vector<LintFile>& files, const LintOptions& options, Report* report);

// The ids of all rules that there is code for, sorted.
std::vector<std::string> CheckedRules();

}  // namespace vouch::policies::lint

#endif  // VOUCH_POLICIES_ENGINE_LINT_LINT_H_
