// RFC 6962 Merkle hashing over ledger entries, and the compact range that lets a log grow without
// reading itself.
#ifndef VOUCH_CRYPTO_MERKLE_H_
#define VOUCH_CRYPTO_MERKLE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_MERKLE_H_
