#include "crypto/random.h"

#include <gtest/gtest.h>

#include <set>

namespace vouch::crypto {
namespace {

TEST(FillRandomTest, LeavesNoByteUntouched) {
  std::array<uint8_t, 64> seen = {};
  for (int round = 0; round < 16; ++round) {
    std::array<uint8_t, 64> bytes = {};
    FillRandom(absl::MakeSpan(bytes));
    for (size_t i = 0; i < bytes.size(); ++i) seen[i] |= bytes[i];
  }
  for (size_t i = 0; i < seen.size(); ++i) EXPECT_NE(seen[i], 0) << "byte " << i;
}

TEST(FillRandomTest, AcceptsNothingToFill) { FillRandom({}); }

TEST(UuidV7Test, HoldsItsTimeVersionAndVariant) {
  for (int64_t time : {int64_t{0}, int64_t{1}, int64_t{1645557742000}, (int64_t{1} << 48) - 1}) {
    const auto uuid = NewUuidV7(time);
    EXPECT_EQ(uuid[6] >> 4, 7);
    EXPECT_EQ(uuid[8] >> 6, 2);
    EXPECT_EQ(UuidV7Time(uuid), time);
  }
}

TEST(UuidV7Test, ReadsTheExampleOfTheRfc) {
  std::array<uint8_t, 16> uuid;
  ASSERT_TRUE(FromHex("017f22e279b07cc398c4dc0c0c07398f", absl::MakeSpan(uuid)));
  EXPECT_EQ(UuidV7Time(uuid), 0x017f22e279b0);
}

TEST(UuidV7Test, RefusesOtherVersionsVariantsAndSizes) {
  const auto good = NewUuidV7(1645557742000);
  for (int version = 0; version < 16; ++version) {
    auto uuid = good;
    uuid[6] = static_cast<uint8_t>(version << 4 | (uuid[6] & 15));
    EXPECT_EQ(UuidV7Time(uuid) == -1, version != 7);
  }
  for (int variant = 0; variant < 4; ++variant) {
    auto uuid = good;
    uuid[8] = static_cast<uint8_t>(variant << 6 | (uuid[8] & 63));
    EXPECT_EQ(UuidV7Time(uuid) == -1, variant != 2);
  }
  EXPECT_EQ(UuidV7Time(ByteSpan(good).subspan(1)), -1);
  EXPECT_EQ(UuidV7Time({}), -1);
}

TEST(UuidV7Test, TwoOfOneMillisecondDiffer) {
  std::set<std::array<uint8_t, 16>> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(NewUuidV7(1645557742000));
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace vouch::crypto
