// Keys as files, and signatures. File formats here are PEM (RFC 7468) for key pairs and 64 lower-case
// hexadecimal digits with a newline for 32-byte secrets.
#ifndef VOUCH_CRYPTO_KEYS_H_
#define VOUCH_CRYPTO_KEYS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace vouch::crypto {

// Creates `path` with mode 0600, contents synced and the folder synced before it returns;
// AlreadyExists when the file exists (a key is never overwritten).
absl::Status WriteSecretFile(const std::string& path, const SecretBytes& secret);
// The same for any private text (a PEM key).
absl::Status WritePrivateFile(const std::string& path, absl::string_view text);
// FailedPrecondition when group or others can read the file; InvalidArgument when it is malformed.
absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path, size_t size = 32);
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);
// Writes beside, syncs, renames, syncs the folder. Mode 0600 when `is_private`, else 0644.
absl::Status ReplaceFile(const std::string& path, absl::string_view contents, bool is_private);

enum class KeyKind { kP256, kEd25519 };

// A signing key pair: P-256 (ECDSA over SHA-256, DER) or Ed25519.
class SigningKey {
 public:
  static SigningKey Generate(KeyKind kind);
  static absl::StatusOr<SigningKey> FromPem(absl::string_view pem);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  KeyKind kind() const;
  // PKCS #8, unencrypted.
  std::string ToPem(RawSecretAccess) const;
  // SubjectPublicKeyInfo, DER.
  std::string PublicDer() const;
  std::string Sign(ByteSpan message) const;
  void* native() const;  // EVP_PKEY*, for crypto/ alone

 private:
  struct Handle;
  explicit SigningKey(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

// OK, or InvalidArgument when key or signature is malformed or does not verify.
absl::Status VerifySignature(ByteSpan public_der, ByteSpan message, ByteSpan signature);

// "sha256:" and 64 hexadecimal digits of SHA-256 over a SubjectPublicKeyInfo.
std::string KeyFingerprint(ByteSpan public_der);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_KEYS_H_
