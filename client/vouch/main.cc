#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/vouch/commands.h"
#include "client/vouch/console.h"
#include "crypto/secret.h"
#include "policies/engine/source.h"
#include "server/node/node_file.h"

namespace vouch::client {
namespace {

// For editors and for the committed schemas.
void AddSchemaCommand(CLI::App* vouch, Console* console) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      vouch->add_subcommand("schema", "Prints the JSON Schema of a file, for editors");
  command->add_option("file", *name, "Which file")->required()->check(CLI::IsMember({"node"}));
  command->footer("Example:\n  vouch schema node > node.schema.json");
  command->callback([console] {
    console->Run([console]() -> absl::StatusOr<Exit> {
      console->Say(server::node::NodeFileSchema().dump(2));
      return Exit::kFine;
    });
  });
}

constexpr char kExitCodes[] =
    "Exit codes: 0 fine, 1 findings or refused, 2 usage, 3 unreadable or malformed file";

// Scripts go by the exit code, so the help of every command says it; where a command has more to
// say of its own codes, that stands.
void SayExitCodes(CLI::App* command) {
  for (CLI::App* each : command->get_subcommands([](CLI::App*) { return true; })) {
    SayExitCodes(each);
    const std::string footer = each->get_footer();
    if (absl::StrContains(footer, "Exit codes:")) continue;
    const size_t example = std::min(footer.find("Example"), footer.size());
    each->footer(absl::StrCat(footer.substr(0, example), kExitCodes, "\n", footer.substr(example)));
  }
}

// The words that name no command, in a sentence; empty when all do. CLI11 would only say that one
// is missing.
std::string UnknownCommand(const CLI::App& vouch, int argc, char** argv) {
  const CLI::App* at = &vouch;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty()) return "";
    const CLI::App* next = nullptr;
    std::vector<std::string> names;
    for (const CLI::App* command : commands) {
      names.push_back(command->get_name());
      if (command->get_name() == argv[i]) next = command;
    }
    if (next == nullptr) {
      const std::string near = policies::Nearest(argv[i], names);
      return absl::StrCat("there is no command \"", policies::Shown(argv[i]), "\"",
                          near.empty() ? "" : absl::StrCat("; did you mean ", near, "?"));
    }
    at = next;
  }
  return "";
}

int Main(int argc, char** argv) {
  Console console(&std::cin, &std::cout, &std::cerr);
  if (const absl::Status hardened = crypto::HardenProcess(); !hardened.ok()) {
    console.Note(absl::StrCat("vouch: ", hardened.message()));
    return static_cast<int>(Exit::kFindings);
  }
  CLI::App vouch("Asks and answers yes-or-no questions between agencies, and keeps a node.",
                 "vouch");
  vouch.footer(absl::StrCat("Begin with: vouch init FOLDER --agency NAME\n", kExitCodes,
                            ", 4 failed cases"));
  vouch.set_version_flag("--version", VOUCH_VERSION);
  vouch.require_subcommand(1);
  AddInitCommand(&vouch, &console);
  AddAskCommand(&vouch, &console);
  AddPartnerCommand(&vouch, &console);
  AddKeysCommand(&vouch, &console);
  AddAgreementCommand(&vouch, &console);
  AddReceiptCommand(&vouch, &console);
  AddRecordsCommand(&vouch, &console);
  AddTokenCommand(&vouch, &console);
  AddDoctorCommand(&vouch, &console);
  AddLedgerCommand(&vouch, &console);
  AddSchemaCommand(&vouch, &console);
  SayExitCodes(&vouch);
  if (const std::string unknown = UnknownCommand(vouch, argc, argv); !unknown.empty()) {
    console.Note(absl::StrCat("vouch: ", unknown, "\nRun with --help for more information."));
    return static_cast<int>(Exit::kUsage);
  }
  try {
    vouch.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wanted = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    vouch.exit(error, std::cout, std::cerr);
    return static_cast<int>(wanted ? Exit::kFine : Exit::kUsage);
  }
  return static_cast<int>(console.exit());
}

}  // namespace
}  // namespace vouch::client

// What is thrown this far ends the program, as it should.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  return vouch::client::Main(argc, argv);
}
