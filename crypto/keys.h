// Keys as files, and signatures. File formats here are PEM (RFC 7468) for key pairs and 64
// lower-case hexadecimal digits with a newline for 32-byte secrets.
#ifndef VOUCH_CRYPTO_KEYS_H_
#define VOUCH_CRYPTO_KEYS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/bytes.h"
#include "crypto/secret.h"

namespace vouch::crypto {

// Creates `path` with mode 0600, whole or not at all, contents synced and the folder synced before
// it returns; AlreadyExists when the file exists (a key is never overwritten).
absl::Status WriteSecretFile(const std::string& path, const SecretBytes& secret);
// The same for any private text (a PEM key).
absl::Status WritePrivateFile(const std::string& path, absl::string_view text);
// FailedPrecondition when group or others may read or write the file, or it is no ordinary file;
// InvalidArgument when it is malformed or over 1 MiB.
absl::StatusOr<SecretBytes> ReadSecretFile(const std::string& path, size_t size = 32);
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);
// Writes beside, syncs, renames, syncs the folder. Mode 0600 when `is_private`, else 0644.
absl::Status ReplaceFile(const std::string& path, absl::string_view contents, bool is_private);

// kRsa stands for keys made elsewhere (agency authorities, PIV cards): 2048 to 8192 bits; Generate
// makes 3072.
enum class KeyKind { kP256, kEd25519, kRsa };

// A signing key pair: P-256 (ECDSA over SHA-256, DER), Ed25519, or RSA (RSASSA-PKCS1-v1_5 over
// SHA-256). Thread-safe.
class SigningKey {
 public:
  static SigningKey Generate(KeyKind kind);
  // Unencrypted PKCS #8, SEC 1 or PKCS #1; InvalidArgument otherwise, and for any other kind of
  // key.
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

// A SubjectPublicKeyInfo as "-----BEGIN PUBLIC KEY-----", and back. InvalidArgument for a text that
// is no PEM of a public key, or of one of a kind not taken here. The DER is one that was taken.
std::string PublicKeyToPem(ByteSpan public_der);
absl::StatusOr<std::string> PublicKeyFromPem(absl::string_view pem);

// A public key, parsed once for many signatures (parsing costs as much as half a verification).
// Thread-safe.
class PublicKey {
 public:
  // A SubjectPublicKeyInfo in DER, P-256, Ed25519 or RSA as SigningKey takes them, in its one
  // canonical encoding; InvalidArgument otherwise.
  static absl::StatusOr<PublicKey> FromDer(ByteSpan public_der);
  PublicKey(PublicKey&&) noexcept;
  PublicKey& operator=(PublicKey&&) noexcept;
  ~PublicKey();

  // OK, or InvalidArgument when the signature is malformed or does not verify.
  absl::Status Verify(ByteSpan message, ByteSpan signature) const;

 private:
  struct Handle;
  explicit PublicKey(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

// PublicKey::FromDer and Verify in one.
absl::Status VerifySignature(ByteSpan public_der, ByteSpan message, ByteSpan signature);

// "sha256:" and 64 hexadecimal digits of SHA-256 over a SubjectPublicKeyInfo.
std::string KeyFingerprint(ByteSpan public_der);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_KEYS_H_
