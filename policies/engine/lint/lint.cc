#include "policies/engine/lint/lint.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/lint/checks.h"

namespace vouch::policies::lint {
namespace {

constexpr absl::string_view kWaiverExpired = "waivers/expired";
constexpr absl::string_view kWaiverUnknown = "waivers/unknown-rule";
constexpr absl::string_view kWaiverUnused = "waivers/unused";
constexpr absl::string_view kNotWaivable = "waivers/not-waivable";

const std::vector<Check>& AllChecks() {
  static const auto* const kAll = [] {
    auto* all = new std::vector<Check>();
    for (const auto& some : {FederalChecks(), KeyChecks(), PrivacyChecks(), TextChecks(),
                             LogicChecks(), WordingChecks()}) {
      all->insert(all->end(), some.begin(), some.end());
    }
    return all;
  }();
  return *kAll;
}

bool Judged(const LintOptions& options, absl::string_view rule) {
  return options.only.empty() ||
         std::find(options.only.begin(), options.only.end(), PackOf(rule)) != options.only.end();
}

// Findings of the reader and of the folder: what they name must be mended, not answered for.
bool IsOfForm(absl::string_view rule) {
  for (const absl::string_view pack :
       {"agreement", "catalog", "facts", "field", "file", "table", "waivers", "yaml"}) {
    if (PackOf(rule) == pack) return true;
  }
  return false;
}

class Linting {
 public:
  Linting(const std::vector<LintFile>& files, const LintOptions& options)
      : files_(files), options_(options) {
    for (const LintFile& file : files) {
      Report ignored;
      absl::optional<Tree> tree = ReadTree(file.name, file.bytes, &ignored);
      subjects_.push_back({file, tree.has_value() ? *std::move(tree) : Tree(), {}});
      uint64_t steps = kMostSteps;
      for (const Question& question : file.agreed.agreement->questions) {
        subjects_.back().logic.push_back(ReasonAbout(file.agreed, question, &steps));
      }
    }
  }

  void Run(Report* report) {
    for (const Check& check : AllChecks()) {
      const Rule* rule = FindRule(options_.packs, check.rule);
      if (rule == nullptr || !Judged(options_, check.rule) || check.alone == nullptr) continue;
      for (size_t i = 0; i < files_.size(); ++i) {
        Finder finder = FinderFor(*rule, i);
        check.alone(&finder);
      }
    }
    RunTogether();
    for (size_t i = 0; i < files_.size(); ++i) Waive(i);
    std::set<std::tuple<std::string, std::string, int, int, std::string>> seen;
    for (Finding& finding : findings_) {
      if (!seen.emplace(finding.rule, finding.file, finding.position.line, finding.position.column,
                        finding.message)
               .second) {
        continue;
      }
      report->Add(std::move(finding));
    }
  }

 private:
  Finder FinderFor(const Rule& rule, size_t file) {
    return Finder(rule, subjects_[file], options_, &findings_);
  }

  void RunTogether() {
    std::map<std::vector<size_t>, std::string> groups;
    std::map<std::pair<std::string, std::string>, std::vector<size_t>> parties;
    for (size_t i = 0; i < files_.size(); ++i) {
      const Agreement& agreement = *files_[i].agreed.agreement;
      for (const std::string& asker : agreement.asks) {
        parties[{asker, agreement.answers}].push_back(i);
      }
    }
    for (const auto& [pair, members] : parties) groups.emplace(members, pair.first);
    for (const auto& [members, asker] : groups) {
      std::vector<AgreedFacts> agreed;
      for (const size_t i : members) agreed.push_back(files_[i].agreed);
      const Disclosure disclosure = MeasureDisclosure(agreed);
      for (const Check& check : AllChecks()) {
        const Rule* rule = FindRule(options_.packs, check.rule);
        if (rule == nullptr || !Judged(options_, check.rule) || check.together == nullptr) continue;
        Together together{asker, {}, disclosure};
        for (const size_t i : members) together.each.push_back(FinderFor(*rule, i));
        check.together(&together);
      }
    }
  }

