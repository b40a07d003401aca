#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "crypto/secret.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

constexpr AeadNonce kNonce = {1, 2, 3};

std::string TestKey(char fill) { return std::string(32, fill); }

TEST(AeadTest, MatchesPublishedCases) {
  // D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", appendix B, cases 13, 14 and 16.
  const std::string zero(32, '\0');
  EXPECT_EQ(Hex(AsBytes(Seal(AsBytes(zero), AeadNonce{}, {}, {}))),
            "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(Hex(AsBytes(Seal(AsBytes(zero), AeadNonce{}, {}, AsBytes(zero).subspan(16)))),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  AeadNonce nonce;
  ASSERT_TRUE(FromHex("cafebabefacedbaddecaf888", absl::MakeSpan(nonce)));
  const std::string key =
      FromHexText("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string associated = FromHexText("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plain = FromHexText(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
  EXPECT_EQ(
      Hex(AsBytes(Seal(AsBytes(key), nonce, AsBytes(associated), AsBytes(plain)))),
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
      "828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
}

TEST(AeadTest, OpensWhatItSealed) {
  for (size_t size : {0, 1, 15, 16, 17, 1000, 100000}) {
    const std::string plain(size, 'p');
    const std::string sealed =
        Seal(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes(plain));
    EXPECT_EQ(sealed.size(), size + 16);
    const auto opened = Open(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes(sealed));
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(*opened == plain);
  }
}

TEST(AeadTest, RefusesOtherKeyNonceOrAssociatedData) {
  const std::string sealed = Seal(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes("x"));
  const AeadNonce other_nonce = {1, 2, 4};
  EXPECT_FALSE(Open(AsBytes(TestKey('l')), kNonce, AsBytes("row 1"), AsBytes(sealed)).ok());
  EXPECT_FALSE(Open(AsBytes(TestKey('k')), other_nonce, AsBytes("row 1"), AsBytes(sealed)).ok());
  EXPECT_FALSE(Open(AsBytes(TestKey('k')), kNonce, AsBytes("row 2"), AsBytes(sealed)).ok());
  EXPECT_FALSE(Open(AsBytes(TestKey('k')), kNonce, {}, AsBytes(sealed)).ok());
  // A refusal must not spoil the context for the next message.
  EXPECT_TRUE(Open(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes(sealed)).ok());
}

TEST(AeadTest, RefusesEveryFlippedBitAndEveryCut) {
  const std::string sealed =
      Seal(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes("a few words"));
  for (size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string altered = sealed;
    altered[i / 8] = static_cast<char>(altered[i / 8] ^ (1 << i % 8));
    const auto opened = Open(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes(altered));
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kInvalidArgument) << "bit " << i;
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(
        Open(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes(sealed).subspan(0, size))
            .ok())
        << "cut at " << size;
  }
  EXPECT_FALSE(Open(AsBytes(TestKey('k')), kNonce, AsBytes("row 1"), AsBytes(sealed + "0")).ok());
}

TEST(AeadTest, RefusalSaysNothingOfTheContents) {
  std::string sealed = Seal(AsBytes(TestKey('k')), kNonce, {}, AsBytes("a few words"));
  sealed[0] ^= 1;
  const auto opened = Open(AsBytes(TestKey('k')), kNonce, {}, AsBytes(sealed));
  EXPECT_EQ(opened.status().ToString().find("words"), std::string::npos);
}

TEST(AeadDeathTest, DiesOfAKeyOfAnotherSize) {
  EXPECT_DEATH(Seal(AsBytes(std::string(16, 'k')), kNonce, {}, {}), "");
  EXPECT_DEATH((void)Open(AsBytes(std::string(33, 'k')), kNonce, {}, AsBytes(TestKey('s'))), "");
}

TEST(AeadTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  std::array<int, 4> good = {};
  for (size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([t, &good] {
      const std::string key = TestKey(static_cast<char>('a' + t));
      for (int i = 0; i < 500; ++i) {
        const std::string plain(static_cast<size_t>(i), 'p');
        const auto opened =
            Open(AsBytes(key), kNonce, {}, AsBytes(Seal(AsBytes(key), kNonce, {}, AsBytes(plain))));
        good[t] += opened.ok() && *opened == plain;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int count : good) EXPECT_EQ(count, 500);
}

}  // namespace
}  // namespace vouch::crypto
