#include <memory>

#include "client/vouch/agreement_commands.h"
#include "client/vouch/commands.h"
#include "crypto/digest.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

absl::StatusOr<Exit> PrintDigest(const std::string& path, Console* console) {
  const absl::StatusOr<std::string> text = node::ReadText(path);
  if (!text.ok()) return text.status();
  console->Say(crypto::Hex(crypto::Sha256(*text)));
  return Exit::kFine;
}

}  // namespace

void AddAgreementDigestCommand(CLI::App* agreement, Console* console) {
  auto file = std::make_shared<std::string>();
  CLI::App* digest = agreement->add_subcommand("digest", "Prints the SHA-256 that pins a file");
  digest->add_option("file", *file, "The file")->required();
  digest->footer("Example:\n  vouch agreement digest fsa-irs/facts.yaml");
  digest->callback([file, console] { console->Run([&] { return PrintDigest(*file, console); }); });
}

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
        "which authority, and how often. Nothing is answered without one.\n"
        "\n"
        "  Begin      vouch agreement new FOLDER             from a template, by interview\n"
        "             vouch agreement open FILE              a page to edit and check it, without "
        "a "
        "terminal\n"
        "  Look       vouch agreement check FILE             every error at once, with what to do\n"
        "             vouch agreement explain FILE           what it means, in plain words\n"
        "             vouch agreement test FILE              its cases\n"
        "             vouch agreement simulate FILE ...      one request, check by check\n"
        "             vouch agreement diff OLD NEW           what a change means in law\n"
        "  Sign       vouch agreement sign FILE              then give file and signature to the "
        "other party\n"
        "             vouch agreement verify FILE            who has signed, and what is missing\n"
        "  Go on      vouch agreement status --node NODE     in force here and there, and what is "
        "due\n"
        "             vouch agreement revise FILE            the next revision; renew, stop\n"
        "\n"
        "The guide, from an empty folder to an agreement in force: policies/README.md");
  });

  AddAgreementCheckCommand(agreement, console);
  AddAgreementDiffCommand(agreement, console);
  AddAgreementDigestCommand(agreement, console);
  AddAgreementExplainCommand(agreement, console);
  AddAgreementFmtCommand(agreement, console);
  AddAgreementNewCommand(agreement, console);
  AddAgreementOpenCommand(agreement, console);
  AddAgreementRenewCommand(agreement, console);
  AddAgreementReplayCommand(agreement, console);
  AddAgreementReviseCommand(agreement, console);
  AddAgreementRulesCommand(agreement, console);
  AddAgreementSignCommand(agreement, console);
  AddAgreementSimulateCommand(agreement, console);
  AddAgreementStatusCommand(agreement, console);
  AddAgreementStopCommand(agreement, console);
  AddAgreementTestCommand(agreement, console);
  AddAgreementVerifyCommand(agreement, console);
}

}  // namespace vouch::client