  void Waive(size_t file) {
    const std::vector<Waiver>& waivers = files_[file].agreed.agreement->waivers;
    for (size_t w = 0; w < waivers.size(); ++w) {
      const Waiver& waiver = waivers[w];
      const std::string path = absl::StrCat("waivers[", w + 1, "]");
      if (IsOfForm(waiver.rule)) {
        AddWaiver(kNotWaivable, file, path + ".rule",
                  absl::StrCat("`", waiver.rule,
                               "` is about form or about waivers themselves, and nobody can answer "
                               "for that"),
                  "mend what it names, and delete the waiver");
        continue;
      }
      if (FindRule(options_.packs, waiver.rule) == nullptr) {
        std::vector<std::string> names = CheckedRules();
        const std::string near = Nearest(waiver.rule, names);
        AddWaiver(kWaiverUnknown, file, path + ".rule",
                  absl::StrCat("there is no rule `", waiver.rule, "`, so this waives nothing"),
                  near.empty() ? "write a rule as `vouch agreement rules` lists them"
                               : absl::StrCat("did you mean \"", near, "\"?"));
        continue;
      }
      if (!Judged(options_, waiver.rule)) continue;
      if (waiver.expires < options_.on) {
        AddWaiver(kWaiverExpired, file, path + ".expires",
                  absl::StrCat("the waiver of `", waiver.rule, "` by ", Shown(waiver.granted_by),
                               " was good until ", absl::FormatCivilTime(waiver.expires), "; on ",
                               absl::FormatCivilTime(options_.on), " it holds no longer"),
                  "have it granted anew, or mend what it was for and delete it");
        continue;
      }
      bool used = false;
      for (Finding& finding : findings_) {
        if (finding.file != files_[file].name || finding.rule != waiver.rule) continue;
        if (finding.waived.has_value()) continue;
        finding.waived =
            WaivedBy{waiver.granted_by, waiver.reason, absl::FormatCivilTime(waiver.expires)};
        used = true;
      }
      if (used) continue;
      AddWaiver(kWaiverUnused, file, path + ".rule",
                absl::StrCat("`", waiver.rule, "` finds nothing here that is not waived already"),
                "delete the waiver; it would hide what comes later");
    }
  }

  void AddWaiver(absl::string_view id, size_t file, const std::string& path, std::string message,
                 std::string mend) {
    const Rule* rule = FindRule(options_.packs, id);
    if (rule == nullptr) return;
    FinderFor(*rule, file).Add(path, std::move(message), std::move(mend));
  }

  const std::vector<LintFile>& files_;
  const LintOptions& options_;
  std::vector<Subject> subjects_;
  std::vector<Finding> findings_;
};

void WalkLeaves(const Condition& condition, const std::string& path,
                const std::function<void(const Condition&, const std::string&)>& visit) {
  switch (condition.kind) {
    case Condition::Kind::kLeaf:
      visit(condition, path);
      return;
    case Condition::Kind::kNot:
      for (const Condition& child : condition.children) WalkLeaves(child, path + ".not", visit);
      return;
    case Condition::Kind::kAllOf:
    case Condition::Kind::kAnyOf:
      break;
  }
  const absl::string_view key = condition.kind == Condition::Kind::kAllOf ? ".all_of[" : ".any_of[";
  for (size_t i = 0; i < condition.children.size(); ++i) {
    WalkLeaves(condition.children[i], absl::StrCat(path, key, i + 1, "]"), visit);
  }
}

}  // namespace

int64_t Finder::Figure(absl::string_view name) const {
  const auto found = rule_.figures.find(std::string(name));
  if (found == rule_.figures.end()) std::abort();
  return found->second;
}

void Finder::Add(absl::string_view path, std::string message, std::string mend) {
  AddAs(rule_.severity, path, std::move(message), std::move(mend));
}

void Finder::AddAs(Severity severity, absl::string_view path, std::string message,
                   std::string mend) {
  AddAt(severity, At(path).position, path, std::move(message), std::move(mend));
}

void Finder::AddAt(Severity severity, Position position, absl::string_view path,
                   std::string message, std::string mend) {
  Finding finding;
  finding.severity = severity;
  finding.rule = rule_.id;
  finding.file = file().name;
  finding.position = position;
  finding.path = std::string(path);
  finding.offending = Shown(At(path).text);
  finding.message = std::move(message);
  finding.mend = std::move(mend);
  finding.cite = rule_.citation;
  finding.page = PageOf(rule_.id);
  out_->push_back(std::move(finding));
}

void Lint(const std::vector<LintFile>& files, const LintOptions& options, Report* report) {
  Linting(files, options).Run(report);
}

std::vector<std::string> CheckedRules() {
  std::vector<std::string> rules;
  for (const Check& check : AllChecks()) rules.emplace_back(check.rule);
  for (const absl::string_view waiver :
       {kWaiverExpired, kWaiverUnknown, kWaiverUnused, kNotWaivable}) {
    rules.emplace_back(waiver);
  }
  std::sort(rules.begin(), rules.end());
  return rules;
}

void ForEachLeaf(const Agreement& agreement, size_t question,
                 const std::function<void(const Condition& leaf, const std::string& path)>& visit) {
  WalkLeaves(agreement.questions[question].yes_when, QuestionPath(question) + ".yes_when", visit);
}

std::string QuestionPath(size_t question) { return absl::StrCat("questions[", question + 1, "]"); }

}  // namespace vouch::policies::lint
