#ifndef VOUCH_CRYPTO_AEAD_H_
#define VOUCH_CRYPTO_AEAD_H_

#include <array>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/bytes.h"

namespace vouch::crypto {

using AeadNonce = std::array<uint8_t, 12>;

// AES-256-GCM (NIST SP 800-38D); the 16-byte tag follows the ciphertext. `key` is 32 bytes. The
// caller never uses one (key, nonce) pair for two messages: keys here are derived for one entry or
// one record version, with a fixed nonce for each purpose. A key of another size is a broken
// invariant. Thread-safe: each thread keeps a cipher context, which holds the last key it used
// until the next message or the thread's end.
std::string Seal(ByteSpan key, const AeadNonce& nonce, ByteSpan associated, ByteSpan plain);
// InvalidArgument, saying nothing of the contents, when the tag does not verify.
absl::StatusOr<std::string> Open(ByteSpan key, const AeadNonce& nonce, ByteSpan associated,
                                 ByteSpan sealed);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_AEAD_H_
