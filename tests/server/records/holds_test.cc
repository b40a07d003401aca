#include "server/records/holds.h"

#include <gtest/gtest.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

PersonHandle Handle(uint8_t number) {
  PersonHandle person{};
  person[0] = number;
  return person;
}

Hold HoldOf(uint8_t number, HoldReason reason = HoldReason::kOther) {
  return {Handle(number), reason, absl::FromUnixSeconds(1800000000 + number)};
}

TEST(HoldsTest, ContainsExactlyThoseHeld) {
  Holds holds;
  EXPECT_FALSE(holds.Contains(Handle(0)));
  for (int held = 0; held <= 20; ++held) {
    for (int i = 0; i < 60; ++i) {
      const auto number = static_cast<uint8_t>(i);
      EXPECT_EQ(holds.Contains(Handle(number)), i % 3 == 0 && i / 3 < held) << i << " " << held;
    }
    holds = holds.With(HoldOf(static_cast<uint8_t>(held * 3)));
  }
}

TEST(HoldsTest, ASecondHoldReplacesTheFirst) {
  const Holds holds =
      Holds().With(HoldOf(1)).With(HoldOf(1, HoldReason::kIdentityTheft)).With(HoldOf(2));
  ASSERT_EQ(holds.all().size(), 2u);
  EXPECT_EQ(holds.all()[0].reason, HoldReason::kIdentityTheft);
  EXPECT_FALSE(holds.Without(Handle(1)).Contains(Handle(1)));
}

TEST(HoldsTest, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  const std::string path = folder.File("holds");
  ASSERT_TRUE(Holds().With(HoldOf(5, HoldReason::kDispute)).With(HoldOf(3)).Write(path).ok());
  const auto read = Holds::Read(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ((*read)->all().size(), 2u);
  EXPECT_EQ((*read)->all()[1].reason, HoldReason::kDispute);
  EXPECT_EQ((*read)->all()[1].since, absl::FromUnixSeconds(1800000005));
}

TEST(HoldsTest, AMissingListHoldsNobody) {
  const TemporaryFolder folder;
  EXPECT_TRUE((*Holds::Read(folder.File("holds")))->all().empty());
}

TEST(HoldsTest, ADamagedListIsRefusedWhereverTheDamageIs) {
  const TemporaryFolder folder;
  const std::string path = folder.File("holds");
  ASSERT_TRUE(Holds().With(HoldOf(5)).With(HoldOf(3)).Write(path).ok());
  const std::string whole = ReadWhole(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 0x20;
    WriteWhole(path, damaged);
    const auto read = Holds::Read(path);
    // The zeros between header and body mean nothing.
    if (read.ok()) {
      EXPECT_EQ(whole[at], '\0');
      EXPECT_EQ((*read)->all().size(), 2u);
    }
    WriteWhole(path, whole.substr(0, at));
    EXPECT_FALSE(Holds::Read(path).ok()) << at;
  }
}

TEST(HoldsTest, ReasonsHaveNames) {
  EXPECT_EQ(HoldReasonNamed("identity-theft"), HoldReason::kIdentityTheft);
  EXPECT_EQ(HoldReasonName(HoldReason::kAddressConfidentiality), "address-confidentiality");
  EXPECT_FALSE(HoldReasonNamed("whim").has_value());
}

}  // namespace
}  // namespace vouch::server::records
