// Compact JSON Web Signatures (RFC 7515) with ES256 (RFC 7518, section 3.4), with one header and no
// other: {"alg":"ES256","kid":"<64 hexadecimal digits>","typ":"<type>"}, where kid is the SHA-256
// of the key's SubjectPublicKeyInfo. Nothing in a header is ever believed or acted on.
#ifndef VOUCH_CRYPTO_JWS_H_
#define VOUCH_CRYPTO_JWS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/bytes.h"
#include "crypto/keys.h"

namespace vouch::crypto {

// `typ` of receipts.
inline constexpr char kReceiptJwsType[] = "vouch-receipt+jws";
inline constexpr size_t kLargestJws = 64 << 10;

// `type` is of letters, digits, '+', '-' and '.'; `payload` is any bytes, JSON by agreement.
// InvalidArgument for a key that is not P-256, another type, or a payload too large.
absl::StatusOr<std::string> SignJws(const SigningKey& key, absl::string_view type,
                                    absl::string_view payload);

// Verifies under one key. Thread-safe.
class JwsVerifier {
 public:
  // A P-256 SubjectPublicKeyInfo in DER; InvalidArgument otherwise.
  static absl::StatusOr<JwsVerifier> From(ByteSpan public_der);

  // The payload. InvalidArgument for another header, type or key, a signature that does not verify,
  // non-canonical base64, or a text over kLargestJws.
  absl::StatusOr<std::string> Open(absl::string_view jws, absl::string_view type) const;

 private:
  JwsVerifier(std::string key_id, PublicKey key)
      : key_id_(std::move(key_id)), key_(std::move(key)) {}

  std::string key_id_;
  PublicKey key_;
};

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_JWS_H_
