// Small authorities for tests of certificates and what is built on them.
#ifndef VOUCH_TESTS_CRYPTO_AUTHORITY_H_
#define VOUCH_TESTS_CRYPTO_AUTHORITY_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"

namespace vouch::crypto {

inline absl::Time TestNow() { return absl::FromUnixSeconds(1800000000); }

inline CertificateRequest AuthorityRequest(absl::string_view name, int path_length = -1) {
  CertificateRequest request;
  request.common_name = std::string(name);
  request.not_before = TestNow() - absl::Hours(24 * 365);
  request.not_after = TestNow() + absl::Hours(24 * 365);
  request.is_authority = true;
  request.path_length = path_length;
  return request;
}

inline CertificateRequest LeafRequest(absl::string_view agency) {
  CertificateRequest request;
  request.common_name = std::string(agency);
  request.uris = {absl::StrCat(kAgencyUriPrefix, agency)};
  request.dns_names = {"localhost"};
  request.ip_addresses = {"127.0.0.1", "::1"};
  request.not_before = TestNow() - absl::Hours(24);
  request.not_after = TestNow() + absl::Hours(24);
  return request;
}

struct TestAuthority {
  explicit TestAuthority(absl::string_view name, KeyKind kind = KeyKind::kP256)
      : issued(IssueSelfSigned(AuthorityRequest(name), kind)) {}

  const std::string& pem() const { return issued.certificate_pem; }
  IssuedCertificate Issue(const CertificateRequest& request, KeyKind kind = KeyKind::kP256) const {
    return *crypto::Issue(request, pem(), issued.key, kind);
  }
  std::string Revoke(const std::vector<std::string>& serials,
                     absl::Time from = TestNow() - absl::Hours(1),
                     absl::Time until = TestNow() + absl::Hours(1)) const {
    return *IssueRevocationList(pem(), issued.key, serials, from, until);
  }

  IssuedCertificate issued;
};

}  // namespace vouch::crypto

#endif  // VOUCH_TESTS_CRYPTO_AUTHORITY_H_
