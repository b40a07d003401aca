#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_linting.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/node_agreements.h"
#include "crypto/digest.h"
#include "policies/engine/fields.h"
#include "policies/engine/formats.h"
#include "policies/engine/lint/lint.h"
#include "policies/engine/reference.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace lint = policies::lint;
namespace node = server::node;

struct CheckOptions {
  std::vector<std::string> files;
  std::string folder;
  uint64_t people = 1000000;
  std::string on;
  std::vector<std::string> packs;
  bool json = false;
};

// By its format; where that line is spoilt, by what it speaks of.
bool IsA(absl::string_view format, absl::string_view text) {
  const absl::string_view said = policies::FormatOf(text);
  return policies::IsKnownFormat(said) ? said == format
                                       : absl::StrContains(text, absl::StrCat(format, "/"));
}

// Everything a run looks at; what the linter points to lives here.
class CheckRun {
 public:
  explicit CheckRun(policies::Report* report) : report_(report) {}

  void AddFile(const std::string& path) {
    absl::StatusOr<std::string> text = node::ReadText(path);
    if (!text.ok()) {
      Add("file/unreadable", path, std::string(text.status().message()),
          "name a file that is there");
      return;
    }
    AddText(path, *std::move(text));
  }

  // Everything below it that is ours to check; mappings, cases and the like are not.
  void AddFolder(const std::string& folder) {
    for (policies::CatalogFile& file : FilesBelow(folder)) {
      const std::string path = absl::StrCat(folder, "/", file.name);
      if (IsA("vouch-agreement", file.bytes) || IsA("vouch-facts", file.bytes) ||
          IsA("vouch-table", file.bytes)) {
        AddText(path, std::move(file.bytes));
      } else if (!policies::IsKnownFormat(policies::FormatOf(file.bytes))) {
        Add("catalog/unknown-format", path, "this file does not say what it is",
            policies::FormatMend(policies::FormatOf(file.bytes)));
      }
    }
  }

  void Lint(const lint::LintOptions& options) {
    FindTwins();
    std::vector<const AgreementSource*> all;
    for (const AgreementSource& source : sources_) all.push_back(&source);
    LintSources(all, options, report_);
  }

  size_t files() const { return checked_; }
  const std::map<std::string, std::string>& texts() const { return texts_; }

 private:
  void Add(const std::string& rule, const std::string& path, std::string message,
           std::string mend) {
    policies::Finding finding;
    finding.rule = rule;
    finding.file = path;
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    report_->Add(std::move(finding));
  }

  void AddText(const std::string& path, std::string text) {
    ++checked_;
    if (IsA("vouch-facts", text)) {
      policies::ReadFactCatalogue(path, text, report_);
      texts_[path] = std::move(text);
    } else if (IsA("vouch-table", text)) {
      policies::ReadReferenceTable(path, text, crypto::Sha256(text), report_);
      texts_[path] = std::move(text);
    } else {
      sources_.push_back(OpenAgreementText(path, std::move(text), report_));
      for (const auto& [name, bytes] : sources_.back().Sources()) texts_[name] = bytes;
    }
  }

  // Each source is opened by itself, so that two files of one revision are seen only here.
  void FindTwins() {
    std::map<std::pair<std::string, int64_t>, const AgreementSource*> seen;
    for (const AgreementSource& source : sources_) {
      if (!source.agreement.has_value()) continue;
      const policies::Agreement& agreement = *source.agreement;
      const auto [first, added] =
          seen.emplace(std::make_pair(agreement.id, agreement.revision), &source);
      if (added || first->second->path == source.path) continue;
      policies::Finding finding;
      finding.rule = "catalog/same-revision";
      finding.file = source.path;
      finding.path = "agreement.revision";
      policies::Report ignored;
      const auto tree = policies::ReadTree(source.path, source.bytes, &ignored);
      if (tree.has_value()) finding.position = NodeAt(tree->root, finding.path).position;
      finding.message = absl::StrCat("`", first->second->path, "` is revision ", agreement.revision,
                                     " of `", agreement.id, "` too");
      finding.mend = "keep one of the files, or count the revision up";
      finding.cite = "docs/agreements.md section 6, catalog/same-revision";
      report_->Add(std::move(finding));
    }
  }

  policies::Report* report_;
  size_t checked_ = 0;
  std::vector<AgreementSource> sources_;
  std::map<std::string, std::string> texts_;
};

