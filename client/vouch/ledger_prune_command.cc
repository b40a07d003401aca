#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "crypto/checkpoint.h"
#include "crypto/log_entry.h"
#include "server/journal/journal.h"
#include "server/journal/written_entries.h"
#include "server/ledger/oversight/pruning.h"
#include "server/ledger/tree/segment_file.h"
#include "server/ledger/tree/tile_store.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace journal = server::journal;
namespace ledger = server::ledger;
namespace oversight = server::ledger::oversight;
namespace tree = server::ledger::tree;

struct PruneOptions {
  std::string node;
  bool yes = false;
  bool json = false;
};

// What came of one log.
struct PrunedLog {
  std::string origin;
  oversight::Pruned pruned;
};

absl::StatusOr<std::unique_ptr<journal::Journal>> OpenStopped(const server::node::NodeFile& file) {
  const absl::Status began = journal::WrittenEntries::Open(file.journal).status();
  if (absl::IsNotFound(began) || !server::node::Exists(file.journal)) {
    return absl::NotFoundError(
        absl::StrCat(file.journal, " holds no journal: this node was never started"));
  }
  // Opening it writes to it.
  if (absl::Status own = CheckOwner(file.journal); !own.ok()) return own;
  journal::JournalOptions options;
  options.folder = file.journal;
  options.origin = absl::StrCat(file.agency, "/ledger/",
                                absl::ToCivilYear(absl::Now(), absl::UTCTimeZone()).year());
  auto opened = journal::OpenFileJournal(options);
  if (absl::IsFailedPrecondition(opened.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(opened.status().message(), ". Pruning is done while the node is stopped"));
  }
  return opened;
}

// What a log came to: as the next one says, or as it is now.
absl::StatusOr<crypto::Checkpoint> EndOf(const journal::Journal& node, size_t log) {
  const std::vector<journal::LogSpan> logs = node.logs();
  if (log + 1 == logs.size()) {
    const journal::Head head = node.head();
    return crypto::Checkpoint{head.origin, head.tree_size, head.range.Root()};
  }
  const auto first = node.ReadEntries(logs[log + 1].first, 1);
  if (!first.ok()) return first.status();
  const absl::StatusOr<crypto::LogOpened> opened = crypto::ReadLogBegun(first->front());
  return opened.ok() ? absl::StatusOr<crypto::Checkpoint>(opened->closed) : opened.status();
}

// That the closed segments are of this journal's entries. Which entries may go is read from the
// segments; what goes is the journal's, and there is no other copy.
absl::Status CheckSegments(const journal::Journal& node, size_t log, const std::string& folder) {
  const journal::LogSpan span = node.logs()[log];
  if (!server::node::Exists(tree::SegmentPath(folder, 0))) return absl::OkStatus();
  const absl::StatusOr<crypto::Checkpoint> end = EndOf(node, log);
  if (!end.ok()) return end.status();
  tree::TileStoreOptions options;
  options.folder = folder;
  options.origin = span.origin;
  options.entries = [&node, first = span.first](uint64_t index, uint32_t count) {
    return node.ReadEntries(first + index, count);
  };
  const absl::Status held =
      tree::TileStore::Open(std::move(options), end->size, end->root).status();
  if (!absl::IsDataLoss(held)) return held;
  return absl::DataLossError(absl::StrCat("nothing more was dropped: ", held.message()));
}

