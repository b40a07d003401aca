// Scalar multiplication on P-256 with secret scalars.
#ifndef VOUCH_CRYPTO_P256_MULTIPLY_H_
#define VOUCH_CRYPTO_P256_MULTIPLY_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "crypto/p256_point.h"

namespace vouch::crypto {

// out[i] = scalars[i] * points[i]; a single scalar serves all points. Constant time in scalars and
// points. Scalars are not zero, so no result is the identity. Internal when OpenSSL runs out of
// memory.
absl::Status MultiplyPoints(absl::Span<const Scalar> scalars, absl::Span<const AffinePoint> points,
                            absl::Span<AffinePoint> out);
// The same by OpenSSL alone, on any processor; MultiplyPoints takes eight at a time where it can.
absl::Status MultiplyPointsWithOpenssl(absl::Span<const Scalar> scalars,
                                       absl::Span<const AffinePoint> points,
                                       absl::Span<AffinePoint> out);

// scalar * G for the standard generator, under the same promises.
absl::Status MultiplyGenerator(const Scalar& scalar, AffinePoint* out);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_P256_MULTIPLY_H_
