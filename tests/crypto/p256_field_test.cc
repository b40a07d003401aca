#include "crypto/p256_field.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "crypto/openssl_handles.h"

namespace vouch::crypto {
namespace {

constexpr int kRandomCases = 10000;

// The same operations through OpenSSL's general arithmetic.
class Reference {
 public:
  explicit Reference(const char* modulus_hex) : context_(BN_CTX_new()) {
    BIGNUM* modulus = nullptr;
    BN_hex2bn(&modulus, modulus_hex);
    modulus_.reset(modulus);
  }

  using Operation = int (*)(BIGNUM*, const BIGNUM*, const BIGNUM*, const BIGNUM*, BN_CTX*);
  std::string Apply(Operation operation, const std::string& a, const std::string& b) const {
    const BignumPtr x = Number(a);
    const BignumPtr y = Number(b);
    const BignumPtr out(BN_new());
    operation(out.get(), x.get(), y.get(), modulus_.get(), context_.get());
    return Bytes(out.get());
  }
  std::string Reduce(const std::string& wide) const {
    const BignumPtr out(BN_new());
    BN_nnmod(out.get(), Number(wide).get(), modulus_.get(), context_.get());
    return Bytes(out.get());
  }
  std::string Inverse(const std::string& a) const {
    const BignumPtr out(BN_new());
    BN_mod_inverse(out.get(), Number(a).get(), modulus_.get(), context_.get());
    return Bytes(out.get());
  }
  // 1 for a non-zero square, 0 for zero, -1 otherwise.
  int Kronecker(const std::string& a) const {
    return BN_kronecker(Number(a).get(), modulus_.get(), context_.get());
  }
  std::string MinusSmall(int small) const {
    const BignumPtr out(BN_dup(modulus_.get()));
    BN_sub_word(out.get(), static_cast<BN_ULONG>(small));
    return Bytes(out.get());
  }
  std::string Modulus() const { return MinusSmall(0); }

 private:
  static BignumPtr Number(const std::string& bytes) {
    return BignumPtr(BN_bin2bn(AsBytes(bytes).data(), static_cast<int>(bytes.size()), nullptr));
  }
  static std::string Bytes(const BIGNUM* number) {
    std::string bytes(32, '\0');
    BN_bn2binpad(number, reinterpret_cast<uint8_t*>(&bytes[0]), 32);
    return bytes;
  }

  BignumPtr modulus_;
  BnContextPtr context_;
};

template <typename Element>
std::string Bytes(const Element& element) {
  std::string bytes(32, '\0');
  element.ToBytes(absl::MakeSpan(reinterpret_cast<uint8_t*>(&bytes[0]), 32));
  return bytes;
}

template <typename Element>
Element Parse(const std::string& bytes) {
  Element element;
  EXPECT_TRUE(Element::FromBytes(AsBytes(bytes), &element));
  return element;
}

std::string RandomBytes(std::mt19937_64* generator, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>((*generator)());
  return bytes;
}

struct PrimeCase {
  using Element = FieldElement;
  static constexpr char kModulus[] =
      "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
};
struct OrderCase {
  using Element = Scalar;
  static constexpr char kModulus[] =
      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
};

template <typename Case>
class ResidueTest : public testing::Test {
 protected:
  using Residue = typename Case::Element;

  ResidueTest() : reference_(Case::kModulus) {
    for (int small = 0; small < 4; ++small) {
      std::string bytes(32, '\0');
      bytes[31] = static_cast<char>(small);
      edges_.push_back(bytes);
      if (small > 0) edges_.push_back(reference_.MinusSmall(small));
    }
    // Limbs of all ones and all zeros, and single bits: where carries are lost.
    for (int pattern = 1; pattern < 16; ++pattern) {
      std::string bytes(32, '\0');
      for (int i = 0; i < 32; ++i) {
        if (pattern >> (i / 8) & 1) bytes[i] = '\xff';
      }
      edges_.push_back(reference_.Reduce(bytes));
    }
    for (int bit = 0; bit < 256; bit += 7) {
      std::string bytes(32, '\0');
      bytes[31 - bit / 8] = static_cast<char>(1 << bit % 8);
      edges_.push_back(reference_.Reduce(bytes));
    }
  }

