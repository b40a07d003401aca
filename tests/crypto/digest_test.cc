#include "crypto/digest.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>
#include <utility>
#include <vector>

#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

constexpr RawSecretAccess kRaw;

TEST(Sha256Test, MatchesPublishedExamples) {
  // FIPS 180-2, appendix B, and the empty message.
  EXPECT_EQ(Hex(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Test, AgreesWithOpensslForEveryLength) {
  std::vector<uint8_t> bytes;
  for (size_t size = 0; size <= 600; ++size) {
    Digest expected;
    unsigned int written = 0;
    ASSERT_EQ(
        EVP_Digest(bytes.data(), bytes.size(), expected.data(), &written, EVP_sha256(), nullptr),
        1);
    EXPECT_EQ(Sha256(ByteSpan(bytes)), expected) << size;
    bytes.push_back(static_cast<uint8_t>(size * 151 + 7));
  }
}

TEST(HmacKeyTest, AgreesWithEveryWycheproofCase) {
  const auto cases = ReadVectors("hmac_sha256.txt", 7);
  ASSERT_EQ(cases.size(), 174u);
  for (const auto& c : cases) {
    const std::string tag = FromHexText(c[5]);
    const Digest mac = HmacSha256(AsBytes(FromHexText(c[3])), AsBytes(FromHexText(c[4])));
    ASSERT_LE(tag.size(), mac.size());
    EXPECT_EQ(ConstantTimeEqual(ByteSpan(mac).subspan(0, tag.size()), AsBytes(tag)),
              c[1] == "valid")
        << "tcId " << c[0] << ": " << c[6];
  }
}

// Every length around the block boundaries, and every cut into two parts, against OpenSSL's own.
TEST(HmacKeyTest, AgreesWithOpensslForEveryLengthAndCut) {
  const SecretBytes text = SecretBytes::Random(300);
  const SecretBytes key_bytes = SecretBytes::Random(150);
  for (size_t key_size : {0, 1, 31, 32, 63, 64, 65, 150}) {
    const ByteSpan key = key_bytes.bytes(kRaw).subspan(0, key_size);
    const HmacKey hmac(key);
    for (size_t size = 0; size <= text.size(); ++size) {
      const ByteSpan message = text.bytes(kRaw).subspan(0, size);
      Digest expected;
      unsigned int length = 0;
      ASSERT_NE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(),
                     message.size(), expected.data(), &length),
                nullptr);
      ASSERT_TRUE(hmac.Mac(message) == expected) << "key " << key_size << " message " << size;
      if (key_size != 32) continue;
      for (size_t cut = 0; cut <= size; ++cut) {
        ASSERT_TRUE(hmac.Mac(message.subspan(0, cut), message.subspan(cut)) == expected)
            << "message " << size << " cut " << cut;
      }
    }
  }
}

TEST(HmacKeyTest, MovesAndWipesTheSource) {
  alignas(HmacKey) std::array<uint8_t, sizeof(HmacKey)> memory;
  const Digest expected = HmacSha256(AsBytes("key"), AsBytes("message"));
  auto* source = new (memory.data()) HmacKey(AsBytes("key"));
  const HmacKey taken(std::move(*source));
  const volatile uint8_t* bytes = memory.data();
  for (size_t i = 0; i < memory.size(); ++i) ASSERT_EQ(bytes[i], 0) << "byte " << i;
  source->~HmacKey();
  EXPECT_TRUE(taken.Mac("message") == expected);
  HmacKey assigned(AsBytes("other"));
  assigned = HmacKey(AsBytes("key"));
  EXPECT_TRUE(assigned.Mac("message") == expected);
}

TEST(HmacKeyTest, IsWipedWhenItDies) {
  alignas(HmacKey) std::array<uint8_t, sizeof(HmacKey)> memory;
  auto* key = new (memory.data()) HmacKey(AsBytes("key"));
  key->~HmacKey();
  const volatile uint8_t* bytes = memory.data();
  for (size_t i = 0; i < memory.size(); ++i) ASSERT_EQ(bytes[i], 0) << "byte " << i;
}

TEST(HkdfSha256Test, AgreesWithEveryWycheproofCase) {
  const auto cases = ReadVectors("hkdf_sha256.txt", 9);
  ASSERT_EQ(cases.size(), 86u);
  for (const auto& c : cases) {
    const std::string input_key = FromHexText(c[3]);
    const std::string salt = FromHexText(c[4]);
    const std::string info = FromHexText(c[5]);
    const size_t size = std::stoul(c[6]);
    if (c[1] != "valid") {
      ASSERT_EQ(c[2], "SizeTooLarge");
      EXPECT_DEATH(HkdfSha256(AsBytes(input_key), AsBytes(salt), AsBytes(info), size), "");
      continue;
    }
    const SecretBytes out = HkdfSha256(AsBytes(input_key), AsBytes(salt), AsBytes(info), size);
    EXPECT_TRUE(AsText(out.bytes(kRaw)) == FromHexText(c[7])) << "tcId " << c[0] << ": " << c[8];
  }
}

TEST(HkdfSha256Test, MakesTheMostItMay) {
  EXPECT_EQ(HkdfSha256(AsBytes("key"), {}, {}, 255 * 32).size(), 255u * 32);
  EXPECT_TRUE(HkdfSha256(AsBytes("key"), {}, {}, 0).empty());
}

}  // namespace
}  // namespace vouch::crypto
