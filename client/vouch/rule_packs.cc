#include "client/vouch/rule_packs.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policies/rules/built_in.h"

namespace vouch::client {

namespace lint = policies::lint;

std::vector<lint::RulePack> BuiltInRulePacks() {
  std::vector<lint::RulePack> packs;
  for (const policies::rules::BuiltInFile& file : policies::rules::BuiltInRuleFiles()) {
    if (!absl::EndsWith(file.name, ".yaml")) continue;
    policies::Report report;
    absl::optional<lint::RulePack> pack = lint::ReadRulePack(file.name, file.bytes, &report);
    if (pack.has_value()) packs.push_back(*std::move(pack));
  }
  return packs;
}

std::string RulePage(absl::string_view rule) {
  const std::string name = absl::StrCat(lint::PackOf(rule), ".md");
  for (const policies::rules::BuiltInFile& file : policies::rules::BuiltInRuleFiles()) {
    if (file.name == name) return lint::PageSection(file.bytes, rule);
  }
  return "";
}

}  // namespace vouch::client
