// The proof that a batch was evaluated under the public key: discrete logarithm equality, RFC 9497,
// section 2.2, suite P256-SHA256, mode VOPRF. Also the suite's tags and random scalars.
#ifndef VOUCH_CRYPTO_OPRF_PROOF_H_
#define VOUCH_CRYPTO_OPRF_PROOF_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/p256_point.h"
#include "crypto/voprf.h"

namespace vouch::crypto {

// `label` followed by the context string "OPRFV1-" || mode || "-P256-SHA256".
std::string OprfTag(absl::string_view label, OprfMode mode);

// Uniform in [1, n-1].
Scalar RandomScalar();

// What a proof speaks of: C (blinded) and D (evaluated) in order, under one public key.
struct ProofBatch {
  const PointBytes& public_key;
  absl::Span<const PointBytes> blinded;
  absl::Span<const PointBytes> evaluated;
  absl::Span<const AffinePoint> blinded_points;
};

// GenerateProof, section 2.2.1. `nonce` null: fresh randomness hashed with the key and the batch,
// so that neither a broken generator nor a repeated one reveals the key.
absl::StatusOr<DleqProof> Prove(const Scalar& key, const ProofBatch& batch, const Scalar* nonce);

// VerifyProof, section 2.2.2. PermissionDenied when it fails, InvalidArgument when the public key
// is not a point.
absl::Status CheckProof(const ProofBatch& batch, absl::Span<const AffinePoint> evaluated_points,
                        const DleqProof& proof);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_OPRF_PROOF_H_
