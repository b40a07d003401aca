#include "policies/engine/lint/rules.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace vouch::policies::lint {
namespace {

using Figures = std::vector<std::pair<std::string, int64_t>>;

ShapeOf<Rule> RuleShape() {
  TextRule id;
  id.most = 80;
  id.pattern = "[a-z][a-z-]*/[a-z0-9-]+";
  id.expected = "pack and rule, such as \"us-federal/term\"";
  return Map<Rule>(
      "a rule",
      {
          Required<Rule>("id", Text(id), &Rule::id, "Its name, which findings show.",
                         "\"us-federal/term\""),
          Required<Rule>(
              "severity",
              Choice<Severity>({{{"error", "must be mended or waived"}, Severity::kError},
                                {{"warning", "ought to be looked at"}, Severity::kWarning},
                                {{"note", "worth knowing to those who sign"}, Severity::kNote}}),
              &Rule::severity, "How grave a finding is.", "\"error\""),
          Required<Rule>("title", Prose(200), &Rule::title, "The rule in one line.",
                         "\"A matching agreement lasts at most 18 months\""),
          Required<Rule>("text", Prose(4000), &Rule::text, "What it says.",
                         "\"It may be renewed once.\""),
          Optional<Rule>("citation", Prose(300), &Rule::citation, "The law it comes from.",
                         "\"5 U.S.C. 552a(o)(2)(C)\""),
          Optional<Rule>("figures",
                         Put<std::map<std::string, int64_t>>(
                             Dictionary("figures", Name(), Number(0, 1000000000000), 1),
                             [](const Figures& figures, std::map<std::string, int64_t>* out) {
                               out->insert(figures.begin(), figures.end());
                             }),
                         &Rule::figures, "The figures it is judged by.", "{months: 18}"),
          Optional<Rule>("where_cited", List(Prose(100), 1, 20), &Rule::where_cited,
                         "Citations, as they begin, that bring another figure with them.",
                         "[\"7 CFR 273\"]"),
      });
}

void CheckPack(RulePack* pack, const Node& root, Reading* reading) {
  if (reading->failed()) return;
  std::set<std::string> seen;
  for (size_t i = 0; i < pack->rules.size(); ++i) {
    const std::string path = absl::StrCat("rules[", i + 1, "].id");
    const Reading::Step step(reading, path);
    const std::string& id = pack->rules[i].id;
    if (PackOf(id) != pack->name) {
      reading->Error("rules/other-pack", NodeAt(root, path).position, id,
                     absl::StrCat("the rules of this pack begin with `", pack->name, "/`"),
                     "give it such a name, or move it to its own pack");
    }
    if (!seen.insert(id).second) {
      reading->Error("rules/repeated", NodeAt(root, path).position, id,
                     "there is a rule of this name already", "delete one of them");
    }
  }
}

}  // namespace

const ShapeOf<RulePack>& RulePackShape() {
  static const auto* const kShape = new ShapeOf<RulePack>(Map<RulePack>(
      "a rule pack",
      {
          FormatField<RulePack>("vouch-rules/1"),
          Required<RulePack>("pack", Id(), &RulePack::name, "Its name.", "\"us-federal\""),
          Required<RulePack>("title", Prose(200), &RulePack::title, "Its title.",
                             "\"Federal matching agreements\""),
          Required<RulePack>("text", Prose(4000), &RulePack::text, "What it is about.",
                             "\"Confirm with counsel.\""),
          Required<RulePack>("rules", List(RuleShape(), 1, 200), &RulePack::rules, "Its rules.",
                             ""),
      }));
  return *kShape;
}

absl::optional<RulePack> ReadRulePack(absl::string_view name, absl::string_view bytes,
                                      Report* report) {
  return ReadDocument<RulePack>(name, bytes, *RulePackShape(), report, CheckPack);
}

const Rule* FindRule(const std::vector<RulePack>& packs, absl::string_view id) {
  for (const RulePack& pack : packs) {
    for (const Rule& rule : pack.rules) {
      if (rule.id == id) return &rule;
    }
  }
  return nullptr;
}

absl::string_view PackOf(absl::string_view rule) { return rule.substr(0, rule.find('/')); }

std::string PageOf(absl::string_view rule) {
  // A heading's anchor leaves the slash out.
  return absl::StrCat("policies/rules/", PackOf(rule), ".md#",
                      absl::StrReplaceAll(rule, {{"/", ""}}));
}

std::string PageSection(absl::string_view page, absl::string_view rule) {
  const std::string heading = absl::StrCat("\n## ", rule, "\n");
  const size_t begin = page.find(heading);
  if (begin == absl::string_view::npos) return "";
  const size_t end = page.find("\n## ", begin + 1);
  absl::string_view section = page.substr(
      begin + 1, end == absl::string_view::npos ? absl::string_view::npos : end - begin - 1);
  return std::string(section);
}

}  // namespace vouch::policies::lint
