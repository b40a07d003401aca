#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/commands.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "server/node/clock_note.h"

namespace vouch::client {
namespace {

namespace node = server::node;

constexpr absl::Duration kLook = absl::Milliseconds(100);

struct AcknowledgeOptions {
  std::string folder;
  bool yes = false;
  bool json = false;
  int timeout_seconds = 10;
};

bool Confirmed(Console* console) {
  console->Note("Type yes to acknowledge it:");
  std::string line;
  std::getline(console->in(), line);
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(line)) == "yes";
}

void SayResult(const AcknowledgeOptions& options, absl::string_view result, int64_t ahead_seconds,
               const std::string& sentence, Console* console) {
  if (!options.json) return console->Say(sentence);
  console->SayJson({{"result", std::string(result)},
                    {"ahead_seconds", ahead_seconds},
                    {"time", TimeText(absl::Now())},
                    {"says", sentence}});
}

absl::StatusOr<Exit> Acknowledge(const AcknowledgeOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  const absl::StatusOr<node::ClockStanding> seen = node::ReadClockStanding(file->run);
  if (absl::IsNotFound(seen.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(file->run,
                     "/clock is not there: no node has run in this folder. A node that is started "
                     "takes the time as it is, and needs no acknowledgement"));
  }
  if (!seen.ok()) return seen.status();
  if (!seen->stopped) {
    SayResult(options, "nothing-to-acknowledge", 0,
              "Nothing is to be acknowledged: the clock of this node has not run ahead.", console);
    return Exit::kFine;
  }
  if (absl::Status owner = CheckOwner(file->run); !owner.ok()) return owner;
  console->Note(absl::StrCat(
      "The wall clock of this machine ran ahead by ", seen->ahead_seconds, " seconds (",
      absl::FormatDuration(absl::Seconds(seen->ahead_seconds)),
      "), and answers have stopped. It "
      "says that it is now ",
      TimeText(absl::Now()),
      ".\nTo acknowledge that this time is right is entered in the ledger for ever. If it is not "
      "right, limits would open and agreements begin or end too early: set the clock instead, and "
      "answers go on by themselves."));
  if (!options.yes) {
    if (isatty(STDIN_FILENO) != 1) {
      return UsageError("nobody can confirm it here; compare the time, then add --yes");
    }
    if (!Confirmed(console)) {
      SayResult(options, "not-confirmed", seen->ahead_seconds, "Nothing was acknowledged.",
                console);
      return Exit::kFindings;
    }
  }
  absl::Status written =
      node::WriteClockAcknowledgement(file->run, {seen->event, seen->ahead_seconds});
  if (!written.ok()) return written;
  const absl::Time deadline = absl::Now() + absl::Seconds(options.timeout_seconds);
  bool removed = false;
  for (;;) {
    const absl::StatusOr<node::ClockStanding> now = node::ReadClockStanding(file->run);
    if (now.ok() && now->acknowledged == seen->event) {
      SayResult(options, "acknowledged", seen->ahead_seconds,
                "Acknowledged, and entered in the ledger: the node answers again.", console);
      return Exit::kFine;
    }
    const bool moved_on = now.ok() && now->event != seen->event;
    if (moved_on || removed) {
      // A file that stays must not acknowledge what nobody looked at.
      if (absl::Status gone = node::RemoveClockAcknowledgement(file->run); !gone.ok()) return gone;
      const std::string sentence =
          moved_on ? "The clock moved again meanwhile; nothing was acknowledged. Look at the time "
                     "and run this again."
                   : absl::StrCat("The node did not take it within ", options.timeout_seconds,
                                  " seconds, and it was withdrawn: the node is not running, or "
                                  "its ledger cannot be written; its log says which.");
      SayResult(options, moved_on ? "clock-moved-again" : "not-taken", seen->ahead_seconds,
                sentence, console);
      return Exit::kFindings;
    }
    if (absl::Now() >= deadline) {
      // Withdrawn first, looked at once more after: the node may be taking it this moment.
      if (absl::Status gone = node::RemoveClockAcknowledgement(file->run); !gone.ok()) return gone;
      removed = true;
      absl::SleepFor(absl::Seconds(1));
      continue;
    }
    absl::SleepFor(kLook);
  }
}

}  // namespace

absl::Status CheckOwner(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return absl::ErrnoToStatus(errno, path);
  if (facts.st_uid == geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      path, " belongs to another user (number ", facts.st_uid,
      "); run this as the user the node runs as, for instance: sudo -u vouch vouch ledger ..."));
}

void AddLedgerCommand(CLI::App* vouch, Console* console) {
  CLI::App* ledger = vouch->add_subcommand("ledger", "What a node enters in its ledger");
  ledger->require_subcommand(1);
  ledger->footer("Example:\n  vouch ledger acknowledge-clock --node ./irs");
  AddLedgerExportCommand(ledger, console);
  AddLedgerRestoreCommand(ledger, console);
  AddLedgerVerifyCommand(ledger, console);

  AddLedgerBackupCommand(ledger, console);
  AddLedgerCorrectionsCommand(ledger, console);
  AddLedgerDeclareLossCommand(ledger, console);
  AddLedgerDisclosuresCommand(ledger, console);
  AddLedgerEraseCommand(ledger, console);
  AddLedgerHoldCommand(ledger, console);
  AddLedgerOpenCommand(ledger, console);
  AddLedgerPruneCommand(ledger, console);
  AddLedgerReportCommand(ledger, console);

  auto options = std::make_shared<AcknowledgeOptions>();
  CLI::App* command = ledger->add_subcommand(
      "acknowledge-clock",
      "Says that the present time is right, after the clock ran ahead by more than five minutes "
      "and the node stopped answering");
  AddNodeOption(command, &options->folder);
  command->add_flag("--yes", options->yes, "Do not ask; for scripts");
  command->add_flag("--json", options->json, "Print facts for programs");
  command
      ->add_option("--timeout-seconds", options->timeout_seconds, "How long to wait for the node")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  command->footer(
      "It acknowledges the one step of the clock that it shows, no later one. Run it as the user "
      "the node\nruns as. Exit codes: 0 acknowledged, or nothing to acknowledge; 1 not taken.\n"
      "Example:\n  vouch ledger acknowledge-clock --node ./irs");
  command->callback(
      [options, console] { console->Run([&] { return Acknowledge(*options, console); }); });
}

}  // namespace vouch::client
