#include "crypto/signed_message.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/certificate_pem.h"
#include "crypto/digest.h"
#include "crypto/document_signer_handle.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

constexpr size_t kLargestMessage = size_t{256} << 10;
constexpr size_t kLargestEnclosed = size_t{64} << 10;
constexpr int kMostSigners = 16;
constexpr int kMostCertificates = 32;
constexpr uint8_t kDerSet = 0x31;
constexpr unsigned int kSignFlags = CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP;

using X509AttributePtr = OpensslPtr<X509_ATTRIBUTE, X509_ATTRIBUTE_free>;

void Require(bool condition) {
  if (!condition) std::abort();
}

absl::Status Malformed(absl::string_view message) { return absl::InvalidArgumentError(message); }

absl::StatusOr<CmsPtr> Parse(absl::string_view message) {
  if (message.size() > kLargestMessage) return Malformed("the signature is larger than 256 KiB");
  const bool pem = absl::StrContains(message, "-----BEGIN ");
  const BioPtr bio = ReadingBio(AsBytes(message));
  Require(bio != nullptr);
  CmsPtr cms(pem ? PEM_read_bio_CMS(bio.get(), nullptr, nullptr, nullptr)
                 : d2i_CMS_bio(bio.get(), nullptr));
  ERR_clear_error();
  if (cms == nullptr) {
    return Malformed("it is no CMS signature in PEM or DER; it may be damaged or cut short");
  }
  if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_pkcs7_signed) {
    return Malformed("it is a CMS message of another kind, not a signature (SignedData)");
  }
  if (OBJ_obj2nid(CMS_get0_eContentType(cms.get())) != NID_pkcs7_data) {
    return Malformed("it signs content of another type than plain data");
  }
  const STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms.get());
  const int count = signers == nullptr ? 0 : sk_CMS_SignerInfo_num(signers);
  if (count < 1) return Malformed("there is no signature in it: it was stripped, or never made");
  if (count > kMostSigners) return Malformed("it holds more than 16 signatures");
  return cms;
}

std::string PemOf(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1);
  return TextOf(bio.get());
}

