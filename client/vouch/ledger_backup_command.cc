#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/vouch/ledger_backup.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "crypto/digest.h"
#include "crypto/secret.h"
#include "server/journal/journal_copy.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"

namespace vouch::client {
namespace {

namespace fs = std::filesystem;
namespace node = server::node;

struct BackupOptions {
  std::string folder;
  std::string output;
  bool with_keys = false;
  bool json = false;
};

// A backup being made: gone unless it was finished.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  ~Unfinished() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Unfinished(const Unfinished&) = delete;
  void Finished() { path_.clear(); }

 private:
  std::string path_;
};

// What crypto::ReplaceFile writes beside a file before it takes its place: comes and goes, and is
// no file of anybody's.
bool IsBeingWritten(const std::string& name) {
  constexpr absl::string_view kMark = ".new-";
  constexpr size_t kLetters = 6;
  return name.size() > kMark.size() + kLetters &&
         name.compare(name.size() - kLetters - kMark.size(), kMark.size(), kMark.data()) == 0;
}

// A copy that lies within what is copied would be copied too, and so on; and one in the journal's
// folder goes where that goes.
absl::Status CheckPlace(const std::string& output, const node::NodeFile& file) {
  std::error_code error;
  const std::string place = fs::weakly_canonical(fs::absolute(output), error).string();
  for (const std::string& folder : {file.keys, file.journal}) {
    const std::string within = absl::StrCat(fs::weakly_canonical(folder, error).string(), "/");
    if (error || absl::StartsWith(place, within)) {
      return absl::FailedPreconditionError(absl::StrCat(
          output, " lies within ", folder, "; name a folder that is no part of what is backed up"));
    }
  }
  return absl::OkStatus();
}

// Every ordinary file below `keys`, wherever links lead, but for the mark of what was signed: put
// back together with the journal, it would show nothing. FailedPrecondition for a link to nothing,
// and for one in a circle: a backup that lacks keys without a word is none.
absl::Status CopyKeys(const node::NodeFile& file, const std::string& to,
                      std::vector<BackupFile>* files) {
  std::error_code error;
  const std::string mark = fs::weakly_canonical(file.high_water, error).string();
  std::string keys = file.keys;
  while (keys.size() > 1 && keys.back() == '/') keys.pop_back();
  if (absl::Status made = node::CreateFolder(to, 0700); !made.ok()) return made;
  std::vector<std::string> made_folders = {to};
  std::set<std::string> seen = {fs::canonical(keys, error).string()};
  for (auto one = fs::recursive_directory_iterator(
           keys, fs::directory_options::follow_directory_symlink, error);
       !error && one != fs::recursive_directory_iterator(); one.increment(error)) {
    const fs::path path = one->path();
    if (IsBeingWritten(path.filename().string())) {
      one.disable_recursion_pending();
      continue;
    }
    const std::string below = path.lexically_relative(keys).string();
    const std::string place = absl::StrCat(to, "/", below);
    std::error_code about;
    const fs::file_status status = fs::status(path, about);
    if (fs::is_directory(status)) {
      if (!seen.insert(fs::canonical(path, about).string()).second || about) {
        return absl::FailedPreconditionError(absl::StrCat(
            path.string(), " leads to a folder that is copied already; take the link away"));
      }
      if (absl::Status made = node::CreateFolder(place, 0700); !made.ok()) return made;
      made_folders.push_back(place);
      continue;
    }
    if (!fs::is_regular_file(status)) {
      if (fs::is_symlink(fs::symlink_status(path, about))) {
        return absl::FailedPreconditionError(absl::StrCat(
            path.string(), " is a link to nothing that can be copied; the backup would lack it"));
      }
      continue;
    }
    if (fs::weakly_canonical(path, about).string() == mark) continue;
    std::ifstream in(path, std::ios::binary);
    // A key that was destroyed, or a file that was replaced, since the folder was read.
    if (!in && !fs::exists(path, about)) continue;
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in) return absl::UnavailableError(absl::StrCat(path.string(), " cannot be read"));
    files->push_back(
        {absl::StrCat("keys/", below), bytes.size(), crypto::Hex(crypto::Sha256(bytes))});
    absl::Status written = WriteNewFile(place, bytes);
    crypto::Wipe(&bytes);
    if (!written.ok()) return written;
  }
  if (error) return absl::UnavailableError(absl::StrCat(file.keys, " cannot be read"));
  for (const std::string& folder : made_folders) {
    if (absl::Status synced = SyncFolder(folder); !synced.ok()) return synced;
  }
  return absl::OkStatus();
}

