#include "crypto/p256_point.h"

#include <gtest/gtest.h>
#include <openssl/obj_mac.h>

#include <cstdlib>
#include <vector>

#include "crypto/openssl_handles.h"
#include "crypto/oprf_proof.h"
#include "crypto/p256_multiply.h"
#include "tests/crypto/vector_file.h"

namespace vouch::crypto {
namespace {

// Points as OpenSSL's own arithmetic sees them, in uncompressed SEC 1 form ("00" for the identity).
class Reference {
 public:
  Reference() : group_(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)), context_(BN_CTX_new()) {}

  EcPointPtr Multiple(const Scalar& scalar) const {
    std::array<uint8_t, 32> bytes;
    scalar.ToBytes(absl::MakeSpan(bytes));
    const BignumPtr number(BN_bin2bn(bytes.data(), 32, nullptr));
    EcPointPtr point(EC_POINT_new(group_.get()));
    EC_POINT_mul(group_.get(), point.get(), number.get(), nullptr, nullptr, context_.get());
    return point;
  }
  EcPointPtr Sum(const EcPointPtr& a, const EcPointPtr& b) const {
    EcPointPtr sum(EC_POINT_new(group_.get()));
    EC_POINT_add(group_.get(), sum.get(), a.get(), b.get(), context_.get());
    return sum;
  }
  std::string Hex(const EcPointPtr& point,
                  point_conversion_form_t form = POINT_CONVERSION_UNCOMPRESSED) const {
    std::array<uint8_t, 65> bytes;
    const size_t size = EC_POINT_point2oct(group_.get(), point.get(), form, bytes.data(),
                                           bytes.size(), context_.get());
    return crypto::Hex(ByteSpan(bytes.data(), size));
  }
  AffinePoint Ours(const EcPointPtr& point) const {
    const std::string bytes = FromHexText(Hex(point));
    AffinePoint ours;
    EXPECT_TRUE(FieldElement::FromBytes(AsBytes(bytes).subspan(1, 32), &ours.x));
    EXPECT_TRUE(FieldElement::FromBytes(AsBytes(bytes).subspan(33, 32), &ours.y));
    return ours;
  }

 private:
  EcGroupPtr group_;
  BnContextPtr context_;
};

std::string HexOf(const ProjectivePoint& point) {
  AffinePoint affine;
  if (!ToAffine(point, &affine)) return "00";
  std::array<uint8_t, 65> bytes;
  bytes[0] = 4;
  affine.x.ToBytes(absl::MakeSpan(bytes).subspan(1, 32));
  affine.y.ToBytes(absl::MakeSpan(bytes).subspan(33, 32));
  return Hex(bytes);
}

// The same point with another denominator.
ProjectivePoint Scaled(const ProjectivePoint& point, uint64_t by) {
  const FieldElement factor = FieldElement::FromInteger(by);
  return {point.x * factor, point.y * factor, point.z * factor};
}

class PointTest : public testing::Test {
 protected:
  Reference reference_;
};

TEST_F(PointTest, AddsAsOpensslDoes) {
  for (int i = 0; i < 500; ++i) {
    const EcPointPtr a = reference_.Multiple(RandomScalar());
    const EcPointPtr b = reference_.Multiple(RandomScalar());
    const ProjectivePoint ours =
        Add(Scaled(ProjectivePoint::From(reference_.Ours(a)), 3),
            Scaled(ProjectivePoint::From(reference_.Ours(b)), 0xffffffffffff));
    ASSERT_EQ(HexOf(ours), reference_.Hex(reference_.Sum(a, b)));
  }
}

TEST_F(PointTest, DoublesAsOpensslDoes) {
  for (int i = 0; i < 500; ++i) {
    const EcPointPtr a = reference_.Multiple(RandomScalar());
    const ProjectivePoint ours = Scaled(ProjectivePoint::From(reference_.Ours(a)), 7);
    const std::string expected = reference_.Hex(reference_.Sum(a, a));
    ASSERT_EQ(HexOf(Double(ours)), expected);
    ASSERT_EQ(HexOf(Add(ours, Scaled(ours, 11))), expected);
  }
}

TEST_F(PointTest, AdditionHasNoExceptionalCases) {
  const ProjectivePoint identity = ProjectivePoint::Identity();
  const ProjectivePoint point =
      ProjectivePoint::From(reference_.Ours(reference_.Multiple(RandomScalar())));
  EXPECT_EQ(HexOf(Add(point, identity)), HexOf(point));
  EXPECT_EQ(HexOf(Add(identity, point)), HexOf(point));
  EXPECT_EQ(HexOf(Add(identity, identity)), "00");
  EXPECT_EQ(HexOf(Double(identity)), "00");
  EXPECT_EQ(HexOf(Add(point, Scaled(Negate(point), 5))), "00");
  EXPECT_EQ(HexOf(Add(Add(point, Negate(point)), point)), HexOf(point));
}

TEST_F(PointTest, MakesManyAffineAtOnceUnlessOneIsTheIdentity) {
  std::vector<ProjectivePoint> points;
  for (uint64_t i = 1; i <= 9; ++i) {
    points.push_back(
        Scaled(ProjectivePoint::From(reference_.Ours(reference_.Multiple(RandomScalar()))), i));
  }
  std::vector<AffinePoint> affine(points.size());
  ASSERT_TRUE(ToAffine(points, absl::MakeSpan(affine)));
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(HexOf(ProjectivePoint::From(affine[i])), HexOf(points[i]));
  }
  points[4] = ProjectivePoint::Identity();
  EXPECT_FALSE(ToAffine(points, absl::MakeSpan(affine)));
}

