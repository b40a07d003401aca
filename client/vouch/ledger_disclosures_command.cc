#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/accounting.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/ledger_proofs.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/person_search.h"
#include "client/vouch/saved_receipts.h"
#include "crypto/keys.h"
#include "crypto/merkle.h"
#include "policies/engine/explain/html_page.h"
#include "policies/engine/fields.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
namespace node = server::node;
namespace oversight = server::ledger::oversight;

struct DisclosuresOptions {
  std::string node;
  PersonChoice person;
  std::string from;
  std::string to;
  std::string html;
  bool json = false;
  std::string proofs;
  std::string checkpoint;
  std::string against;
};

absl::StatusOr<absl::Time> DayOption(const std::string& text, absl::string_view option,
                                     absl::Time otherwise, int days_more) {
  if (text.empty()) return otherwise;
  const absl::optional<absl::CivilDay> day = policies::ParseDay(text);
  if (day.has_value()) return absl::FromCivil(*day + days_more, absl::UTCTimeZone());
  return UsageError(absl::StrCat(option, " is a day, written as 2027-01-31"));
}

absl::StatusOr<Exit> Disclosures(const DisclosuresOptions& options, Console* console) {
  const absl::StatusOr<node::NodeFile> file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  const auto from = DayOption(options.from, "--from", absl::InfinitePast(), 0);
  if (!from.ok()) return from.status();
  const auto to = DayOption(options.to, "--to", absl::InfiniteFuture(), 1);
  if (!to.ok()) return to.status();
  if (*to <= *from) return UsageError("--to lies before --from");
  if (options.proofs.empty() != options.checkpoint.empty()) {
    return UsageError("proofs are made under a checkpoint: give both --proofs and --checkpoint");
  }
  std::vector<SavedReceipt> receipts;
  if (!options.against.empty()) {
    if (!options.from.empty() || !options.to.empty()) {
      return UsageError("receipts are held against the whole list: leave out --from and --to");
    }
    auto read = ReadReceipts(options.against);
    if (!read.ok()) return read.status();
    receipts = *std::move(read);
  }
  const absl::Time now = absl::Now();
  policies::Report ignored;  // `vouch doctor` shows what is wrong there
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
  const absl::StatusOr<FoundPerson> person =
      FindPerson(*file, *catalog, options.person, now, console);
  if (!person.ok()) return person.status();

  server::ledger::PeriodKeys period_keys(file->keys + "/periods");
  oversight::PersonKeys keys(&period_keys, person->names);
  oversight::DisclosureSearch search(&keys, *from, *to);
  ReceiptComparison comparison(&receipts);
  LeavesOfLogs leaves;
  const auto extent =
      oversight::ReadLog(file->journal, [&](const oversight::LogEntry& entry) -> absl::Status {
        if (!options.proofs.empty()) {
          leaves[std::string(entry.log)].push_back(crypto::LeafHash(crypto::AsBytes(entry.entry)));
        }
        comparison.Visit(entry);
        return search.Visit(entry);
      });
  if (!extent.ok()) return extent.status();

  Accounting accounting;
  accounting.responder = file->agency;
  accounting.origin = extent->origin;
  for (const auto& log : extent->logs) accounting.logs.push_back(log.origin);
  accounting.first = extent->first;
  accounting.size = extent->size;
  accounting.made = now;
  accounting.from = *from;
  accounting.to = *to;
  accounting.read = extent->size - extent->first;
  accounting.lines = LinesOf(search.found(), catalog.get());
  accounting.gaps = ClosedMonths(search);
  accounting.gaps.insert(accounting.gaps.end(), person->gaps.begin(), person->gaps.end());
  const std::string gone = BeforeJournal(*extent);
  if (!gone.empty()) accounting.gaps.push_back(gone);
  for (const std::string& lost : DeclaredLosses(*extent)) accounting.gaps.push_back(lost);
  if (const std::string unknown = UnknownEntries(search); !unknown.empty()) {
    accounting.gaps.push_back(unknown);
  }
  for (const std::string& text : MissingTexts(search, *catalog, now)) {
    accounting.gaps.push_back(text);
  }

  if (!options.proofs.empty()) {
    if (extent->first > 0) {
      return absl::FailedPreconditionError(
          "proofs need the whole log, and this journal no longer has its beginning");
    }
    const auto written = WriteProofs(options.proofs, options.checkpoint, leaves, search.found());
    if (!written.ok()) return written.status();
    console->Note(absl::StrCat("Wrote ", *written, " entries and proofs to ", options.proofs, "."));
    if (*written < search.found().size()) {
      console->Note(
          absl::StrCat(search.found().size() - *written,
                       " lines are of other logs than the checkpoint; give a checkpoint of "
                       "each of those for theirs."));
    }
  }
  if (!options.html.empty()) {
    absl::Status written =
        crypto::ReplaceFile(options.html, accounting.Html(), /*is_private=*/true);
    if (!written.ok()) return written;
    console->Note(absl::StrCat("Wrote ", options.html,
                               "; any browser opens and prints it, without a network."));
  }
  if (!options.against.empty()) {
    const auto noted = period_keys.ErasedTags();
    if (!noted.ok()) return noted.status();
    std::set<oversight::Period> erased;
    for (const auto& one : *noted) {
      erased.insert({one.agreement_id, one.tag_period, one.retention_class});
    }
    const ReceiptFindings findings = comparison.Findings(search, erased, *extent);
    if (options.json) {
      console->SayJson({{"receipts", receipts.size()},
                        {"findings", findings.wrong},
                        {"cannot_tell", findings.untold},
                        {"not_included", accounting.gaps}});
    } else {
      for (const std::string& finding : findings.wrong) console->Say(finding);
      for (const std::string& finding : findings.untold) console->Say(finding);
      console->Say(absl::StrCat(
          receipts.size(), " receipts, ", findings.wrong.size(), " of them not as they must be",
          findings.untold.empty() ? ""
                                  : absl::StrCat(", and ", findings.untold.size(),
                                                 " of which nobody can tell any more"),
          "."));
      if (!accounting.gaps.empty()) console->Say("\nWhat the list does not hold");
      for (const std::string& gap : accounting.gaps) {
        console->Say(absl::StrCat("- ", explain::Visible(gap)));
      }
    }
    return findings.wrong.empty() ? Exit::kFine : Exit::kFindings;
  }
  if (options.json) {
    console->Say(accounting.ToJson().dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (options.html.empty()) {
    console->Say(accounting.Text());
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerDisclosuresCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<DisclosuresOptions>();
  CLI::App* command = ledger->add_subcommand(
      "disclosures", "Everything that was disclosed about one person, and to whom");
  AddNodeOption(command, &options->node);
  AddPersonOptions(command, &options->person);
  command->add_option("--from", options->from, "The first day (UTC)");
  command->add_option("--to", options->to, "The last day (UTC)");
  command->add_option("--html", options->html,
                      "Write one page for browser and printer to this file");
  command->add_flag("--json", options->json, "Print the list for programs");
  command->add_option("--proofs", options->proofs,
                      "Write each entry and the proof of its place in the ledger into this folder");
  command->add_option("--checkpoint", options->checkpoint,
                      "The checkpoint to prove them under: the file of that name in an export");
  command->add_option("--against", options->against,
                      "Hold a requester's saved receipts about this person against the ledger "
                      "instead: JSON lines, as `vouch ask --json` prints them");
  command->footer(
      "On the answering agency's own machine, as the user the node runs as; the node may go on "
      "running.\nExit codes: 0 done, 1 receipts that are not as they must be; those of erased "
      "months\nand pruned entries are no finding, nobody can tell any more; 3 something is missing "
      "or damaged.\n"
      "Example:\n  vouch ledger disclosures --node ./irs --person - --html list.html < "
      "person.json");
  command->callback(
      [options, console] { console->Run([&] { return Disclosures(*options, console); }); });
}

}  // namespace vouch::client
