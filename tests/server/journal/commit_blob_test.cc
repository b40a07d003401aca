#include "server/journal/commit_blob.h"

#include <gtest/gtest.h>

#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "server/journal/checksum.h"
#include "server/journal/lives.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

CommitParts Everything() {
  CommitParts parts;
  parts.number = 0x0102030405060708;
  parts.second = kStart;
  parts.first_entry = 99;
  parts.changes.charges = {{KeyNamed("a"), 1, 2}, {KeyNamed("b"), 3, kNever}};
  parts.changes.requests = {{KeyNamed("r"), 0xfedcba9876543210, 1, 5}};
  parts.changes.epochs = {{KeyNamed("e"), 7}};
  parts.changes.lives = {{KeyNamed("l"), kFirstLife, kStart}};
  parts.changes.buckets = {{KeyNamed("m"), Counter::kEvaluations, 600, 128}};
  parts.changes.totals = {{KeyNamed("t"), 0x1122334455667788}};
  parts.changes.adoptions = {{"agreement-1", 7, crypto::Sha256("file")}, {"", 1, {}}};
  parts.items = {{"entry", "sealed"}, {"", "only sealed"}, {"only entry", ""}};
  return parts;
}

std::string WithChecksum(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  crypto::ByteWriter writer;
  writer.U32(Crc32c(crypto::AsBytes(bytes)));
  return bytes + writer.str();
}

TEST(CommitBlobTest, ReadsBackWhatItWrote) {
  const CommitParts parts = Everything();
  const std::string blob = EncodeCommit(parts);
  CommitParts again;
  ASSERT_TRUE(DecodeCommit(blob, &again));
  EXPECT_EQ(again.number, parts.number);
  EXPECT_EQ(again.second, parts.second);
  EXPECT_EQ(again.first_entry, parts.first_entry);
  EXPECT_EQ(again.changes.charges[1].key, KeyNamed("b"));
  EXPECT_EQ(again.changes.charges[1].dies, kNever);
  EXPECT_EQ(again.changes.requests[0].content, 0xfedcba9876543210u);
  EXPECT_EQ(again.changes.epochs[0].epoch, 7u);
  EXPECT_EQ(again.changes.lives[0].end, kStart);
  EXPECT_EQ(again.changes.buckets[0].counter, Counter::kEvaluations);
  EXPECT_EQ(again.changes.totals[0].count, 0x1122334455667788u);
  ASSERT_EQ(again.changes.adoptions.size(), 2u);
  EXPECT_EQ(again.changes.adoptions[0].agreement_id, "agreement-1");
  EXPECT_EQ(again.changes.adoptions[0].revision, 7);
  EXPECT_EQ(again.changes.adoptions[0].digest, crypto::Sha256("file"));
  ASSERT_EQ(again.items.size(), 3u);
  EXPECT_EQ(again.items[0].sealed, "sealed");
  EXPECT_EQ(again.items[1].sealed, "only sealed");
  EXPECT_EQ(again.items[2].entry, "only entry");
  // What was read can be written again, byte for byte.
  EXPECT_EQ(EncodeCommit(again), blob);
}

TEST(CommitBlobTest, BeginsAsTheLayoutSays) {
  const std::string blob = EncodeCommit(Everything());
  EXPECT_EQ(crypto::Hex(crypto::AsBytes(blob.substr(0, 56))),
            "564a4301"
            "0102030405060708"
            "6b00df00"
            "0000000000000063"
            "00000003"
            "00000002"
            "00000001"
            "00000001"
            "00000001"
            "00000001"
            "00000001"
            "00000002");
}

TEST(CommitBlobTest, RefusesEveryCutAndEveryFlippedBit) {
  const std::string blob = EncodeCommit(Everything());
  CommitParts out;
  for (size_t size = 0; size < blob.size(); ++size) {
    EXPECT_FALSE(DecodeCommit(blob.substr(0, size), &out));
  }
  EXPECT_FALSE(DecodeCommit(blob + "x", &out));
  for (size_t bit = 0; bit < blob.size() * 8; ++bit) {
    std::string bent = blob;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeCommit(bent, &out)) << bit;
  }
}

TEST(CommitBlobTest, RefusesWrongCountsUnderARightChecksum) {
  const std::string blob = EncodeCommit(Everything());
  CommitParts out;
  ASSERT_TRUE(DecodeCommit(WithChecksum(blob), &out));
  for (size_t at = 24; at < 56; ++at) {
    for (const char byte : {'\1', '\4', '\x7f', '\xff'}) {
      std::string bent = blob;
      if (bent[at] == byte) continue;
      bent[at] = byte;
      EXPECT_FALSE(DecodeCommit(WithChecksum(bent), &out)) << at;
    }
  }
  std::string other_version = blob;
  other_version[3] = 2;
  EXPECT_FALSE(DecodeCommit(WithChecksum(other_version), &out));
}

TEST(CommitBlobTest, RefusesAnItemBeyondTheItemsAndAnUnknownCounter) {
  CommitParts out;
  CommitParts parts = Everything();
  parts.changes.requests[0].item = 3;
  EXPECT_FALSE(DecodeCommit(EncodeCommit(parts), &out));
  parts = Everything();
  parts.changes.buckets[0].counter = static_cast<Counter>(kCounters);
  EXPECT_FALSE(DecodeCommit(EncodeCommit(parts), &out));
}

}  // namespace
}  // namespace vouch::server::journal