TEST_F(PointTest, EncodesAsOpensslDoesAndDecodesBack) {
  for (int i = 0; i < 500; ++i) {
    const EcPointPtr point = reference_.Multiple(RandomScalar());
    const PointBytes encoded = EncodePoint(reference_.Ours(point));
    ASSERT_EQ(Hex(encoded), reference_.Hex(point, POINT_CONVERSION_COMPRESSED));
    AffinePoint decoded;
    ASSERT_TRUE(DecodePoint(encoded, &decoded));
    ASSERT_EQ(HexOf(ProjectivePoint::From(decoded)), reference_.Hex(point));
  }
}

TEST_F(PointTest, WeightedSumsAgreeWithOpenssl) {
  for (size_t count : {1, 2, 3, 7, 8, 9, 16, 40, 128, 130, 300, 1100}) {
    std::vector<Scalar> weights;
    std::vector<AffinePoint> points;
    Scalar total;
    for (size_t i = 0; i < count; ++i) {
      const Scalar logarithm = RandomScalar();
      weights.push_back(RandomScalar());
      AffinePoint point;
      ASSERT_TRUE(MultiplyGenerator(logarithm, &point).ok());
      points.push_back(point);
      total = total + logarithm * weights.back();
    }
    const std::string expected = reference_.Hex(reference_.Multiple(total));
    EXPECT_EQ(HexOf(PublicWeightedSum(weights, points)), expected) << count;
    EXPECT_EQ(HexOf(PublicWeightedSumPortable(weights, points)), expected) << count;
  }
}

TEST_F(PointTest, WeightedSumsTakeExtremeWeights) {
  AffinePoint generator;
  ASSERT_TRUE(MultiplyGenerator(Scalar::One(), &generator).ok());
  const ProjectivePoint point = ProjectivePoint::From(generator);
  const std::vector<AffinePoint> one = {generator};
  const std::vector<AffinePoint> three(3, generator);
  const Scalar minus_one = -Scalar::One();
  EXPECT_EQ(HexOf(PublicWeightedSum({Scalar::Zero()}, one)), "00");
  EXPECT_EQ(HexOf(PublicWeightedSum({Scalar::One()}, one)), HexOf(point));
  EXPECT_EQ(HexOf(PublicWeightedSum({minus_one}, one)), HexOf(Negate(point)));
  EXPECT_EQ(HexOf(PublicWeightedSum({minus_one, Scalar::One(), Scalar::One()}, three)),
            HexOf(point));
  EXPECT_EQ(HexOf(PublicWeightedSum({minus_one, Scalar::One(), Scalar::Zero()}, three)), "00");
}

// Equal and opposite points, and weights of zero, one and n - 1, meet in the same lanes.
TEST_F(PointTest, WeightedSumsOfManyTakeExtremeWeights) {
  AffinePoint generator;
  ASSERT_TRUE(MultiplyGenerator(Scalar::One(), &generator).ok());
  const AffinePoint opposite = {generator.x, -generator.y};
  std::vector<Scalar> weights;
  std::vector<AffinePoint> points;
  Scalar total;
  for (size_t i = 0; i < 64; ++i) {
    const Scalar choices[] = {Scalar::Zero(), Scalar::One(), -Scalar::One(),
                              Scalar::FromInteger(i)};
    weights.push_back(choices[i / 16]);
    points.push_back(i % 3 == 0 ? opposite : generator);
    total = i % 3 == 0 ? total - weights.back() : total + weights.back();
  }
  const std::string expected = reference_.Hex(reference_.Multiple(total));
  EXPECT_EQ(HexOf(PublicWeightedSum(weights, points)), expected);
  EXPECT_EQ(HexOf(PublicWeightedSumPortable(weights, points)), expected);
  weights.assign(16, Scalar::One());
  points.assign(16, generator);
  for (size_t i = 0; i < 8; ++i) points[i] = opposite;
  EXPECT_EQ(HexOf(PublicWeightedSum(weights, points)), "00");
}

