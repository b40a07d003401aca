// What a DocumentSigner holds. For crypto/ alone.
#ifndef VOUCH_CRYPTO_DOCUMENT_SIGNER_HANDLE_H_
#define VOUCH_CRYPTO_DOCUMENT_SIGNER_HANDLE_H_

#include <string>
#include <vector>

#include "crypto/certificate.h"
#include "crypto/document_signer.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

struct DocumentSigner::Handle {
  KeyPtr key;
  std::vector<CertificatePtr> chain;  // the signer's own first
  std::string chain_pem;
  CertificateFacts facts;
};

// Whether a public key is of a kind documents may be signed with; null is none.
bool MaySignWith(const EVP_PKEY* key);
// Whether key usage and extended key usage of a certificate allow it.
bool MaySignDocuments(X509* certificate);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_DOCUMENT_SIGNER_HANDLE_H_
