// RFC 6962 Merkle hashing over ledger entries, and the compact range that lets a log grow without
// reading itself.
#ifndef VOUCH_CRYPTO_MERKLE_H_
#define VOUCH_CRYPTO_MERKLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"

namespace vouch::crypto {

// SHA-256(00 || entry).
Digest LeafHash(ByteSpan entry);
// SHA-256(01 || left || right).
Digest NodeHash(const Digest& left, const Digest& right);
// SHA-256 of nothing.
Digest EmptyRoot();

// The roots of the perfect subtrees that make up a log of `size` leaves, largest first: one for
// each bit set in `size`.
class CompactRange {
 public:
  CompactRange() = default;
  // InvalidArgument unless there is exactly one hash for each bit set in `size`.
  static absl::StatusOr<CompactRange> From(uint64_t size, std::vector<Digest> roots);

  void Append(const Digest& leaf);
  uint64_t size() const { return size_; }
  const std::vector<Digest>& roots() const { return roots_; }
  Digest Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> roots_;
};

// Proofs over a list of leaf hashes at hand (RFC 6962, sections 2.1.1 and 2.1.2), the hash nearest
// to the leaf first. Empty, which verifies nothing, for an index or size beyond the list.
std::vector<Digest> InclusionProof(absl::Span<const Digest> leaves, uint64_t index);
std::vector<Digest> ConsistencyProof(absl::Span<const Digest> leaves, uint64_t old_size);
// InvalidArgument when a proof does not verify.
absl::Status VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size,
                             absl::Span<const Digest> proof, const Digest& root);
absl::Status VerifyConsistency(uint64_t old_size, const Digest& old_root, uint64_t size,
                               const Digest& root, absl::Span<const Digest> proof);

// The leaves [begin, end) of a log as one node of its tree: a perfect subtree, or one at the right
// border.
struct Subtree {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// One proof for the leaves [first, first + count) under one root: the roots of the largest subtrees
// that hold none of them. For each node that is only partly in the range, what is below the child
// that holds leaves of the range comes first (below both: the left first), then the child that
// holds none. So the proof of one leaf is its RFC 6962 inclusion proof. Empty, which proves the
// whole log or nothing, for a range that is empty or does not lie within `size`.
std::vector<Subtree> RangeProofShape(uint64_t first, uint64_t count, uint64_t size);
// Of ConsistencyProof, likewise.
std::vector<Subtree> ConsistencyProofShape(uint64_t old_size, uint64_t size);

std::vector<Digest> RangeProof(absl::Span<const Digest> leaves, uint64_t first, uint64_t count);
// `range` are the leaf hashes from `first` on. InvalidArgument when the proof does not verify, is
// longer or shorter than it must be, or the range is empty or does not lie within `size`.
absl::Status VerifyRange(absl::Span<const Digest> range, uint64_t first, uint64_t size,
                         absl::Span<const Digest> proof, const Digest& root);

// The inclusion proof of each leaf of a range, from the proof of them all, which was verified: so
// that a receipt can stand alone. Empty under the conditions of VerifyRange.
std::vector<std::vector<Digest>> SplitRangeProof(absl::Span<const Digest> range, uint64_t first,
                                                 uint64_t size, absl::Span<const Digest> proof);

// What a proof is padded to with zeros, so that its length says nothing: the longest of one leaf,
// and of a range, in a log of up to 2^32 leaves. Longer ones are padded to a multiple of this.
inline constexpr size_t kPaddedInclusionHashes = 32;
inline constexpr size_t kPaddedRangeHashes = 64;
// The hashes one behind the other, padded.
std::string PaddedHashes(absl::Span<const Digest> proof, size_t pad_to);
// The first `count` of them. InvalidArgument when there are fewer, or what is left over is no whole
// number of hashes.
absl::StatusOr<std::vector<Digest>> ReadPaddedHashes(absl::string_view bytes, uint64_t count);

// The end of a growing log: what was appended since some size, with enough of what was before to
// prove all of it without reading anything. Appending costs one node hash a leaf, as for a
// CompactRange; a proof costs none. Not thread-safe.
class RecentTree {
 public:
  explicit RecentTree(CompactRange before);

  void Append(const Digest& leaf);
  // The first leaf held: the size it began with.
  uint64_t begin() const { return before_.size(); }
  uint64_t size() const { return size_; }
  Digest Root();
  CompactRange range() const;
  // Under Root(). Empty for a range that is empty or does not lie within [begin(), size()).
  std::vector<Digest> RangeProof(uint64_t first, uint64_t count);
  // From any size in [begin(), size()] to size(); empty for others.
  std::vector<Digest> ConsistencyProof(uint64_t old_size);

 private:
  Digest Node(int level, uint64_t index) const;
  Digest HashOf(const Subtree& subtree) const;
  std::vector<Digest> HashesOf(absl::Span<const Subtree> shape);
  void MakeBorder();

  CompactRange before_;
  uint64_t size_ = 0;
  // Of each level, the perfect nodes that are not wholly in before_, from the first such on.
  std::vector<std::vector<Digest>> levels_;
  // The nodes at the right border as of border_size_, the whole log first.
  std::vector<Subtree> border_nodes_;
  std::vector<Digest> border_;
  uint64_t border_size_ = 0;
};

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_MERKLE_H_