TEST(DecodePointTest, DecodesManyAsOneByOneAndNamesTheFirstRefused) {
  std::vector<PointBytes> good;
  for (uint64_t i = 1; i <= 20; ++i) {
    AffinePoint point;
    ASSERT_TRUE(MultiplyGenerator(Scalar::FromInteger(i), &point).ok());
    good.push_back(EncodePoint(point));
  }
  std::vector<AffinePoint> points(good.size());
  ASSERT_EQ(DecodePoints(good, absl::MakeSpan(points)), good.size());
  for (size_t i = 0; i < good.size(); ++i) EXPECT_EQ(EncodePoint(points[i]), good[i]);

  PointBytes no_root = good[0];
  while (CheckPoint(no_root).ok()) ++no_root[32];
  PointBytes no_tag = good[0];
  no_tag[0] = 4;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const PointBytes& bad : {no_root, no_tag}) {
      std::vector<PointBytes> encoded = good;
      encoded[i] = bad;
      EXPECT_EQ(DecodePoints(encoded, absl::MakeSpan(points)), i);
      encoded.back() = no_tag;
      EXPECT_EQ(DecodePoints(encoded, absl::MakeSpan(points)), i);
    }
  }
}

TEST(DecodePointTest, ClassifiesEveryWycheproofEncoding) {
  const auto cases = ReadVectors("points_p256.txt", 5);
  ASSERT_EQ(cases.size(), 355u);
  int accepted = 0;
  for (const auto& c : cases) {
    const std::string bytes = FromHexText(c[3]);
    AffinePoint point;
    const bool decoded = DecodePoint(AsBytes(bytes), &point);
    // Uncompressed points, valid or not, are outside our format.
    EXPECT_EQ(decoded, bytes.size() == 33 && c[1] != "invalid") << "case " << c[0];
    EXPECT_EQ(CheckPoint(AsBytes(bytes)).ok(), decoded) << "case " << c[0];
    accepted += decoded ? 1 : 0;
  }
  EXPECT_EQ(accepted, 1);
}

TEST(DecodePointTest, FindsTheOrdinateOfEveryValidWycheproofPoint) {
  int valid = 0;
  for (const auto& c : ReadVectors("points_p256.txt", 5)) {
    const std::string bytes = FromHexText(c[3]);
    if (bytes.size() != 65 || c[1] != "valid") continue;
    std::string compressed(1, static_cast<char>(2 + (bytes[64] & 1)));
    compressed += bytes.substr(1, 32);
    AffinePoint point;
    ASSERT_TRUE(DecodePoint(AsBytes(compressed), &point)) << "case " << c[0];
    EXPECT_EQ(HexOf(ProjectivePoint::From(point)), c[3]) << "case " << c[0];
    ++valid;
  }
  EXPECT_EQ(valid, 330);
}

TEST(DecodePointTest, RefusesEveryOtherTagAndLength) {
  AffinePoint generator;
  ASSERT_TRUE(MultiplyGenerator(Scalar::One(), &generator).ok());
  PointBytes encoded = EncodePoint(generator);
  for (int tag = 0; tag < 256; ++tag) {
    encoded[0] = static_cast<uint8_t>(tag);
    EXPECT_EQ(CheckPoint(encoded).ok(), tag == 2 || tag == 3) << tag;
  }
  encoded[0] = 2;
  std::string padded = std::string(AsText(encoded)) + std::string(40, '\0');
  for (size_t size = 0; size < padded.size(); ++size) {
    EXPECT_EQ(CheckPoint(AsBytes(padded).subspan(0, size)).ok(), size == 33) << size;
  }
}

TEST(DecodePointTest, RefusesTheIdentityAndHybridForms) {
  const std::string generator = HexOf([] {
    AffinePoint point;
    EXPECT_TRUE(MultiplyGenerator(Scalar::One(), &point).ok());
    return ProjectivePoint::From(point);
  }());
  EXPECT_FALSE(CheckPoint(AsBytes(std::string(1, '\0'))).ok());
  EXPECT_FALSE(CheckPoint(AsBytes(std::string(33, '\0'))).ok());
  EXPECT_FALSE(CheckPoint(AsBytes("\x02" + std::string(32, '\xff'))).ok());
  for (const char* tag : {"06", "07"}) {
    const std::string hybrid = FromHexText(tag + generator.substr(2));
    EXPECT_FALSE(CheckPoint(AsBytes(hybrid)).ok());
    EXPECT_FALSE(CheckPoint(AsBytes(hybrid.substr(0, 33))).ok());
  }
}

TEST(DecodePointTest, RefusesAnAbscissaNotBelowThePrime) {
  // p + 5 also names x = 5, which is on the curve.
  const std::string small =
      FromHexText("020000000000000000000000000000000000000000000000000000000000000005");
  const std::string large =
      FromHexText("02ffffffff00000001000000000000000000000001000000000000000000000004");
  EXPECT_TRUE(CheckPoint(AsBytes(small)).ok());
  EXPECT_FALSE(CheckPoint(AsBytes(large)).ok());
}

}  // namespace
}  // namespace vouch::crypto
