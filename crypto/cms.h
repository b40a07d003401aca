// Cryptographic Message Syntax (RFC 5652).
#ifndef VOUCH_CRYPTO_CMS_H_
#define VOUCH_CRYPTO_CMS_H_

#include <string>

#include "absl/status/statusor.h"
#include "crypto/keys.h"
#include "crypto/secret.h"

namespace vouch::crypto {

// EnvelopedData (AES-256-CBC content, as `openssl cms -encrypt -aes256` writes) for the key in one
// certificate, PEM-armoured; RSA and P-256 recipients.
absl::StatusOr<std::string> EncryptFor(absl::string_view recipient_certificate_pem,
                                       const SecretBytes& plain);
// Opens PEM or DER EnvelopedData with the recipient's certificate and private key.
absl::StatusOr<SecretBytes> DecryptWith(absl::string_view certificate_pem, const SigningKey& key,
                                        absl::string_view enveloped);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_CMS_H_
