#include "crypto/p256_field.h"

#include <algorithm>

#include "crypto/p256_ifma.h"
#include "crypto/p256_lanes.h"

namespace vouch::crypto {
namespace {

// value^((p - 3) / 4), the one long power from which inverse, root and root of a ratio all follow.
// The exponent is 32 ones, 31 zeros, a one, 96 zeros, 94 ones: 253 squarings and 13 products.
FieldElement QuarterPower(const FieldElement& value) {
  const FieldElement ones2 = value.Square() * value;
  const FieldElement ones4 = ones2.SquareTimes(2) * ones2;
  const FieldElement ones8 = ones4.SquareTimes(4) * ones4;
  const FieldElement ones16 = ones8.SquareTimes(8) * ones8;
  const FieldElement ones32 = ones16.SquareTimes(16) * ones16;
  FieldElement power = ones32.SquareTimes(32) * value;
  power = power.SquareTimes(96 + 32) * ones32;
  power = power.SquareTimes(32) * ones32;
  power = power.SquareTimes(16) * ones16;
  power = power.SquareTimes(8) * ones8;
  power = power.SquareTimes(4) * ones4;
  return power.SquareTimes(2) * ones2;
}

// sqrt(10) = sqrt(-Z) in Montgomery form; which of the two roots does not matter.
constexpr FieldElement kRootOfMinusZ = FieldElement::FromMontgomery(
    {0xa1fd38ee98a195fd, 0x78400ad7423dcf70, 0x6913c88f9ea8dfee, 0x9051d26e12a8f304});

constexpr FieldElement kCurveB = FieldElement::FromMontgomery(
    {0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834});

}  // namespace

// p - 2 = 4 * (p - 3) / 4 + 1.
template <>
FieldElement FieldElement::Inverse() const {
  return QuarterPower(*this).SquareTimes(2) * *this;
}

const FieldElement& CurveB() { return kCurveB; }

Mask SquareRoot(const FieldElement& value, FieldElement* root) {
  *root = QuarterPower(value) * value;
  return root->Square().Equals(value);
}

void QuarterPowersPortable(absl::Span<FieldElement> values) {
  for (FieldElement& value : values) value = QuarterPower(value);
}

void QuarterPowers(absl::Span<FieldElement> values) {
  while (values.size() >= ifma::kWorthwhile && ifma::Supported()) {
    const absl::Span<FieldElement> now = values.subspan(0, ifma::kLanes);
    ifma::Elements lanes;
    ifma::Fill(
        now.size(), [&](size_t i) { return now[i].montgomery_limbs(); }, &lanes);
    ifma::QuarterPower(lanes, &lanes);
    for (size_t i = 0; i < now.size(); ++i) now[i] = ifma::Take(lanes, i);
    ifma::Wipe(&lanes);
    values.remove_prefix(now.size());
  }
  QuarterPowersPortable(values);
}

FieldElement SquareRootRatioBase(const FieldElement& u, const FieldElement& v) {
  return v.Square() * (u * v);
}

Mask SquareRootRatioFrom(const FieldElement& power, const FieldElement& u, const FieldElement& v,
                         FieldElement* root) {
  const FieldElement if_square = power * (u * v);
  const FieldElement if_not = if_square * kRootOfMinusZ;
  const Mask square = (if_square.Square() * v).Equals(u);
  *root = FieldElement::Select(square, if_square, if_not);
  return square;
}

Mask SquareRootRatio(const FieldElement& u, const FieldElement& v, FieldElement* root) {
  return SquareRootRatioFrom(QuarterPower(SquareRootRatioBase(u, v)), u, v, root);
}

}  // namespace vouch::crypto
