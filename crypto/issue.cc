// The half of certificate.h that makes certificates and revocation lists.
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"
#include "crypto/random.h"

namespace vouch::crypto {

namespace {

// RFC 5280, appendix A.1: ub-common-name.
constexpr size_t kLongestCommonName = 64;
constexpr char kDocumentSigningUse[] = "1.3.6.1.5.5.7.3.36";  // RFC 9336

using BasicConstraintsPtr = OpensslPtr<BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free>;
using BitStringPtr = OpensslPtr<ASN1_BIT_STRING, ASN1_BIT_STRING_free>;
using ExtendedUsePtr = OpensslPtr<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using KeyIdPtr = OpensslPtr<AUTHORITY_KEYID, AUTHORITY_KEYID_free>;
using OctetsPtr = OpensslPtr<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Ia5Ptr = OpensslPtr<ASN1_IA5STRING, ASN1_IA5STRING_free>;
using GeneralNamePtr = OpensslPtr<GENERAL_NAME, GENERAL_NAME_free>;

void Require(bool condition) {
  if (!condition) std::abort();
}

EVP_PKEY* Native(const SigningKey& key) { return static_cast<EVP_PKEY*>(key.native()); }

const EVP_MD* SigningDigest(const SigningKey& key) {
  return key.kind() == KeyKind::kEd25519 ? nullptr : EVP_sha256();
}

// RFC 5280, section 4.1.2.2: positive, at most 20 bytes; here 127 random bits.
Asn1IntegerPtr RandomSerial() {
  std::array<uint8_t, 16> bytes;
  FillRandom(absl::MakeSpan(bytes));
  bytes[0] &= 0x7f;
  bytes[0] |= 0x40;
  const BignumPtr number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return Asn1IntegerPtr(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

Asn1TimePtr TimeField(absl::Time time) {
  Asn1TimePtr field(ASN1_TIME_set(nullptr, absl::ToTimeT(time)));
  Require(field != nullptr);
  return field;
}

absl::StatusOr<GeneralNamePtr> AlternativeName(int type, const std::string& text) {
  GeneralNamePtr name(GENERAL_NAME_new());
  Require(name != nullptr);
  if (type == GEN_IPADD) {
    OctetsPtr address(a2i_IPADDRESS(text.c_str()));
    ERR_clear_error();
    if (address == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("not an IP address: ", text));
    }
    GENERAL_NAME_set0_value(name.get(), type, address.release());
    return name;
  }
  Ia5Ptr value(ASN1_IA5STRING_new());
  Require(value != nullptr &&
          ASN1_STRING_set(value.get(), text.data(), static_cast<int>(text.size())) == 1);
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  return name;
}

absl::Status AddAlternativeNames(const CertificateRequest& request, X509* certificate) {
  const GeneralNamesPtr names(GENERAL_NAMES_new());
  Require(names != nullptr);
  const std::pair<int, const std::vector<std::string>*> lists[] = {
      {GEN_URI, &request.uris}, {GEN_DNS, &request.dns_names}, {GEN_IPADD, &request.ip_addresses}};
  for (const auto& [type, texts] : lists) {
    for (const std::string& text : *texts) {
      absl::StatusOr<GeneralNamePtr> name = AlternativeName(type, text);
      if (!name.ok()) return name.status();
      Require(sk_GENERAL_NAME_push(names.get(), name->release()) > 0);
    }
  }
  if (sk_GENERAL_NAME_num(names.get()) == 0) return absl::OkStatus();
  Require(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1);
  return absl::OkStatus();
}

void AddUses(const CertificateRequest& request, KeyKind kind, X509* certificate) {
  const BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
  Require(constraints != nullptr);
  constraints->ca = request.is_authority ? 0xff : 0;
  if (request.is_authority && request.path_length >= 0) {
    constraints->pathlen = ASN1_INTEGER_new();
    Require(constraints->pathlen != nullptr &&
            ASN1_INTEGER_set(constraints->pathlen, request.path_length) == 1);
  }
  Require(X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints.get(), 1, 0) == 1);

  // Bit numbers of RFC 5280, section 4.2.1.3.
  enum Use { kSignature = 0, kNonRepudiation = 1, kEncipher = 2, kAgree = 4, kCert = 5, kCrl = 6 };
  std::vector<Use> uses = {kSignature};
  if (request.is_authority) {
    uses = {kCert, kCrl};
  } else {
    if (!request.for_tls) uses.push_back(kNonRepudiation);
    if (kind == KeyKind::kP256) uses.push_back(kAgree);
    if (kind == KeyKind::kRsa) uses.push_back(kEncipher);
  }
  const BitStringPtr bits(ASN1_BIT_STRING_new());
  Require(bits != nullptr);
  for (Use use : uses) Require(ASN1_BIT_STRING_set_bit(bits.get(), use, 1) == 1);
  Require(X509_add1_ext_i2d(certificate, NID_key_usage, bits.get(), 1, 0) == 1);

  if (request.is_authority) return;
  const ExtendedUsePtr extended(EXTENDED_KEY_USAGE_new());
  Require(extended != nullptr);
  if (request.for_tls) {
    Require(sk_ASN1_OBJECT_push(extended.get(), OBJ_nid2obj(NID_server_auth)) > 0 &&
            sk_ASN1_OBJECT_push(extended.get(), OBJ_nid2obj(NID_client_auth)) > 0);
  } else {
    // emailProtection lets `openssl cms -verify` take the certificate as it is.
    Require(sk_ASN1_OBJECT_push(extended.get(), OBJ_nid2obj(NID_email_protect)) > 0 &&
            sk_ASN1_OBJECT_push(extended.get(), OBJ_txt2obj(kDocumentSigningUse, 1)) > 0);
  }
  Require(X509_add1_ext_i2d(certificate, NID_ext_key_usage, extended.get(), 0, 0) == 1);
}

// RFC 5280, section 4.2.1.2, method 1.
OctetsPtr KeyIdentifier(const X509* certificate) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  OctetsPtr id(ASN1_OCTET_STRING_new());
  Require(id != nullptr && X509_pubkey_digest(certificate, EVP_sha1(), digest.data(), &size) == 1 &&
          ASN1_OCTET_STRING_set(id.get(), digest.data(), static_cast<int>(size)) == 1);
  return id;
}

// The authority's own subject key identifier, where it has one.
KeyIdPtr AuthorityKeyId(X509* authority) {
  KeyIdPtr id(AUTHORITY_KEYID_new());
  const ASN1_OCTET_STRING* stated = X509_get0_subject_key_id(authority);
  OctetsPtr octets(stated == nullptr ? KeyIdentifier(authority).release()
                                     : ASN1_OCTET_STRING_dup(stated));
  Require(id != nullptr && octets != nullptr);
  id->keyid = octets.release();
  return id;
}

// `authority` is null for a self-signed certificate; the key then signs itself.
absl::StatusOr<IssuedCertificate> Make(const CertificateRequest& request, X509* authority,
                                       const SigningKey* authority_key, KeyKind kind) {
  if (request.common_name.empty() || request.common_name.size() > kLongestCommonName) {
    return absl::InvalidArgumentError("the common name must be of 1 to 64 bytes");
  }
  if (request.not_before >= request.not_after) {
    return absl::InvalidArgumentError("the certificate ends before it begins");
  }
  SigningKey key = SigningKey::Generate(kind);
  const CertificatePtr certificate(X509_new());
  X509* x509 = certificate.get();
  Require(x509 != nullptr && X509_set_version(x509, X509_VERSION_3) == 1);
  Require(X509_set_serialNumber(x509, RandomSerial().get()) == 1);
  Require(X509_set1_notBefore(x509, TimeField(request.not_before).get()) == 1 &&
          X509_set1_notAfter(x509, TimeField(request.not_after).get()) == 1);
  const auto* common_name = reinterpret_cast<const unsigned char*>(request.common_name.data());
  if (X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                                 common_name, static_cast<int>(request.common_name.size()), -1,
                                 0) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the common name is not UTF-8");
  }
  if (authority == nullptr) authority = x509;
  Require(X509_set_issuer_name(x509, X509_get_subject_name(authority)) == 1 &&
          X509_set_pubkey(x509, Native(key)) == 1);
  AddUses(request, kind, x509);
  Require(X509_add1_ext_i2d(x509, NID_subject_key_identifier, KeyIdentifier(x509).get(), 0, 0) ==
          1);
  Require(X509_add1_ext_i2d(x509, NID_authority_key_identifier, AuthorityKeyId(authority).get(), 0,
                            0) == 1);
  if (absl::Status names = AddAlternativeNames(request, x509); !names.ok()) return names;
  const SigningKey& signer = authority_key == nullptr ? key : *authority_key;
  Require(X509_sign(x509, Native(signer), SigningDigest(signer)) > 0);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && PEM_write_bio_X509(bio.get(), x509) == 1);
  return IssuedCertificate{TextOf(bio.get()), std::move(key)};
}

