// RFC 9380 for P-256 with SHA-256. The input may be a person's identity: everything after the
// length of the message is branch-free.
#ifndef VOUCH_CRYPTO_HASH_TO_CURVE_H_
#define VOUCH_CRYPTO_HASH_TO_CURVE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/p256_point.h"

namespace vouch::crypto {

// expand_message_xmd, section 5.3.1, with over-long tags hashed as in 5.3.3. `out` is at most 255 *
// 32 bytes (a broken invariant otherwise).
void ExpandMessageXmd(ByteSpan message, absl::string_view dst, absl::Span<uint8_t> out);

// The simplified SWU map, section 6.6.2 as in appendix F.2.
ProjectivePoint MapToCurve(const FieldElement& u);

// P256_XMD:SHA-256_SSWU_RO_, uniform.
ProjectivePoint HashToCurve(ByteSpan message, absl::string_view dst);
// The same for many messages, faster for each.
std::vector<ProjectivePoint> HashManyToCurve(absl::Span<const ByteSpan> messages,
                                             absl::string_view dst);
// P256_XMD:SHA-256_SSWU_NU_, not uniform; no protocol here uses it, the published vectors do.
ProjectivePoint EncodeToCurve(ByteSpan message, absl::string_view dst);

// hash_to_field modulo the group order (RFC 9497, section 4.3).
Scalar HashToScalar(ByteSpan message, absl::string_view dst);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_HASH_TO_CURVE_H_
