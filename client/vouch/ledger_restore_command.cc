#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "client/vouch/ledger_backup.h"
#include "client/vouch/ledger_commands.h"
#include "client/vouch/node_folder.h"
#include "client/vouch/own_marks.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "server/journal/journal_copy.h"
#include "server/node/folders.h"
#include "server/node/ledger_keys.h"

namespace vouch::client {
namespace {

namespace fs = std::filesystem;
namespace node = server::node;

struct RestoreOptions {
  std::string backup;
  std::string folder;
  bool behind = false;
  bool json = false;
};

// What was signed or cosigned must be in what is put in place. OutOfRange when that does not reach
// it, FailedPrecondition when it is another history.
absl::Status HoldAgainst(const OwnMark& mark, const RecomputedJournal& journal,
                         const RootsAt& roots) {
  const crypto::Checkpoint& head = journal.head;
  const crypto::Checkpoint& seen = mark.checkpoint;
  const absl::optional<crypto::Digest>& root = roots.at({seen.origin, seen.size});
  if (root == seen.root) return absl::OkStatus();
  if (!root.has_value() && (seen.size == 0 || journal.IsLost(seen))) return absl::OkStatus();
  // No log of a node is ever forgotten: a journal that begins with a later one was begun anew.
  if (root.has_value() || crypto::LogBefore(seen.origin, journal.origins.front())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "nothing was changed: the backup is another history than the one of which ", mark.path,
        ", ", mark.what, ", holds a checkpoint of ", seen.origin, " with ", seen.size, " entries"));
  }
  return absl::OutOfRangeError(absl::StrCat(
      "nothing was changed: ", mark.path, ", ", mark.what, ", holds a checkpoint of ", seen.origin,
      " with ", seen.size, " entries, and the backup of ", head.size, " entries of ", head.origin,
      " does not reach it. With it in place, answers that were given would be denied, and partners "
      "would find out. Look for the disk the journal was on, or for a later backup. Only when it "
      "is certain that there is none: put it back with --behind, and then declare the loss (vouch "
      "ledger declare-loss); see docs/operations.md, \"Restore\""));
}

