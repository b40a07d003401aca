#ifndef VOUCH_CRYPTO_RANDOM_H_
#define VOUCH_CRYPTO_RANDOM_H_

#include "crypto/bytes.h"

namespace vouch::crypto {

// Fills `out` from OpenSSL's DRBG. Aborts the process if the generator fails: nothing made after
// that could be trusted.
void FillRandom(absl::Span<uint8_t> out);

// A new UUIDv7 (RFC 9562, section 5.7) for a time in milliseconds since 1970.
std::array<uint8_t, 16> NewUuidV7(int64_t unix_milliseconds);
// The time of a UUIDv7 in milliseconds since 1970, or -1 when version or variant bits are wrong.
int64_t UuidV7Time(ByteSpan uuid);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_RANDOM_H_
