#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/agreement_source.h"
#include "crypto/keys.h"
#include "policies/engine/diff/diff.h"
#include "policies/engine/diff/redline.h"

namespace vouch::client {
namespace {

namespace diff = policies::diff;

struct DiffOptions {
  std::string before;
  std::string after;
  std::string html;
  bool json = false;
  std::vector<std::string> fail_on;
};

diff::Side SideOf(const AgreementSource& source) {
  return diff::SideOf(*source.held, source.catalog->tables(), source.bytes);
}

absl::StatusOr<Exit> Diff(const DiffOptions& options, Console* console) {
  const absl::StatusOr<AgreementSource> before = OpenGoodAgreement(options.before, console);
  if (!before.ok()) return before.status();
  const absl::StatusOr<AgreementSource> after = OpenGoodAgreement(options.after, console);
  if (!after.ok()) return after.status();
  const diff::Difference difference = diff::Compare(SideOf(*before), SideOf(*after));
  if (!options.html.empty()) {
    const absl::Status written =
        crypto::ReplaceFile(options.html,
                            diff::RedlinePage(difference, SideOf(*before), options.before,
                                              SideOf(*after), options.after),
                            false);
    if (!written.ok()) return written;
    console->Note(absl::StrCat("The redline is in ", options.html, "."));
  }
  if (options.json) {
    console->Say(diff::ToJson(difference, options.before, options.after));
  } else {
    console->Say(diff::ToText(difference, options.before, options.after));
  }
  for (const std::string& effect : options.fail_on) {
    if ((effect == "widens" && difference.Widens()) ||
        (effect == "narrows" && difference.Narrows()) ||
        (effect == "cannot-tell" && difference.CannotTell())) {
      return Exit::kFindings;
    }
  }
  return Exit::kFine;
}

}  // namespace

void AddAgreementDiffCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = agreement->add_subcommand(
      "diff", "What changes in legal effect from one file of an agreement to another");
  command->add_option("before", options->before, "The file as it was")->required();
  command->add_option("after", options->after, "The file as it would be")->required();
  command->add_option("--html", options->html, "Also write a redline page to this file");
  command->add_flag("--json", options->json, "Print the changes for programs");
  command
      ->add_option("--fail-on", options->fail_on,
                   "End with 1 when something widens, narrows or cannot-tell")
      ->delimiter(',')
      ->check(CLI::IsMember({"widens", "narrows", "cannot-tell"}));
  command->footer(
      "WIDENS: a request is answered that was refused, more is learned, or less protects.\n"
      "NARROWS: the other way round. Each comes with one concrete request.\n"
      "Exit codes: 0 compared; 1 what --fail-on names; 3 a file has errors or cannot be read.\n"
      "Example:\n  vouch agreement diff agreement.yaml agreement-revision-2.yaml --fail-on widens");
  command->callback([options, console] { console->Run([&] { return Diff(*options, console); }); });
}

}  // namespace vouch::client
