#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/rule_packs.h"
#include "nlohmann/json.hpp"
#include "policies/engine/lint/lint.h"
#include "policies/engine/source.h"

namespace vouch::client {
namespace {

namespace lint = policies::lint;

struct RulesOptions {
  std::string rule;
  bool json = false;
};

absl::string_view SeverityWord(policies::Severity severity) {
  switch (severity) {
    case policies::Severity::kNote:
      return "note";
    case policies::Severity::kWarning:
      return "warning";
    case policies::Severity::kError:
      return "error";
  }
  return "";
}

absl::StatusOr<Exit> PrintRule(const std::string& rule, Console* console) {
  const std::string page = RulePage(rule);
  if (!page.empty()) {
    console->Say(page);
    return Exit::kFine;
  }
  const std::string near = policies::Nearest(rule, lint::CheckedRules());
  return UsageError(absl::StrCat("there is no rule \"", policies::Shown(rule), "\"; ",
                                 near.empty() ? "`vouch agreement rules` lists them"
                                              : absl::StrCat("did you mean \"", near, "\"?")));
}

absl::StatusOr<Exit> Rules(const RulesOptions& options, Console* console) {
  if (!options.rule.empty()) return PrintRule(options.rule, console);
  const std::vector<lint::RulePack> packs = BuiltInRulePacks();
  if (options.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const lint::RulePack& pack : packs) {
      for (const lint::Rule& rule : pack.rules) {
        all.push_back({{"rule", rule.id},
                       {"severity", std::string(SeverityWord(rule.severity))},
                       {"title", rule.title},
                       {"text", rule.text},
                       {"cite", rule.citation},
                       {"page", lint::PageOf(rule.id)}});
      }
    }
    console->SayJson(all);
    return Exit::kFine;
  }
  std::vector<std::vector<std::string>> table = {{"rule", "severity", "what it says"}};
  for (const lint::RulePack& pack : packs) {
    for (const lint::Rule& rule : pack.rules) {
      table.push_back({rule.id, std::string(SeverityWord(rule.severity)), rule.title});
    }
  }
  console->SayTable(table);
  console->Say(
      "\nRules of form (file/, yaml/, field/, agreement/, ...) stand in docs/agreements.md.");
  return Exit::kFine;
}

}  // namespace

void AddAgreementRulesCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<RulesOptions>();
  CLI::App* rules = agreement->add_subcommand(
      "rules", "Lists the rules that `check` judges by, or prints the page of one");
  rules->add_option("rule", options->rule, "A rule, such as us-federal/term");
  rules->add_flag("--json", options->json, "Print the list for programs");
  rules->footer("Example:\n  vouch agreement rules us-federal/term");
  rules->callback([options, console] { console->Run([&] { return Rules(*options, console); }); });
}

}  // namespace vouch::client