absl::StatusOr<Exit> Restore(const RestoreOptions& options, Console* console) {
  const auto file = OpenNode(options.folder, console);
  if (!file.ok()) return file.status();
  const absl::StatusOr<BackupManifest> manifest = ReadManifest(options.backup);
  if (!manifest.ok()) return manifest.status();
  if (manifest->agency != file->agency) {
    return absl::FailedPreconditionError(absl::StrCat(
        options.backup, " is a backup of ", manifest->agency, ", and this node is ", file->agency));
  }
  JournalLock lock;
  if (absl::Status held = lock.Take(file->journal); !held.ok()) return held;

  const absl::StatusOr<std::vector<OwnMark>> read_marks = ReadOwnMarks(*file);
  if (!read_marks.ok()) return read_marks.status();
  const std::vector<OwnMark>& marks = *read_marks;
  // The journal in place, as far as it can be read: it may be what is damaged.
  RootsAt none;
  const auto present = RecomputeJournal(file->journal, &none, console);
  // One that can be used, and only not computed: nothing shows that the backup reaches it.
  if (absl::IsFailedPrecondition(present.status())) return present.status();
  if (!present.ok() && !absl::IsNotFound(present.status())) {
    console->Note(
        absl::StrCat("the journal in place cannot be used: ", present.status().message()));
  }

  if (absl::Status whole = CheckFiles(options.backup, *manifest, console); !whole.ok()) {
    return whole;
  }
  // Beside the journal itself, were it a link to it: what takes its place must be on its file
  // system.
  std::error_code unresolved;
  const fs::path resolved = fs::weakly_canonical(file->journal, unresolved);
  const std::string place = unresolved ? file->journal : resolved.string();
  std::string fresh = absl::StrCat(place, ".restoring-XXXXXX");
  if (mkdtemp(&fresh[0]) == nullptr) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(file->journal, ": nothing can be written beside it"));
  }
  const auto give_up = [&](absl::Status why) {
    std::error_code ignored;
    fs::remove_all(fresh, ignored);
    return why;
  };
  Progress progress(console, "copying commits");
  const auto copy = server::journal::CopyJournal(
      absl::StrCat(options.backup, "/journal"), fresh,
      [&](uint64_t done, uint64_t total) { progress.Show(done, total); });
  if (!copy.ok()) return give_up(copy.status());
  std::vector<std::string> ignored_names;
  const absl::Status pruned =
      CopyPrunedSegments(absl::StrCat(options.backup, "/journal"), fresh, &ignored_names);
  if (!pruned.ok()) return give_up(pruned);
  RootsAt roots;
  for (const OwnMark& mark : marks) roots[{mark.checkpoint.origin, mark.checkpoint.size}] = {};
  if (present.ok()) roots[{present->head.origin, present->head.size}] = {};
  const auto computed = RecomputeJournal(fresh, &roots, console);
  if (!computed.ok()) return give_up(computed.status());
  const crypto::Checkpoint* const head = &computed->head;
  const auto signer = OwnLogSigner(file->keys, head->origin);
  if (!signer.ok()) return give_up(signer.status());
  const auto opened = crypto::OpenCheckpoint(manifest->checkpoint, {signer->verifier()});
  if (!opened.ok()) return give_up(opened.status());
  if (opened->checkpoint != *head || copy->last_commit != manifest->last_commit) {
    return give_up(absl::DataLossError(
        absl::StrCat(options.backup, " does not lead to the checkpoint that it was signed with")));
  }
  bool behind = false;
  for (const OwnMark& mark : marks) {
    const absl::Status held = HoldAgainst(mark, *computed, roots);
    if (held.ok()) continue;
    if (!options.behind || !absl::IsOutOfRange(held)) {
      return give_up(absl::FailedPreconditionError(held.message()));
    }
    behind = true;
  }
  if (present.ok() && present->head.size > 0) {
    const crypto::Checkpoint& in_place = present->head;
    if (in_place.origin != head->origin ? crypto::LogBefore(head->origin, in_place.origin)
                                        : in_place.size > head->size) {
      return give_up(absl::FailedPreconditionError(absl::StrCat(
          "nothing was changed: the journal in place has ", in_place.size, " entries of ",
          in_place.origin, ", and the backup only ", head->size, " of ", head->origin)));
    }
    const absl::optional<crypto::Digest>& root = roots.at({in_place.origin, in_place.size});
    if (root != in_place.root && (root.has_value() || !computed->IsLost(in_place))) {
      return give_up(absl::FailedPreconditionError(absl::StrCat(
          "nothing was changed: the journal in place is another history than the backup. When it "
          "is certain that it is wrong, move ",
          file->journal, " away yourself, and make an empty folder of mode 700 in its place")));
    }
  }

  for (const std::string& from : {absl::StrCat(options.backup, "/journal"), file->journal}) {
    if (absl::Status kept = CopyMarked(from, fresh); !kept.ok()) return give_up(kept);
  }
  // No node takes the new one up before it is in its place.
  JournalLock fresh_lock;
  if (absl::Status held = fresh_lock.Take(fresh); !held.ok()) return give_up(held);
  if (absl::Status synced = SyncFolder(fresh); !synced.ok()) return give_up(synced);
  // At once: whatever happens, there is the old journal or the new one, whole.
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) != 0) {
    return give_up(absl::ErrnoToStatus(
        errno, absl::StrCat("nothing was changed: ", file->journal,
                            " cannot be exchanged with a folder beside it (it must not be a mount "
                            "point, and the file system must know renameat2)")));
  }
  const std::string parent = fs::path(place).parent_path().string();
  if (absl::Status synced = SyncFolder(parent); !synced.ok()) return synced;
  std::string before = absl::StrCat(
      place, ".before-", absl::FormatTime("%Y%m%dT%H%M%SZ", absl::Now(), absl::UTCTimeZone()));
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, before.c_str(), RENAME_NOREPLACE) != 0) {
    before = fresh;
  }
  if (options.json) {
    console->SayJson({{"journal", file->journal},
                      {"origin", head->origin},
                      {"entries", head->size},
                      {"before", before},
                      {"behind", behind},
                      {"marks", marks.size()}});
  } else {
    console->Say(absl::StrCat("Put in place: ", head->origin, ", ", head->size,
                              head->size == 1 ? " entry" : " entries", ", as backed up on ",
                              manifest->made, ". What was there is kept in ", before,
                              behind ? ". It is behind what was signed."
                                     : ". Start the node: it makes its tables and tiles from the "
                                       "commits."));
  }
  if (behind) {
    console->Note(absl::StrCat(
        "The node will not start with it: answers that were given since are not in it, and charges "
        "are missing. When it is certain that the later journal is lost for good, declare that: "
        "vouch ledger declare-loss --node ",
        options.folder));
  }
  if (marks.empty()) {
    console->Note(
        "Neither the mark of what was signed nor anything that partners cosigned was there, so "
        "nothing shows that this is the latest journal.");
  }
  if (!node::Exists(file->high_water) &&
      node::Exists(absl::StrCat(file->journal, "/", node::kMarked))) {
    console->Note(absl::StrCat(
        "The mark of what was signed, ", file->high_water,
        ", is not there, and the node does not start without it. Bring it back from where it was "
        "copied to; where it is lost for good and this is certain to be the latest journal, start "
        "once with vouchd --without-high-water."));
  }
  return Exit::kFine;
}

}  // namespace

void AddLedgerRestoreCommand(CLI::App* ledger, Console* console) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command = ledger->add_subcommand(
      "restore", "Puts a backup of the journal in place, while the node is stopped");
  command->add_option("backup", options->backup, "A folder of `vouch ledger backup`")->required();
  AddNodeOption(command, &options->folder);
  command->add_flag("--behind", options->behind,
                    "Put it back although it does not reach what was signed, because the later "
                    "journal is lost for good; the node then starts only after `vouch ledger "
                    "declare-loss`");
  command->add_flag("--json", options->json, "Print facts for programs");
  command->footer(
      "Checks the manifest, computes the whole tree anew, and refuses what does not reach the\n"
      "journal in place, the mark of what was signed, or what partners cosigned. Keys are put "
      "back\n"
      "by hand, before. What was in place is kept beside it. Killed at any moment, it leaves the\n"
      "old journal or the new one, whole; a folder JOURNAL.restoring-... may go once the node "
      "runs.\n"
      "Exit codes: 0 in place; 1 refused; 3 something is missing or damaged.\n"
      "Example:\n  vouch ledger restore /backup/irs-2027-01-31 --node ./irs");
  command->callback(
      [options, console] { console->Run([&] { return Restore(*options, console); }); });
}

}  // namespace vouch::client
