#include "crypto/p256_multiply.h"

#include <gtest/gtest.h>

#include <vector>

#include "crypto/oprf_proof.h"

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

}  // namespace
}  // namespace vouch::crypto
