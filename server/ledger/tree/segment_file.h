// 65,536 entries of a log that will never change again, in one file: their bundles, and the two
// lowest levels of their tree. What is read from it is checked against its root.
//
// Layout, version 1. Integers are big-endian.
//   header:  "VLSG" | u32 version | u64 number | u32 entries | u8 length, origin
//            the roots of the segment's tree, largest first: one for a full segment | zeros to 1024
//   leaves:  32 bytes for each entry
//   tiles:   32 bytes, the root of each 256 leaves
//   offsets: u64 for each bundle of 256 entries, and one for the end of the file
//   bundles: of each entry a u16 length and its bytes
//
// Version 2, once it was pruned: behind the tiles
//   kept:    u32 how many | of each entry that was kept: u32 place, u16 length and its bytes
//   end:     u64 for the end of the file
#ifndef VOUCH_SERVER_LEDGER_TREE_SEGMENT_FILE_H_
#define VOUCH_SERVER_LEDGER_TREE_SEGMENT_FILE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/merkle.h"
#include "crypto/tiles.h"

namespace vouch::server::ledger::tree {

inline constexpr uint64_t kSegmentEntries = 65536;
inline constexpr uint32_t kSegmentVersion = 1;
inline constexpr uint32_t kPrunedVersion = 2;

// Where a log's segments lie below the folder of a node's trees: the first log's in that folder
// itself, each later one's in a folder of its own, named as the end of its origin.
std::string LogFolder(const std::string& trees, absl::string_view origin, bool is_first);
// And in it.
std::string SegmentPath(const std::string& folder, uint64_t number);

// Collects a segment's entries, and writes them. The file is put together where the entries come
// to lie in it: they are some 20 MB, and every copy of them would be fresh pages.
class SegmentWriter {
 public:
  // For a segment of this many entries, at most kSegmentEntries.
  SegmentWriter(std::string origin, uint64_t number, uint32_t entries);

  // InvalidArgument for an entry that is too long, or one too many.
  absl::Status Add(absl::string_view entry);
  const std::vector<crypto::Digest>& leaves() const { return leaves_; }
  // Whole and synced, or not at all; once. FailedPrecondition while entries are missing.
  absl::Status Write(const std::string& path);

 private:
  const std::string origin_;
  const uint64_t number_;
  const uint32_t entries_;
  std::vector<crypto::Digest> leaves_;
  std::vector<uint64_t> offsets_;  // of each bundle, in the file
  std::string file_;
};

// Thread-safe: the file is opened for each reading.
class SegmentFile {
 public:
  // Reads the header. FailedPrecondition: a newer version, or a file that is something else.
  // DataLoss: damaged, of another length than it must be, or another log's or number's.
  // Unavailable, here and below: it cannot be read now.
  static absl::StatusOr<SegmentFile> Open(const std::string& path, absl::string_view origin,
                                          uint64_t number);

  uint64_t number() const { return number_; }
  uint32_t entries() const { return range_.size(); }
  const crypto::CompactRange& range() const { return range_; }
  // The hashes of one tile, numbered within the segment, whole. Checked against range() in a full
  // segment; DataLoss when they do not agree with it.
  absl::StatusOr<std::vector<crypto::Digest>> LeafTile(uint32_t tile) const;
  absl::StatusOr<std::vector<crypto::Digest>> UpperTile() const;
  // All leaves, checked against range().
  absl::StatusOr<std::vector<crypto::Digest>> Leaves() const;
  // One bundle, whole, as it stands: whoever uses it holds it against LeafTile. NotFound when the
  // segment was pruned.
  absl::StatusOr<std::vector<std::string>> Bundle(uint32_t bundle) const;

  bool pruned() const { return pruned_; }
  // One entry of a pruned segment, held against its leaf; NotFound when it was not kept.
  absl::StatusOr<std::string> KeptEntry(uint32_t place) const;
  // All of a bundle of a pruned segment, in one reading: nothing in place of those not kept.
  absl::StatusOr<std::vector<std::string>> Kept(uint32_t bundle) const;
  // Writes the file anew, with the hashes and none of the entries but those that `keep` is true of.
  // DataLoss, and nothing is changed, when an entry is not the one whose leaf stands there.
  using Keep = std::function<bool(absl::string_view entry)>;
  absl::StatusOr<SegmentFile> Prune(const Keep& keep) const;

 private:
  absl::StatusOr<std::string> Read(uint64_t offset, uint64_t size) const;
  absl::StatusOr<std::vector<crypto::Digest>> ReadHashes(uint64_t offset, uint32_t count) const;
  uint32_t BundleWidth(uint32_t bundle) const;

  std::string path_;
  std::string origin_;
  uint64_t number_ = 0;
  crypto::CompactRange range_;
  bool pruned_ = false;
};

// Copies a log's pruned segments, if there are any, from one folder into another: its hashes and
// what was kept, for a tree that is made elsewhere from the entries that are left.
absl::Status CopyPruned(const std::string& from, const std::string& origin, const std::string& to);

}  // namespace vouch::server::ledger::tree

#endif  // VOUCH_SERVER_LEDGER_TREE_SEGMENT_FILE_H_
