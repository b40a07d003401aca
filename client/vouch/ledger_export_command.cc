#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/vouch/exported_logs.h"
#include "client/vouch/ledger_backup.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "crypto/base64.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "server/journal/written_entries.h"
#include "server/ledger/tree/static_layout.h"
#include "server/ledger/tree/tile_store.h"

namespace vouch::client {
namespace {

namespace journal = server::journal;
namespace tree = server::ledger::tree;

struct ExportOptions {
  std::string folder;
  std::string output;
  bool hashes_only = false;
  bool json = false;
};

// A folder that goes when it is no longer needed.
class ScratchFolder {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchFolder>> Beside(std::string place) {
    while (place.size() > 1 && place.back() == '/') place.pop_back();
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(place).parent_path(), ignored);
    std::string path = absl::StrCat(place, ".tree-XXXXXX");
    if (mkdtemp(&path[0]) == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat(place, ": nothing can be written beside it"));
    }
    return std::make_unique<ScratchFolder>(path);
  }
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  ScratchFolder(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// What was exported there before must be the beginning of this log: full tiles stay as they are.
absl::Status CheckEarlier(const std::string& output, const crypto::Checkpoint& now,
                          const crypto::NoteVerifier& key, const tree::TileStore& log) {
  const absl::StatusOr<std::string> note = tree::FolderLog(output).ReadCheckpointNote();
  if (absl::IsNotFound(note.status())) return absl::OkStatus();
  const absl::StatusOr<crypto::VerifiedCheckpoint> earlier =
      crypto::OpenCheckpoint(*note, absl::MakeConstSpan(&key, 1));
  if (!earlier.ok() || earlier->checkpoint.origin != now.origin) {
    return absl::FailedPreconditionError(
        absl::StrCat(output, " holds something else than ", now.origin, "; name a new folder"));
  }
  const uint64_t size = earlier->checkpoint.size;
  if (size <= now.size) {
    const absl::StatusOr<crypto::CompactRange> range = crypto::RangeFromTiles(log, size);
    if (!range.ok()) return range.status();
    if (range->Root() == earlier->checkpoint.root) return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      output, " holds a checkpoint of ", size,
      " entries that this node signed, and its journal of ", now.size,
      " entries does not go on from it: the journal was put back to an earlier state, or changed. "
      "Keep both, and nothing in ",
      output, " was touched"));
}

// What each log comes to: the last as it is being written, those before as the next one says.
absl::StatusOr<std::vector<crypto::Checkpoint>> HeadsOf(journal::WrittenEntries* entries) {
  std::vector<crypto::Checkpoint> heads;
  const std::vector<journal::LogSpan>& logs = entries->logs();
  for (size_t i = 0; i + 1 < logs.size(); ++i) {
    const auto first = entries->Read(logs[i + 1].first, 1);
    if (!first.ok()) return first.status();
    const auto opened = crypto::ReadLogBegun(first->front());
    if (!opened.ok() || opened->closed.origin != logs[i].origin) {
      return absl::DataLossError(absl::StrCat("the journal's log ", logs[i + 1].origin,
                                              " does not go on from ", logs[i].origin));
    }
    heads.push_back(opened->closed);
  }
  heads.push_back({logs.back().origin, entries->range().size(), entries->range().Root()});
  return heads;
}

struct Exported {
  std::string folder;
  crypto::Checkpoint checkpoint;
  std::string key;
};

absl::StatusOr<Exported> ExportOne(const ExportOptions& options, const server::node::NodeFile& file,
                                   journal::WrittenEntries* entries, size_t log,
                                   const crypto::Checkpoint& checkpoint, Console* console) {
  const absl::StatusOr<crypto::NoteSigner> signer = OwnLogSigner(file.keys, checkpoint.origin);
  if (!signer.ok()) return signer.status();
  Exported exported;
  exported.folder = ExportFolderOf(options.output, checkpoint.origin, log == 0);
  exported.checkpoint = checkpoint;
  exported.key = signer->verifier().ToString();
  absl::StatusOr<std::unique_ptr<ScratchFolder>> scratch = ScratchFolder::Beside(options.output);
  if (!scratch.ok()) return scratch.status();
  Progress progress(console, "reading entries");
  tree::TileStoreOptions store_options;
  store_options.folder = (*scratch)->path();
  store_options.origin = checkpoint.origin;
  const uint64_t position = entries->logs()[log].first;
  store_options.entries = [&, position](uint64_t first, uint32_t count) {
    progress.Show(first, checkpoint.size);
    return entries->Read(position + first, count);
  };
  // What the journal no longer has, the node's own tree has as hashes.
  const absl::Status pruned =
      tree::CopyPruned(tree::LogFolder(file.journal + "/tree", checkpoint.origin, position == 0),
                       checkpoint.origin, store_options.folder);
  if (!pruned.ok()) return pruned;
  const auto store =
      tree::TileStore::Open(std::move(store_options), checkpoint.size, checkpoint.root);
  if (!store.ok()) return store.status();
  progress.Finish(checkpoint.size);
  if (absl::Status earlier = CheckEarlier(exported.folder, checkpoint, signer->verifier(), **store);
      !earlier.ok()) {
    return earlier;
  }
  const absl::StatusOr<std::string> note = SignOwnCheckpoint(file.keys, checkpoint);
  if (!note.ok()) return note.status();
  console->Note(absl::StrCat("writing ", exported.folder));
  if (absl::Status written =
          tree::ExportLog(**store, *note, exported.folder, {!options.hashes_only});
      !written.ok()) {
    return written;
  }
  return exported;
}

absl::StatusOr<Exit> Export(const ExportOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<journal::WrittenEntries>> entries =
      journal::WrittenEntries::Open(file->journal);
  if (!entries.ok()) return entries.status();
  const auto heads = HeadsOf(entries->get());
  if (!heads.ok()) return heads.status();
  std::vector<Exported> logs;
  for (size_t i = 0; i < heads->size(); ++i) {
    auto exported = ExportOne(options, *file, entries->get(), i, (*heads)[i], console);
    if (!exported.ok()) return exported.status();
    logs.push_back(*std::move(exported));
  }
  const Exported& newest = logs.back();
  if (options.json) {
    nlohmann::json facts = {
        {"folder", options.output},           {"origin", newest.checkpoint.origin},
        {"entries", newest.checkpoint.size},  {"root", crypto::Base64(newest.checkpoint.root)},
        {"hashes_only", options.hashes_only}, {"key", newest.key}};
    facts["logs"] = nlohmann::json::array();
    for (const Exported& log : logs) {
      facts["logs"].push_back({{"folder", log.folder},
                               {"origin", log.checkpoint.origin},
                               {"entries", log.checkpoint.size},
                               {"root", crypto::Base64(log.checkpoint.root)},
                               {"key", log.key}});
    }
    console->SayJson(facts);
    return Exit::kFine;
  }
  for (const Exported& log : logs) {
    console->Say(absl::StrCat("Wrote ", log.checkpoint.origin, ", ", log.checkpoint.size,
                              log.checkpoint.size == 1 ? " entry" : " entries",
                              options.hashes_only ? " as hash tiles alone" : "", ", to ",
                              log.folder, "."));
  }
  console->Say(absl::StrCat("Whoever has the folder checks it with\n  vouch ledger verify ",
                            options.output, " --key '", newest.key, "'\nand asks ", file->agency,
                            " by another way whether that is its key",
                            logs.size() > 1 ? ", which signs all its logs." : "."));
  if (!options.hashes_only) {
    console->Say(
        "The bundles below tile/entries are for the entries' own requesters and for oversight; "
        "give "
        "others an export with --hashes-only.");
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerExportCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = ledger->add_subcommand(
      "export", "Writes the ledger as static files that public tools verify");
  AddNodeOption(command, &options->folder);
  command->add_option("--output", options->output, "The folder to write; one written before grows")
      ->required();
  command->add_flag("--hashes-only", options->hashes_only,
                    "Leave the entries out: hash tiles say nothing but how many there are");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "The node may run meanwhile. Needs the log's key, so run it as the user the node runs as.\n"
      "One folder a log: the first in DIR itself, later years' below it.\n"
      "Layout: c2sp.org/tlog-tiles; docs/ledger.md. Exit codes: 0 written; 1 refused; 3 something\n"
      "is missing or damaged.\n"
      "Example:\n  vouch ledger export --node ./irs --output ledger-of-irs --hashes-only");
  command->callback(
      [options, console] { console->Run([&] { return Export(*options, console); }); });
}

}  // namespace vouch::client
