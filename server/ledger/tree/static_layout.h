// A whole log as static files (c2sp.org/tlog-tiles): checkpoint, tile/<L>/<N>[.p/<W>] and
// tile/entries/<N>[.p/<W>], as any web server can serve them and any tool verify them. Of a log
// that was pruned also `minimum-index`, a decimal number and a newline: bundles below it are not
// there; and of its first and last entry, where they lie below, `kept/<index>`, their bytes.
#ifndef VOUCH_SERVER_LEDGER_TREE_STATIC_LAYOUT_H_
#define VOUCH_SERVER_LEDGER_TREE_STATIC_LAYOUT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/checkpoint.h"
#include "crypto/note.h"
#include "crypto/tiles.h"

namespace vouch::server::ledger::tree {

struct ExportOptions {
  // False: hash tiles alone, which say nothing but how many entries there are.
  bool entries = true;
};

// Writes the log as of a checkpoint into `folder`, made when missing, the checkpoint last, when all
// else is on the disk: a reader beside it, or after a power cut, never finds a checkpoint without
// its tiles. Full tiles and bundles up to the checkpoint that is there stay as they are, so that
// exporting again writes only what is new. InvalidArgument when `note` is not
// a note of a checkpoint; DataLoss when the log does not have its root. Signatures are not looked
// at. Bundles that an earlier export wrote and the log has pruned since are removed.
absl::Status ExportLog(const crypto::LogReader& log, absl::string_view note,
                       const std::string& folder, const ExportOptions& options = {});

// One file of the layout, as it would be exported, made from the log as it is now. NotFound for a
// path that is none of its tiles and bundles; PermissionDenied for a bundle unless `entries`. The
// checkpoint is not among them: only its signer knows it.
absl::StatusOr<std::string> FileOfLayout(const crypto::LogReader& log, absl::string_view path,
                                         bool entries);

// Reads such a folder, whoever wrote it. Thread-safe.
class FolderLog final : public crypto::LogReader {
 public:
  explicit FolderLog(std::string folder) : folder_(std::move(folder)) {}

  // The checkpoint's note, not verified. NotFound when there is none.
  absl::StatusOr<std::string> ReadCheckpointNote() const;
  // Serves a partial tile or bundle from a wider one, where the narrower is gone.
  absl::StatusOr<std::vector<crypto::Digest>> ReadTile(const crypto::Tile& tile) const override;
  absl::StatusOr<std::vector<std::string>> ReadBundle(uint64_t index,
                                                      uint32_t width) const override;
  absl::StatusOr<std::string> ReadEntry(uint64_t index) const override;
  uint64_t first_entry() const override;

 private:
  // The narrowest file that is there of tile or bundle `path` (its full name), from `width` on.
  absl::StatusOr<std::string> ReadNarrowest(const std::string& path, uint32_t width) const;

  const std::string folder_;
};

// Opens a folder's checkpoint under the known keys, and recomputes the whole log below it from its
// entries. As OpenCheckpoint and RecomputeLog; DataLoss when the checkpoint says another root.
absl::StatusOr<crypto::VerifiedCheckpoint> VerifyFolder(
    const FolderLog& folder, absl::Span<const crypto::NoteVerifier> known);

}  // namespace vouch::server::ledger::tree

#endif  // VOUCH_SERVER_LEDGER_TREE_STATIC_LAYOUT_H_
