#include <gtest/gtest.h>

#include "crypto/certificate.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"
#include "tests/crypto/authority.h"

namespace vouch::crypto {
namespace {

bool HasOnce(X509* certificate, int nid, bool critical) {
  const int at = X509_get_ext_by_NID(certificate, nid, -1);
  if (at < 0 || X509_get_ext_by_NID(certificate, nid, at) >= 0) return false;
  return X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == (critical ? 1 : 0);
}

TEST(IssueTest, MakesVersion3WithTheExtensionsOfRfc5280) {
  const TestAuthority authority("Authority");
  const IssuedCertificate leaf = authority.Issue(LeafRequest("fsa.ed.example"));
  for (const std::string& pem : {authority.pem(), leaf.certificate_pem}) {
    const auto x509 = ReadFirstCertificate(pem);
    ASSERT_TRUE(x509.ok());
    EXPECT_EQ(X509_get_version(x509->get()), X509_VERSION_3);
    EXPECT_TRUE(HasOnce(x509->get(), NID_basic_constraints, true));
    EXPECT_TRUE(HasOnce(x509->get(), NID_key_usage, true));
    EXPECT_TRUE(HasOnce(x509->get(), NID_subject_key_identifier, false));
    EXPECT_TRUE(HasOnce(x509->get(), NID_authority_key_identifier, false));
  }
  const auto root = ReadFirstCertificate(authority.pem());
  const auto x509 = ReadFirstCertificate(leaf.certificate_pem);
  EXPECT_TRUE(HasOnce(x509->get(), NID_subject_alt_name, false));
  EXPECT_TRUE(HasOnce(x509->get(), NID_ext_key_usage, false));
  EXPECT_EQ(X509_get_key_usage(root->get()), uint32_t{KU_KEY_CERT_SIGN | KU_CRL_SIGN});
  EXPECT_EQ(X509_get_key_usage(x509->get()), uint32_t{KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT});
  EXPECT_EQ(X509_get_extended_key_usage(x509->get()), uint32_t{XKU_SSL_SERVER | XKU_SSL_CLIENT});
  EXPECT_EQ(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x509->get()),
                                  X509_get0_subject_key_id(root->get())),
            0);
  EXPECT_EQ(X509_check_ip_asc(x509->get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(x509->get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_host(x509->get(), "localhost", 0, 0, nullptr), 1);
}

TEST(IssueTest, PassesOpensslsStrictChecks) {
  const TestAuthority authority("Authority");
  const auto root = ReadFirstCertificate(authority.pem());
  const auto leaf =
      ReadFirstCertificate(authority.Issue(LeafRequest("fsa.ed.example")).certificate_pem);
  const TrustStorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root->get());
  const VerifyContextPtr context(X509_STORE_CTX_new());
  ASSERT_EQ(X509_STORE_CTX_init(context.get(), store.get(), leaf->get(), nullptr), 1);
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(TestNow()));
  EXPECT_EQ(X509_verify_cert(context.get()), 1)
      << X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

TEST(IssueTest, MakesEveryKindOfKey) {
  const TestAuthority rsa("Authority", KeyKind::kRsa);
  const TestAuthority edwards("Authority", KeyKind::kEd25519);
  for (const TestAuthority* authority : {&rsa, &edwards}) {
    const auto anchors = TrustAnchors::Load(authority->pem(), "");
    ASSERT_TRUE(anchors.ok());
    for (KeyKind kind : {KeyKind::kP256, KeyKind::kEd25519, KeyKind::kRsa}) {
      const IssuedCertificate leaf = authority->Issue(LeafRequest("a.example"), kind);
      EXPECT_EQ(leaf.key.kind(), kind);
      EXPECT_TRUE(
          anchors->Verify(leaf.certificate_pem, TrustAnchors::Purpose::kTlsServer, TestNow()).ok());
    }
  }
}

TEST(IssueTest, SerialsDiffer) {
  const TestAuthority authority("Authority");
  const auto a = ReadCertificate(authority.Issue(LeafRequest("a.example")).certificate_pem);
  const auto b = ReadCertificate(authority.Issue(LeafRequest("a.example")).certificate_pem);
  EXPECT_NE(a->serial, b->serial);
}

TEST(IssueTest, RefusesAnAuthorityThatIsNoneOrWithAnotherKey) {
  const TestAuthority authority("Authority");
  const TestAuthority other("Authority");
  const IssuedCertificate leaf = authority.Issue(LeafRequest("a.example"));
  const auto code = [](const absl::StatusOr<IssuedCertificate>& issued) {
    return issued.status().code();
  };
  EXPECT_EQ(code(Issue(LeafRequest("b.example"), leaf.certificate_pem, leaf.key)),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Issue(LeafRequest("b.example"), authority.pem(), other.issued.key)),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Issue(LeafRequest("b.example"), "", authority.issued.key)),
            absl::StatusCode::kInvalidArgument);
}

TEST(IssueTest, RefusesABadRequest) {
  const TestAuthority authority("Authority");
  const auto refused = [&](const CertificateRequest& request) {
    return Issue(request, authority.pem(), authority.issued.key).status().code() ==
           absl::StatusCode::kInvalidArgument;
  };
  CertificateRequest request = LeafRequest("a.example");
  EXPECT_FALSE(refused(request));
  request.ip_addresses = {"127.0.0.256"};
  EXPECT_TRUE(refused(request));
  request = LeafRequest("a.example");
  request.not_after = request.not_before;
  EXPECT_TRUE(refused(request));
  request = LeafRequest("a.example");
  request.common_name = std::string(65, 'n');
  EXPECT_TRUE(refused(request));
  request.common_name = "\xff";
  EXPECT_TRUE(refused(request));
}

TEST(IssueRevocationListTest, RefusesBadSerialsTimesAndKeys) {
  const TestAuthority authority("Authority");
  const auto issue = [&](const std::string& serial, absl::Duration life, const SigningKey& key) {
    return IssueRevocationList(authority.pem(), key, {serial}, TestNow(), TestNow() + life).ok();
  };
  const SigningKey& key = authority.issued.key;
  EXPECT_TRUE(issue("0a1B", absl::Hours(1), key));
  EXPECT_FALSE(issue("", absl::Hours(1), key));
  EXPECT_FALSE(issue("xyz", absl::Hours(1), key));
  EXPECT_FALSE(issue("12 ", absl::Hours(1), key));
  EXPECT_FALSE(issue("0a", absl::ZeroDuration(), key));
  EXPECT_FALSE(issue("0a", absl::Hours(1), SigningKey::Generate(KeyKind::kP256)));
}

}  // namespace
}  // namespace vouch::crypto
