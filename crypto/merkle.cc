#include "crypto/merkle.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "crypto/digest.h"

namespace vouch::crypto {

namespace {

constexpr char kLeafPrefix = 0;
constexpr uint8_t kNodePrefix = 1;

Digest RootOf(absl::Span<const Digest> leaves) {
  CompactRange range;
  for (const Digest& leaf : leaves) range.Append(leaf);
  return range.Root();
}

// The largest power of two below `size`, which is at least 2.
uint64_t SplitOf(uint64_t size) { return uint64_t{1} << (63 - __builtin_clzll(size - 1)); }

absl::Status BadProof() { return absl::InvalidArgumentError("the Merkle proof does not verify"); }

}  // namespace

Digest LeafHash(ByteSpan entry) {
  std::string message;
  message.reserve(entry.size() + 1);
  message.push_back(kLeafPrefix);
  message.append(reinterpret_cast<const char*>(entry.data()), entry.size());
  return Sha256(message);
}

Digest NodeHash(const Digest& left, const Digest& right) {
  std::array<uint8_t, 1 + 2 * sizeof(Digest)> message;
  message[0] = kNodePrefix;
  std::memcpy(&message[1], left.data(), left.size());
  std::memcpy(&message[1 + left.size()], right.data(), right.size());
  return Sha256(ByteSpan(message));
}

Digest EmptyRoot() { return Sha256(ByteSpan()); }

absl::StatusOr<CompactRange> CompactRange::From(uint64_t size, std::vector<Digest> roots) {
  if (roots.size() != static_cast<size_t>(__builtin_popcountll(size))) {
    return absl::InvalidArgumentError("a compact range has one hash for each bit set in its size");
  }
  CompactRange range;
  range.size_ = size;
  range.roots_ = std::move(roots);
  return range;
}

void CompactRange::Append(const Digest& leaf) {
  Digest node = leaf;
  for (uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    node = NodeHash(roots_.back(), node);
    roots_.pop_back();
  }
  roots_.push_back(node);
  ++size_;
}

Digest CompactRange::Root() const {
  if (roots_.empty()) return EmptyRoot();
  Digest root = roots_.back();
  for (size_t i = roots_.size() - 1; i > 0; --i) root = NodeHash(roots_[i - 1], root);
  return root;
}

std::vector<Digest> InclusionProof(absl::Span<const Digest> leaves, uint64_t index) {
  std::vector<Digest> proof;
  if (index >= leaves.size()) return proof;
  while (leaves.size() > 1) {
    const uint64_t split = SplitOf(leaves.size());
    if (index < split) {
      proof.push_back(RootOf(leaves.subspan(split)));
      leaves = leaves.subspan(0, split);
    } else {
      proof.push_back(RootOf(leaves.subspan(0, split)));
      leaves = leaves.subspan(split);
      index -= split;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

std::vector<Digest> ConsistencyProof(absl::Span<const Digest> leaves, uint64_t old_size) {
  std::vector<Digest> proof;
  if (old_size == 0 || old_size >= leaves.size()) return proof;
  // While true, what is left of the old log is a subtree whose root the verifier already holds.
  bool known = true;
  while (old_size != leaves.size()) {
    const uint64_t split = SplitOf(leaves.size());
    if (old_size <= split) {
      proof.push_back(RootOf(leaves.subspan(split)));
      leaves = leaves.subspan(0, split);
    } else {
      proof.push_back(RootOf(leaves.subspan(0, split)));
      leaves = leaves.subspan(split);
      old_size -= split;
      known = false;
    }
  }
  if (!known) proof.push_back(RootOf(leaves));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::Status VerifyInclusion(const Digest& leaf, uint64_t index, uint64_t size,
                             absl::Span<const Digest> proof, const Digest& root) {
  if (index >= size) return BadProof();
  uint64_t node = index;
  uint64_t last = size - 1;
  Digest hash = leaf;
  for (const Digest& sibling : proof) {
    if (last == 0) return BadProof();
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0 || hash != root) return BadProof();
  return absl::OkStatus();
}

absl::Status VerifyConsistency(uint64_t old_size, const Digest& old_root, uint64_t size,
                               const Digest& root, absl::Span<const Digest> proof) {
  if (old_size > size) return BadProof();
  if (old_size == size || old_size == 0) {
    const Digest expected = old_size == size ? root : EmptyRoot();
    return proof.empty() && old_root == expected ? absl::OkStatus() : BadProof();
  }
  uint64_t node = old_size - 1;
  uint64_t last = size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  // An old log that is one full tree is its own first hash.
  Digest old_hash = old_root;
  if (node != 0) {
    if (proof.empty()) return BadProof();
    old_hash = proof.front();
    proof.remove_prefix(1);
  }
  Digest new_hash = old_hash;
  for (const Digest& sibling : proof) {
    if (last == 0) return BadProof();
    if ((node & 1) != 0 || node == last) {
      old_hash = NodeHash(sibling, old_hash);
      new_hash = NodeHash(sibling, new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = NodeHash(new_hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0 || old_hash != old_root || new_hash != root) return BadProof();
  return absl::OkStatus();
}

}  // namespace vouch::crypto