bool IsStrongDigest(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const int nid = OBJ_obj2nid(object);
  return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

bool IsKnownScheme(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  switch (OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_rsassaPss:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512:
      return true;
    default:
      return false;
  }
}

// The one value of a signed attribute that must stand there exactly once; nullptr otherwise.
const ASN1_TYPE* OnlyValue(const CMS_SignerInfo* signer, int nid, int type) {
  const int at = CMS_signed_get_attr_by_NID(signer, nid, -1);
  if (at < 0 || CMS_signed_get_attr_by_NID(signer, nid, at) >= 0) return nullptr;
  X509_ATTRIBUTE* attribute = CMS_signed_get_attr(signer, at);
  if (attribute == nullptr || X509_ATTRIBUTE_count(attribute) != 1) return nullptr;
  const ASN1_TYPE* value = X509_ATTRIBUTE_get0_type(attribute, 0);
  return value != nullptr && ASN1_TYPE_get(value) == type ? value : nullptr;
}

absl::optional<absl::Time> ClaimedTime(const CMS_SignerInfo* signer) {
  for (const int type : {V_ASN1_UTCTIME, V_ASN1_GENERALIZEDTIME}) {
    const ASN1_TYPE* value = OnlyValue(signer, NID_pkcs9_signingTime, type);
    std::tm parts = {};
    if (value != nullptr && ASN1_TIME_to_tm(value->value.asn1_string, &parts) == 1) {
      return absl::FromTM(parts, absl::UTCTimeZone());
    }
  }
  return absl::nullopt;
}

absl::Status CheckAttributes(const CMS_SignerInfo* signer) {
  const ASN1_TYPE* kind = OnlyValue(signer, NID_pkcs9_contentType, V_ASN1_OBJECT);
  if (kind == nullptr || OBJ_obj2nid(kind->value.object) != NID_pkcs7_data) {
    return Malformed("its signed attributes name no content type, or another one");
  }
  if (OnlyValue(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING) == nullptr) {
    return Malformed("its signed attributes hold no digest of the text");
  }
  return absl::OkStatus();
}

// `digested` is a chain of digests through which the content went.
absl::Status CheckSignature(CMS_SignerInfo* signer, absl::string_view content, BIO* digested) {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  X509_ALGOR* digest = nullptr;
  X509_ALGOR* scheme = nullptr;
  CMS_SignerInfo_get0_algs(signer, &key, &certificate, &digest, &scheme);
  if (certificate == nullptr) {
    return Malformed("the signer's certificate is not in the signature; sign with it included");
  }
  if (!MaySignWith(X509_get0_pubkey(certificate))) {
    return Malformed(
        "the signer's key is too weak or of another kind than RSA of 2048 bits, P-256 "
        "or P-384");
  }
  if (!IsStrongDigest(digest)) {
    return Malformed("it is made with a weak digest such as SHA-1; sign with SHA-256");
  }
  if (!IsKnownScheme(scheme)) return Malformed("it is made with a scheme that is not taken here");
  const bool attributes = CMS_signed_get_attr_count(signer) >= 0;
  if (attributes) {
    if (absl::Status good = CheckAttributes(signer); !good.ok()) return good;
  } else if (!content.empty() && static_cast<uint8_t>(content[0]) == kDerSet) {
    // Such bytes could be the signed attributes of a signature over something else.
    return Malformed("a text that begins like signed attributes needs signed attributes itself");
  }
  // Whether the attributes are the signer's, then whether they, or the signature, are of this text.
  const bool own = !attributes || CMS_SignerInfo_verify(signer) == 1;
  ERR_clear_error();
  if (!own) return Malformed("the signature was altered, or is not by the certificate beside it");
  const bool fits = CMS_SignerInfo_verify_content(signer, digested) == 1;
  ERR_clear_error();
  if (!fits) return Malformed("it was made for other bytes: the file changed after it was signed");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MessageSigner>> Signers(CMS_ContentInfo* cms,
                                                   absl::string_view content) {
  const CertificatesPtr certificates(CMS_get1_certs(cms));
  ERR_clear_error();
  if (certificates != nullptr && sk_X509_num(certificates.get()) > kMostCertificates) {
    return Malformed("it holds more than 32 certificates");
  }
  (void)CMS_set1_signers_certs(cms, nullptr, 0);
  ERR_clear_error();
  // The digests of every signer, computed as the content is read through.
  BioPtr source = ReadingBio(AsBytes(content));
  Require(source != nullptr);
  BioPtr digested(CMS_dataInit(cms, source.get()));
  ERR_clear_error();
  if (digested == nullptr) return Malformed("it names a digest that is not known here");
  (void)source.release();  // the chain's own now
  char buffer[4096];
  while (BIO_read(digested.get(), buffer, sizeof(buffer)) > 0) {
  }
  std::vector<MessageSigner> found;
  STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
  for (int i = 0; i < sk_CMS_SignerInfo_num(signers); ++i) {
    CMS_SignerInfo* info = sk_CMS_SignerInfo_value(signers, i);
    MessageSigner signer;
    X509* own = nullptr;
    CMS_SignerInfo_get0_algs(info, nullptr, &own, nullptr, nullptr);
    signer.signed_at = ClaimedTime(info);
    signer.fits = CheckSignature(info, content, digested.get());
    if (own != nullptr) {
      signer.chain_pem = PemOf(own);
      absl::StatusOr<CertificateFacts> facts = ReadCertificate(signer.chain_pem);
      if (facts.ok()) {
        signer.certificate = *std::move(facts);
      } else if (signer.fits.ok()) {
        signer.fits = facts.status();
      }
      for (int j = 0; certificates != nullptr && j < sk_X509_num(certificates.get()); ++j) {
        X509* other = sk_X509_value(certificates.get(), j);
        // Only authorities can be links of the chain; other signers' certificates are none.
        if (X509_cmp(other, own) != 0 && X509_check_ca(other) == 1) {
          absl::StrAppend(&signer.chain_pem, PemOf(other));
        }
      }
    }
    found.push_back(std::move(signer));
  }
  ERR_clear_error();
  return found;
}

// Signed attributes made by hand rather than by CMS_final, which would sign anew for every signer
// in the message and has not the others' keys.
absl::Status Add(CMS_ContentInfo* cms, const DocumentSigner& signer, absl::string_view content,
                 absl::Time now) {
  const DocumentSigner::Handle& handle = signer.handle();
  CMS_SignerInfo* info = CMS_add1_signer(cms, handle.chain.front().get(), handle.key.get(),
                                         EVP_sha256(), kSignFlags | CMS_NOCERTS);
  const Digest digest = Sha256(content);
  const OpensslPtr<ASN1_TIME, ASN1_TIME_free> time(ASN1_TIME_set(nullptr, absl::ToTimeT(now)));
  const bool prepared =
      info != nullptr && time != nullptr &&
      CMS_signed_add1_attr_by_NID(info, NID_pkcs9_contentType, V_ASN1_OBJECT,
                                  OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
      CMS_signed_add1_attr_by_NID(info, NID_pkcs9_signingTime, time->type, time.get(), -1) == 1 &&
      CMS_signed_add1_attr_by_NID(info, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, digest.data(),
                                  static_cast<int>(digest.size())) == 1;
  ERR_clear_error();
  if (!prepared) return absl::InternalError("OpenSSL does not take this signer");
  const bool done = CMS_SignerInfo_sign(info) == 1;
  ERR_clear_error();
  if (!done) {
    return absl::FailedPreconditionError(
        "the key did not sign; a card may have been taken out, or asks for its PIN for each "
        "signature");
  }
  const CertificatesPtr present(CMS_get1_certs(cms));
  for (const CertificatePtr& certificate : handle.chain) {
    bool there = false;
    for (int i = 0; present != nullptr && i < sk_X509_num(present.get()); ++i) {
      there |= X509_cmp(sk_X509_value(present.get(), i), certificate.get()) == 0;
    }
    if (!there) Require(CMS_add1_cert(cms, certificate.get()) == 1);
  }
  ERR_clear_error();
  return absl::OkStatus();
}

absl::StatusOr<std::string> PemText(CMS_ContentInfo* cms) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  Require(out != nullptr);
  const bool written = PEM_write_bio_CMS(out.get(), cms) == 1;
  ERR_clear_error();
  if (!written) return absl::InternalError("OpenSSL does not write the signature");
  return TextOf(out.get());
}

absl::StatusOr<std::string> Sign(const DocumentSigner& signer, absl::string_view content,
                                 bool enclosed, absl::Time now) {
  const CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, nullptr,
                            CMS_BINARY | CMS_PARTIAL | (enclosed ? 0 : CMS_DETACHED)));
  Require(cms != nullptr);
  if (enclosed) {
    ASN1_OCTET_STRING** within = CMS_get0_content(cms.get());
    Require(within != nullptr && *within != nullptr &&
            ASN1_STRING_set(*within, content.data(), static_cast<int>(content.size())) == 1);
    (*within)->flags &= ~ASN1_STRING_FLAG_CONT;  // it stands for content still to come
  }
  if (absl::Status added = Add(cms.get(), signer, content, now); !added.ok()) return added;
  return PemText(cms.get());
}

