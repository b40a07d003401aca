#include "crypto/cms.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <climits>
#include <cstdlib>

#include "absl/strings/match.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

constexpr size_t kLargestEnvelope = size_t{1} << 20;
constexpr int kSmallestRsaBits = 2048;
constexpr unsigned int kEncryptFlags = CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM;

void Require(bool condition) {
  if (!condition) std::abort();
}

bool IsP256(const EVP_PKEY* key) {
  char group[32] = {};
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group, sizeof(group), nullptr) == 1 &&
         absl::string_view(group) == SN_X9_62_prime256v1;
}

absl::Status CheckRecipient(X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  const bool rsa = key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                   EVP_PKEY_get_bits(key) >= kSmallestRsaBits;
  if (key == nullptr || !(rsa || IsP256(key))) {
    return absl::InvalidArgumentError(
        "the recipient's key is neither P-256 nor RSA of 2048 bits or more");
  }
  // All bits are set where the certificate states no usage.
  const uint32_t needed = rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
  if ((X509_get_key_usage(certificate) & needed) == 0) {
    return absl::InvalidArgumentError(
        rsa ? "the recipient's certificate is not for encryption (key usage keyEncipherment)"
            : "the recipient's certificate is not for encryption (key usage keyAgreement)");
  }
  return absl::OkStatus();
}

// OpenSSL's defaults here are PKCS #1 v1.5 and SHA-1.
bool ChooseSchemes(CMS_RecipientInfo* recipient) {
  EVP_PKEY_CTX* context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  if (context == nullptr) return false;
  if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_AGREE) {
    return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
  }
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1;
}

CmsPtr ReadEnvelope(absl::string_view enveloped) {
  const BioPtr bio = ReadingBio(AsBytes(enveloped));
  Require(bio != nullptr);
  CmsPtr cms(absl::StrContains(enveloped, "-----BEGIN ")
                 ? PEM_read_bio_CMS(bio.get(), nullptr, nullptr, nullptr)
                 : d2i_CMS_bio(bio.get(), nullptr));
  if (cms != nullptr && OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_enveloped) cms.reset();
  return cms;
}

}  // namespace

absl::StatusOr<std::string> EncryptFor(absl::string_view recipient_certificate_pem,
                                       const SecretBytes& plain) {
  const absl::StatusOr<CertificatePtr> recipient = ReadFirstCertificate(recipient_certificate_pem);
  if (!recipient.ok()) return recipient.status();
  if (absl::Status checked = CheckRecipient(recipient->get()); !checked.ok()) return checked;
  if (plain.size() > kLargestEnvelope / 2) {
    return absl::InvalidArgumentError("the secret is longer than 512 KiB");
  }
  const BioPtr content = ReadingBio(plain.bytes(RawSecretAccess{}));
  Require(content != nullptr);
  const CmsPtr cms(CMS_encrypt(nullptr, nullptr, EVP_aes_256_cbc(), kEncryptFlags));
  Require(cms != nullptr);
  CMS_RecipientInfo* info = CMS_add1_recipient_cert(cms.get(), recipient->get(), kEncryptFlags);
  const BioPtr out(BIO_new(BIO_s_mem()));
  Require(out != nullptr);
  const bool sealed = info != nullptr && ChooseSchemes(info) &&
                      CMS_final(cms.get(), content.get(), nullptr, kEncryptFlags) == 1 &&
                      PEM_write_bio_CMS(out.get(), cms.get()) == 1;
  ERR_clear_error();
  if (!sealed) return absl::InternalError("OpenSSL does not encrypt for this certificate");
  return TextOf(out.get());
}

absl::StatusOr<SecretBytes> DecryptWith(absl::string_view certificate_pem, const SigningKey& key,
                                        absl::string_view enveloped) {
  const absl::StatusOr<CertificatePtr> certificate = ReadFirstCertificate(certificate_pem);
  if (!certificate.ok()) return certificate.status();
  auto* native = static_cast<EVP_PKEY*>(key.native());
  // Under a wrong RSA key OpenSSL goes on with a random content key, by design, and one time in 256
  // that ends without an error.
  const bool matches = X509_check_private_key(certificate->get(), native) == 1;
  ERR_clear_error();
  if (!matches) return absl::InvalidArgumentError("the key is not the certificate's");
  if (enveloped.size() > kLargestEnvelope) {
    return absl::InvalidArgumentError("the envelope is larger than 1 MiB");
  }
  const CmsPtr cms = ReadEnvelope(enveloped);
  ERR_clear_error();
  if (cms == nullptr) {
    return absl::InvalidArgumentError("the text is not CMS EnvelopedData in PEM or DER");
  }
  const BioPtr out(BIO_new(BIO_s_secmem()));
  Require(out != nullptr);
  const bool opened =
      CMS_decrypt(cms.get(), native, certificate->get(), nullptr, out.get(), CMS_BINARY) == 1;
  ERR_clear_error();
  if (!opened) {
    return absl::InvalidArgumentError(
        "the envelope does not open: it is for another certificate, or altered");
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return SecretBytes::CopyOf(AsBytes(absl::string_view(bytes, static_cast<size_t>(size))));
}

}  // namespace vouch::crypto
