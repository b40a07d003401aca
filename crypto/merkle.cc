#include "crypto/merkle.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "crypto/digest.h"

namespace vouch::crypto {

namespace {

constexpr char kLeafPrefix = 0;
constexpr uint8_t kNodePrefix = 1;
static_assert(sizeof(Digest) == 32, "hashes lie one behind the other");

Digest RootOf(absl::Span<const Digest> leaves) {
  CompactRange range;
  for (const Digest& leaf : leaves) range.Append(leaf);
  return range.Root();
}

// The largest power of two below `size`, which is at least 2.
uint64_t SplitOf(uint64_t size) { return uint64_t{1} << (63 - __builtin_clzll(size - 1)); }

std::vector<Digest> HashesAmong(absl::Span<const Digest> leaves, absl::Span<const Subtree> shape) {
  std::vector<Digest> hashes;
  hashes.reserve(shape.size());
  for (const Subtree& node : shape) {
    hashes.push_back(RootOf(leaves.subspan(node.begin, node.end - node.begin)));
  }
  return hashes;
}

absl::Status BadProof() { return absl::InvalidArgumentError("the Merkle proof does not verify"); }

}  // namespace

Digest LeafHash(ByteSpan entry) {
  // Of an answer the entry is shorter: no allocation for it.
  std::array<uint8_t, 512> usual;
  if (entry.size() < usual.size()) {
    usual[0] = kLeafPrefix;
    std::copy(entry.begin(), entry.end(), usual.begin() + 1);
    return Sha256(ByteSpan(usual.data(), entry.size() + 1));
  }
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

std::vector<Subtree> ConsistencyProofShape(uint64_t old_size, uint64_t size) {
  std::vector<Subtree> shape;
  if (old_size == 0 || old_size >= size) return shape;
  Subtree node{0, size};
  // While true, what is left of the old log is a subtree whose root the verifier already holds.
  bool known = true;
  while (old_size != node.end) {
    const uint64_t split = node.begin + SplitOf(node.end - node.begin);
    if (old_size <= split) {
      shape.push_back({split, node.end});
      node.end = split;
    } else {
      shape.push_back({node.begin, split});
      node.begin = split;
      known = false;
    }
  }
  if (!known) shape.push_back(node);
  std::reverse(shape.begin(), shape.end());
  return shape;
}

std::vector<Digest> ConsistencyProof(absl::Span<const Digest> leaves, uint64_t old_size) {
  return HashesAmong(leaves, ConsistencyProofShape(old_size, leaves.size()));
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

namespace {

void AddRangeShape(const Subtree& node, const Subtree& range, std::vector<Subtree>* shape) {
  if (node.begin >= range.begin && node.end <= range.end) return;
  const uint64_t split = node.begin + SplitOf(node.end - node.begin);
  const Subtree left{node.begin, split};
  const Subtree right{split, node.end};
  if (range.begin < split) AddRangeShape(left, range, shape);
  if (range.end > split) AddRangeShape(right, range, shape);
  if (range.begin >= split) shape->push_back(left);
  if (range.end <= split) shape->push_back(right);
}

// The root of `node`, from the leaves of the range and the proof's hashes in the order of the
// shape.
Digest RangeRoot(const Subtree& node, const Subtree& range, absl::Span<const Digest> leaves,
                 absl::Span<const Digest>* proof) {
  if (node.begin >= range.begin && node.end <= range.end) {
    return RootOf(leaves.subspan(node.begin - range.begin, node.end - node.begin));
  }
  const uint64_t split = node.begin + SplitOf(node.end - node.begin);
  Digest left{};
  Digest right{};
  if (range.begin < split) left = RangeRoot({node.begin, split}, range, leaves, proof);
  if (range.end > split) right = RangeRoot({split, node.end}, range, leaves, proof);
  if (range.begin >= split || range.end <= split) {
    (range.begin >= split ? left : right) = proof->front();
    proof->remove_prefix(1);
  }
  return NodeHash(left, right);
}

// As RangeRoot; adds to the proof of each leaf of the range below `node` what it needs up to
// `node`.
Digest SplitBelow(const Subtree& node, const Subtree& range, absl::Span<const Digest> leaves,
                  absl::Span<const Digest>* proof, std::vector<std::vector<Digest>>* proofs) {
  if (node.end - node.begin == 1 && node.begin >= range.begin && node.end <= range.end) {
    return leaves[node.begin - range.begin];
  }
  const uint64_t split = node.begin + SplitOf(node.end - node.begin);
  Digest left{};
  Digest right{};
  if (range.begin < split) left = SplitBelow({node.begin, split}, range, leaves, proof, proofs);
  if (range.end > split) right = SplitBelow({split, node.end}, range, leaves, proof, proofs);
  if (range.begin >= split || range.end <= split) {
    (range.begin >= split ? left : right) = proof->front();
    proof->remove_prefix(1);
  }
  const uint64_t from = std::max(node.begin, range.begin);
  const uint64_t to = std::min(node.end, range.end);
  for (uint64_t leaf = from; leaf < to; ++leaf) {
    (*proofs)[leaf - range.begin].push_back(leaf < split ? right : left);
  }
  return NodeHash(left, right);
}

bool LiesWithin(uint64_t first, uint64_t count, uint64_t size) {
  return count > 0 && first < size && count <= size - first;
}

}  // namespace

std::vector<Subtree> RangeProofShape(uint64_t first, uint64_t count, uint64_t size) {
  std::vector<Subtree> shape;
  if (LiesWithin(first, count, size)) AddRangeShape({0, size}, {first, first + count}, &shape);
  return shape;
}

std::vector<Digest> RangeProof(absl::Span<const Digest> leaves, uint64_t first, uint64_t count) {
  return HashesAmong(leaves, RangeProofShape(first, count, leaves.size()));
}

absl::Status VerifyRange(absl::Span<const Digest> range, uint64_t first, uint64_t size,
                         absl::Span<const Digest> proof, const Digest& root) {
  if (!LiesWithin(first, range.size(), size)) return BadProof();
  if (proof.size() != RangeProofShape(first, range.size(), size).size()) return BadProof();
  const Digest computed = RangeRoot({0, size}, {first, first + range.size()}, range, &proof);
  return computed == root ? absl::OkStatus() : BadProof();
}

std::vector<std::vector<Digest>> SplitRangeProof(absl::Span<const Digest> range, uint64_t first,
                                                 uint64_t size, absl::Span<const Digest> proof) {
  if (!LiesWithin(first, range.size(), size) ||
      proof.size() != RangeProofShape(first, range.size(), size).size()) {
    return {};
  }
  std::vector<std::vector<Digest>> proofs(range.size());
  SplitBelow({0, size}, {first, first + range.size()}, range, &proof, &proofs);
  return proofs;
}

std::string PaddedHashes(absl::Span<const Digest> proof, size_t pad_to) {
  const size_t blocks = std::max<size_t>(1, (proof.size() + pad_to - 1) / pad_to);
  std::string bytes(blocks * pad_to * sizeof(Digest), '\0');
  if (!proof.empty()) std::memcpy(&bytes[0], proof.data(), proof.size() * sizeof(Digest));
  return bytes;
}

absl::StatusOr<std::vector<Digest>> ReadPaddedHashes(absl::string_view bytes, uint64_t count) {
  if (bytes.size() % sizeof(Digest) != 0 || count > bytes.size() / sizeof(Digest)) {
    return absl::InvalidArgumentError("a proof has fewer hashes than it says");
  }
  std::vector<Digest> hashes(count);
  if (count > 0) std::memcpy(hashes.data(), bytes.data(), count * sizeof(Digest));
  return hashes;
}

RecentTree::RecentTree(CompactRange before) : before_(std::move(before)), size_(before_.size()) {}

void RecentTree::Append(const Digest& leaf) {
  Digest node = leaf;
  for (int level = 0;; ++level) {
    if (levels_.size() == static_cast<size_t>(level)) levels_.emplace_back();
    levels_[level].push_back(node);
    const uint64_t index = size_ >> level;
    if ((index & 1) == 0) break;
    node = NodeHash(Node(level, index - 1), node);
  }
  ++size_;
}

Digest RecentTree::Node(int level, uint64_t index) const {
  const uint64_t first = begin() >> level;
  if (index >= first) return levels_[level][index - first];
  // Wholly before: then it is one of the subtrees the log was made up of.
  if (((begin() >> level) & 1) == 0 || index != first - 1) std::abort();
  const uint64_t larger = level == 63 ? 0 : begin() >> (level + 1);
  return before_.roots()[__builtin_popcountll(larger)];
}

Digest RecentTree::HashOf(const Subtree& subtree) const {
  const uint64_t leaves = subtree.end - subtree.begin;
  if ((leaves & (leaves - 1)) == 0) {
    const int level = __builtin_ctzll(leaves);
    return Node(level, subtree.begin >> level);
  }
  size_t i = 0;
  while (border_nodes_[i].begin != subtree.begin) ++i;
  return border_[i];
}

void RecentTree::MakeBorder() {
  if (border_size_ == size_) return;
  border_nodes_.clear();
  uint64_t begin = 0;
  for (uint64_t rest = size_; rest != 0;) {
    border_nodes_.push_back({begin, size_});
    const uint64_t largest = uint64_t{1} << (63 - __builtin_clzll(rest));
    begin += largest;
    rest -= largest;
  }
  border_.resize(border_nodes_.size());
  for (size_t i = border_nodes_.size(); i > 0; --i) {
    const Subtree& node = border_nodes_[i - 1];
    if (i == border_nodes_.size()) {
      border_[i - 1] = HashOf(node);
    } else {
      border_[i - 1] = NodeHash(HashOf({node.begin, border_nodes_[i].begin}), border_[i]);
    }
  }
  border_size_ = size_;
}

Digest RecentTree::Root() {
  if (size_ == 0) return EmptyRoot();
  MakeBorder();
  return border_.front();
}

CompactRange RecentTree::range() const {
  std::vector<Digest> roots;
  uint64_t begin = 0;
  for (uint64_t rest = size_; rest != 0;) {
    const uint64_t largest = uint64_t{1} << (63 - __builtin_clzll(rest));
    roots.push_back(HashOf({begin, begin + largest}));
    begin += largest;
    rest -= largest;
  }
  return *CompactRange::From(size_, std::move(roots));
}

std::vector<Digest> RecentTree::HashesOf(absl::Span<const Subtree> shape) {
  MakeBorder();
  std::vector<Digest> hashes;
  hashes.reserve(shape.size());
  for (const Subtree& node : shape) hashes.push_back(HashOf(node));
  return hashes;
}

std::vector<Digest> RecentTree::RangeProof(uint64_t first, uint64_t count) {
  if (first < begin()) return {};
  return HashesOf(RangeProofShape(first, count, size_));
}

std::vector<Digest> RecentTree::ConsistencyProof(uint64_t old_size) {
  if (old_size < begin()) return {};
  return HashesOf(ConsistencyProofShape(old_size, size_));
}

}  // namespace vouch::crypto
