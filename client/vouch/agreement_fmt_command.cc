#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/node_agreements.h"
#include "crypto/keys.h"
#include "policies/engine/diff/redline.h"
#include "policies/engine/format.h"
#include "server/node/folders.h"
#include "server/node/known_names.h"

namespace vouch::client {
namespace {

namespace node = server::node;

struct FmtOptions {
  std::vector<std::string> files;
  bool check = false;
  bool diff = false;
};

// What came of one file.
absl::StatusOr<Exit> FormatFile(const std::string& path, const FmtOptions& options,
                                Console* console) {
  const absl::StatusOr<std::string> text = node::ReadText(path);
  if (!text.ok()) return text.status();
  policies::Report report;
  const absl::optional<std::string> made =
      policies::Formatted(path, *text, node::NamesOfCrypto(), &report);
  if (!made.has_value()) {
    console->Say(FindingsText(report, {{path, *text}}));
    return Exit::kMalformed;
  }
  if (*made == *text) return Exit::kFine;
  if (options.diff) {
    console->Say(policies::diff::LineDiffText(policies::diff::LineDiff(*text, *made)));
  }
  if (options.check) {
    console->Say(absl::StrCat(path, " is not in order; run `vouch agreement fmt ", path, "`"));
    return Exit::kFindings;
  }
  if (options.diff) return Exit::kFine;
  const absl::Status written = crypto::ReplaceFile(path, *made, false);
  if (!written.ok()) return written;
  console->Say(absl::StrCat(path, " put in order"));
  return Exit::kFine;
}

absl::StatusOr<Exit> Fmt(const FmtOptions& options, Console* console) {
  Exit worst = Exit::kFine;
  for (const std::string& path : options.files) {
    const absl::StatusOr<Exit> came = FormatFile(path, options, console);
    if (!came.ok()) return came.status();
    if (*came > worst) worst = *came;
  }
  return worst;
}

}  // namespace

void AddAgreementFmtCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<FmtOptions>();
  CLI::App* command = agreement->add_subcommand(
      "fmt", "Puts files in order: line ends, spaces, quotes; never what they say");
  command->add_option("files", options->files, "Agreements, fact catalogues, tables")->required();
  command->add_flag("--check", options->check, "Change nothing; end with 1 when it would");
  command->add_flag("--diff", options->diff, "Change nothing; show what it would change");
  command->footer(
      "A signed file is another file afterwards: put it in order before it is signed.\n"
      "Exit codes: 0 in order now; 1 with --check, not in order; 3 cannot be read, or not mended.\n"
      "Example:\n  vouch agreement fmt agreement.yaml facts.yaml");
  command->callback([options, console] { console->Run([&] { return Fmt(*options, console); }); });
}

}  // namespace vouch::client
