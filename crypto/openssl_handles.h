// Owners for OpenSSL's objects, so that none is freed by hand. For crypto/ and its tests alone.
#ifndef VOUCH_CRYPTO_OPENSSL_HANDLES_H_
#define VOUCH_CRYPTO_OPENSSL_HANDLES_H_

// clang-format off
#include <openssl/pem.h>  // before cms.h, which declares its PEM functions only then
// clang-format on
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "crypto/bytes.h"

namespace vouch::crypto {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using OpensslPtr = std::unique_ptr<T, OpensslFree<kFree>>;

struct OpensslTextFree {
  void operator()(void* text) const { OPENSSL_free(text); }
};
struct X509StackFree {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
// The stack alone: the certificates in it belong to someone else.
struct X509StackOnlyFree {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

using BioPtr = OpensslPtr<BIO, BIO_free_all>;
using BignumPtr = OpensslPtr<BIGNUM, BN_clear_free>;
using BnContextPtr = OpensslPtr<BN_CTX, BN_CTX_free>;
using BnMontgomeryPtr = OpensslPtr<BN_MONT_CTX, BN_MONT_CTX_free>;
using EcGroupPtr = OpensslPtr<EC_GROUP, EC_GROUP_free>;
using EcPointPtr = OpensslPtr<EC_POINT, EC_POINT_clear_free>;
using KeyPtr = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;
using KeyContextPtr = OpensslPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContextPtr = OpensslPtr<EVP_MD_CTX, EVP_MD_CTX_free>;
using CipherContextPtr = OpensslPtr<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using CertificatePtr = OpensslPtr<X509, X509_free>;
using RevocationListPtr = OpensslPtr<X509_CRL, X509_CRL_free>;
using TrustStorePtr = OpensslPtr<X509_STORE, X509_STORE_free>;
using VerifyContextPtr = OpensslPtr<X509_STORE_CTX, X509_STORE_CTX_free>;
using GeneralNamesPtr = OpensslPtr<GENERAL_NAMES, GENERAL_NAMES_free>;
using ExtensionPtr = OpensslPtr<X509_EXTENSION, X509_EXTENSION_free>;
using RevokedPtr = OpensslPtr<X509_REVOKED, X509_REVOKED_free>;
using Asn1IntegerPtr = OpensslPtr<ASN1_INTEGER, ASN1_INTEGER_free>;
using Asn1TimePtr = OpensslPtr<ASN1_TIME, ASN1_TIME_free>;
using CmsPtr = OpensslPtr<CMS_ContentInfo, CMS_ContentInfo_free>;
using TlsContextPtr = OpensslPtr<SSL_CTX, SSL_CTX_free>;
using TlsPtr = OpensslPtr<SSL, SSL_free>;
using OpensslBytesPtr = std::unique_ptr<uint8_t, OpensslTextFree>;
using OpensslTextPtr = std::unique_ptr<char, OpensslTextFree>;
using CertificatesPtr = std::unique_ptr<STACK_OF(X509), X509StackFree>;
using CertificateViewsPtr = std::unique_ptr<STACK_OF(X509), X509StackOnlyFree>;

// Reads `bytes`, which must outlive it. Null only when memory is short. OpenSSL refuses a null
// pointer even for no bytes.
inline BioPtr ReadingBio(ByteSpan bytes) {
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  return BioPtr(BIO_new_mem_buf(data, static_cast<int>(bytes.size())));
}

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_OPENSSL_HANDLES_H_
