#include "client/requester/ledger_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "crypto/keys.h"
#include "crypto/note.h"

namespace vouch::requester {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kOrigin[] = "irs.treasury.example/ledger/2026";

class LedgerCheckTest : public ::testing::Test {
 protected:
  LedgerCheckTest() {
    for (int i = 0; i < 40; ++i) {
      leaves_.push_back(crypto::LeafHash(crypto::AsBytes(absl::StrCat("entry ", i))));
    }
  }
  // [first, first + count), of which `answered` are answers and the rest refusals.
  v1::LedgerProof Prove(uint64_t first, uint32_t count,
                        const std::vector<uint64_t>& answered) const {
    crypto::CompactRange range;
    for (const crypto::Digest& leaf : leaves_) range.Append(leaf);
    const crypto::Checkpoint head{kOrigin, leaves_.size(), range.Root()};
    const auto signer = crypto::NoteSigner::Make(kOrigin, key_);
    const crypto::NoteSigner* const signers[] = {&*signer};
    const auto hashes = crypto::RangeProof(leaves_, first, count);
    v1::LedgerProof proof;
    proof.set_tree_size(leaves_.size());
    proof.set_first(first);
    proof.set_count(count);
    proof.set_hash_count(static_cast<uint32_t>(hashes.size()));
    proof.set_hashes(crypto::PaddedHashes(hashes, crypto::kPaddedRangeHashes));
    proof.set_checkpoint(*crypto::SignCheckpoint(head, signers));
    for (uint64_t i = first; i < first + count; ++i) {
      if (std::find(answered.begin(), answered.end(), i) != answered.end()) continue;
      proof.mutable_other_leaves()->append(reinterpret_cast<const char*>(leaves_[i].data()), 32);
    }
    return proof;
  }
  std::vector<ProvedEntries> Entries(const std::vector<uint64_t>& answered) const {
    std::vector<ProvedEntries> entries;
    for (const uint64_t index : answered) entries.push_back({index, {leaves_[index]}});
    return entries;
  }

  const std::shared_ptr<const crypto::SigningKey> key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kP256));
  const LedgerCheck check_{"irs.treasury.example", key_->PublicDer()};
  const absl::Time now_ = absl::FromCivil(absl::CivilDay(2026, 11, 22), absl::UTCTimeZone());
  std::vector<crypto::Digest> leaves_;
};

TEST_F(LedgerCheckTest, AnswersAmongRefusalsAreProvedByOneProof) {
  const std::vector<uint64_t> answered = {11, 13, 14, 18};
  EXPECT_TRUE(check_.Check(Prove(11, 8, answered), Entries(answered), now_).ok());
  // Refusals at both ends, and none.
  EXPECT_TRUE(check_.Check(Prove(9, 12, answered), Entries(answered), now_).ok());
  EXPECT_TRUE(check_.Check(Prove(13, 2, {13, 14}), Entries({13, 14}), now_).ok());
}

TEST_F(LedgerCheckTest, WhatIsNotInTheRangeIsRefused) {
  const v1::LedgerProof proof = Prove(11, 4, {11, 14});
  EXPECT_TRUE(absl::IsDataLoss(check_.Check(proof, Entries({11}), now_)));
  EXPECT_TRUE(absl::IsDataLoss(check_.Check(proof, Entries({11, 13}), now_)));
  EXPECT_TRUE(absl::IsDataLoss(check_.Check(proof, Entries({14, 11}), now_)));
  EXPECT_TRUE(absl::IsDataLoss(check_.Check(proof, Entries({11, 11, 14}), now_)));
  EXPECT_TRUE(absl::IsDataLoss(check_.Check(proof, {}, now_)));
  std::vector<ProvedEntries> moved = Entries({11, 14});
  std::swap(moved[0].leaves, moved[1].leaves);
  EXPECT_TRUE(absl::IsDataLoss(check_.Check(proof, moved, now_)));
}

TEST_F(LedgerCheckTest, EachReceiptStandsAlone) {
  const std::vector<uint64_t> answered = {3, 5, 6, 7, 30};
  const v1::LedgerProof proof = Prove(3, 28, answered);
  const std::vector<ProvedEntries> entries = Entries(answered);
  ASSERT_TRUE(check_.Check(proof, entries, now_).ok());
  const std::vector<v1::LedgerProof> each = LedgerCheck::EachAlone(proof, entries);
  ASSERT_THAT(each, SizeIs(answered.size()));
  for (size_t i = 0; i < each.size(); ++i) {
    EXPECT_TRUE(check_.Check(each[i], {entries[i]}, now_).ok()) << answered[i];
    EXPECT_EQ(*crypto::ReadPaddedHashes(each[i].hashes(), each[i].hash_count()),
              crypto::InclusionProof(leaves_, answered[i]));
    EXPECT_TRUE(absl::IsDataLoss(check_.Check(each[i], {entries[(i + 1) % entries.size()]}, now_)));
  }
  EXPECT_THAT(LedgerCheck::EachAlone(proof, Entries({3})), IsEmpty());
}

}  // namespace
}  // namespace vouch::requester
