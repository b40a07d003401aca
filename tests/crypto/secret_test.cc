#include "crypto/secret.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace vouch::crypto {
namespace {

constexpr RawSecretAccess kRaw;

TEST(SecretBytesTest, HoldsWhatItWasGiven) {
  const SecretBytes secret = SecretBytes::CopyOf(AsBytes("0123456789"));
  EXPECT_EQ(secret.size(), 10u);
  EXPECT_TRUE(AsText(secret.bytes(kRaw)) == "0123456789");
}

TEST(SecretBytesTest, CannotBeCopiedSilently) {
  EXPECT_FALSE(std::is_copy_constructible<SecretBytes>::value);
  EXPECT_FALSE(std::is_copy_assignable<SecretBytes>::value);
}

TEST(SecretBytesTest, MovingLeavesTheSourceEmpty) {
  SecretBytes a = SecretBytes::CopyOf(AsBytes("moved"));
  SecretBytes b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_TRUE(AsText(b.bytes(kRaw)) == "moved");
  SecretBytes c = SecretBytes::Random(64);
  c = std::move(b);
  EXPECT_TRUE(AsText(c.bytes(kRaw)) == "moved");
}

TEST(SecretBytesTest, EqualityComparesSizeAndEveryByte) {
  const SecretBytes a = SecretBytes::Random(32);
  EXPECT_TRUE(a == a.Copy());
  for (size_t i = 0; i < a.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      SecretBytes b = a.Copy();
      b.mutable_bytes(kRaw)[i] ^= static_cast<uint8_t>(1 << bit);
      EXPECT_TRUE(a != b) << "byte " << i << " bit " << bit;
    }
  }
  EXPECT_TRUE(a != SecretBytes::CopyOf(a.bytes(kRaw).subspan(0, 31)));
  EXPECT_TRUE(a != SecretBytes());
  EXPECT_TRUE(SecretBytes() == SecretBytes::OfSize(0));
}

TEST(SecretBytesTest, RandomSecretsDiffer) {
  EXPECT_TRUE(SecretBytes::Random(32) != SecretBytes::Random(32));
  EXPECT_TRUE(SecretBytes::Random(32) != SecretBytes::OfSize(32));
}

TEST(SecretBytesTest, HardenedProcessKeepsSecretsInSecureHeapAndWipesThem) {
  ASSERT_TRUE(HardenProcess().ok());
  const uint8_t* memory = nullptr;
  {
    SecretBytes secret = SecretBytes::OfSize(256);
    std::fill_n(secret.mutable_bytes(kRaw).data(), 256, 0xa5);
    memory = secret.bytes(kRaw).data();
    ASSERT_EQ(CRYPTO_secure_allocated(memory), 1);
  }
  // The secure heap stays mapped; its free list uses the first two words of what was freed.
  const volatile uint8_t* freed = memory;
  for (size_t i = 2 * sizeof(void*); i < 256; ++i) ASSERT_EQ(freed[i], 0) << "byte " << i;
}

TEST(SecretBytesTest, OutlivesAFullSecureHeap) {
  ASSERT_TRUE(HardenProcess().ok());
  SecretBytes large = SecretBytes::OfSize(size_t{4} << 20);
  EXPECT_EQ(large.size(), size_t{4} << 20);
  EXPECT_EQ(CRYPTO_secure_allocated(large.bytes(kRaw).data()), 0);
}

TEST(HardenProcessTest, TurnsCoreDumpsOffAndMayBeCalledAgain) {
  ASSERT_TRUE(HardenProcess().ok());
  ASSERT_TRUE(HardenProcess().ok());
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 0u);
  EXPECT_EQ(limit.rlim_max, 0u);
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

TEST(ConstantTimeEqualTest, AgreesWithEquality) {
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
  EXPECT_TRUE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abc")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("ab")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), {}));
}

TEST(WipeTest, OverwritesBytes) {
  std::array<uint8_t, 40> bytes;
  bytes.fill(0x5a);
  Wipe(absl::MakeSpan(bytes));
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), 0), 40);
}

TEST(WipeTest, EmptiesTextAndWhatLiesBehindItsEnd) {
  std::string text(200, 'x');
  text.resize(20);
  const volatile char* memory = text.data();
  Wipe(&text);
  EXPECT_TRUE(text.empty());
  ASSERT_GE(text.capacity(), 200u);
  for (size_t i = 0; i < 200; ++i) ASSERT_EQ(memory[i], 0) << "byte " << i;
}

}  // namespace
}  // namespace vouch::crypto