absl::StatusOr<Exit> Backup(const BackupOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  std::string output = options.output;
  while (output.size() > 1 && output.back() == '/') output.pop_back();
  if (node::Exists(output)) {
    return absl::AlreadyExistsError(
        absl::StrCat(output, " exists, and a backup never replaces anything; name a new folder"));
  }
  if (absl::Status good = CheckPlace(output, *file); !good.ok()) return good;
  std::error_code ignored;
  fs::create_directories(fs::absolute(output).parent_path(), ignored);
  std::string part = absl::StrCat(output, ".part-XXXXXX");
  if (mkdtemp(&part[0]) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat(output, ": nothing can be written beside it"));
  }
  Unfinished unfinished(part);

  const std::string journal = absl::StrCat(part, "/journal");
  if (absl::Status made = node::CreateFolder(journal, 0700); !made.ok()) return made;
  Progress progress(console, "copying commits");
  uint64_t copied_bytes = 0;
  const auto copy =
      server::journal::CopyJournal(file->journal, journal, [&](uint64_t done, uint64_t total) {
        progress.Show(done, total);
        copied_bytes = done;
      });
  if (!copy.ok()) return copy.status();
  progress.Finish(copied_bytes);
  std::vector<std::string> pruned;
  if (absl::Status kept = CopyPrunedSegments(file->journal, journal, &pruned); !kept.ok()) {
    return kept;
  }

  // From the copy: what cannot be read back is no backup.
  RootsAt none;
  const auto computed = RecomputeJournal(journal, &none, console);
  if (!computed.ok()) return computed.status();
  const crypto::Checkpoint* const head = &computed->head;
  const auto note = SignOwnCheckpoint(file->keys, *head);
  if (!note.ok()) return note.status();

  BackupManifest manifest;
  manifest.agency = file->agency;
  manifest.made = TimeText(absl::Now());
  manifest.checkpoint = *note;
  manifest.last_commit = copy->last_commit;
  for (const server::journal::CopiedFile& one : copy->files) {
    manifest.files.push_back(
        {absl::StrCat("journal/", one.name), one.bytes, crypto::Hex(one.digest)});
  }
  if (absl::Status kept = CopyMarked(file->journal, journal); !kept.ok()) return kept;
  std::vector<std::string> others = std::move(pruned);
  if (node::Exists(absl::StrCat(journal, "/", node::kMarked))) {
    others.emplace_back(node::kMarked);
  }
  for (const std::string& name : others) {
    std::ifstream in(absl::StrCat(journal, "/", name), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in) return absl::UnavailableError(absl::StrCat(name, " cannot be read back"));
    manifest.files.push_back(
        {absl::StrCat("journal/", name), bytes.size(), crypto::Hex(crypto::Sha256(bytes))});
  }
  if (options.with_keys) {
    const absl::Status keys = CopyKeys(*file, absl::StrCat(part, "/keys"), &manifest.files);
    if (!keys.ok()) return keys;
  }
  if (absl::Status checked = CheckFiles(part, manifest, console); !checked.ok()) return checked;
  const absl::Status written =
      WriteNewFile(absl::StrCat(part, "/", kManifestName), manifest.ToJson());
  if (!written.ok()) return written;
  // As everything else: read back as the restore will read it.
  if (const auto read = ReadManifest(part); !read.ok()) return read.status();
  if (absl::Status synced = SyncFolder(part); !synced.ok()) return synced;
  if (renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, output.c_str(), RENAME_NOREPLACE) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot name the backup ", output));
  }
  unfinished.Finished();
  const std::string parent = fs::absolute(output).parent_path().string();
  if (absl::Status synced = SyncFolder(parent); !synced.ok()) return synced;

  uint64_t bytes = 0;
  for (const BackupFile& one : manifest.files) bytes += one.bytes;
  if (options.json) {
    console->SayJson({{"folder", output},
                      {"origin", head->origin},
                      {"entries", head->size},
                      {"last_commit", manifest.last_commit},
                      {"files", manifest.files.size()},
                      {"bytes", bytes},
                      {"with_keys", options.with_keys}});
  } else {
    if (copy->files.front().name == "tables.image") {
      console->Note(
          "The journal was pruned: the backup also has its table image and the hashes of what is "
          "gone, and cannot be used without them.");
    }
    console->Say(absl::StrCat("Backed up ", head->origin, ", ", head->size,
                              head->size == 1 ? " entry, " : " entries, ", SizeText(bytes), ", to ",
                              output, "; it was read back, and its whole tree computed anew."));
  }
  if (options.with_keys) {
    console->Note(absl::StrCat(
        "THE KEYS OF THIS NODE ARE IN ", output,
        "/keys. Together with the journal they open everything: whoever has the folder can sign as "
        "this agency and read what is sealed. Keep it as you keep the keys; better, keep keys and "
        "journal apart."));
  } else {
    console->Note(absl::StrCat("The keys are not in it (", file->keys,
                               "); back them up apart from it. Without them it cannot be used."));
  }
  console->Note(absl::StrCat("Nor is the mark of what was signed (", file->high_water,
                             "): keep it on another path, and never put it back together with a "
                             "journal."));
  return Exit::kFine;
}

}  // namespace

void AddLedgerBackupCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App* command = ledger->add_subcommand(
      "backup", "Copies the journal, and with it the ledger, beside the running node");
  AddNodeOption(command, &options->folder);
  command->add_option("--output", options->output, "The folder to make")->required();
  command->add_flag("--with-keys", options->with_keys,
                    "Copy the keys folder too: then whoever has the backup has everything");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "Whole commits up to one that is on the disk, read back and computed anew, with a manifest\n"
      "and a checkpoint signed by the log's key. Run it as the user the node runs as. The folder\n"
      "gets its name when it is whole. docs/ledger.md, \"Restoring\".\n"
      "Exit codes: 0 backed up; 1 refused; 3 something is missing or damaged.\n"
      "Example:\n  vouch ledger backup --node ./irs --output /backup/irs-2027-01-31");
  command->callback(
      [options, console] { console->Run([&] { return Backup(*options, console); }); });
}

}  // namespace vouch::client