// "No errors in 2 file(s); 1 warning, 3 notes, 1 waived."
std::string Summary(const policies::Report& report, size_t files) {
  size_t errors = 0;
  size_t warnings = 0;
  size_t notes = 0;
  size_t waived = 0;
  for (const policies::Finding& finding : report.findings()) {
    if (finding.waived.has_value()) {
      ++waived;
    } else if (finding.severity == policies::Severity::kError) {
      ++errors;
    } else {
      ++(finding.severity == policies::Severity::kWarning ? warnings : notes);
    }
  }
  std::vector<std::string> others;
  const auto count = [&others](size_t n, absl::string_view one, absl::string_view many) {
    if (n > 0) others.push_back(absl::StrCat(n, " ", n == 1 ? one : many));
  };
  count(warnings, "warning", "warnings");
  count(notes, "note", "notes");
  count(waived, "waived", "waived");
  std::string text = errors == 0 ? absl::StrCat("No errors in ", files, " file(s)")
                                 : absl::StrCat(errors, " error(s)");
  if (!others.empty()) absl::StrAppend(&text, "; ", absl::StrJoin(others, ", "));
  return absl::StrCat(text, ".");
}

absl::StatusOr<lint::LintOptions> LintOptionsOf(const CheckOptions& options) {
  lint::LintOptions out = BuiltInLintOptions(options.people);
  if (!options.on.empty()) {
    const absl::optional<absl::CivilDay> day = policies::ParseDay(options.on);
    if (!day.has_value()) {
      return UsageError(absl::StrCat("\"", policies::Shown(options.on),
                                     "\" is no day; write one such as 2027-01-31"));
    }
    out.on = *day;
  }
  for (const std::string& name : options.packs) {
    std::vector<std::string> names;
    for (const lint::RulePack& pack : out.packs) names.push_back(pack.name);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return UsageError(absl::StrCat("there is no rule pack \"", policies::Shown(name),
                                     "\"; there are ", absl::StrJoin(names, ", ")));
    }
    out.only.push_back(name);
  }
  return out;
}

absl::StatusOr<Exit> Check(const CheckOptions& options, Console* console) {
  const absl::StatusOr<lint::LintOptions> by = LintOptionsOf(options);
  if (!by.ok()) return by.status();
  if (options.files.empty() && options.folder.empty()) {
    return UsageError("files are required, or --folder; see vouch agreement check --help");
  }
  policies::Report all;
  CheckRun run(&all);
  for (const std::string& path : options.files) run.AddFile(path);
  if (!options.folder.empty()) {
    std::error_code failed;
    if (!std::filesystem::is_directory(options.folder, failed)) {
      return absl::NotFoundError(
          absl::StrCat("there is no folder ", policies::Shown(options.folder, 200)));
    }
    std::string folder = options.folder;
    while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
    run.AddFolder(folder);
  }
  run.Lint(*by);
  if (options.json) {
    console->Say(all.ToJson());
  } else {
    const std::string text = FindingsText(all, run.texts());
    if (!text.empty()) console->Say(text);
    console->Say(Summary(all, run.files()));
  }
  if (all.Unreadable()) return Exit::kMalformed;
  return all.HasErrors() ? Exit::kFindings : Exit::kFine;
}

}  // namespace

void AddAgreementCheckCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* check = agreement->add_subcommand(
      "check", "Checks agreements, fact catalogues and tables; all findings at once");
  check->add_option("files", options->files, "The files; agreements are judged together");
  check->add_option("--folder", options->folder, "Everything below a folder, judged together");
  check
      ->add_option("--people", options->people,
                   "How many people the answering agency holds, for what keys cost")
      ->check(CLI::Range(uint64_t{1}, uint64_t{10000000000}))
      ->capture_default_str();
  check->add_option("--on", options->on, "The day on which waivers are judged; today if left out");
  check->add_option("--pack", options->packs,
                    "Judge by this rule pack only (`vouch agreement rules` lists them)");
  check->add_flag("--json", options->json, "Print findings for programs and editors");
  check->footer(
      "Exit codes: 0 no errors, 1 errors, 3 a file is missing or not well formed.\n"
      "Example:\n"
      "  vouch agreement check fsa-irs/agreement.yaml --people 150000000\n"
      "  vouch agreement check --folder agreements --on 2027-06-30");
  check->callback([options, console] { console->Run([&] { return Check(*options, console); }); });
}

}  // namespace vouch::client
