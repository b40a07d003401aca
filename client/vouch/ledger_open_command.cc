#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/accounting.h"
#include "client/vouch/exported_logs.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_agreements.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/person_search.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/inspection_file.h"
#include "server/ledger/tree/static_layout.h"

namespace vouch::client {
namespace {

namespace node = server::node;
namespace oversight = server::ledger::oversight;

struct OpenOptions {
  std::string node;
  PersonChoice person;
  std::string output;
  std::string with;
  std::string log;
  std::string html;
  bool json = false;
};

// Every entry of an exported ledger, as its checkpoints say how many there are. Whether it is
// sound is for `vouch ledger verify` to say. `gaps`: a sentence for each log that was pruned.
absl::StatusOr<oversight::LogExtent> ReadFolder(const std::string& folder,
                                                const oversight::VisitEntry& visit,
                                                std::vector<std::string>* gaps) {
  const absl::StatusOr<std::vector<ExportedLog>> logs = ExportedLogsIn(folder);
  if (!logs.ok()) return logs.status();
  oversight::LogExtent extent;
  absl::Time before = absl::InfinitePast();
  for (const ExportedLog& exported : *logs) {
    const server::ledger::tree::FolderLog log(exported.folder);
    const crypto::Checkpoint& checkpoint = exported.checkpoint;
    extent.logs.push_back({checkpoint.origin, extent.size});
    extent.origin = checkpoint.origin;
    // What was pruned is of erased months, which no key opens.
    const uint64_t minimum = std::min(log.first_entry(), checkpoint.size);
    extent.size += minimum;
    if (minimum > 0) {
      gaps->push_back(absl::StrCat("the first ", minimum, " entries of ", checkpoint.origin,
                                   " were pruned: only their hashes are there, and nobody can "
                                   "tell any more whom they were about."));
    }
    for (uint64_t index = minimum; index < checkpoint.size;) {
      const uint64_t bundle = index / crypto::kTileWidth;
      const auto width =
          static_cast<uint32_t>(std::min<uint64_t>(crypto::kTileWidth, checkpoint.size - index));
      const auto entries = log.ReadBundle(bundle, width);
      if (!entries.ok()) return entries.status();
      for (const std::string& entry : *entries) {
        if (auto loss = crypto::ReadLossDeclared(entry); loss.ok()) {
          extent.losses.push_back({*std::move(loss), before});
        }
        if (const auto minute = crypto::MinuteOf(entry); minute.ok()) {
          before = absl::FromUnixSeconds(int64_t{*minute} * 60);
        }
        const oversight::LogEntry one = {extent.size++, entry, "", checkpoint.origin, index++};
        if (absl::Status seen = visit(one); !seen.ok()) return seen;
      }
    }
  }
  return extent;
}

absl::StatusOr<Exit> WriteKeys(const OpenOptions& options, Console* console) {
  if (options.node.empty()) return UsageError("--node is required");
  const absl::StatusOr<node::NodeFile> file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  policies::Report ignored;  // `vouch doctor` shows what is wrong there
  const std::shared_ptr<const policies::Catalog> catalog = ReadCatalog(*file, &ignored);
  const auto person = FindPerson(*file, *catalog, options.person, absl::Now(), console);
  if (!person.ok()) return person.status();
  if (person->named_on_record > 1) {
    return absl::FailedPreconditionError(
        "these ids are those of several records that are there now, and a file of keys is to open "
        "one person's entries; make a file for each");
  }
  server::ledger::PeriodKeys period_keys(file->keys + "/periods");
  oversight::PersonKeys keys(&period_keys, person->names);
  oversight::DisclosureSearch search(&keys);
  const auto extent = oversight::ReadLog(
      file->journal, [&](const oversight::LogEntry& entry) { return search.Visit(entry); });
  if (!extent.ok()) return extent.status();
  auto made = oversight::InspectionFile::Of(file->agency, extent->origin, search, &keys);
  if (!made.ok()) return made.status();
  made->gaps = ClosedMonths(search);
  made->gaps.insert(made->gaps.end(), person->gaps.begin(), person->gaps.end());
  if (const std::string unknown = UnknownEntries(search); !unknown.empty()) {
    made->gaps.push_back(unknown);
  }
  for (const std::string& text : MissingTexts(search, *catalog, absl::Now())) {
    made->gaps.push_back(text);
  }
  if (extent->first > 0) made->gaps.push_back(BeforeJournal(*extent));
  for (const std::string& lost : DeclaredLosses(*extent)) made->gaps.push_back(lost);
  absl::Status written = crypto::WritePrivateFile(options.output, made->ToJson());
  if (absl::IsAlreadyExists(written)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.output, " is there already, and is not overwritten"));
  }
  if (!written.ok()) return written;
  for (const std::string& gap : made->gaps) console->Note(gap);
  console->Say(absl::StrCat("Wrote ", options.output, ": ", made->keys.size(),
                            " keys that open one person's ", search.found().size(),
                            " entries and nobody else's. Hand it over as you would that person's "
                            "file."));
  return Exit::kFine;
}

