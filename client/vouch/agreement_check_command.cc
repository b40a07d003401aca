#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "client/vouch/disclosure_notes.h"
#include "client/vouch/node_agreements.h"
#include "crypto/digest.h"
#include "policies/engine/reference.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct CheckOptions {
  std::vector<std::string> files;
  uint64_t people = 1000000;
  bool json = false;
};

absl::StatusOr<Exit> Check(const CheckOptions& options, Console* console) {
  policies::Report all;
  std::map<std::string, std::string> sources;
  for (const std::string& path : options.files) {
    absl::StatusOr<std::string> text = node::ReadText(path);
    if (!text.ok()) {
      policies::Finding finding;
      finding.rule = "file/unreadable";
      finding.file = path;
      finding.message = std::string(text.status().message());
      finding.mend = "name a file that is there";
      all.Add(std::move(finding));
      continue;
    }
    if (absl::StrContains(*text, "vouch-facts/")) {
      sources[path] = *text;
      policies::ReadFactCatalogue(path, *text, &all);
    } else if (absl::StrContains(*text, "vouch-table/")) {
      sources[path] = *text;
      policies::ReadReferenceTable(path, *text, crypto::Sha256(*text), &all);
    } else {
      const AgreementSource source = OpenAgreementText(path, *std::move(text), &all);
      if (source.agreement.has_value()) {
        AddDisclosureNotes(*source.agreement, path, source.bytes, options.people, &all);
      }
      sources.merge(source.Sources());
    }
  }
  if (options.json) {
    console->Say(all.ToJson());
  } else {
    const std::string text = FindingsText(all, sources);
    if (!text.empty()) console->Say(text);
    size_t errors = 0;
    for (const policies::Finding& finding : all.findings()) {
      errors += finding.severity == policies::Severity::kError ? 1 : 0;
    }
    console->Say(errors == 0 ? absl::StrCat("No errors in ", options.files.size(), " file(s).")
                             : absl::StrCat(errors, " error(s)."));
  }
  if (all.Unreadable()) return Exit::kMalformed;
  return all.HasErrors() ? Exit::kFindings : Exit::kFine;
}

}  // namespace

void AddAgreementCheckCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* check = agreement->add_subcommand(
      "check", "Checks agreements, fact catalogues and tables; all findings at once");
  check->add_option("files", options->files, "The files")->required();
  check
      ->add_option("--people", options->people,
                   "How many people the answering agency holds, for what keys cost")
      ->check(CLI::Range(uint64_t{1}, uint64_t{10000000000}))
      ->capture_default_str();
  check->add_flag("--json", options->json, "Print findings for programs and editors");
  check->footer("Example:\n  vouch agreement check fsa-irs/agreement.yaml --people 150000000");
  check->callback([options, console] { console->Run([&] { return Check(*options, console); }); });
}

}  // namespace vouch::client
