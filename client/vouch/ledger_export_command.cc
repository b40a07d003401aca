#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/vouch/ledger_backup.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "crypto/base64.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
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

absl::StatusOr<Exit> Export(const ExportOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<journal::WrittenEntries>> entries =
      journal::WrittenEntries::Open(file->journal);
  if (!entries.ok()) return entries.status();
  const crypto::CompactRange& head = (*entries)->range();
  const crypto::Checkpoint checkpoint{(*entries)->origin(), head.size(), head.Root()};
  const absl::StatusOr<crypto::NoteSigner> signer = OwnLogSigner(file->keys, checkpoint.origin);
  if (!signer.ok()) return signer.status();

  absl::StatusOr<std::unique_ptr<ScratchFolder>> scratch = ScratchFolder::Beside(options.output);
  if (!scratch.ok()) return scratch.status();
  Progress progress(console, "reading entries");
  tree::TileStoreOptions store_options;
  store_options.folder = (*scratch)->path();
  store_options.origin = checkpoint.origin;
  store_options.entries = [&](uint64_t first, uint32_t count) {
    progress.Show(first, head.size());
    return (*entries)->Read(first, count);
  };
  const auto log = tree::TileStore::Open(std::move(store_options), head);
  if (!log.ok()) return log.status();
  progress.Finish(head.size());
  if (absl::Status earlier = CheckEarlier(options.output, checkpoint, signer->verifier(), **log);
      !earlier.ok()) {
    return earlier;
  }
  const crypto::NoteSigner* const signers[] = {&*signer};
  const absl::StatusOr<std::string> note = crypto::SignCheckpoint(checkpoint, signers);
  if (!note.ok()) return note.status();
  console->Note(absl::StrCat("writing ", options.output));
  if (absl::Status written = tree::ExportLog(**log, *note, options.output, {!options.hashes_only});
      !written.ok()) {
    return written;
  }
  const std::string key = signer->verifier().ToString();
  if (options.json) {
    console->SayJson({{"folder", options.output},
                      {"origin", checkpoint.origin},
                      {"entries", checkpoint.size},
                      {"root", crypto::Base64(checkpoint.root)},
                      {"hashes_only", options.hashes_only},
                      {"key", key}});
    return Exit::kFine;
  }
  console->Say(absl::StrCat(
      "Wrote ", checkpoint.origin, ", ", checkpoint.size,
      checkpoint.size == 1 ? " entry" : " entries",
      options.hashes_only ? " as hash tiles alone" : "", ", to ", options.output,
      ".\nWhoever has the folder checks it with\n  vouch ledger verify ", options.output,
      " --key '", key, "'\nand asks ", file->agency, " by another way whether that is its key."));
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
      "Layout: c2sp.org/tlog-tiles; docs/ledger.md. Exit codes: 0 written; 1 refused; 3 something\n"
      "is missing or damaged.\n"
      "Example:\n  vouch ledger export --node ./irs --output ledger-of-irs --hashes-only");
  command->callback(
      [options, console] { console->Run([&] { return Export(*options, console); }); });
}

}  // namespace vouch::client
