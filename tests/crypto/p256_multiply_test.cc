#include "crypto/p256_multiply.h"

#include <gtest/gtest.h>

#include <vector>

#include "crypto/oprf_proof.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

AffinePoint TimesGenerator(const Scalar& scalar) {
  AffinePoint point;
  EXPECT_TRUE(MultiplyGenerator(scalar, &point).ok());
  return point;
}

TEST(MultiplyGeneratorTest, GivesTheStandardGeneratorForOne) {
  EXPECT_EQ(Hex(EncodePoint(TimesGenerator(Scalar::One()))),
            "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
}

TEST(MultiplyPointsTest, OneScalarServesAllPoints) {
  for (size_t count : {1, 2, 7, 8, 9, 33}) {
    const Scalar scalar = RandomScalar();
    std::vector<AffinePoint> points;
    std::vector<PointBytes> expected;
    for (size_t i = 0; i < count; ++i) {
      const Scalar logarithm = RandomScalar();
      points.push_back(TimesGenerator(logarithm));
      expected.push_back(EncodePoint(TimesGenerator(logarithm * scalar)));
    }
    ASSERT_TRUE(MultiplyPoints({scalar}, points, absl::MakeSpan(points)).ok());
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(EncodePoint(points[i]), expected[i]);
  }
}

TEST(MultiplyPointsTest, EachPointHasItsScalar) {
  for (size_t count : {2, 8, 13}) {
    std::vector<Scalar> scalars;
    std::vector<AffinePoint> points;
    std::vector<PointBytes> expected;
    for (size_t i = 0; i < count; ++i) {
      const Scalar logarithm = RandomScalar();
      scalars.push_back(RandomScalar());
      points.push_back(TimesGenerator(logarithm));
      expected.push_back(EncodePoint(TimesGenerator(logarithm * scalars[i])));
    }
    std::vector<AffinePoint> out(count);
    ASSERT_TRUE(MultiplyPoints(scalars, points, absl::MakeSpan(out)).ok());
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(EncodePoint(out[i]), expected[i]);
  }
}

// Small scalars, scalars near the order and scalars of one bit: where windowed multiplication meets
// doublings and opposites in its additions.
TEST(MultiplyPointsTest, TakesExtremeScalars) {
  std::vector<Scalar> scalars;
  for (uint64_t small = 1; small <= 40; ++small) {
    scalars.push_back(Scalar::FromInteger(small));
    scalars.push_back(-Scalar::FromInteger(small));
  }
  Scalar power = Scalar::One();
  for (int bit = 0; bit < 256; ++bit) {
    scalars.push_back(power);
    scalars.push_back(power - Scalar::One() + Scalar::FromInteger(bit == 0 ? 1 : 0));
    power = power + power;
  }
  const Scalar logarithm = RandomScalar();
  const std::vector<AffinePoint> points(scalars.size(), TimesGenerator(logarithm));
  std::vector<AffinePoint> out(scalars.size());
  ASSERT_TRUE(MultiplyPoints(scalars, points, absl::MakeSpan(out)).ok());
  for (size_t i = 0; i < scalars.size(); ++i) {
    ASSERT_EQ(EncodePoint(out[i]), EncodePoint(TimesGenerator(logarithm * scalars[i]))) << i;
  }
}

TEST(MultiplyPointsTest, AgreesWithOpensslOnRandomScalarsAndPoints) {
  std::vector<Scalar> scalars;
  std::vector<AffinePoint> points;
  for (int i = 0; i < 4000; ++i) {
    scalars.push_back(RandomScalar());
    points.push_back(TimesGenerator(RandomScalar()));
  }
  std::vector<AffinePoint> expected(points.size());
  std::vector<AffinePoint> out(points.size());
  ASSERT_TRUE(MultiplyPointsWithOpenssl(scalars, points, absl::MakeSpan(expected)).ok());
  ASSERT_TRUE(MultiplyPoints(scalars, points, absl::MakeSpan(out)).ok());
  for (size_t i = 0; i < out.size(); ++i) {
    ASSERT_EQ(EncodePoint(out[i]), EncodePoint(expected[i])) << i;
  }
}

// Wycheproof's points were found so that coordinates 0, 1 or all ones appear midway.
TEST(MultiplyPointsTest, AgreesWithOpensslOnEveryWycheproofPoint) {
  std::vector<AffinePoint> points;
  for (const auto& c : ReadVectors("points_p256.txt", 5)) {
    const std::string bytes = FromHexText(c[3]);
    if (bytes.size() != 65 || c[1] != "valid") continue;
    AffinePoint point;
    ASSERT_TRUE(FieldElement::FromBytes(AsBytes(bytes).subspan(1, 32), &point.x));
    ASSERT_TRUE(FieldElement::FromBytes(AsBytes(bytes).subspan(33, 32), &point.y));
    points.push_back(point);
  }
  ASSERT_EQ(points.size(), 330u);
  const Scalar two_to_128 = Scalar::FromInteger(uint64_t{1} << 32).Square().Square();
  for (const Scalar& scalar :
       {Scalar::FromInteger(2), Scalar::FromInteger(3), Scalar::FromInteger(31),
        Scalar::FromInteger(0xaaaaaaaaaaaaaaaa), two_to_128, -two_to_128, -Scalar::FromInteger(2),
        Scalar::FromInteger(2).Inverse(), Scalar::FromInteger(3).Inverse(), RandomScalar()}) {
    std::vector<AffinePoint> expected(points.size());
    std::vector<AffinePoint> out(points.size());
    ASSERT_TRUE(MultiplyPointsWithOpenssl({scalar}, points, absl::MakeSpan(expected)).ok());
    ASSERT_TRUE(MultiplyPoints({scalar}, points, absl::MakeSpan(out)).ok());
    for (size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(EncodePoint(out[i]), EncodePoint(expected[i])) << i;
    }
  }
}

TEST(MultiplyPointsTest, TakesNoPoints) {
  EXPECT_TRUE(MultiplyPoints({Scalar::One()}, {}, {}).ok());
  EXPECT_TRUE(MultiplyPoints({}, {}, {}).ok());
}

}  // namespace
}  // namespace vouch::crypto
