#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/person_search.h"
#include "server/ledger/oversight/legal_holds.h"
#include "server/ledger/period_keys.h"

namespace vouch::client {
namespace {

namespace oversight = server::ledger::oversight;

struct HoldOptions {
  std::string node;
  PersonChoice person;
  std::string agreement;
  std::string name;
  std::string reason;
  bool release = false;
  bool json = false;
};

void SayHolds(const std::vector<oversight::LegalHold>& holds, bool json, Console* console) {
  if (json) {
    nlohmann::json all = nlohmann::json::array();
    for (const oversight::LegalHold& hold : holds) {
      all.push_back({{"name", hold.name},
                     {"of", hold.agreement_id.empty() ? "person" : "agreement"},
                     {"agreement", hold.agreement_id},
                     {"since", TimeText(hold.since)},
                     {"reason", hold.reason}});
    }
    console->SayJson(all);
    return;
  }
  if (holds.empty()) return console->Say("Nothing is held.");
  std::vector<std::vector<std::string>> rows = {{"name", "of", "since", "reason"}};
  for (const oversight::LegalHold& hold : holds) {
    rows.push_back({hold.name, hold.agreement_id.empty() ? "a person" : hold.agreement_id,
                    TimeText(hold.since), hold.reason});
  }
  console->SayTable(rows);
}

// A hold on an agreement that there never was would hold nothing.
absl::Status CheckAgreement(const server::node::NodeFile& file, const std::string& id) {
  policies::Report ignored;
  for (const AgreementFile& held : ReadAgreements(file, &ignored)) {
    if (held.agreement.id == id) return absl::OkStatus();
  }
  const server::ledger::PeriodKeys keys(file.keys + "/periods");
  const auto names = keys.TagNames();
  if (!names.ok()) return names.status();
  for (const server::ledger::PeriodKeys::TagName& name : *names) {
    if (name.agreement_id == id) return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat(
      id, " is no agreement of this node, and nothing was ever asked under it: look at the id"));
}

absl::StatusOr<Exit> HoldLedger(const HoldOptions& options, Console* console) {
  const auto file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  const std::string folder = oversight::HoldsFolder(file->keys + "/periods");
  if (options.name.empty()) {
    const auto holds = oversight::ReadLegalHolds(folder);
    if (!holds.ok()) return holds.status();
    SayHolds(*holds, options.json, console);
    return Exit::kFine;
  }
  // The folder of the keys themselves: a hold may be made before the first question is asked.
  if (absl::Status own = CheckOwner(file->keys); !own.ok()) return own;
  if (options.release) {
    absl::Status released = oversight::ReleaseLegalHold(folder, options.name);
    if (!released.ok()) return released;
    console->Say(absl::StrCat("The hold ", options.name, " is released."));
    return Exit::kFine;
  }
  oversight::LegalHold hold;
  hold.name = options.name;
  hold.reason = options.reason;
  hold.since = absl::Now();
  hold.agreement_id = options.agreement;
  if (options.agreement.empty() == options.person.empty()) {
    return UsageError("say what is held: --agreement ID, or a person with --person or --source-id");
  }
  if (options.agreement.empty()) {
    policies::Report ignored;
    const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
    const auto person = FindPerson(*file, *catalog, options.person, absl::Now(), console);
    if (!person.ok()) return person.status();
    for (const std::string& gap : person->gaps) console->Note(gap);
    hold.person = person->names;
    if (hold.person.handles.empty() && hold.person.token_vectors.empty()) {
      return absl::NotFoundError("nothing can be held of a person of whom nothing is known");
    }
  } else if (absl::Status known = CheckAgreement(*file, options.agreement); !known.ok()) {
    return known;
  }
  absl::Status written = oversight::WriteLegalHold(folder, hold);
  if (!written.ok()) return written;
  console->Say(absl::StrCat(
      "Held as ", options.name, ": while it stands, no month's key is destroyed ",
      options.agreement.empty() ? "whose lines in the ledger are about that person, among others."
                                : "of that agreement."));
  if (options.agreement.empty()) {
    console->Note(
        "It knows the person by the records and the token epochs of today. When an agreement or a "
        "token epoch begins, or the person's record changes, make it again under another name and "
        "release this one.");
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerHoldCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<HoldOptions>();
  CLI::App* command = ledger->add_subcommand(
      "hold",
      "Keeps what is in the ledger about a person or agreement from erasure; or lists holds");
  AddNodeOption(command, &options->node);
  AddPersonOptions(command, &options->person);
  command->add_option("--agreement", options->agreement, "Hold everything under this agreement");
  command->add_option("--name", options->name,
                      "What the hold is called, such as the case's number; without it, all are "
                      "listed");
  command->add_option("--reason", options->reason, "Why; without the person's name");
  command->add_flag("--release", options->release, "Release the hold of that name");
  command->add_flag("--json", options->json, "List for programs");
  command->footer(
      "Example:\n  vouch ledger hold --node ./irs --person - --name case-2027-14 < person.json\n"
      "  vouch ledger hold --node ./irs --name case-2027-14 --release");
  command->callback(
      [options, console] { console->Run([&] { return HoldLedger(*options, console); }); });
}

}  // namespace vouch::client
