// PEM texts (RFC 7468) to OpenSSL's certificates and lists. For crypto/ alone.
#ifndef VOUCH_CRYPTO_CERTIFICATE_PEM_H_
#define VOUCH_CRYPTO_CERTIFICATE_PEM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

// Every certificate, or every revocation list, of the text, in order, at least one. InvalidArgument
// when there is none, one is malformed, or the text is over 4 MiB (certificates) or 256 MiB
// (lists).
absl::StatusOr<std::vector<CertificatePtr>> ReadCertificates(absl::string_view pem);
absl::StatusOr<std::vector<RevocationListPtr>> ReadRevocationLists(absl::string_view pem);
// The first certificate; what follows is not looked at.
absl::StatusOr<CertificatePtr> ReadFirstCertificate(absl::string_view pem);

// What was written to a memory BIO.
std::string TextOf(BIO* memory);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_CERTIFICATE_PEM_H_
