// Secrets are a type: wiped when they die, compared in constant time, never printed.
#ifndef VOUCH_CRYPTO_SECRET_H_
#define VOUCH_CRYPTO_SECRET_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "crypto/bytes.h"

namespace vouch::crypto {

// The key to the dangerous door: whoever reads raw secret bytes names this type, so that a search
// for it lists every such place.
struct RawSecretAccess {};

// Owns secret bytes. Movable; copying is explicit (Copy). Allocated from OpenSSL's secure heap when
// one was set up by HardenProcess, from ordinary memory otherwise; wiped on destruction either way.
class SecretBytes {
 public:
  SecretBytes() = default;
  static SecretBytes CopyOf(ByteSpan bytes);
  // Zero bytes, to be filled through mutable_bytes.
  static SecretBytes OfSize(size_t size);
  // Uniform random bytes from the operating system's generator by way of OpenSSL's private DRBG.
  static SecretBytes Random(size_t size);

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  SecretBytes Copy() const;
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteSpan bytes(RawSecretAccess) const { return ByteSpan(data_, size_); }
  absl::Span<uint8_t> mutable_bytes(RawSecretAccess) { return absl::Span<uint8_t>(data_, size_); }

  // Constant time in the contents; the sizes are not secret.
  friend bool operator==(const SecretBytes& a, const SecretBytes& b);
  friend bool operator!=(const SecretBytes& a, const SecretBytes& b) { return !(a == b); }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Constant time in the contents. False when the sizes differ.
bool ConstantTimeEqual(ByteSpan a, ByteSpan b);
// Overwrites memory in a way the compiler does not remove.
void Wipe(absl::Span<uint8_t> bytes);
void Wipe(std::string* text);

// Turns core dumps and debuggers off for this process and sets up the secure heap: guarded pages,
// kept out of core dumps, and out of swap where the limit on locked memory (RLIMIT_MEMLOCK) allows
// 1 MiB. Secrets beyond its size come from ordinary memory. Call first in main(). Internal when the
// system refuses.
absl::Status HardenProcess();

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_SECRET_H_
