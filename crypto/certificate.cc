#include "crypto/certificate.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return absl::InvalidArgumentError("a time in it is malformed");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string NameText(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) std::abort();
  return TextOf(bio.get());
}

// A NUL or a control character in a name is an attempt to make two readers see two names.
bool IsPrintableAscii(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return absl::ascii_isprint(c) && c != ' '; });
}

absl::Status ReadAlternativeNames(X509* certificate, CertificateFacts* facts) {
  int found = 0;
  const GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, nullptr)));
  ERR_clear_error();
  if (names == nullptr) {
    if (found == -1) return absl::OkStatus();
    return absl::InvalidArgumentError("the certificate's alternative names are malformed");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != GEN_URI && type != GEN_DNS) continue;
    const auto* text = static_cast<const ASN1_STRING*>(value);
    std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<size_t>(ASN1_STRING_length(text)));
    if (!IsPrintableAscii(name)) {
      return absl::InvalidArgumentError("an alternative name in the certificate is malformed");
    }
    (type == GEN_URI ? facts->uris : facts->dns_names).push_back(std::move(name));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SerialText(const X509* certificate) {
  const BignumPtr serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const OpensslTextPtr text(serial == nullptr ? nullptr : BN_bn2hex(serial.get()));
  if (text == nullptr) return absl::InvalidArgumentError("the certificate's serial is malformed");
  return absl::AsciiStrToLower(text.get());
}

bool IsDnsLikeName(absl::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), [](char c) {
          return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
        })) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<CertificateFacts> ReadCertificate(absl::string_view pem) {
  const absl::StatusOr<CertificatePtr> certificate = ReadFirstCertificate(pem);
  if (!certificate.ok()) return certificate.status();
  X509* x509 = certificate->get();
  CertificateFacts facts;
  if (absl::Status names = ReadAlternativeNames(x509, &facts); !names.ok()) return names;
  facts.issuer = NameText(X509_get_issuer_name(x509));
  facts.subject = NameText(X509_get_subject_name(x509));
  absl::StatusOr<std::string> serial = SerialText(x509);
  if (!serial.ok()) return serial.status();
  facts.serial = *std::move(serial);
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
  const OpensslBytesPtr owner(der);
  if (size <= 0) return absl::InvalidArgumentError("the certificate's public key is malformed");
  facts.public_key_fingerprint = KeyFingerprint(ByteSpan(der, static_cast<size_t>(size)));
  const absl::StatusOr<absl::Time> not_before = TimeOf(X509_get0_notBefore(x509));
  const absl::StatusOr<absl::Time> not_after = TimeOf(X509_get0_notAfter(x509));
  if (!not_before.ok()) return not_before.status();
  if (!not_after.ok()) return not_after.status();
  facts.not_before = *not_before;
  facts.not_after = *not_after;
  facts.is_authority = X509_check_ca(x509) == 1;
  return facts;
}

absl::StatusOr<std::string> AgencyOf(const CertificateFacts& facts) {
  const std::string* uri = nullptr;
  for (const std::string& candidate : facts.uris) {
    if (!absl::StartsWith(candidate, kAgencyUriPrefix)) continue;
    if (uri != nullptr) {
      return absl::InvalidArgumentError("the certificate names more than one agency");
    }
    uri = &candidate;
  }
  if (uri == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate names no agency; expected one URI ", kAgencyUriPrefix,
                     "NAME among its alternative names"));
  }
  std::string name = uri->substr(kAgencyUriPrefix.size());
  if (!IsDnsLikeName(name)) {
    return absl::InvalidArgumentError(
        "the agency's name in the certificate is not of lower-case letters, digits and hyphens in "
        "labels between dots, such as fsa.ed.example");
  }
  return name;
}

bool CertificateBinding::Fits(const CertificateFacts& facts) const {
  if (!key_pin.empty()) return key_pin == facts.public_key_fingerprint;
  return !issuer.empty() && !dns_name.empty() && issuer == facts.issuer &&
         std::find(facts.dns_names.begin(), facts.dns_names.end(), dns_name) !=
             facts.dns_names.end();
}

absl::Status CheckAgency(const CertificateFacts& facts, absl::string_view agency,
                         const CertificateBinding& binding) {
  const absl::StatusOr<std::string> named = AgencyOf(facts);
  // A certificate that names an agency is that agency's, whatever else fits.
  if (named.ok() ? *named != agency : binding.empty()) {
    return absl::PermissionDeniedError(absl::StrCat("the certificate is not one of ", agency));
  }
  if (!binding.empty() && !binding.Fits(facts)) {
    return absl::PermissionDeniedError(
        binding.key_pin.empty()
            ? absl::StrCat("the certificate has not the issuer and DNS name bound to ", agency)
            : absl::StrCat("the certificate's key is not the one pinned for ", agency));
  }
  return absl::OkStatus();
}

absl::Status CheckKeyPair(absl::string_view chain_pem, absl::string_view key_pem) {
  const absl::StatusOr<CertificatePtr> certificate = ReadFirstCertificate(chain_pem);
  if (!certificate.ok()) return certificate.status();
  const BioPtr bio = ReadingBio(AsBytes(key_pem));
  if (bio == nullptr) std::abort();
  const KeyPtr key(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
  ERR_clear_error();
  if (key == nullptr) {
    return absl::InvalidArgumentError("the private key is no unencrypted PEM key");
  }
  const bool matches = X509_check_private_key(certificate->get(), key.get()) == 1;
  ERR_clear_error();
  if (matches) return absl::OkStatus();
  return absl::FailedPreconditionError("the private key does not belong to the certificate");
}

absl::StatusOr<std::vector<RevocationListFacts>> ReadRevocationListFacts(absl::string_view pem) {
  const absl::StatusOr<std::vector<RevocationListPtr>> lists = ReadRevocationLists(pem);
  if (!lists.ok()) return lists.status();
  std::vector<RevocationListFacts> all;
  for (const RevocationListPtr& list : *lists) {
    const absl::StatusOr<absl::Time> issued = TimeOf(X509_CRL_get0_lastUpdate(list.get()));
    if (!issued.ok()) return issued.status();
    RevocationListFacts facts{NameText(X509_CRL_get_issuer(list.get())), *issued,
                              absl::InfiniteFuture()};
    if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list.get())) {
      const absl::StatusOr<absl::Time> due = TimeOf(next);
      if (!due.ok()) return due.status();
      facts.next_update = *due;
    }
    all.push_back(std::move(facts));
  }
  return all;
}

}  // namespace vouch::crypto
