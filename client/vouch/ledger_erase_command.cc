#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "server/ledger/oversight/erasure.h"
#include "server/ledger/oversight/people_on_record.h"

namespace vouch::client {
namespace {

namespace ledger = server::ledger;
namespace oversight = server::ledger::oversight;
namespace records = server::records;

struct EraseOptions {
  std::string node;
  std::string agreement;
  std::string month;
  bool retention_over = false;
  bool yes = false;
};

absl::StatusOr<oversight::ErasureRules> RulesFor(const server::node::NodeFile& file,
                                                 const policies::Catalog& catalog,
                                                 const std::string& agreement_id) {
  oversight::ErasureRules rules;
  rules.now = absl::Now();
  rules.journal_folder = file.journal;
  auto holds = oversight::ReadLegalHolds(oversight::HoldsFolder(file.keys + "/periods"));
  if (!holds.ok()) return holds.status();
  rules.holds = *std::move(holds);
  std::vector<const policies::Agreement*> revisions;
  for (const auto& held : catalog.all()) {
    if (held->agreement.id != agreement_id) continue;
    revisions.push_back(&held->agreement);
    rules.keep_life_of_record |= held->agreement.keep_life_of_record;
  }
  // Without its text nobody knows how long the parties agreed to keep it.
  if (!revisions.empty()) rules.keep = oversight::KeepOf(revisions);
  if (rules.keep_life_of_record) {
    auto opened = oversight::PeopleOnRecord::Open(file.records);
    if (!opened.ok() && !absl::IsNotFound(opened.status())) return opened.status();
    if (opened.ok()) {
      auto people = std::make_shared<const oversight::PeopleOnRecord>(*std::move(opened));
      rules.people = [people](const std::function<bool(const crypto::Digest&)>& visit) {
        people->ForEach([&](const records::PersonHandle& person, const records::RowFacts&) {
          return visit(person);
        });
      };
    } else {
      rules.people = [](const std::function<bool(const crypto::Digest&)>&) {};
    }
  }
  return rules;
}

absl::StatusOr<Exit> Erase(const EraseOptions& options, Console* console) {
  const bool one = !options.agreement.empty() && !options.month.empty();
  if (one == options.retention_over || (!one && !(options.agreement + options.month).empty())) {
    return UsageError("say what: --agreement ID with --month 2027-03, or --retention-over");
  }
  const auto month = oversight::ParseMonth(options.month);
  if (one && !month.has_value()) return UsageError("--month is written as 2027-03");
  const auto file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  policies::Report ignored;
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
  ledger::PeriodKeys keys(file->keys + "/periods");
  const auto names = keys.TagNames();
  if (!names.ok()) return names.status();
  bool refused = false;
  uint64_t there = 0;
  uint64_t erased = 0;
  for (const ledger::PeriodKeys::TagName& name : *names) {
    if (one && (name.agreement_id != options.agreement || name.tag_period != *month)) continue;
    ++there;
    const oversight::Period period = {name.agreement_id, name.tag_period, name.retention_class};
    const auto rules = RulesFor(*file, *catalog, name.agreement_id);
    if (!rules.ok()) return rules.status();
    const absl::Status may = oversight::MayErase(&keys, period, *rules);
    if (absl::IsFailedPrecondition(may)) {
      console->Note(may.message());
      refused = true;
      continue;
    }
    if (!may.ok()) return may;
    const std::string what =
        absl::StrCat(name.agreement_id, ", ", oversight::MonthText(name.tag_period));
    if (!options.yes) {
      console->Say(absl::StrCat(what, " may be erased; --yes erases it."));
      continue;
    }
    absl::Status done = oversight::EraseMonth(&keys, period, *rules);
    if (!done.ok()) return done;
    ++erased;
    console->Say(absl::StrCat(what,
                              ": its key is destroyed. Whom its entries are about, and what "
                              "was answered, nobody can tell any more; the entries stay."));
  }
  if (one && there == 0) {
    return absl::NotFoundError(
        "that month has no key here: it was erased before, or nothing was asked in it");
  }
  if (!one && !refused && erased == 0 && there == 0) console->Say("No month has a key here.");
  // Asked for one month, not to erase it is a refusal; asked for whatever is over, it is not.
  return one && refused ? Exit::kFindings : Exit::kFine;
}

}  // namespace

void AddLedgerEraseCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<EraseOptions>();
  CLI::App* command = ledger->add_subcommand(
      "erase", "Destroys the key of a month whose time is over: its entries are then about nobody");
  AddNodeOption(command, &options->node);
  command->add_option("--agreement", options->agreement, "Of which agreement");
  command->add_option("--month", options->month, "Which month, as 2027-03 (UTC)");
  command->add_flag("--retention-over", options->retention_over,
                    "Every month of every agreement whose time to be kept is over");
  command->add_flag("--yes", options->yes, "Destroy them; without it, what would be is said");
  command->footer(
      "Refused while the agreement keeps the month, while a hold stands, and for the life of the "
      "record\nwhere the agreement says so. Backups of the keys folder must be destroyed as well. "
      "A running node\nmay go on.\n"
      "Example:\n  vouch ledger erase --node ./irs --agreement aid-tax-001 --month 2027-03 --yes");
  command->callback([options, console] { console->Run([&] { return Erase(*options, console); }); });
}

}  // namespace vouch::client
