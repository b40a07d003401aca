#include "crypto/p256_point.h"

#include "crypto/p256_ifma.h"
#include "crypto/p256_lanes.h"

namespace vouch::crypto {

ProjectivePoint Add(const ProjectivePoint& a, const ProjectivePoint& b) {
  const FieldElement& curve_b = CurveB();
  const FieldElement xx = a.x * b.x;
  const FieldElement yy = a.y * b.y;
  const FieldElement zz = a.z * b.z;
  const FieldElement xy = (a.x + a.y) * (b.x + b.y) - (xx + yy);
  const FieldElement yz = (a.y + a.z) * (b.y + b.z) - (yy + zz);
  const FieldElement xz = (a.x + a.z) * (b.x + b.z) - (xx + zz);
  const FieldElement s = xz - curve_b * zz;
  const FieldElement s3 = s + s + s;
  const FieldElement minus = yy - s3;
  const FieldElement plus = yy + s3;
  const FieldElement zz3 = zz + zz + zz;
  const FieldElement t = curve_b * xz - zz3 - xx;
  const FieldElement t3 = t + t + t;
  const FieldElement w = xx + xx + xx - zz3;
  return {plus * xy - yz * t3, plus * minus + w * t3, yz * minus + xy * w};
}

ProjectivePoint Double(const ProjectivePoint& a) {
  const FieldElement& curve_b = CurveB();
  const FieldElement xx = a.x.Square();
  const FieldElement yy = a.y.Square();
  const FieldElement zz = a.z.Square();
  FieldElement xy = a.x * a.y;
  xy = xy + xy;
  FieldElement xz = a.x * a.z;
  xz = xz + xz;
  const FieldElement s = curve_b * zz - xz;
  const FieldElement s3 = s + s + s;
  const FieldElement minus = yy - s3;
  const FieldElement plus = yy + s3;
  const FieldElement zz3 = zz + zz + zz;
  const FieldElement t = curve_b * xz - zz3 - xx;
  const FieldElement t3 = t + t + t;
  const FieldElement w = xx + xx + xx - zz3;
  FieldElement yz = a.y * a.z;
  yz = yz + yz;
  FieldElement z = yz * yy;
  z = z + z;
  return {minus * xy - yz * t3, minus * plus + w * t3, z + z};
}

bool ToAffine(absl::Span<const ProjectivePoint> points, absl::Span<AffinePoint> out) {
  Mask identity = 0;
  std::vector<FieldElement> inverses(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    identity |= points[i].z.IsZero();
    inverses[i] = points[i].z;
  }
  if (identity != 0) return false;
  InvertAll(absl::MakeSpan(inverses));
  for (size_t i = 0; i < points.size(); ++i) {
    out[i] = {points[i].x * inverses[i], points[i].y * inverses[i]};
    inverses[i].Wipe();
  }
  return true;
}

PointBytes EncodePoint(const AffinePoint& point) {
  PointBytes out;
  out[0] = static_cast<uint8_t>(2 + (point.y.IsOdd() & 1));
  point.x.ToBytes(absl::MakeSpan(out).subspan(1));
  return out;
}

namespace {

// Tag and abscissa, and the square that the ordinate must have.
bool ParsePoint(ByteSpan bytes, FieldElement* x, FieldElement* square) {
  if (bytes.size() != 33 || (bytes[0] != 2 && bytes[0] != 3)) return false;
  if (!FieldElement::FromBytes(bytes.subspan(1), x)) return false;
  *square = (x->Square() - FieldElement::FromInteger(3)) * *x + CurveB();
  return true;
}

AffinePoint WithParity(uint8_t tag, const FieldElement& x, const FieldElement& y) {
  const Mask wanted = uint64_t{0} - (tag & 1);
  return {x, FieldElement::Select(y.IsOdd() ^ wanted, -y, y)};
}

}  // namespace

bool DecodePoint(ByteSpan bytes, AffinePoint* out) {
  FieldElement x;
  FieldElement square;
  FieldElement y;
  if (!ParsePoint(bytes, &x, &square) || SquareRoot(square, &y) == 0) return false;
  *out = WithParity(bytes[0], x, y);
  return true;
}

size_t DecodePoints(absl::Span<const PointBytes> encoded, absl::Span<AffinePoint> out) {
  std::vector<FieldElement> squares(encoded.size());
  // What cannot be parsed cannot be the first refused after a bad root before it: parse to the end
  // of what can be, and only then look for roots.
  size_t parsed = 0;
  while (parsed < encoded.size() && ParsePoint(encoded[parsed], &out[parsed].x, &squares[parsed])) {
    ++parsed;
  }
  std::vector<FieldElement> powers(squares.begin(), squares.begin() + static_cast<long>(parsed));
  QuarterPowers(absl::MakeSpan(powers));
  for (size_t i = 0; i < parsed; ++i) {
    const FieldElement y = powers[i] * squares[i];
    if (y.Square().Equals(squares[i]) == 0) return i;
    out[i] = WithParity(encoded[i][0], out[i].x, y);
  }
  return parsed;
}

namespace {

constexpr int kWindow = 5;
constexpr size_t kOddMultiples = size_t{1} << (kWindow - 2);
constexpr size_t kDigits = 257;

// Width-5 non-adjacent form: digits are zero or odd, between -15 and 15, and of any five in a row
// at most one is not zero.
void NonAdjacentForm(const Scalar& weight, absl::Span<int8_t> digits) {
  std::array<uint8_t, 32> bytes;
  weight.ToBytes(absl::MakeSpan(bytes));
  const auto bit = [&bytes](size_t i) { return i < 256 ? bytes[31 - i / 8] >> (i % 8) & 1 : 0; };
  int carry = 0;
  for (size_t i = 0; i < kDigits; ++i) {
    digits[i] = 0;
    if (((bit(i) + carry) & 1) == 0) continue;
    int digit = carry;
    for (int j = 0; j < kWindow; ++j) digit += bit(i + j) << j;
    carry = digit >> (kWindow - 1);
    digits[i] = static_cast<int8_t>(digit - (carry << kWindow));
    for (size_t skipped = 1; skipped < kWindow && i + 1 < kDigits; ++skipped) digits[++i] = 0;
  }
}

}  // namespace

// Straus's method: a table of odd multiples for each point, and one run of doublings for all.
ProjectivePoint PublicWeightedSumPortable(absl::Span<const Scalar> weights,
                                          absl::Span<const AffinePoint> points) {
  std::vector<int8_t> digits(points.size() * kDigits);
  std::vector<ProjectivePoint> multiples(points.size() * kOddMultiples);
  for (size_t i = 0; i < points.size(); ++i) {
    NonAdjacentForm(weights[i], absl::MakeSpan(digits).subspan(i * kDigits, kDigits));
    ProjectivePoint* odd = &multiples[i * kOddMultiples];
    odd[0] = ProjectivePoint::From(points[i]);
    const ProjectivePoint twice = Double(odd[0]);
    for (size_t j = 1; j < kOddMultiples; ++j) odd[j] = Add(odd[j - 1], twice);
  }
  ProjectivePoint sum;
  for (size_t place = kDigits; place-- > 0;) {
    sum = Double(sum);
    for (size_t i = 0; i < points.size(); ++i) {
      const int digit = digits[i * kDigits + place];
      const ProjectivePoint* odd = &multiples[i * kOddMultiples];
      if (digit > 0) sum = Add(sum, odd[digit / 2]);
      if (digit < 0) sum = Add(sum, Negate(odd[-digit / 2]));
    }
  }
  return sum;
}

ProjectivePoint PublicWeightedSum(absl::Span<const Scalar> weights,
                                  absl::Span<const AffinePoint> points) {
  const size_t groups = points.size() / ifma::kLanes;
  if (groups == 0 || !ifma::Supported()) return PublicWeightedSumPortable(weights, points);
  std::vector<ifma::Elements> scalars(groups);
  std::vector<ifma::Elements> x(groups);
  std::vector<ifma::Elements> y(groups);
  for (size_t g = 0; g < groups; ++g) {
    ifma::FillScalars(weights.subspan(g * ifma::kLanes, ifma::kLanes), ifma::kLanes, &scalars[g]);
    ifma::FillX(points.subspan(g * ifma::kLanes, ifma::kLanes), &x[g]);
    ifma::FillY(points.subspan(g * ifma::kLanes, ifma::kLanes), &y[g]);
  }
  ifma::Points lanes;
  ifma::WeightedSum(groups, scalars.data(), x.data(), y.data(), &lanes);
  const size_t done = groups * ifma::kLanes;
  ProjectivePoint sum = PublicWeightedSumPortable(weights.subspan(done), points.subspan(done));
  for (size_t lane = 0; lane < ifma::kLanes; ++lane) sum = Add(sum, ifma::Take(lanes, lane));
  return sum;
}

}  // namespace vouch::crypto
