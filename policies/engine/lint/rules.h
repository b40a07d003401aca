// Rule packs (format "vouch-rules/1"): what `vouch agreement check` looks for beyond form, with the
// words, citations and figures of each rule. What a rule looks at is code (checks.h); a pack says
// how grave it is, where it comes from and by which figures it is judged, so that a change of the
// law is a change of a file that counsel can read.
#ifndef VOUCH_POLICIES_ENGINE_LINT_RULES_H_
#define VOUCH_POLICIES_ENGINE_LINT_RULES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "policies/engine/fields.h"
#include "policies/engine/source.h"

namespace vouch::policies::lint {

struct Rule {
  std::string id;  // "us-federal/term"
  Severity severity = Severity::kWarning;
  std::string title;     // one line
  std::string text;      // what it says
  std::string citation;  // of the law; empty where it rests on none
  std::map<std::string, int64_t> figures;
  // Citations that bring another figure with them, as they begin.
  std::vector<std::string> where_cited;
};

struct RulePack {
  std::string name;  // "us-federal"
  std::string title;
  std::string text;
  std::vector<Rule> rules;
};

const ShapeOf<RulePack>& RulePackShape();
absl::optional<RulePack> ReadRulePack(absl::string_view name, absl::string_view bytes,
                                      Report* report);

// The rule of that id in any of the packs, or nullptr.
const Rule* FindRule(const std::vector<RulePack>& packs, absl::string_view id);
// "us-federal" of "us-federal/term".
absl::string_view PackOf(absl::string_view rule);
// "policies/rules/us-federal.md#us-federalterm": where the rule is explained.
std::string PageOf(absl::string_view rule);
// The part of a pack's page about one rule, or empty.
std::string PageSection(absl::string_view page, absl::string_view rule);

}  // namespace vouch::policies::lint

#endif  // VOUCH_POLICIES_ENGINE_LINT_RULES_H_
