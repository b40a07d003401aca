// A log's tree beside its entries: tiles of hashes and bundles of entries for any size the log has
// had, derived from the entries and never more than them. Closed segments are files; the rest is in
// memory, and its entries stay with whoever holds them (the journal).
#ifndef VOUCH_SERVER_LEDGER_TREE_TILE_STORE_H_
#define VOUCH_SERVER_LEDGER_TREE_TILE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/merkle.h"
#include "crypto/tiles.h"
#include "server/ledger/tree/segment_file.h"

namespace vouch::server::ledger::tree {

// Entries of the log from `first` on: at least one, at most `count`; as Journal::ReadEntries.
using EntrySource =
    std::function<absl::StatusOr<std::vector<std::string>>(uint64_t first, uint32_t count)>;

struct TileStoreOptions {
  std::string folder;  // of this log alone; created 0700 when missing
  std::string origin;
  EntrySource entries;
};

// Thread-safe. One writer takes in; readers go on beside it and never wait for the disk of another.
class TileStore final : public crypto::LogReader {
 public:
  // Takes up the segments in the folder and everything else from the entries, up to `head`.
  // DataLoss, which must stop the node: a segment is damaged or another log's, the tree is ahead of
  // `head` (the log was put back to an earlier state), or entries and tree give another root.
  static absl::StatusOr<std::unique_ptr<TileStore>> Open(TileStoreOptions options,
                                                         const crypto::CompactRange& head);
  // The same for a head of which only size and root are known.
  static absl::StatusOr<std::unique_ptr<TileStore>> Open(TileStoreOptions options, uint64_t size,
                                                         const crypto::Digest& root);

  // Takes in what was appended to the log, from size() on, reading nothing but a segment's entries
  // when it is full. Unavailable: all is taken in, but a full segment could not be written; it
  // stays in memory, and the next call tries again. DataLoss: the entries read back are not these.
  absl::Status Append(absl::Span<const crypto::Digest> leaves);
  // The two halves of that: in memory alone, and what is full.
  absl::Status Add(absl::Span<const crypto::Digest> leaves);
  absl::Status CloseFull();
  // The same by reading the entries up to `head`, and holding the result against it (DataLoss).
  absl::Status CatchUp(const crypto::CompactRange& head);
  absl::Status CatchUp(uint64_t size, const crypto::Digest& root);
  // Closes the last, partly filled segment, when the log has ended: from then on the entries are
  // read from the folder alone. FailedPrecondition for Append after it.
  absl::Status Close();
  // Recomputes everything from the entries as they can be read now, and holds every tile against
  // them. DataLoss names the first that does not agree.
  absl::Status Verify() const;

  uint64_t size() const;
  crypto::CompactRange range() const;
  bool closed() const;
  // How many segments are files.
  uint64_t segments() const;

  absl::StatusOr<std::vector<crypto::Digest>> ReadTile(const crypto::Tile& tile) const override;
  absl::StatusOr<std::vector<std::string>> ReadBundle(uint64_t index,
                                                      uint32_t width) const override;
  absl::StatusOr<std::string> ReadEntry(uint64_t index) const override;
  absl::StatusOr<std::vector<std::string>> ReadKept(uint64_t index, uint32_t width) const override;
  uint64_t first_entry() const override;

 private:
  explicit TileStore(TileStoreOptions options) : options_(std::move(options)) {}
  std::string PathOf(uint64_t segment) const { return SegmentPath(options_.folder, segment); }
  absl::Status OpenFolder();
  absl::Status TakeUpSegments();
  // Null where nothing was pruned.
  std::shared_ptr<const SegmentFile> PrunedAt(uint64_t bundle) const;
  // With writing_ held.
  void AddLeaf(const crypto::Digest& leaf);
  void AddRoot(const crypto::Digest& segment_root);
  absl::Status CloseFullSegments();
  absl::Status WriteSegment(uint64_t segment, uint32_t entries) const;
  absl::Status AddLocked(absl::Span<const crypto::Digest> leaves);
  absl::Status AppendLocked(absl::Span<const crypto::Digest> leaves);
  uint64_t SizeLocked() const;
  crypto::CompactRange RangeLocked() const;
  absl::StatusOr<std::vector<std::string>> FromSource(uint64_t first, uint32_t count) const;

  const TileStoreOptions options_;
  std::mutex writing_;  // held through Append, CatchUp and Close

  mutable std::mutex lock_;
  std::vector<std::shared_ptr<const SegmentFile>> files_;  // full segments, from the first
  std::shared_ptr<const SegmentFile> last_file_;           // of a closed log, when partly filled
  // What lies behind the full segments that are files.
  std::vector<crypto::Digest> leaves_;
  std::vector<crypto::Digest> tile_roots_;
  // The hashes of tile level 2 (a full segment each), 3, ...
  std::vector<std::vector<crypto::Digest>> upper_;
  crypto::CompactRange segments_range_;  // over the full segments' roots
  crypto::CompactRange tiles_range_;     // over the roots of the full tiles behind these
  crypto::CompactRange tile_range_;      // over the leaves behind the last full tile
};

}  // namespace vouch::server::ledger::tree

#endif  // VOUCH_SERVER_LEDGER_TREE_TILE_STORE_H_
