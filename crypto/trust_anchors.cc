#include <openssl/err.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"
#include "crypto/certificate_pem.h"
#include "crypto/document_signer_handle.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

constexpr size_t kLongestChain = 10;
// OpenSSL's level 2: 112 bits, so neither RSA under 2048 bits nor SHA-1.
constexpr int kSecurityLevel = 2;

void Require(bool condition) {
  if (!condition) std::abort();
}

// The anchor is trusted because the configuration names it. Where it is not self-signed, the list
// that covers it is its issuer's, whom nobody here knows.
int JudgeStep(int verified, X509_STORE_CTX* context) {
  if (verified == 1) return 1;
  const int top = sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
  if (X509_STORE_CTX_get_error(context) == X509_V_ERR_UNABLE_TO_GET_CRL &&
      X509_STORE_CTX_get_error_depth(context) == top && top > 0) {
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
  }
  return 0;
}

// Passes over what is wrong with a list, and never over what it says.
int JudgeStepWithoutCurrentLists(int verified, X509_STORE_CTX* context) {
  if (JudgeStep(verified, context) == 1) return 1;
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      X509_STORE_CTX_set_error(context, X509_V_OK);
      return 1;
    default:
      return 0;
  }
}

std::string InPlainWords(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "a certificate of the chain has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "a certificate of the chain is not valid yet";
    case X509_V_ERR_CERT_REVOKED:
      return "a certificate of the chain is revoked";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
      return "no revocation list covers a certificate of the chain";
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return "the revocation list that covers a certificate of the chain is out of date";
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return "the revocation list that covers a certificate of the chain is not valid yet";
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
      return "the signature of a revocation list does not verify";
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "the signature of a certificate of the chain does not verify";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return "the chain does not end at an authority configured for this agency";
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return "a certificate of the chain was issued by one that may not issue";
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return "the chain is longer than one of its authorities allows";
    case X509_V_ERR_INVALID_PURPOSE:
      return "the certificate is not issued for this purpose";
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "a key or signature of the chain is too weak";
    default:
      return X509_verify_cert_error_string(error);
  }
}

absl::Status Denied(absl::string_view reason) { return absl::PermissionDeniedError(reason); }

}  // namespace

bool MaySignDocuments(X509* leaf) {
  constexpr const char* kDocumentSigning[] = {"1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.311.10.3.12"};
  const uint32_t usage = X509_get_key_usage(leaf);
  if (usage != UINT32_MAX && (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
    return false;
  }
  const uint32_t extended = X509_get_extended_key_usage(leaf);
  if (extended == UINT32_MAX || (extended & (XKU_SMIME | XKU_ANYEKU)) != 0) return true;
  const OpensslPtr<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> listed(
      static_cast<EXTENDED_KEY_USAGE*>(
          X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; listed != nullptr && i < sk_ASN1_OBJECT_num(listed.get()); ++i) {
    char text[64] = {};
    OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(listed.get(), i), 1);
    for (const char* purpose : kDocumentSigning) {
      if (absl::string_view(text) == purpose) return true;
    }
  }
  return false;
}

struct TrustAnchors::Handle {
  TrustStorePtr store;
  bool check_revocation = false;
};

TrustAnchors::TrustAnchors(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {}
TrustAnchors::TrustAnchors(TrustAnchors&&) noexcept = default;
TrustAnchors& TrustAnchors::operator=(TrustAnchors&&) noexcept = default;
TrustAnchors::~TrustAnchors() = default;

absl::StatusOr<TrustAnchors> TrustAnchors::Load(absl::string_view anchors_pem,
                                                absl::string_view crl_pem) {
  auto handle = std::make_shared<Handle>();
  handle->store.reset(X509_STORE_new());
  Require(handle->store != nullptr);
  const absl::StatusOr<std::vector<CertificatePtr>> anchors = ReadCertificates(anchors_pem);
  if (!anchors.ok()) return anchors.status();
  for (const CertificatePtr& anchor : *anchors) {
    if (X509_check_ca(anchor.get()) != 1) {
      return absl::InvalidArgumentError(
          "a trust anchor is not an authority's certificate (basicConstraints CA:TRUE)");
    }
    Require(X509_STORE_add_cert(handle->store.get(), anchor.get()) == 1);
  }
  if (!crl_pem.empty()) {
    const absl::StatusOr<std::vector<RevocationListPtr>> lists = ReadRevocationLists(crl_pem);
    if (!lists.ok()) return lists.status();
    for (const RevocationListPtr& list : *lists) {
      Require(X509_STORE_add_crl(handle->store.get(), list.get()) == 1);
    }
    handle->check_revocation = true;
  }
  return TrustAnchors(std::move(handle));
}

absl::Status TrustAnchors::Verify(absl::string_view chain_pem, Purpose purpose, absl::Time now,
                                  Lists lists) const {
  const absl::StatusOr<std::vector<CertificatePtr>> chain = ReadCertificates(chain_pem);
  if (!chain.ok()) return Denied(chain.status().message());
  if (chain->size() > kLongestChain) return Denied("the chain holds more than 10 certificates");
  const CertificateViewsPtr rest(sk_X509_new_null());
  Require(rest != nullptr);
  for (size_t i = 1; i < chain->size(); ++i) {
    Require(sk_X509_push(rest.get(), (*chain)[i].get()) > 0);
  }
  X509* leaf = chain->front().get();
  const VerifyContextPtr context(X509_STORE_CTX_new());
  Require(context != nullptr &&
          X509_STORE_CTX_init(context.get(), handle_->store.get(), leaf, rest.get()) == 1);
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;
  if (handle_->check_revocation) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  Require(X509_VERIFY_PARAM_set_flags(rules, flags) == 1);
  X509_VERIFY_PARAM_set_time(rules, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  if (purpose != Purpose::kSigning) {
    Require(X509_STORE_CTX_set_purpose(context.get(), purpose == Purpose::kTlsClient
                                                          ? X509_PURPOSE_SSL_CLIENT
                                                          : X509_PURPOSE_SSL_SERVER) == 1);
  }
  X509_STORE_CTX_set_verify_cb(
      context.get(), lists == Lists::kMustBeCurrent ? JudgeStep : JudgeStepWithoutCurrentLists);
  const int verified = X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (verified != 1) return Denied(InPlainWords(error));
  if (purpose == Purpose::kSigning && !MaySignDocuments(leaf)) {
    return Denied("the certificate is not issued for signing documents");
  }
  return absl::OkStatus();
}

}  // namespace vouch::crypto
