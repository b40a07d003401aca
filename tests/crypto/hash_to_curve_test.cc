#include "crypto/hash_to_curve.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

std::string HexOf(const FieldElement& element) {
  std::array<uint8_t, 32> bytes;
  element.ToBytes(absl::MakeSpan(bytes));
  return Hex(bytes);
}

std::string HexOf(const ProjectivePoint& point) {
  AffinePoint affine;
  EXPECT_TRUE(ToAffine(point, &affine));
  return HexOf(affine.x) + ":" + HexOf(affine.y);
}

FieldElement Parse(const std::string& hex) {
  FieldElement element;
  EXPECT_TRUE(FieldElement::FromBytes(AsBytes(FromHexText(hex)), &element));
  return element;
}

TEST(ExpandMessageXmdTest, AgreesWithTheStandard) {
  const auto cases = ReadVectors("expand_message_xmd_sha256.txt", 4);
  ASSERT_EQ(cases.size(), 20u);
  for (const auto& c : cases) {
    std::vector<uint8_t> out(std::stoul(c[1]));
    ExpandMessageXmd(AsBytes(FromHexText(c[2])), c[0], absl::MakeSpan(out));
    EXPECT_EQ(Hex(out), c[3]) << c[0] << ' ' << c[1];
  }
}

TEST(ExpandMessageXmdTest, GivesPartialLastBlocks) {
  std::vector<uint8_t> whole(255 * 32);
  ExpandMessageXmd(AsBytes("message"), "tag", absl::MakeSpan(whole));
  std::vector<uint8_t> part(whole.size() - 5);
  ExpandMessageXmd(AsBytes("message"), "tag", absl::MakeSpan(part));
  // The size is hashed, so another size is another stream.
  EXPECT_NE(Hex(ByteSpan(whole).subspan(0, 32)), Hex(ByteSpan(part).subspan(0, 32)));
}

TEST(ExpandMessageXmdDeathTest, RefusesMoreThan255Blocks) {
  std::vector<uint8_t> out(255 * 32 + 1);
  EXPECT_DEATH(ExpandMessageXmd(AsBytes("m"), "tag", absl::MakeSpan(out)), "");
}

TEST(HashToCurveTest, AgreesWithTheStandardsUniformSuite) {
  int cases = 0;
  for (const auto& c : ReadVectors("hash_to_curve_p256.txt", 6)) {
    if (c[0] != "RO") continue;
    ++cases;
    const std::string message = FromHexText(c[2]);
    EXPECT_EQ(HexOf(HashToCurve(AsBytes(message), c[1])), c[5]) << message;
  }
  EXPECT_EQ(cases, 5);
}

TEST(HashToCurveTest, AgreesWithTheStandardsNonUniformSuite) {
  int cases = 0;
  for (const auto& c : ReadVectors("hash_to_curve_p256.txt", 6)) {
    if (c[0] != "NU") continue;
    ++cases;
    const std::string message = FromHexText(c[2]);
    EXPECT_EQ(HexOf(EncodeToCurve(AsBytes(message), c[1])), c[5]) << message;
  }
  EXPECT_EQ(cases, 5);
}

TEST(HashToCurveTest, HashesManyAsOneByOne) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("message " + std::to_string(i));
  for (size_t count : {0, 1, 2, 3, 4, 5, 40}) {
    std::vector<ByteSpan> messages;
    for (size_t i = 0; i < count; ++i) messages.push_back(AsBytes(texts[i]));
    const std::vector<ProjectivePoint> points = HashManyToCurve(messages, "tag");
    ASSERT_EQ(points.size(), count);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(HexOf(points[i]), HexOf(HashToCurve(messages[i], "tag")));
    }
  }
}

TEST(MapToCurveTest, AgreesWithTheStandardsIntermediatePoints) {
  for (const auto& c : ReadVectors("hash_to_curve_p256.txt", 6)) {
    const std::vector<std::string> inputs = absl::StrSplit(c[3], ',');
    const std::vector<std::string> points = absl::StrSplit(c[4], ',');
    ASSERT_EQ(inputs.size(), points.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(HexOf(MapToCurve(Parse(inputs[i]))), points[i]);
    }
  }
}

TEST(MapToCurveTest, LandsOnTheCurveForExceptionalInputs) {
  // Z^2 u^4 + Z u^2 = 0 for u = 0 and for no other u, since -1/Z = 1/10 is a square: its roots too.
  FieldElement root;
  ASSERT_NE(SquareRoot(FieldElement::FromInteger(10).Inverse(), &root), 0u);
  for (const FieldElement& u :
       {FieldElement::Zero(), FieldElement::One(), -FieldElement::One(), root, -root}) {
    AffinePoint point;
    ASSERT_TRUE(ToAffine(MapToCurve(u), &point));
    const FieldElement right =
        (point.x.Square() - FieldElement::FromInteger(3)) * point.x + CurveB();
    EXPECT_NE(point.y.Square().Equals(right), 0u);
    EXPECT_EQ(point.y.IsOdd(), u.IsOdd());
  }
}

TEST(HashToScalarTest, DependsOnMessageAndTag) {
  const Scalar scalar = HashToScalar(AsBytes("message"), "tag");
  EXPECT_NE(scalar.Equals(HashToScalar(AsBytes("message"), "tag")), 0u);
  EXPECT_EQ(scalar.Equals(HashToScalar(AsBytes("messagf"), "tag")), 0u);
  EXPECT_EQ(scalar.Equals(HashToScalar(AsBytes("message"), "tah")), 0u);
}

}  // namespace
}  // namespace vouch::crypto
