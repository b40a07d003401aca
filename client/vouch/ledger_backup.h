// What a backup of a node's journal holds, as `vouch ledger backup` writes it and `vouch ledger
// restore` reads it. docs/ledger.md, "Restoring".
#ifndef VOUCH_CLIENT_VOUCH_LEDGER_BACKUP_H_
#define VOUCH_CLIENT_VOUCH_LEDGER_BACKUP_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/vouch/console.h"
#include "crypto/checkpoint.h"
#include "crypto/log_entry.h"
#include "crypto/note.h"

namespace vouch::client {

struct BackupFile {
  std::string name;  // below the backup: "journal/commits-00000000000000000001.log"
  uint64_t bytes = 0;
  std::string sha256;  // 64 hexadecimal digits
};

struct BackupManifest {
  std::string agency;
  std::string made;        // "2027-01-01T00:00:00Z"
  std::string checkpoint;  // the note of the log's head, signed by its key
  uint64_t last_commit = 0;
  std::vector<BackupFile> files;

  std::string ToJson() const;
};
inline constexpr char kManifestName[] = "manifest.json";

// The backup's manifest. NotFound when the folder is none; InvalidArgument when it is malformed.
absl::StatusOr<BackupManifest> ReadManifest(const std::string& folder);
// DataLoss names the first file that is missing, or whose bytes are not those of the manifest.
absl::Status CheckFiles(const std::string& folder, const BackupManifest& manifest,
                        Console* console);

// The signer of a node's own log, from its keys folder.
absl::StatusOr<crypto::NoteSigner> OwnLogSigner(const std::string& keys, const std::string& origin);
// A checkpoint of it, signed as the node signs: with both keys, where there are two.
absl::StatusOr<std::string> SignOwnCheckpoint(const std::string& keys,
                                              const crypto::Checkpoint& checkpoint);

// Roots of logs, by origin and size; none where a journal has no such.
using RootsAt = std::map<std::pair<std::string, uint64_t>, absl::optional<crypto::Digest>>;
struct RecomputedJournal {
  crypto::Checkpoint head;           // of the log that is being written
  std::vector<std::string> origins;  // of all logs, oldest first
  std::vector<crypto::LossDeclared> losses;

  // Whether a loss that it declares says that this checkpoint was signed, and is lost.
  bool IsLost(const crypto::Checkpoint& seen) const;
};
// Computes the logs anew from a journal's commits and, of what was pruned, from the hashes that
// stay in its closed segments; and the roots that are asked for. DataLoss when they do not give the
// root that the commits say, or one log does not go on from the other; FailedPrecondition when
// hashes of what was pruned are missing.
absl::StatusOr<RecomputedJournal> RecomputeJournal(const std::string& folder, RootsAt* roots_at,
                                                   Console* console);

// Where the journal in `from` says that this node has written a mark of what it signed (a node does
// not start without its mark then), the one in `to` says so as well.
absl::Status CopyMarked(const std::string& from, const std::string& to);

// Copies the closed segments that were pruned from one journal's folder into another's, synced.
// Names of the files, below `to`, are added to `names`.
absl::Status CopyPrunedSegments(const std::string& from, const std::string& to,
                                std::vector<std::string>* names);

// Bytes into a new file of mode 0600, synced.
absl::Status WriteNewFile(const std::string& path, absl::string_view bytes);
absl::Status SyncFolder(const std::string& path);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LEDGER_BACKUP_H_
