#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "server/ledger/oversight/erasure.h"
#include "server/ledger/oversight/log_reader.h"
#include "server/ledger/oversight/people_on_record.h"
#include "server/node/clock_note.h"

namespace vouch::client {
namespace {

namespace ledger = server::ledger;
namespace oversight = server::ledger::oversight;
namespace records = server::records;

struct EraseOptions {
  std::string node;
  std::string agreement;
  std::string month;
  std::string today;
  bool retention_over = false;
  bool yes = false;
};

// A node that writes shows that its clock goes on as time does.
constexpr absl::Duration kRecent = absl::Hours(24 * 31);

// The time by which retention is judged. What is erased too early is gone for good, so the clock is
// not believed by itself: not when the node has stopped over it, and not when nothing was entered
// for long unless the caller says what day it is.
absl::StatusOr<absl::Time> TrustedNow(const EraseOptions& options,
                                      const server::node::NodeFile& file) {
  const absl::Time now = absl::Now();
  const auto clock = server::node::ReadClockStanding(file.run);
  if (!clock.ok() && !absl::IsNotFound(clock.status())) return clock.status();
  if (clock.ok() && clock->stopped) {
    return absl::FailedPreconditionError(
        "the node does not trust this machine's clock; see `vouch ledger acknowledge-clock`");
  }
  const std::string today = absl::FormatTime("%Y-%m-%d", now, absl::UTCTimeZone());
  if (!options.today.empty() && options.today != today) {
    return absl::FailedPreconditionError(
        absl::StrCat("this machine's clock says ", today,
                     " (UTC), and --today says another day; set the clock"));
  }
  if (!options.today.empty()) return now;
  const auto extent =
      oversight::ReadLog(file.journal, [](const oversight::LogEntry&) { return absl::OkStatus(); });
  if (!extent.ok()) return extent.status();
  if (now - absl::FromUnixSeconds(extent->last_second) > kRecent) {
    return absl::FailedPreconditionError(absl::StrCat(
        "nothing was entered in the ledger in the last 31 days, so that nothing bears out this "
        "machine's clock, which says ",
        today, " (UTC); give the true day with --today"));
  }
  return now;
}

absl::StatusOr<oversight::ErasureRules> RulesFor(const server::node::NodeFile& file,
                                                 const std::vector<AgreementFile>& agreements,
                                                 const std::string& agreement_id, absl::Time now) {
  oversight::ErasureRules rules;
  rules.now = now;
  rules.journal_folder = file.journal;
  rules.holds_folder = oversight::HoldsFolder(file.keys + "/periods");
  std::vector<const policies::Agreement*> revisions;
  for (const AgreementFile& held : agreements) {
    if (held.agreement.id != agreement_id) continue;
    revisions.push_back(&held.agreement);
    rules.keep_life_of_record |= held.agreement.keep_life_of_record;
    std::array<uint8_t, 8> prefix;
    std::copy_n(held.digest.begin(), prefix.size(), prefix.begin());
    rules.revisions.insert(prefix);
  }
  // Without its text nobody knows how long the parties agreed to keep it.
  if (!revisions.empty()) rules.keep = oversight::KeepOf(revisions);
  if (rules.keep_life_of_record) {
    auto opened = oversight::PeopleOnRecord::Open(file.records);
    if (absl::IsNotFound(opened.status())) {
      // A disk that is not mounted looks the same as records that never were.
      return absl::FailedPreconditionError(
          absl::StrCat(agreement_id, " is kept for the life of the record, and ", file.records,
                       " holds no records: nobody can tell who is still on record"));
    }
    if (!opened.ok()) return opened.status();
    auto people = std::make_shared<const oversight::PeopleOnRecord>(*std::move(opened));
    rules.people = [people](const std::function<bool(const crypto::Digest&)>& visit) {
      return people->ForEach([&](const records::PersonHandle& person, const records::RowFacts&) {
        return visit(person);
      });
    };
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
  const std::vector<AgreementFile> agreements = ReadAgreements(*file, &ignored);
  ledger::PeriodKeys keys(file->keys + "/periods");
  const auto names = keys.TagNames();
  if (!names.ok()) return names.status();
  if (!names->empty()) {
    if (absl::Status own = CheckOwner(file->keys + "/periods"); !own.ok()) return own;
  }
  const absl::StatusOr<absl::Time> now = TrustedNow(options, *file);
  if (!now.ok()) return now.status();
  bool refused = false;
  uint64_t there = 0;
  uint64_t erased = 0;
  for (const ledger::PeriodKeys::TagName& name : *names) {
    if (one && (name.agreement_id != options.agreement || name.tag_period != *month)) continue;
    ++there;
    const oversight::Period period = {name.agreement_id, name.tag_period, name.retention_class};
    const auto rules = RulesFor(*file, agreements, name.agreement_id, *now);
    absl::Status may = rules.status();
    if (may.ok()) may = oversight::MayErase(&keys, period, *rules);
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
                              ": its key is destroyed. What was answered nobody can tell any more, "
                              "nor from the entries whom they are about; the entries stay."));
  }
  if (erased > 0) {
    console->Note(
        "Until `vouch ledger prune` drops them, the charges that lie beside these entries in the "
        "journal still tell whom they are about to who has keys/charge.key and the records as "
        "well.");
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
      "erase",
      "Destroys the key of a month whose time is over: what was answered, and whom its entries "
      "are about, they tell no more");
  AddNodeOption(command, &options->node);
  command->add_option("--agreement", options->agreement, "Of which agreement");
  command->add_option("--month", options->month, "Which month, as 2027-03 (UTC)");
  command->add_option("--today", options->today,
                      "What day it is (UTC), as 2027-03-31: needed when nothing was entered in the "
                      "ledger for 31 days");
  command->add_flag("--retention-over", options->retention_over,
                    "Every month of every agreement whose time to be kept is over");
  command->add_flag("--yes", options->yes, "Destroy them; without it, what would be is said");
  command->footer(
      "Refused while the agreement keeps the month, while a hold stands, and for the life of the "
      "record\nwhere the agreement says so; also where the text of a revision under which "
      "something "
      "was answered\nis not in the agreements folder, and while the node does not trust the clock. "
      "Backups of the keys folder must be destroyed as well. "
      "A running node\nmay go on.\n"
      "Example:\n  vouch ledger erase --node ./irs --agreement aid-tax-001 --month 2027-03 --yes");
  command->callback([options, console] { console->Run([&] { return Erase(*options, console); }); });
}

}  // namespace vouch::client
