#include "crypto/merkle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "crypto/digest.h"

namespace vouch::crypto {
namespace {

// RFC 6962, section 2.1, as it is written there.
uint64_t LargestPowerBelow(uint64_t n) {
  uint64_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

Digest NaiveRoot(const std::vector<Digest>& leaves, size_t from, size_t to) {
  if (from == to) return Sha256("");
  if (to - from == 1) return leaves[from];
  const size_t k = LargestPowerBelow(to - from);
  const Digest left = NaiveRoot(leaves, from, from + k);
  const Digest right = NaiveRoot(leaves, from + k, to);
  std::string message(1, '\1');
  message.append(left.begin(), left.end());
  message.append(right.begin(), right.end());
  return Sha256(message);
}

std::vector<Digest> NaivePath(const std::vector<Digest>& leaves, size_t index, size_t from,
                              size_t to) {
  if (to - from == 1) return {};
  const size_t k = LargestPowerBelow(to - from);
  std::vector<Digest> path;
  if (index < k) {
    path = NaivePath(leaves, index, from, from + k);
    path.push_back(NaiveRoot(leaves, from + k, to));
  } else {
    path = NaivePath(leaves, index - k, from + k, to);
    path.push_back(NaiveRoot(leaves, from, from + k));
  }
  return path;
}

std::vector<Digest> NaiveSubproof(const std::vector<Digest>& leaves, size_t old_size, size_t from,
                                  size_t to, bool known) {
  const size_t n = to - from;
  if (old_size == n) {
    if (known) return {};
    return {NaiveRoot(leaves, from, to)};
  }
  const size_t k = LargestPowerBelow(n);
  std::vector<Digest> proof;
  if (old_size <= k) {
    proof = NaiveSubproof(leaves, old_size, from, from + k, known);
    proof.push_back(NaiveRoot(leaves, from + k, to));
  } else {
    proof = NaiveSubproof(leaves, old_size - k, from + k, to, false);
    proof.push_back(NaiveRoot(leaves, from, from + k));
  }
  return proof;
}

std::vector<Digest> SomeLeaves(size_t count) {
  std::vector<Digest> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(LeafHash(AsBytes(std::to_string(i))));
  return leaves;
}

std::vector<Digest> First(const std::vector<Digest>& leaves, size_t count) {
  return std::vector<Digest>(leaves.begin(), leaves.begin() + count);
}

constexpr size_t kAllSizes = 130;

TEST(MerkleTest, HashesEmptyLeafAndNodeAsRfc6962Says) {
  EXPECT_EQ(Hex(EmptyRoot()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(LeafHash({})), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(LeafHash(AsBytes("entry")), Sha256(std::string("\0entry", 6)));
  EXPECT_EQ(NodeHash(LeafHash({}), EmptyRoot()),
            Sha256(std::string(1, '\1') + std::string(AsText(LeafHash({}))) +
                   std::string(AsText(EmptyRoot()))));
}

TEST(CompactRangeTest, HasTheNaiveRootAtEverySize) {
  const auto leaves = SomeLeaves(kAllSizes);
  CompactRange range;
  EXPECT_EQ(range.Root(), EmptyRoot());
  for (size_t size = 1; size <= leaves.size(); ++size) {
    range.Append(leaves[size - 1]);
    ASSERT_EQ(range.size(), size);
    ASSERT_EQ(range.Root(), NaiveRoot(leaves, 0, size)) << size;
  }
}

TEST(CompactRangeTest, GoesOnFromStoredRoots) {
  const auto leaves = SomeLeaves(77);
  CompactRange range;
  for (size_t i = 0; i < 45; ++i) range.Append(leaves[i]);
  auto stored = CompactRange::From(range.size(), range.roots());
  ASSERT_TRUE(stored.ok());
  for (size_t i = 45; i < leaves.size(); ++i) stored->Append(leaves[i]);
  EXPECT_EQ(stored->Root(), NaiveRoot(leaves, 0, leaves.size()));
}

TEST(CompactRangeTest, RefusesAnotherNumberOfRootsThanBitsInSize) {
  for (uint64_t size : {0u, 1u, 6u, 255u}) {
    const size_t right = __builtin_popcountll(size);
    for (size_t count = 0; count < 10; ++count) {
      EXPECT_EQ(CompactRange::From(size, std::vector<Digest>(count)).ok(), count == right);
    }
  }
}

TEST(InclusionTest, ProvesEveryLeafOfEverySize) {
  const auto leaves = SomeLeaves(kAllSizes);
  for (size_t size = 1; size <= leaves.size(); ++size) {
    const auto log = First(leaves, size);
    const Digest root = NaiveRoot(log, 0, size);
    for (size_t index = 0; index < size; ++index) {
      const auto proof = InclusionProof(log, index);
      ASSERT_EQ(proof, NaivePath(log, index, 0, size));
      ASSERT_TRUE(VerifyInclusion(log[index], index, size, proof, root).ok());
    }
  }
}

TEST(InclusionTest, ProvesRandomLeavesOfLargeLogs) {
  std::mt19937_64 random(20261121);
  const auto leaves = SomeLeaves(5000);
  for (int round = 0; round < 20; ++round) {
    const size_t size = 131 + random() % (leaves.size() - 131);
    const auto log = First(leaves, size);
    const size_t index = random() % size;
    const auto proof = InclusionProof(log, index);
    ASSERT_EQ(proof, NaivePath(log, index, 0, size));
    ASSERT_TRUE(VerifyInclusion(log[index], index, size, proof, NaiveRoot(log, 0, size)).ok());
  }
}

TEST(InclusionTest, RefusesWhateverWasTamperedWith) {
  for (size_t size : {1u, 2u, 3u, 7u, 8u, 9u, 33u}) {
    const auto leaves = SomeLeaves(size);
    const Digest root = NaiveRoot(leaves, 0, size);
    for (size_t index = 0; index < size; ++index) {
      const auto proof = InclusionProof(leaves, index);
      for (size_t i = 0; i < proof.size(); ++i) {
        auto bent = proof;
        bent[i][i % 32] ^= 0x40;
        EXPECT_FALSE(VerifyInclusion(leaves[index], index, size, bent, root).ok());
      }
      auto longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(VerifyInclusion(leaves[index], index, size, longer, root).ok());
      if (!proof.empty()) {
        auto shorter = proof;
        shorter.pop_back();
        EXPECT_FALSE(VerifyInclusion(leaves[index], index, size, shorter, root).ok());
        EXPECT_FALSE(VerifyInclusion(leaves[index], index ^ 1, size, proof, root).ok());
      }
      EXPECT_FALSE(VerifyInclusion(EmptyRoot(), index, size, proof, root).ok());
      EXPECT_FALSE(VerifyInclusion(leaves[index], index, size, proof, EmptyRoot()).ok());
      EXPECT_FALSE(VerifyInclusion(leaves[index], size, size, proof, root).ok());
      EXPECT_FALSE(VerifyInclusion(leaves[index], index, 0, proof, root).ok());
    }
  }
}

TEST(InclusionTest, ProvesNothingBeyondTheLog) {
  EXPECT_TRUE(InclusionProof(SomeLeaves(8), 8).empty());
  EXPECT_TRUE(InclusionProof({}, 0).empty());
}

TEST(ConsistencyTest, ProvesEveryPairOfSizes) {
  const auto leaves = SomeLeaves(kAllSizes);
  for (size_t size = 0; size <= leaves.size(); ++size) {
    const auto log = First(leaves, size);
    const Digest root = NaiveRoot(log, 0, size);
    for (size_t old_size = 0; old_size <= size; ++old_size) {
      const auto proof = ConsistencyProof(log, old_size);
      if (old_size > 0) {
        ASSERT_EQ(proof, NaiveSubproof(log, old_size, 0, size, true));
      }
      const Digest old_root = NaiveRoot(log, 0, old_size);
      ASSERT_TRUE(VerifyConsistency(old_size, old_root, size, root, proof).ok())
          << old_size << " " << size;
    }
  }
}

TEST(ConsistencyTest, ProvesRandomPairsOfLargeLogs) {
  std::mt19937_64 random(20261121);
  const auto leaves = SomeLeaves(5000);
  for (int round = 0; round < 20; ++round) {
    const size_t size = 131 + random() % (leaves.size() - 131);
    const size_t old_size = 1 + random() % size;
    const auto log = First(leaves, size);
    const auto proof = ConsistencyProof(log, old_size);
    ASSERT_EQ(proof, NaiveSubproof(log, old_size, 0, size, true));
    ASSERT_TRUE(VerifyConsistency(old_size, NaiveRoot(log, 0, old_size), size,
                                  NaiveRoot(log, 0, size), proof)
                    .ok());
  }
}

TEST(ConsistencyTest, RefusesWhateverWasTamperedWith) {
  for (size_t size : {2u, 3u, 7u, 8u, 9u, 33u}) {
    const auto leaves = SomeLeaves(size);
    const Digest root = NaiveRoot(leaves, 0, size);
    for (size_t old_size = 1; old_size < size; ++old_size) {
      const auto proof = ConsistencyProof(leaves, old_size);
      const Digest old_root = NaiveRoot(leaves, 0, old_size);
      for (size_t i = 0; i < proof.size(); ++i) {
        auto bent = proof;
        bent[i][i % 32] ^= 1;
        EXPECT_FALSE(VerifyConsistency(old_size, old_root, size, root, bent).ok());
      }
      auto longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(VerifyConsistency(old_size, old_root, size, root, longer).ok());
      auto shorter = proof;
      shorter.pop_back();
      EXPECT_FALSE(VerifyConsistency(old_size, old_root, size, root, shorter).ok());
      EXPECT_FALSE(VerifyConsistency(old_size, old_root, size, root, {}).ok());
      EXPECT_FALSE(VerifyConsistency(old_size, root, size, root, proof).ok());
      EXPECT_FALSE(VerifyConsistency(old_size, old_root, size, old_root, proof).ok());
      EXPECT_FALSE(VerifyConsistency(size, root, old_size, old_root, proof).ok());
    }
  }
}

// The proof's hashes by the definition: what is below the children that hold leaves of the range,
// then the child that holds none.
void NaiveRange(const std::vector<Digest>& leaves, size_t first, size_t end, size_t from, size_t to,
                std::vector<Digest>* proof) {
  if (to <= first || from >= end) {
    proof->push_back(NaiveRoot(leaves, from, to));
  } else if (from < first || to > end) {
    const size_t k = from + LargestPowerBelow(to - from);
    const bool left_outside = k <= first;
    if (!left_outside) NaiveRange(leaves, first, end, from, k, proof);
    NaiveRange(leaves, first, end, k, to, proof);
    if (left_outside) NaiveRange(leaves, first, end, from, k, proof);
  }
}

std::vector<Digest> Between(const std::vector<Digest>& leaves, size_t first, size_t end) {
  return std::vector<Digest>(leaves.begin() + first, leaves.begin() + end);
}

TEST(RangeTest, ProvesEveryRangeOfEverySize) {
  const auto leaves = SomeLeaves(40);
  for (size_t size = 1; size <= leaves.size(); ++size) {
    const auto log = First(leaves, size);
    const Digest root = NaiveRoot(log, 0, size);
    for (size_t first = 0; first < size; ++first) {
      for (size_t end = first + 1; end <= size; ++end) {
        const auto proof = RangeProof(log, first, end - first);
        std::vector<Digest> expected;
        NaiveRange(log, first, end, 0, size, &expected);
        ASSERT_EQ(proof, expected) << first << " " << end << " " << size;
        ASSERT_TRUE(VerifyRange(Between(log, first, end), first, size, proof, root).ok());
      }
    }
  }
}

TEST(RangeTest, OfOneLeafIsItsInclusionProof) {
  const auto leaves = SomeLeaves(kAllSizes);
  for (size_t size : {1u, 2u, 3u, 63u, 64u, 65u, 130u}) {
    const auto log = First(leaves, size);
    for (size_t index = 0; index < size; ++index) {
      ASSERT_EQ(RangeProof(log, index, 1), InclusionProof(log, index));
    }
  }
}

TEST(RangeTest, RefusesWhateverWasTamperedWith) {
  for (size_t size : {2u, 5u, 8u, 33u}) {
    const auto leaves = SomeLeaves(size);
    const Digest root = NaiveRoot(leaves, 0, size);
    for (size_t first = 0; first < size; ++first) {
      for (size_t end = first + 1; end <= size; ++end) {
        const auto proof = RangeProof(leaves, first, end - first);
        const auto range = Between(leaves, first, end);
        for (size_t i = 0; i < proof.size(); ++i) {
          auto bent = proof;
          bent[i][i % 32] ^= 2;
          EXPECT_FALSE(VerifyRange(range, first, size, bent, root).ok());
        }
        for (size_t i = 0; i < range.size(); ++i) {
          auto bent = range;
          bent[i][31] ^= 1;
          EXPECT_FALSE(VerifyRange(bent, first, size, proof, root).ok());
          if (i > 0) {
            bent = range;
            std::swap(bent[i], bent[i - 1]);
            EXPECT_FALSE(VerifyRange(bent, first, size, proof, root).ok());
          }
        }
        auto longer = proof;
        longer.push_back(root);
        EXPECT_FALSE(VerifyRange(range, first, size, longer, root).ok());
        if (!proof.empty()) {
          auto shorter = proof;
          shorter.pop_back();
          EXPECT_FALSE(VerifyRange(range, first, size, shorter, root).ok());
        }
        auto fewer = range;
        fewer.pop_back();
        EXPECT_FALSE(VerifyRange(fewer, first, size, proof, root).ok());
        EXPECT_FALSE(VerifyRange(range, first + 1, size, proof, root).ok());
        EXPECT_FALSE(VerifyRange(range, first, size, proof, EmptyRoot()).ok());
        EXPECT_FALSE(VerifyRange(range, size, size, proof, root).ok());
        EXPECT_FALSE(VerifyRange(range, UINT64_MAX, size, proof, root).ok());
        EXPECT_FALSE(VerifyRange(range, first, 0, proof, root).ok());
      }
    }
    EXPECT_FALSE(VerifyRange({}, 0, size, {}, root).ok());
  }
}

TEST(RangeTest, HasNoShapeBeyondTheLog) {
  EXPECT_TRUE(RangeProofShape(0, 0, 8).empty());
  EXPECT_TRUE(RangeProofShape(8, 1, 8).empty());
  EXPECT_TRUE(RangeProofShape(7, 2, 8).empty());
  EXPECT_TRUE(RangeProofShape(1, UINT64_MAX, 8).empty());
  EXPECT_EQ(RangeProofShape(uint64_t{1} << 40, 1, (uint64_t{1} << 62) + 5).size(), 63u);
}

TEST(PaddedHashesTest, AreAsLongWhateverTheProof) {
  const auto leaves = SomeLeaves(65);
  EXPECT_EQ(PaddedHashes({}, 32).size(), 32u * 32);
  EXPECT_EQ(PaddedHashes(First(leaves, 32), 32).size(), 32u * 32);
  EXPECT_EQ(PaddedHashes(First(leaves, 33), 32).size(), 64u * 32);
  for (size_t count : {0u, 1u, 32u, 40u}) {
    auto back = ReadPaddedHashes(PaddedHashes(First(leaves, count), 32), count);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, First(leaves, count));
  }
  EXPECT_FALSE(ReadPaddedHashes(std::string(64, 'x'), 3).ok());
  EXPECT_FALSE(ReadPaddedHashes(std::string(65, 'x'), 1).ok());
  EXPECT_FALSE(ReadPaddedHashes(std::string(64, 'x'), UINT64_MAX).ok());
}

TEST(RecentTreeTest, ProvesAllThatWasAppendedAtEveryStep) {
  const auto leaves = SomeLeaves(150);
  for (size_t before : {0u, 1u, 2u, 3u, 6u, 7u, 8u, 31u, 64u, 77u, 127u, 128u}) {
    CompactRange range;
    for (size_t i = 0; i < before; ++i) range.Append(leaves[i]);
    RecentTree tree(range);
    EXPECT_EQ(tree.Root(), NaiveRoot(leaves, 0, before));
    for (size_t size = before + 1; size <= std::min<size_t>(before + 22, leaves.size()); ++size) {
      tree.Append(leaves[size - 1]);
      range.Append(leaves[size - 1]);
      const auto log = First(leaves, size);
      ASSERT_EQ(tree.size(), size);
      ASSERT_EQ(tree.Root(), NaiveRoot(log, 0, size)) << before << " " << size;
      ASSERT_EQ(tree.range().roots(), range.roots());
      for (size_t first = before; first < size; ++first) {
        for (size_t end = first + 1; end <= size; ++end) {
          ASSERT_EQ(tree.RangeProof(first, end - first), RangeProof(log, first, end - first))
              << before << " " << first << " " << end << " " << size;
        }
      }
      for (size_t old_size = before; old_size <= size; ++old_size) {
        ASSERT_EQ(tree.ConsistencyProof(old_size), ConsistencyProof(log, old_size))
            << before << " " << old_size << " " << size;
      }
    }
  }
}

TEST(RecentTreeTest, ProvesNothingThatLiesBefore) {
  CompactRange range;
  const auto leaves = SomeLeaves(20);
  for (size_t i = 0; i < 10; ++i) range.Append(leaves[i]);
  RecentTree tree(range);
  for (size_t i = 10; i < 20; ++i) tree.Append(leaves[i]);
  EXPECT_TRUE(tree.RangeProof(9, 2).empty());
  EXPECT_TRUE(tree.RangeProof(19, 2).empty());
  EXPECT_TRUE(tree.ConsistencyProof(9).empty());
  EXPECT_TRUE(tree.ConsistencyProof(21).empty());
}

TEST(ConsistencyTest, HoldsAnEmptyLogToTheEmptyRoot) {
  const auto leaves = SomeLeaves(5);
  const Digest root = NaiveRoot(leaves, 0, 5);
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 5, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, root, 5, root, {}).ok());
  const Digest extra[] = {root};
  EXPECT_FALSE(VerifyConsistency(0, EmptyRoot(), 5, root, extra).ok());
  EXPECT_FALSE(VerifyConsistency(5, root, 5, root, extra).ok());
  EXPECT_FALSE(VerifyConsistency(5, EmptyRoot(), 5, root, {}).ok());
}

}  // namespace
}  // namespace vouch::crypto