// Every log from the oldest on, as far as each is pruned to its end.
absl::StatusOr<std::vector<PrunedLog>> PruneLogs(const PruneOptions& options,
                                                 const server::node::NodeFile& file,
                                                 const journal::Journal& node, Console* console,
                                                 uint64_t* minimum) {
  const ledger::PeriodKeys keys(file.keys + "/periods");
  const std::vector<journal::LogSpan> logs = node.logs();
  std::vector<PrunedLog> all;
  Progress progress(console, options.yes ? "pruning" : "looking");
  for (size_t i = 0; i < logs.size(); ++i) {
    const uint64_t end = i + 1 < logs.size() ? logs[i + 1].first : node.head().end();
    oversight::PruneRules rules;
    rules.folder = tree::LogFolder(file.journal + "/tree", logs[i].origin, logs[i].first == 0);
    rules.origin = logs[i].origin;
    if (options.yes) {
      const absl::Status checked = CheckSegments(node, i, rules.folder);
      if (!checked.ok()) return checked;
    }
    rules.write = options.yes;
    rules.progress = [&](uint64_t entries) {
      progress.Show(logs[i].first + entries, node.head().end());
    };
    absl::StatusOr<oversight::Pruned> pruned = oversight::PruneLog(keys, rules);
    if (!pruned.ok()) return pruned.status();
    *minimum = logs[i].first + pruned->minimum;
    all.push_back({logs[i].origin, *std::move(pruned)});
    if (*minimum < end) break;
  }
  progress.Finish(*minimum);
  return all;
}

std::string LineOf(const PrunedLog& log, bool written) {
  const oversight::Pruned& pruned = log.pruned;
  std::string line = log.origin;
  if (pruned.segments > 0) {
    absl::StrAppend(&line, ": ", pruned.dropped, written ? " entries were" : " entries may be",
                    " dropped; the published minimum ", written ? "is" : "would be", " entry ",
                    pruned.minimum);
  } else {
    absl::StrAppend(&line, ": nothing ", written ? "was" : "is", " to be dropped; the published ",
                    "minimum is entry ", pruned.minimum);
  }
  if (!pruned.stopped_by.empty()) absl::StrAppend(&line, ". No further: ", pruned.stopped_by);
  return absl::StrCat(line, ".");
}

absl::StatusOr<Exit> Prune(const PruneOptions& options, Console* console) {
  const auto file = OpenNode(options.node, console);
  if (!file.ok()) return file.status();
  const auto node = OpenStopped(*file);
  if (!node.ok()) return node.status();
  uint64_t minimum = 0;
  const auto all = PruneLogs(options, *file, **node, console, &minimum);
  if (!all.ok()) return all.status();
  uint64_t dropped = 0;
  for (const PrunedLog& log : *all) dropped += log.pruned.dropped;
  // The tree first: a run that is cut short between the two leaves entries that are there once more
  // than they need be, and the next run takes them away.
  if (options.yes && minimum > 0) {
    const absl::StatusOr<uint64_t> first = (*node)->Prune(minimum);
    if (!first.ok()) return first.status();
  }
  if (options.json) {
    nlohmann::json logs = nlohmann::json::array();
    for (const PrunedLog& log : *all) {
      logs.push_back({{"origin", log.origin},
                      {"minimum_index", log.pruned.minimum},
                      {"segments", log.pruned.segments},
                      {"dropped", log.pruned.dropped},
                      {"stopped_by", log.pruned.stopped_by}});
    }
    console->SayJson({{"pruned", options.yes}, {"logs", std::move(logs)}});
    return Exit::kFine;
  }
  for (const PrunedLog& log : *all) console->Say(LineOf(log, options.yes));
  if (!options.yes && dropped > 0) {
    console->Say(
        "--yes drops them for good. Hashes, proofs and checkpoints stay, and so do entries about "
        "nobody.");
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerPruneCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<PruneOptions>();
  CLI::App* command = ledger->add_subcommand(
      "prune", "Drops the entries of erased months: their hashes stay, and every proof with them");
  AddNodeOption(command, &options->node);
  command->add_flag("--yes", options->yes, "Drop them; without it, what would be is said");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "While the node is stopped. Goes from the oldest entry on in closed segments of 65,536, as "
      "far as every\nentry about a person is of a month that `vouch ledger erase` ended. Receipts "
      "and exports that others\nhold verify as before. Exit codes: 0 done; 1 refused; 3 something "
      "is missing or damaged.\n"
      "Example:\n  vouch ledger prune --node ./irs --yes");
  command->callback([options, console] { console->Run([&] { return Prune(*options, console); }); });
}

}  // namespace vouch::client
