// The rule packs built into the program.
#ifndef VOUCH_CLIENT_VOUCH_RULE_PACKS_H_
#define VOUCH_CLIENT_VOUCH_RULE_PACKS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policies/engine/lint/rules.h"

namespace vouch::client {

std::vector<policies::lint::RulePack> BuiltInRulePacks();
// What a rule's page says about it; empty when there is no such rule.
std::string RulePage(absl::string_view rule);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_RULE_PACKS_H_