absl::Status CheckOthers(const std::vector<MessageSigner>& others, const DocumentSigner& signer) {
  for (const MessageSigner& other : others) {
    if (!other.fits.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("there is a signature already that does not hold: ", other.fits.message()));
    }
    if (other.certificate.public_key_fingerprint == signer.certificate().public_key_fingerprint) {
      return absl::AlreadyExistsError("this signer has signed it already");
    }
  }
  return absl::OkStatus();
}

absl::optional<std::string> TextWithin(CMS_ContentInfo* cms) {
  ASN1_OCTET_STRING** content = CMS_get0_content(cms);
  if (content == nullptr || *content == nullptr) return absl::nullopt;
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(*content)),
                     static_cast<size_t>(ASN1_STRING_length(*content)));
}

absl::StatusOr<std::string> OpenEnclosed(CMS_ContentInfo* cms) {
  absl::optional<std::string> text = TextWithin(cms);
  if (!text.has_value()) {
    return Malformed(
        "the signed text is not in it; sign with the text enclosed (openssl cms -sign "
        "-nodetach)");
  }
  if (text->size() > kLargestEnclosed) return Malformed("the signed text is larger than 64 KiB");
  return *std::move(text);
}

absl::Status CheckDetached(CMS_ContentInfo* cms) {
  if (!TextWithin(cms).has_value()) return absl::OkStatus();
  return Malformed(
      "it holds a copy of a text of its own; sign detached, so that only the file "
      "itself can be meant");
}

}  // namespace

absl::StatusOr<std::vector<MessageSigner>> ReadSigners(absl::string_view message,
                                                       absl::string_view content) {
  const absl::StatusOr<CmsPtr> cms = Parse(message);
  if (!cms.ok()) return cms.status();
  if (absl::Status detached = CheckDetached(cms->get()); !detached.ok()) return detached;
  return Signers(cms->get(), content);
}

absl::StatusOr<EnclosedMessage> ReadEnclosed(absl::string_view message) {
  const absl::StatusOr<CmsPtr> cms = Parse(message);
  if (!cms.ok()) return cms.status();
  absl::StatusOr<std::string> text = OpenEnclosed(cms->get());
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<MessageSigner>> signers = Signers(cms->get(), *text);
  if (!signers.ok()) return signers.status();
  return EnclosedMessage{*std::move(text), *std::move(signers)};
}

absl::StatusOr<std::string> SignDetached(const DocumentSigner& signer, absl::string_view content,
                                         absl::Time now) {
  return Sign(signer, content, false, now);
}

absl::StatusOr<std::string> SignEnclosed(const DocumentSigner& signer, absl::string_view text,
                                         absl::Time now) {
  return Sign(signer, text, true, now);
}

absl::StatusOr<std::string> AddSignature(absl::string_view message, const DocumentSigner& signer,
                                         absl::string_view content, absl::Time now) {
  const absl::StatusOr<std::vector<MessageSigner>> others = ReadSigners(message, content);
  if (!others.ok()) return absl::FailedPreconditionError(others.status().message());
  if (absl::Status good = CheckOthers(*others, signer); !good.ok()) return good;
  const absl::StatusOr<CmsPtr> cms = Parse(message);
  if (!cms.ok()) return cms.status();
  if (absl::Status added = Add(cms->get(), signer, content, now); !added.ok()) return added;
  return PemText(cms->get());
}

absl::StatusOr<std::string> AddEnclosedSignature(absl::string_view message,
                                                 const DocumentSigner& signer, absl::Time now) {
  const absl::StatusOr<EnclosedMessage> read = ReadEnclosed(message);
  if (!read.ok()) return absl::FailedPreconditionError(read.status().message());
  if (absl::Status good = CheckOthers(read->signers, signer); !good.ok()) return good;
  const absl::StatusOr<CmsPtr> cms = Parse(message);
  if (!cms.ok()) return cms.status();
  if (absl::Status added = Add(cms->get(), signer, read->text, now); !added.ok()) return added;
  return PemText(cms->get());
}

}  // namespace vouch::crypto
