// Cryptographic Message Syntax (RFC 5652): secrets on their way from one agency to another.
#ifndef VOUCH_CRYPTO_CMS_H_
#define VOUCH_CRYPTO_CMS_H_

#include <string>

#include "absl/status/statusor.h"
#include "crypto/keys.h"
#include "crypto/secret.h"

namespace vouch::crypto {

// EnvelopedData (AES-256-CBC content, as `openssl cms -encrypt -aes256` writes) for the key in one
// certificate, PEM-armoured: RSA (2048 bits and up; RSAES-OAEP with SHA-256) and P-256 (ECDH of RFC
// 5753 with SHA-256) recipients. InvalidArgument when the certificate is malformed, or its key is
// of another kind or not for encryption. Whose certificate it is, and whether it still holds, is
// for the caller to verify first.
absl::StatusOr<std::string> EncryptFor(absl::string_view recipient_certificate_pem,
                                       const SecretBytes& plain);
// Opens PEM or DER EnvelopedData, at most 1 MiB, with the recipient's certificate and private key.
// InvalidArgument, saying nothing of the contents, when it cannot be opened. EnvelopedData proves
// neither its sender nor that it is unaltered: check what comes out against something signed (an
// epoch statement holds the SHA-256 of its key) before using it.
absl::StatusOr<SecretBytes> DecryptWith(absl::string_view certificate_pem, const SigningKey& key,
                                        absl::string_view enveloped);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_CMS_H_
