#include <memory>

#include "absl/strings/str_cat.h"
#include "client/vouch/agreement_commands.h"
#include "client/vouch/draft_page.h"

namespace vouch::client {
namespace {

struct OpenOptions {
  std::string file;
  std::string against;
  int port = 0;
  uint64_t people = 1000000;
};

absl::StatusOr<Exit> OpenPage(const OpenOptions& options, Console* console) {
  absl::StatusOr<DraftFile> file = DraftFile::Open(options.file);
  if (!file.ok()) return file.status();
  const DraftPage draft(*std::move(file), options.people, options.against);
  auto page =
      LoopbackPage::Open(options.port, DraftPage::Styles(),
                         [&draft](const PageRequest& request) { return draft.Answer(request); });
  if (!page.ok()) return page.status();
  console->Say((*page)->address());
  console->Note(
      "Open this address in a browser on this machine. It is for you alone: who has it can change "
      "the file. It ends with the page's End button, or with Ctrl-C here.");
  (*page)->Serve();
  console->Note("Ended.");
  return Exit::kFine;
}

}  // namespace

void AddAgreementOpenCommand(CLI::App* agreement, Console* console) {
  auto options = std::make_shared<OpenOptions>();
  CLI::App* command = agreement->add_subcommand(
      "open", "Serves a page on this machine to edit, check and read a draft in a browser");
  command->add_option("file", options->file, "The agreement")->required();
  command
      ->add_option("--against", options->against,
                   "Also compare each draft with this file, such as the revision in force")
      ->check(CLI::ExistingFile);
  command->add_option("--port", options->port, "The port on 127.0.0.1; 0 for any that is free")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command
      ->add_option("--people", options->people,
                   "How many people the answering agency holds, for what keys cost")
      ->check(CLI::Range(uint64_t{1}, uint64_t{10000000000}))
      ->capture_default_str();
  command->footer("Example:\n  vouch agreement open agreement.yaml");
  command->callback(
      [options, console] { console->Run([&] { return OpenPage(*options, console); }); });
}

}  // namespace vouch::client
