#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/commands.h"
#include "client/vouch/disclosure_notes.h"
#include "client/vouch/node_agreements.h"
#include "crypto/digest.h"
#include "policies/reference/built_in.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct CheckOptions {
  std::vector<std::string> files;
  uint64_t people = 1000000;
  bool json = false;
};

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// One agreement with what it pins: files beside it, tables beside it, in a folder "tables" beside
// or above it, or built in.
class AgreementCheck {
 public:
  AgreementCheck(std::string path, std::string bytes) : path_(std::move(path)) {
    Add(path_, std::move(bytes));
  }

  void Run(uint64_t people, policies::Report* report) {
    const policies::KnownNames known = node::NamesOfCrypto();
    policies::Report own;
    const auto agreement = policies::ReadAgreement(path_, files_[0].bytes, known, &own);
    if (!agreement.has_value()) {
      report->Merge(own);
      return;
    }
    const std::string folder = FolderOf(path_);
    for (const policies::Pin& pin : agreement->pins) {
      if (pin.file.empty()) {
        AddTable(folder, pin.table);
      } else {
        AddFile(folder + pin.file);
      }
    }
    policies::Catalog::Options options;
    options.known = known;
    options.use = agreement->use;
    options.agency = agreement->answers;
    options.allow_unsigned = true;
    policies::Catalog::Build(files_, options, nullptr, {}, report);
    AddDisclosureNotes(*agreement, path_, files_[0].bytes, people, report);
  }

  std::map<std::string, std::string> Sources() const {
    std::map<std::string, std::string> sources;
    for (const policies::CatalogFile& file : files_) sources[file.name] = file.bytes;
    return sources;
  }

 private:
  void Add(const std::string& name, std::string bytes) {
    policies::CatalogFile file;
    file.name = name;
    file.digest = crypto::Sha256(bytes);
    file.bytes = std::move(bytes);
    files_.push_back(std::move(file));
  }
  bool AddFile(const std::string& path) {
    for (const policies::CatalogFile& file : files_) {
      if (file.name == path) return true;
    }
    absl::StatusOr<std::string> text = node::ReadText(path);
    if (text.ok()) Add(path, *std::move(text));
    return text.ok();
  }
  void AddTable(const std::string& folder, const std::string& table) {
    const std::string name = absl::StrCat(table, ".yaml");
    for (const absl::string_view place : {"", "tables/", "../tables/"}) {
      if (AddFile(absl::StrCat(folder, place, name))) return;
    }
    for (const policies::reference::BuiltInFile& built_in : policies::reference::BuiltInTables()) {
      if (built_in.name == name) Add(absl::StrCat("built in: ", name), std::string(built_in.bytes));
    }
  }

  std::string path_;
  std::vector<policies::CatalogFile> files_;
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
      AgreementCheck check(path, *std::move(text));
      check.Run(options.people, &all);
      sources.merge(check.Sources());
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

absl::StatusOr<Exit> PrintDigest(const std::string& path, Console* console) {
  const absl::StatusOr<std::string> text = node::ReadText(path);
  if (!text.ok()) return text.status();
  console->Say(crypto::Hex(crypto::Sha256(*text)));
  return Exit::kFine;
}

}  // namespace

void AddAgreementCommand(CLI::App* vouch, Console* console) {
  CLI::App* agreement =
      vouch->add_subcommand("agreement", "Checks agreement files, and says where to begin");
  agreement->require_subcommand(0, 1);
  agreement->footer("Example:\n  vouch agreement check agreement.yaml");
  agreement->callback([agreement, console] {
    if (!agreement->get_subcommands().empty()) return;
    console->Say(
        "An agreement is one file that both agencies sign: who may ask whom, what, about whom, "
        "under\n"
        "which authority, and how often.\n"
        "\n"
        "  1. Copy a folder of policies/templates that is near to your need: agreement.yaml says "
        "what\n"
        "     may be asked, facts.yaml what the answering agency holds.\n"
        "  2. Fill in the parties, the authority, the dates and the questions.\n"
        "  3. vouch agreement check agreement.yaml      every error at once, with what to do\n"
        "  4. vouch agreement digest facts.yaml         what agreement.yaml pins it by\n"
        "  5. Put the folder below the node's agreements folder; `vouch doctor` shows its state.");
  });

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

  auto file = std::make_shared<std::string>();
  CLI::App* digest = agreement->add_subcommand("digest", "Prints the SHA-256 that pins a file");
  digest->add_option("file", *file, "The file")->required();
  digest->footer("Example:\n  vouch agreement digest fsa-irs/facts.yaml");
  digest->callback([file, console] { console->Run([&] { return PrintDigest(*file, console); }); });
}

}  // namespace vouch::client