absl::StatusOr<Exit> OpenWithKeys(const OpenOptions& options, Console* console) {
  if (options.log.empty() && options.node.empty()) {
    return UsageError("say which log: --log FOLDER of an export, or --node FOLDER");
  }
  const auto text = crypto::ReadPrivateFile(options.with);
  if (!text.ok()) return text.status();
  const auto given = oversight::InspectionFile::Read(*text);
  if (!given.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(options.with, " ", given.status().message()));
  }
  const std::unique_ptr<oversight::GivenKeys> keys = given->Keys();
  oversight::DisclosureSearch search(keys.get());
  uint64_t read = 0;
  std::vector<std::string> gaps;
  const oversight::VisitEntry visit = [&](const oversight::LogEntry& entry) {
    ++read;
    oversight::LogEntry whole = entry;
    const auto sealed = given->sealed.find(entry.index);
    if (whole.sealed.empty() && sealed != given->sealed.end()) whole.sealed = sealed->second;
    return search.Visit(whole);
  };
  absl::StatusOr<oversight::LogExtent> extent = absl::NotFoundError("");
  std::shared_ptr<const policies::Catalog> catalog;
  if (!options.log.empty()) {
    extent = ReadFolder(options.log, visit, &gaps);
  } else {
    const absl::StatusOr<node::NodeFile> file = OpenNode(options.node, console);
    if (!file.ok()) return file.status();
    policies::Report ignored;
    catalog = ReadCatalog(*file, &ignored);
    extent = oversight::ReadLog(file->journal, visit);
    if (extent.ok() && extent->first > 0) gaps.push_back(BeforeJournal(*extent));
  }
  if (!extent.ok()) return extent.status();
  // The log may have gone on under the names of later years since.
  if (std::none_of(extent->logs.begin(), extent->logs.end(),
                   [&](const auto& log) { return log.origin == given->origin; })) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.with, " is for the log ", given->origin, ", and this is ", extent->origin));
  }
  Accounting accounting;
  accounting.responder = given->responder;
  accounting.origin = extent->origin;
  for (const auto& log : extent->logs) accounting.logs.push_back(log.origin);
  accounting.first = extent->first;
  accounting.size = extent->size;
  accounting.made = absl::Now();
  accounting.read = read;
  accounting.lines = LinesOf(search.found(), catalog.get());
  accounting.gaps = std::move(gaps);
  for (const std::string& lost : DeclaredLosses(*extent)) accounting.gaps.push_back(lost);
  if (const std::string unknown = UnknownEntries(search); !unknown.empty()) {
    accounting.gaps.push_back(unknown);
  }
  // What the officer was told when the keys were looked for is for the inspector to know.
  for (const std::string& gap : given->gaps) {
    accounting.gaps.push_back(absl::StrCat("when the keys were made: ", gap));
  }
  for (const auto& [period, entries] : search.closed()) {
    accounting.gaps.push_back(absl::StrCat(
        period.agreement_id, ", ", oversight::MonthText(period.month),
        ": no key was handed over for it (", entries, " entries, whoever they are about)."));
  }
  accounting.gaps.emplace_back(
      "Entries younger than the file of keys are seen where the person was on record, and their "
      "outcomes only beside the node.");
  if (!options.html.empty()) {
    absl::Status written =
        crypto::ReplaceFile(options.html, accounting.Html(), /*is_private=*/true);
    if (!written.ok()) return written;
  }
  if (options.json) {
    console->Say(accounting.ToJson().dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (options.html.empty()) {
    console->Say(accounting.Text());
  }
  return Exit::kFine;
}

absl::StatusOr<Exit> Open(const OpenOptions& options, Console* console) {
  if (options.with.empty() == options.output.empty()) {
    return UsageError(
        "either make an inspector's keys with --output FILE, or use them with --with FILE");
  }
  return options.with.empty() ? WriteKeys(options, console) : OpenWithKeys(options, console);
}

}  // namespace

void AddLedgerOpenCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<OpenOptions>();
  CLI::App* command = ledger->add_subcommand(
      "open", "Gives an inspector the keys to one person's entries, and opens a log with them");
  // None is needed where an exported log is opened.
  AddNodeOption(command, &options->node)->required(false);
  AddPersonOptions(command, &options->person);
  command->add_option("--output", options->output, "Write the person's keys to this new file");
  command->add_option("--with", options->with, "Open a log with this file of keys");
  command->add_option("--log", options->log, "An exported log, in place of a node's");
  command->add_option("--html", options->html, "Write what was opened as a page to this file");
  command->add_flag("--json", options->json, "Print what was opened for programs");
  command->footer(
      "The file opens what the log holds about one person, of every agreement and month whose key "
      "is\nheld, and nothing about anybody else. It brings what lies sealed beside these entries, "
      "so that an\nexported log is enough.\n"
      "Example:\n  vouch ledger open --node ./irs --person - --output one.keys < person.json\n"
      "  vouch ledger open --with one.keys --log ./exported");
  command->callback([options, console] { console->Run([&] { return Open(*options, console); }); });
}

}  // namespace vouch::client