  void ExpectAgreement(const std::string& a, const std::string& b) {
    const Residue x = Parse<Residue>(a);
    const Residue y = Parse<Residue>(b);
    ASSERT_EQ(Bytes(x), a);
    ASSERT_EQ(Bytes(x + y), reference_.Apply(BN_mod_add, a, b));
    ASSERT_EQ(Bytes(x - y), reference_.Apply(BN_mod_sub, a, b));
    ASSERT_EQ(Bytes(x * y), reference_.Apply(BN_mod_mul, a, b));
    ASSERT_EQ(Bytes(x.Square()), reference_.Apply(BN_mod_mul, a, a));
    ASSERT_EQ(Bytes(-x), reference_.Apply(BN_mod_sub, std::string(32, '\0'), a));
    ASSERT_EQ(x.Equals(y), a == b ? ~Mask{0} : 0);
    ASSERT_EQ(x.IsOdd() != 0, (a[31] & 1) != 0);
    ASSERT_EQ(Bytes(Residue::Select(~Mask{0}, x, y)), a);
    ASSERT_EQ(Bytes(Residue::Select(0, x, y)), b);
  }

  Reference reference_;
  std::vector<std::string> edges_;
  std::mt19937_64 generator_{20240607};
};

using Moduli = testing::Types<PrimeCase, OrderCase>;
TYPED_TEST_SUITE(ResidueTest, Moduli);

TYPED_TEST(ResidueTest, AgreesWithOpensslOnEdgeValues) {
  for (const std::string& a : this->edges_) {
    for (const std::string& b : this->edges_) {
      ASSERT_NO_FATAL_FAILURE(this->ExpectAgreement(a, b));
    }
  }
}

TYPED_TEST(ResidueTest, AgreesWithOpensslOnRandomValues) {
  for (int i = 0; i < kRandomCases; ++i) {
    const std::string a = this->reference_.Reduce(RandomBytes(&this->generator_, 32));
    const std::string b = this->reference_.Reduce(RandomBytes(&this->generator_, 32));
    ASSERT_NO_FATAL_FAILURE(this->ExpectAgreement(a, b));
  }
}

TYPED_TEST(ResidueTest, InvertsAsOpensslDoes) {
  using Element = typename TypeParam::Element;
  std::vector<std::string> values = this->edges_;
  for (int i = 0; i < 1000; ++i) {
    values.push_back(this->reference_.Reduce(RandomBytes(&this->generator_, 32)));
  }
  for (const std::string& a : values) {
    if (a == std::string(32, '\0')) continue;
    ASSERT_EQ(Bytes(Parse<Element>(a).Inverse()), this->reference_.Inverse(a));
  }
  EXPECT_NE(Element::Zero().Inverse().IsZero(), 0u);
}

TYPED_TEST(ResidueTest, InvertsManyAsOneByOne) {
  using Element = typename TypeParam::Element;
  for (size_t count : {0, 1, 2, 17}) {
    std::vector<Element> values;
    for (size_t i = 0; i < count; ++i) {
      values.push_back(Parse<Element>(this->reference_.Reduce(RandomBytes(&this->generator_, 32))));
    }
    std::vector<Element> inverses = values;
    InvertAll(absl::MakeSpan(inverses));
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(Bytes(inverses[i]), Bytes(values[i].Inverse()));
  }
}

TYPED_TEST(ResidueTest, ReducesWideNumbers) {
  using Element = typename TypeParam::Element;
  std::vector<std::string> wides = {std::string(48, '\0'), std::string(48, '\xff'),
                                    std::string(16, '\xff') + std::string(32, '\0'),
                                    std::string(16, '\0') + this->reference_.Modulus()};
  for (int i = 0; i < kRandomCases; ++i) wides.push_back(RandomBytes(&this->generator_, 48));
  for (const std::string& wide : wides) {
    ASSERT_EQ(Bytes(Element::FromWideBytes(AsBytes(wide))), this->reference_.Reduce(wide));
  }
}

TYPED_TEST(ResidueTest, RefusesValuesNotBelowTheModulus) {
  using Element = typename TypeParam::Element;
  Element out;
  std::string modulus = this->reference_.Modulus();
  EXPECT_FALSE(Element::FromBytes(AsBytes(modulus), &out));
  ++modulus[7];
  EXPECT_FALSE(Element::FromBytes(AsBytes(modulus), &out));
  EXPECT_FALSE(Element::FromBytes(AsBytes(std::string(32, '\xff')), &out));
  EXPECT_TRUE(Element::FromBytes(AsBytes(this->reference_.MinusSmall(1)), &out));
}

TYPED_TEST(ResidueTest, MakesIntegers) {
  using Element = typename TypeParam::Element;
  std::string bytes(32, '\0');
  bytes[24] = '\x80';
  bytes[31] = '\x07';
  EXPECT_EQ(Bytes(Element::FromInteger(0x8000000000000007)), bytes);
  EXPECT_NE(Element::FromInteger(1).Equals(Element::One()), 0u);
  EXPECT_NE(Element::FromInteger(0).IsZero(), 0u);
  EXPECT_EQ(Element::One().IsZero(), 0u);
}

TYPED_TEST(ResidueTest, WipesToZero) {
  typename TypeParam::Element value = TypeParam::Element::One();
  value.Wipe();
  EXPECT_NE(value.IsZero(), 0u);
}

class SquareRootTest : public ResidueTest<PrimeCase> {};

TEST_F(SquareRootTest, FindsRootsOfExactlyTheSquares) {
  std::vector<std::string> values = edges_;
  for (int i = 0; i < 1000; ++i) values.push_back(reference_.Reduce(RandomBytes(&generator_, 32)));
  for (const std::string& a : values) {
    FieldElement root;
    const Mask square = SquareRoot(Parse<FieldElement>(a), &root);
    ASSERT_EQ(square, reference_.Kronecker(a) >= 0 ? ~Mask{0} : 0);
    if (square != 0) {
      ASSERT_EQ(Bytes(root.Square()), a);
    }
  }
}

TEST_F(SquareRootTest, TakesRootsOfRatiosAndOfZTimesThem) {
  const FieldElement z = -FieldElement::FromInteger(10);
  std::vector<std::string> numerators = edges_;
  for (int i = 0; i < 1000; ++i) {
    numerators.push_back(reference_.Reduce(RandomBytes(&generator_, 32)));
  }
  for (const std::string& numerator : numerators) {
    const std::string denominator = reference_.Reduce(RandomBytes(&generator_, 32));
    const FieldElement u = Parse<FieldElement>(numerator);
    const FieldElement v = Parse<FieldElement>(denominator);
    FieldElement root;
    const Mask square = SquareRootRatio(u, v, &root);
    const std::string ratio =
        reference_.Apply(BN_mod_mul, numerator, reference_.Inverse(denominator));
    ASSERT_EQ(square, reference_.Kronecker(ratio) >= 0 ? ~Mask{0} : 0);
    ASSERT_EQ(Bytes(root.Square() * v), Bytes(square != 0 ? u : z * u));
  }
}

TEST_F(SquareRootTest, PowersOfManyAgreeWithPowersOfOne) {
  std::vector<FieldElement> values;
  for (const std::string& a : edges_) values.push_back(Parse<FieldElement>(a));
  for (int i = 0; i < kRandomCases; ++i) {
    values.push_back(Parse<FieldElement>(reference_.Reduce(RandomBytes(&generator_, 32))));
  }
  std::vector<FieldElement> expected = values;
  QuarterPowersPortable(absl::MakeSpan(expected));
  std::vector<FieldElement> powers = values;
  QuarterPowers(absl::MakeSpan(powers));
  for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(Bytes(powers[i]), Bytes(expected[i])) << i;
  for (size_t count = 0; count < 18; ++count) {
    powers.assign(values.begin(), values.begin() + static_cast<long>(count));
    QuarterPowers(absl::MakeSpan(powers));
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(Bytes(powers[i]), Bytes(expected[i])) << count;
  }
}

TEST(CurveBTest, IsTheStandardConstant) {
  EXPECT_EQ(Hex(AsBytes(Bytes(CurveB()))),
            "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
}

}  // namespace
}  // namespace vouch::crypto