absl::StatusOr<CertificatePtr> ReadAuthority(absl::string_view pem, const SigningKey& key) {
  absl::StatusOr<CertificatePtr> authority = ReadFirstCertificate(pem);
  if (!authority.ok()) return authority.status();
  if (X509_check_ca(authority->get()) != 1) {
    return absl::InvalidArgumentError("the issuing certificate is not an authority's");
  }
  const bool matches = X509_check_private_key(authority->get(), Native(key)) == 1;
  ERR_clear_error();
  if (!matches) return absl::InvalidArgumentError("the key is not the authority's");
  return authority;
}

}  // namespace

IssuedCertificate IssueSelfSigned(const CertificateRequest& request, KeyKind kind) {
  absl::StatusOr<IssuedCertificate> issued = Make(request, nullptr, nullptr, kind);
  Require(issued.ok());
  return *std::move(issued);
}

absl::StatusOr<IssuedCertificate> Issue(const CertificateRequest& request,
                                        absl::string_view authority_pem,
                                        const SigningKey& authority_key, KeyKind kind) {
  const absl::StatusOr<CertificatePtr> authority = ReadAuthority(authority_pem, authority_key);
  if (!authority.ok()) return authority.status();
  return Make(request, authority->get(), &authority_key, kind);
}

absl::StatusOr<std::string> IssueRevocationList(absl::string_view authority_pem,
                                                const SigningKey& authority_key,
                                                const std::vector<std::string>& serials,
                                                absl::Time this_update, absl::Time next_update) {
  const absl::StatusOr<CertificatePtr> authority = ReadAuthority(authority_pem, authority_key);
  if (!authority.ok()) return authority.status();
  if (this_update >= next_update) {
    return absl::InvalidArgumentError("the revocation list ends before it begins");
  }
  const RevocationListPtr list(X509_CRL_new());
  X509_CRL* crl = list.get();
  Require(crl != nullptr && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
          X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->get())) == 1 &&
          X509_CRL_set1_lastUpdate(crl, TimeField(this_update).get()) == 1 &&
          X509_CRL_set1_nextUpdate(crl, TimeField(next_update).get()) == 1);
  for (const std::string& serial : serials) {
    BIGNUM* parsed = nullptr;
    const int digits = serial.empty() ? 0 : BN_hex2bn(&parsed, serial.c_str());
    const BignumPtr number(parsed);
    if (digits <= 0 || static_cast<size_t>(digits) != serial.size()) {
      return absl::InvalidArgumentError("a serial number is not hexadecimal");
    }
    RevokedPtr revoked(X509_REVOKED_new());
    const Asn1IntegerPtr field(BN_to_ASN1_INTEGER(number.get(), nullptr));
    Require(revoked != nullptr && field != nullptr &&
            X509_REVOKED_set_serialNumber(revoked.get(), field.get()) == 1 &&
            X509_REVOKED_set_revocationDate(revoked.get(), TimeField(this_update).get()) == 1 &&
            X509_CRL_add0_revoked(crl, revoked.get()) == 1);
    revoked.release();
  }
  // Numbers must grow from list to list (RFC 5280, section 5.2.3), and no counter is kept here.
  const Asn1IntegerPtr crl_number(ASN1_INTEGER_new());
  Require(crl_number != nullptr &&
          ASN1_INTEGER_set_int64(crl_number.get(), absl::ToUnixMillis(this_update)) == 1 &&
          X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number.get(), 0, 0) == 1 &&
          X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier,
                                AuthorityKeyId(authority->get()).get(), 0, 0) == 1);
  Require(X509_CRL_sort(crl) == 1 &&
          X509_CRL_sign(crl, Native(authority_key), SigningDigest(authority_key)) > 0);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr && PEM_write_bio_X509_CRL(bio.get(), crl) == 1);
  return TextOf(bio.get());
}

}  // namespace vouch::crypto
