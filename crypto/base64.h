// Base64 (RFC 4648) in its one canonical form: each byte string has one text, and no other text is
// read back.
#ifndef VOUCH_CRYPTO_BASE64_H_
#define VOUCH_CRYPTO_BASE64_H_

#include <string>

#include "absl/strings/string_view.h"
#include "crypto/bytes.h"

namespace vouch::crypto {

// Section 4: + and /, padded.
std::string Base64(ByteSpan bytes);
// False, with `out` unspecified, for anything Base64 does not write: white space, missing padding,
// bits set behind the last byte.
bool FromBase64(absl::string_view text, std::string* out);
// As FromBase64, for exactly 32 bytes.
bool FromBase64(absl::string_view text, Digest* out);

// Section 5: - and _, without padding (RFC 7515).
std::string Base64Url(ByteSpan bytes);
bool FromBase64Url(absl::string_view text, std::string* out);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_BASE64_H_
