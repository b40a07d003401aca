// An officer's key and certificate, from wherever officers keep them: PEM files, a PKCS #12 file, a
// smart card or token behind PKCS #11.
#ifndef VOUCH_CRYPTO_DOCUMENT_SIGNER_H_
#define VOUCH_CRYPTO_DOCUMENT_SIGNER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/certificate.h"

namespace vouch::crypto {

// RSA of 2048 to 8192 bits, P-256 or P-384 (PIV cards have any of them). The key never leaves a
// token. Not thread-safe.
class DocumentSigner {
 public:
  // Each makes sure that the key is the certificate's. Unauthenticated when a password or PIN is
  // missing or wrong; InvalidArgument when something is malformed, the key is of another kind, or
  // key and certificate do not belong together; PermissionDenied when the certificate's own key
  // usage does not allow to sign documents with it.
  //
  // `certificates_pem`: the signer's certificate first, then those up to the authority.
  static absl::StatusOr<DocumentSigner> FromPem(absl::string_view key_pem,
                                                absl::string_view password,
                                                absl::string_view certificates_pem);
  static absl::StatusOr<DocumentSigner> FromPkcs12(absl::string_view bytes,
                                                   absl::string_view password);
  // `uri`: RFC 7512, such as "pkcs11:token=PIV;id=%02". `module`: path of the token's PKCS #11
  // library; empty for the system's own (p11-kit). `certificates_pem` may be empty: the certificate
  // is then read from the token. FailedPrecondition names the package to install where OpenSSL has
  // no PKCS #11 engine; NotFound when the token, key or certificate is not there.
  static absl::StatusOr<DocumentSigner> FromPkcs11(const std::string& uri, const std::string& pin,
                                                   const std::string& module,
                                                   absl::string_view certificates_pem);
  DocumentSigner(DocumentSigner&&) noexcept;
  DocumentSigner& operator=(DocumentSigner&&) noexcept;
  ~DocumentSigner();

  // PEM, the signer's own first.
  const std::string& certificates_pem() const;
  const CertificateFacts& certificate() const;

  struct Handle;
  const Handle& handle() const { return *handle_; }  // for crypto/ alone

 private:
  explicit DocumentSigner(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_DOCUMENT_SIGNER_H_
