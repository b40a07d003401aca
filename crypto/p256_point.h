// Points of P-256 on our own field arithmetic: strict encoding, and addition by complete formulas,
// which have no exceptional cases and so no branches (Renes, Costello, Batina, "Complete addition
// formulas for prime order elliptic curves", 2016, algorithms 4 and 6).
#ifndef VOUCH_CRYPTO_P256_POINT_H_
#define VOUCH_CRYPTO_P256_POINT_H_

#include <array>
#include <vector>

#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/p256_field.h"
#include "crypto/voprf.h"

namespace vouch::crypto {

// Never the identity.
struct AffinePoint {
  FieldElement x;
  FieldElement y;
};

// (x : y : z) stands for (x/z, y/z); z = 0 is the identity.
struct ProjectivePoint {
  FieldElement x;
  FieldElement y = FieldElement::One();
  FieldElement z;

  static ProjectivePoint Identity() { return ProjectivePoint(); }
  static ProjectivePoint From(const AffinePoint& point) {
    return {point.x, point.y, FieldElement::One()};
  }
};

ProjectivePoint Add(const ProjectivePoint& a, const ProjectivePoint& b);
ProjectivePoint Double(const ProjectivePoint& a);
inline ProjectivePoint Negate(const ProjectivePoint& a) { return {a.x, -a.y, a.z}; }

// All points with one inversion. False when one of them is the identity.
bool ToAffine(absl::Span<const ProjectivePoint> points, absl::Span<AffinePoint> out);
inline bool ToAffine(const ProjectivePoint& point, AffinePoint* out) {
  return ToAffine(absl::MakeConstSpan(&point, 1), absl::MakeSpan(out, 1));
}

// SEC 1, section 2.3: compressed form, and back. Decoding refuses everything but 33 bytes with tag
// 02 or 03 and the canonical x of a point on the curve.
PointBytes EncodePoint(const AffinePoint& point);
bool DecodePoint(ByteSpan bytes, AffinePoint* out);
// Many at once. Returns the position of the first that is refused, or the count when none is.
size_t DecodePoints(absl::Span<const PointBytes> encoded, absl::Span<AffinePoint> out);

// The sum of weights[i] * points[i]. Variable time: weights and points must be public. Eight at a
// time where the processor can.
ProjectivePoint PublicWeightedSum(absl::Span<const Scalar> weights,
                                  absl::Span<const AffinePoint> points);
// The same on any processor.
ProjectivePoint PublicWeightedSumPortable(absl::Span<const Scalar> weights,
                                          absl::Span<const AffinePoint> points);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_P256_POINT_H_
