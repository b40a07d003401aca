// What the tests of the walk share: some people, and how an outcome is read.
#ifndef VOUCH_TESTS_SERVER_WALK_WALKED_H_
#define VOUCH_TESTS_SERVER_WALK_WALKED_H_

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "crypto/checkpoint.h"
#include "crypto/receipt.h"
#include "tests/server/walk/world.h"

namespace vouch::server {

inline constexpr int64_t kLow = 500000, kHigh = 5000000;

inline std::vector<std::string> NamesOf(const std::vector<Recorded>& outcomes) {
  std::vector<std::string> names;
  for (const Recorded& outcome : outcomes) names.push_back(NameOf(outcome));
  return names;
}

inline crypto::SubjectEntry EntryOf(const Recorded& recorded) {
  const auto entry = crypto::ReadSubjectEntry(recorded.answered()->entry);
  EXPECT_TRUE(entry.ok()) << entry.status();
  return entry.ok() ? *entry : crypto::SubjectEntry();
}

class VerificationTest : public ::testing::Test {
 protected:
  VerificationTest() { Populate(&world_); }
  static void Populate(World* world) {
    world->AddPerson("low", kLow);
    world->AddPerson("high", kHigh);
    world->AddPerson("without", -1);
    world->AddPerson("held", kLow);
    world->records.snapshot->Hold("held");
    // Two people share their second key; two people can be mixed up in one request.
    auto twin = TokensOf("twins");
    world->records.snapshot->Add("twin one", {TokensOf("t1")[0], twin[1], TokensOf("t1")[2]});
    world->records.snapshot->Add("twin two", {TokensOf("t2")[0], twin[1], TokensOf("t2")[2]});
  }

  // `outcomes` share one proof, and are all that was answered under it.
  void ExpectProved(const std::vector<Recorded>& outcomes) {
    const EntryProof& proof = *outcomes[0].answered()->proof;
    const auto checkpoint =
        crypto::OpenCheckpoint(*proof.log.checkpoint, {world_.ledger_log->verifier()});
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ(checkpoint->checkpoint.size, proof.log.tree_size);
    std::vector<crypto::Digest> leaves(proof.log.count);
    std::set<uint64_t> own;
    for (const Recorded& outcome : outcomes) {
      const AnsweredItem& item = *outcome.answered();
      own.insert(item.entry_index);
      leaves.at(item.entry_index - proof.log.first) = crypto::LeafHash(crypto::AsBytes(item.entry));
    }
    absl::string_view others = proof.other_leaves;
    for (size_t i = 0; i < leaves.size(); ++i) {
      if (own.count(proof.log.first + i) > 0) continue;
      ASSERT_GE(others.size(), sizeof(crypto::Digest));
      std::copy_n(crypto::AsBytes(others).begin(), sizeof(crypto::Digest), leaves[i].begin());
      others.remove_prefix(sizeof(crypto::Digest));
    }
    EXPECT_TRUE(others.empty());
    const absl::Status verified =
        crypto::VerifyRange(leaves, proof.log.first, proof.log.tree_size, proof.log.hashes,
                            checkpoint->checkpoint.root);
    EXPECT_TRUE(verified.ok()) << verified;
  }

  World world_;
};

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_WALK_WALKED_H_
