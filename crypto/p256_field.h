// The two prime fields of NIST P-256 (SP 800-186, section 3.2.1.3): coordinates and scalars. Every
// operation is branch-free in its values. Source of the maps: RFC 9380, appendix F.2.
#ifndef VOUCH_CRYPTO_P256_FIELD_H_
#define VOUCH_CRYPTO_P256_FIELD_H_

#include "crypto/montgomery.h"

namespace vouch::crypto {

// p = 2^256 - 2^224 + 2^192 + 2^96 - 1.
struct P256Prime {
  static constexpr bool kSparse = true;
  static constexpr uint64_t kLimbs[4] = {0xffffffffffffffff, 0x00000000ffffffff, 0,
                                         0xffffffff00000001};
  static constexpr uint64_t kMinusInverse = 1;
  static constexpr uint64_t kOne[4] = {1, 0xffffffff00000000, 0xffffffffffffffff,
                                       0x00000000fffffffe};
  static constexpr uint64_t kSquaredRadix[4] = {3, 0xfffffffbffffffff, 0xfffffffffffffffe,
                                                0x00000004fffffffd};
  static constexpr uint64_t kMinusTwo[4] = {0xfffffffffffffffd, 0x00000000ffffffff, 0,
                                            0xffffffff00000001};
};

// n, the prime order of the group.
struct P256Order {
  static constexpr bool kSparse = false;
  static constexpr uint64_t kLimbs[4] = {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff,
                                         0xffffffff00000000};
  static constexpr uint64_t kMinusInverse = 0xccd1c8aaee00bc4f;
  static constexpr uint64_t kOne[4] = {0x0c46353d039cdaaf, 0x4319055258e8617b, 0,
                                       0x00000000ffffffff};
  static constexpr uint64_t kSquaredRadix[4] = {0x83244c95be79eea2, 0x4699799c49bd6fa6,
                                                0x2845b2392b6bec59, 0x66e12d94f3d95620};
  static constexpr uint64_t kMinusTwo[4] = {0xf3b9cac2fc63254f, 0xbce6faada7179e84,
                                            0xffffffffffffffff, 0xffffffff00000000};
};

// The field's inverse has an addition chain of its own, a fifth cheaper than the general window.
template <>
Residue<P256Prime> Residue<P256Prime>::Inverse() const;

using FieldElement = Residue<P256Prime>;
using Scalar = Residue<P256Order>;

// The curve y^2 = x^3 - 3x + b.
const FieldElement& CurveB();

// A square root of `value`, or meaningless when the mask, returned, is clear: `value` is no square.
Mask SquareRoot(const FieldElement& value, FieldElement* root);

// value^((p - 3) / 4) for every value, in place: the one long power behind inverses and roots.
// Constant time; eight at a time where the processor can.
void QuarterPowers(absl::Span<FieldElement> values);
// The same one at a time, on any processor.
void QuarterPowersPortable(absl::Span<FieldElement> values);

// sqrt_ratio for p = 3 mod 4 with Z = -10: when u/v is a square the mask is set and `root` is
// sqrt(u/v), otherwise it is clear and `root` is sqrt(Z * u/v). `v` is not zero.
Mask SquareRootRatio(const FieldElement& u, const FieldElement& v, FieldElement* root);
// In two steps, for many at once: QuarterPowers of the base goes between.
FieldElement SquareRootRatioBase(const FieldElement& u, const FieldElement& v);
Mask SquareRootRatioFrom(const FieldElement& power, const FieldElement& u, const FieldElement& v,
                         FieldElement* root);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_P256_FIELD_H_
