#ifndef VOUCH_CRYPTO_DIGEST_H_
#define VOUCH_CRYPTO_DIGEST_H_

#include <memory>
#include <string>

#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace vouch::crypto {

Digest Sha256(ByteSpan bytes);
inline Digest Sha256(absl::string_view text) { return Sha256(AsBytes(text)); }

// HMAC-SHA-256 (RFC 2104) with the two key pads hashed once, so that a message under 55 bytes costs
// two compressions. Thread-safe after construction. Movable; wiped on destruction.
class HmacKey {
 public:
  explicit HmacKey(ByteSpan key);
  explicit HmacKey(const SecretBytes& key);
  HmacKey(HmacKey&&) noexcept;
  HmacKey& operator=(HmacKey&&) noexcept;
  ~HmacKey();

  Digest Mac(ByteSpan message) const;
  Digest Mac(absl::string_view message) const { return Mac(AsBytes(message)); }
  // The same as Mac over a followed by b.
  Digest Mac(ByteSpan a, ByteSpan b) const;

 private:
  struct Pads;
  // Inline storage: a key made for one entry must not cost an allocation.
  alignas(8) std::array<uint8_t, 224> pads_;
};

Digest HmacSha256(ByteSpan key, ByteSpan message);

// HKDF-SHA-256 (RFC 5869). `size` is at most 255 * 32 bytes (a broken invariant otherwise).
SecretBytes HkdfSha256(ByteSpan input_key, ByteSpan salt, ByteSpan info, size_t size);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_DIGEST_H_
