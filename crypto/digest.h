// SHA-256, HMAC and HKDF. They run on OpenSSL's low-level SHA-256, which OpenSSL 3 marks deprecated
// in favour of EVP: only there can a half-hashed key be kept, and an HMAC costs half of what it
// costs through EVP. Millions are computed for one load of records and a dozen for every answer.
// What this buys is paid for: these digests do not pass through an operator's OpenSSL provider.
#ifndef VOUCH_CRYPTO_DIGEST_H_
#define VOUCH_CRYPTO_DIGEST_H_

#include <array>
#include <string>

#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace vouch::crypto {

Digest Sha256(ByteSpan bytes);
inline Digest Sha256(absl::string_view text) { return Sha256(AsBytes(text)); }

// HMAC-SHA-256 (RFC 2104) with the two key pads hashed once, so that a message of at most 55 bytes
// costs two compressions. Thread-safe after construction. Movable; wiped on destruction; using one
// that was moved from is a broken invariant.
class HmacKey {
 public:
  explicit HmacKey(ByteSpan key);
  explicit HmacKey(const SecretBytes& key);
  HmacKey(HmacKey&& other) noexcept;
  HmacKey& operator=(HmacKey&& other) noexcept;
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;
  ~HmacKey();

  Digest Mac(ByteSpan message) const { return Mac(message, {}); }
  Digest Mac(absl::string_view message) const { return Mac(AsBytes(message)); }
  // The same as Mac over a followed by b.
  Digest Mac(ByteSpan a, ByteSpan b) const;

 private:
  // SHA-256's state after the inner and after the outer pad. Inline: a key made for one entry must
  // not cost an allocation.
  using State = std::array<uint32_t, 8>;
  State inner_;
  State outer_;
};

Digest HmacSha256(ByteSpan key, ByteSpan message);

// HKDF-SHA-256 (RFC 5869). `size` is at most 255 * 32 bytes (a broken invariant otherwise).
SecretBytes HkdfSha256(ByteSpan input_key, ByteSpan salt, ByteSpan info, size_t size);
// The same into memory of the caller, who wipes it.
void HkdfSha256(ByteSpan input_key, ByteSpan salt, ByteSpan info, absl::Span<uint8_t> out);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_DIGEST_H_
