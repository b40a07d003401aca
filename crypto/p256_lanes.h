// Carries field elements and scalars in and out of the eight lanes of p256_ifma.h.
#ifndef VOUCH_CRYPTO_P256_LANES_H_
#define VOUCH_CRYPTO_P256_LANES_H_

#include <algorithm>
#include <cstring>

#include "absl/types/span.h"
#include "crypto/p256_ifma.h"
#include "crypto/p256_point.h"

namespace vouch::crypto::ifma {

// Below this many values eight lanes cost more than one value at a time.
inline constexpr size_t kWorthwhile = 4;

// Empty lanes repeat the last value: every lane is always a valid computation.
template <typename Get>
void Fill(size_t count, const Get& get, Elements* out) {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const uint64_t* limbs = get(std::min(lane, count - 1));
    for (int i = 0; i < 4; ++i) out->limb[i][lane] = limbs[i];
  }
}

inline void FillX(absl::Span<const AffinePoint> points, Elements* out) {
  Fill(
      points.size(), [&](size_t i) { return points[i].x.montgomery_limbs(); }, out);
}
inline void FillY(absl::Span<const AffinePoint> points, Elements* out) {
  Fill(
      points.size(), [&](size_t i) { return points[i].y.montgomery_limbs(); }, out);
}

// Plain integers, not Montgomery form.
inline void FillScalars(absl::Span<const Scalar> scalars, size_t count, Elements* out) {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const size_t last = std::min(count, scalars.size()) - 1;
    uint64_t limbs[4];
    scalars[std::min(lane, last)].ToPlainLimbs(limbs);
    for (int i = 0; i < 4; ++i) out->limb[i][lane] = limbs[i];
    crypto::Wipe(absl::Span<uint8_t>(reinterpret_cast<uint8_t*>(limbs), sizeof(limbs)));
  }
}

inline FieldElement Take(const Elements& elements, size_t lane) {
  const uint64_t limbs[4] = {elements.limb[0][lane], elements.limb[1][lane], elements.limb[2][lane],
                             elements.limb[3][lane]};
  return FieldElement::FromMontgomery(limbs);
}
inline ProjectivePoint Take(const Points& points, size_t lane) {
  return {Take(points.x, lane), Take(points.y, lane), Take(points.z, lane)};
}

inline void Wipe(Elements* elements) {
  crypto::Wipe(absl::Span<uint8_t>(reinterpret_cast<uint8_t*>(elements), sizeof(*elements)));
}

}  // namespace vouch::crypto::ifma

#endif  // VOUCH_CRYPTO_P256_LANES_H_
