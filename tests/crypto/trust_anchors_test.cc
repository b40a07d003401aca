#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "crypto/certificate.h"
#include "crypto/certificate_pem.h"
#include "crypto/openssl_handles.h"
#include "tests/crypto/authority.h"

namespace vouch::crypto {
namespace {

using Purpose = TrustAnchors::Purpose;
using ::testing::HasSubstr;

TrustAnchors Anchors(const std::string& anchors, const std::string& lists = "") {
  return *TrustAnchors::Load(anchors, lists);
}
std::string Refusal(const TrustAnchors& anchors, const std::string& chain,
                    Purpose purpose = Purpose::kTlsClient, absl::Time now = TestNow()) {
  const absl::Status status = anchors.Verify(chain, purpose, now);
  if (status.ok()) return "verified";
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  return std::string(status.message());
}
std::string SerialOf(const std::string& pem) { return ReadCertificate(pem)->serial; }

TEST(TrustAnchorsTest, VerifiesALeafForBothSidesOfTls) {
  const TestAuthority authority("Authority");
  const std::string leaf = authority.Issue(LeafRequest("a.example")).certificate_pem;
  const TrustAnchors anchors = Anchors(authority.pem());
  EXPECT_EQ(Refusal(anchors, leaf, Purpose::kTlsClient), "verified");
  EXPECT_EQ(Refusal(anchors, leaf, Purpose::kTlsServer), "verified");
}

TEST(TrustAnchorsTest, BuildsAChainThroughIntermediatesInAnyOrder) {
  const TestAuthority root("Root");
  const IssuedCertificate middle = root.Issue(AuthorityRequest("Middle"));
  const IssuedCertificate low = *Issue(AuthorityRequest("Low"), middle.certificate_pem, middle.key);
  const IssuedCertificate leaf = *Issue(LeafRequest("a.example"), low.certificate_pem, low.key);
  const TrustAnchors anchors = Anchors(root.pem());
  EXPECT_EQ(Refusal(anchors, leaf.certificate_pem + low.certificate_pem + middle.certificate_pem),
            "verified");
  EXPECT_EQ(Refusal(anchors, leaf.certificate_pem + middle.certificate_pem + low.certificate_pem),
            "verified");
  EXPECT_THAT(Refusal(anchors, leaf.certificate_pem + low.certificate_pem),
              HasSubstr("does not end at an authority"));
  EXPECT_THAT(Refusal(anchors, leaf.certificate_pem), HasSubstr("does not end at an authority"));
}

TEST(TrustAnchorsTest, TakesAnIntermediateAsAnchor) {
  const TestAuthority root("Root");
  const IssuedCertificate middle = root.Issue(AuthorityRequest("Middle"));
  const IssuedCertificate leaf =
      *Issue(LeafRequest("a.example"), middle.certificate_pem, middle.key);
  EXPECT_EQ(Refusal(Anchors(middle.certificate_pem), leaf.certificate_pem), "verified");
  EXPECT_THAT(Refusal(Anchors(middle.certificate_pem),
                      root.Issue(LeafRequest("a.example")).certificate_pem),
              HasSubstr("does not end at an authority"));
}

// The heart of "accepted only against the anchors of that very agency".
TEST(TrustAnchorsTest, RefusesAnotherAgencysAuthorityThoughItIssuesThisAgencysName) {
  const TestAuthority a("Agency Authority");
  const TestAuthority b("Agency Authority");
  const std::string forged = a.Issue(LeafRequest("b.example")).certificate_pem;
  EXPECT_EQ(Refusal(Anchors(a.pem()), forged), "verified");
  EXPECT_NE(Refusal(Anchors(b.pem()), forged), "verified");
  EXPECT_NE(Refusal(Anchors(b.pem()), forged + a.pem()), "verified");
  EXPECT_NE(Refusal(Anchors(b.pem()), forged + b.pem()), "verified");
}

TEST(TrustAnchorsTest, RefusesSelfSignedStrangersAndNothing) {
  const TrustAnchors anchors = Anchors(TestAuthority("Authority").pem());
  EXPECT_NE(Refusal(anchors, IssueSelfSigned(LeafRequest("a.example")).certificate_pem),
            "verified");
  EXPECT_NE(Refusal(anchors, ""), "verified");
  EXPECT_NE(Refusal(anchors, "text"), "verified");
}

TEST(TrustAnchorsTest, RefusesEveryAlteredByteOfTheLeaf) {
  const TestAuthority authority("Authority");
  const TrustAnchors anchors = Anchors(authority.pem());
  const auto leaf = ReadFirstCertificate(authority.Issue(LeafRequest("a.example")).certificate_pem);
  unsigned char* der = nullptr;
  const int size = i2d_X509(leaf->get(), &der);
  const OpensslBytesPtr owner(der);
  for (int i = 0; i < size; ++i) {
    der[i] ^= 1;
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio(bio.get(), PEM_STRING_X509, "", der, size);
    EXPECT_NE(Refusal(anchors, TextOf(bio.get())), "verified") << "byte " << i;
    der[i] ^= 1;
  }
}

TEST(TrustAnchorsTest, JudgesValidityAtTheGivenTime) {
  const TestAuthority authority("Authority");
  const std::string leaf = authority.Issue(LeafRequest("a.example")).certificate_pem;
  const TrustAnchors anchors = Anchors(authority.pem());
  const auto at = [&](absl::Duration after) {
    return Refusal(anchors, leaf, Purpose::kTlsClient, TestNow() + after);
  };
  EXPECT_EQ(at(absl::Hours(23)), "verified");
  EXPECT_THAT(at(absl::Hours(25)), HasSubstr("has expired"));
  EXPECT_EQ(at(absl::Hours(-23)), "verified");
  EXPECT_THAT(at(absl::Hours(-25)), HasSubstr("not valid yet"));
}

TEST(TrustAnchorsTest, RefusesAnExpiredAuthority) {
  CertificateRequest request = AuthorityRequest("Authority");
  request.not_after = TestNow() - absl::Hours(1);
  const IssuedCertificate authority = IssueSelfSigned(request);
  const IssuedCertificate leaf =
      *Issue(LeafRequest("a.example"), authority.certificate_pem, authority.key);
  EXPECT_THAT(Refusal(Anchors(authority.certificate_pem), leaf.certificate_pem),
              HasSubstr("has expired"));
}

TEST(TrustAnchorsTest, RefusesARevokedLeafAndOnlyThat) {
  const TestAuthority authority("Authority");
  const std::string good = authority.Issue(LeafRequest("a.example")).certificate_pem;
  const std::string bad = authority.Issue(LeafRequest("a.example")).certificate_pem;
  const TrustAnchors anchors = Anchors(authority.pem(), authority.Revoke({"01", SerialOf(bad)}));
  EXPECT_EQ(Refusal(anchors, good), "verified");
  EXPECT_THAT(Refusal(anchors, bad), HasSubstr("is revoked"));
}

TEST(TrustAnchorsTest, RefusesARevokedIntermediate) {
  const TestAuthority root("Root");
  const IssuedCertificate middle = root.Issue(AuthorityRequest("Middle"));
  const IssuedCertificate leaf =
      *Issue(LeafRequest("a.example"), middle.certificate_pem, middle.key);
  const std::string chain = leaf.certificate_pem + middle.certificate_pem;
  const std::string middle_list =
      *IssueRevocationList(middle.certificate_pem, middle.key, {}, TestNow() - absl::Hours(1),
                           TestNow() + absl::Hours(1));
  EXPECT_EQ(Refusal(Anchors(root.pem(), root.Revoke({}) + middle_list), chain), "verified");
  EXPECT_THAT(
      Refusal(Anchors(root.pem(), root.Revoke({SerialOf(middle.certificate_pem)}) + middle_list),
              chain),
      HasSubstr("is revoked"));
  // A list is missing: fails closed, whichever it is.
  EXPECT_THAT(Refusal(Anchors(root.pem(), middle_list), chain), HasSubstr("no revocation list"));
  EXPECT_THAT(Refusal(Anchors(root.pem(), root.Revoke({})), chain),
              HasSubstr("no revocation list"));
}

TEST(TrustAnchorsTest, AsksNoListForAnAnchorThatIsNotSelfSigned) {
  const TestAuthority root("Root");
  const IssuedCertificate middle = root.Issue(AuthorityRequest("Middle"));
  const IssuedCertificate leaf =
      *Issue(LeafRequest("a.example"), middle.certificate_pem, middle.key);
  const auto list = [&](const std::vector<std::string>& serials) {
    return *IssueRevocationList(middle.certificate_pem, middle.key, serials,
                                TestNow() - absl::Hours(1), TestNow() + absl::Hours(1));
  };
  EXPECT_EQ(Refusal(Anchors(middle.certificate_pem, list({})), leaf.certificate_pem), "verified");
  EXPECT_THAT(Refusal(Anchors(middle.certificate_pem, list({SerialOf(leaf.certificate_pem)})),
                      leaf.certificate_pem),
              HasSubstr("is revoked"));
  EXPECT_THAT(Refusal(Anchors(middle.certificate_pem, root.Revoke({})), leaf.certificate_pem),
              HasSubstr("no revocation list"));
}

TEST(TrustAnchorsTest, FailsClosedOnAListThatIsStaleEarlyForeignOrForged) {
  const TestAuthority authority("Authority");
  const TestAuthority stranger("Stranger");
  const TestAuthority namesake("Authority");
  const std::string leaf = authority.Issue(LeafRequest("a.example")).certificate_pem;
  const auto with = [&](const std::string& list) {
    return Refusal(Anchors(authority.pem(), list), leaf);
  };
  const absl::Duration hour = absl::Hours(1);
  EXPECT_THAT(with(authority.Revoke({}, TestNow() - 2 * hour, TestNow() - hour)),
              HasSubstr("out of date"));
  EXPECT_THAT(with(authority.Revoke({}, TestNow() + hour, TestNow() + 2 * hour)),
              HasSubstr("not valid yet"));
  EXPECT_THAT(with(stranger.Revoke({})), HasSubstr("no revocation list"));
  EXPECT_NE(with(namesake.Revoke({})), "verified");
}

TEST(TrustAnchorsTest, PrefersTheCurrentOfTwoLists) {
  const TestAuthority authority("Authority");
  const std::string leaf = authority.Issue(LeafRequest("a.example")).certificate_pem;
  const std::string old_list =
      authority.Revoke({}, TestNow() - absl::Hours(3), TestNow() - absl::Hours(1));
  EXPECT_EQ(Refusal(Anchors(authority.pem(), old_list + authority.Revoke({})), leaf), "verified");
  EXPECT_THAT(
      Refusal(Anchors(authority.pem(), old_list + authority.Revoke({SerialOf(leaf)})), leaf),
      HasSubstr("is revoked"));
}

TEST(TrustAnchorsTest, KeepsTlsAndSigningApart) {
  const TestAuthority authority("Authority");
  CertificateRequest request = LeafRequest("a.example");
  const std::string tls = authority.Issue(request).certificate_pem;
  request.for_tls = false;
  const std::string signing = authority.Issue(request).certificate_pem;
  const TrustAnchors anchors = Anchors(authority.pem());
  EXPECT_EQ(Refusal(anchors, signing, Purpose::kSigning), "verified");
  EXPECT_THAT(Refusal(anchors, tls, Purpose::kSigning), HasSubstr("not issued for signing"));
  EXPECT_THAT(Refusal(anchors, signing, Purpose::kTlsClient), HasSubstr("this purpose"));
  EXPECT_THAT(Refusal(anchors, signing, Purpose::kTlsServer), HasSubstr("this purpose"));
  EXPECT_THAT(Refusal(anchors, authority.pem(), Purpose::kSigning),
              HasSubstr("not issued for signing"));
}

// Changes a leaf with `change` and has `signer` sign it anew.
template <typename Change>
std::string Resigned(const std::string& pem, const SigningKey& signer, Change change) {
  const auto x509 = ReadFirstCertificate(pem);
  change(x509->get());
  X509_sign(x509->get(), static_cast<EVP_PKEY*>(signer.native()), EVP_sha256());
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), x509->get());
  return TextOf(bio.get());
}
void SetExtendedUse(X509* x509, const char* oids) {
  const int at = X509_get_ext_by_NID(x509, NID_ext_key_usage, -1);
  if (at >= 0) ExtensionPtr(X509_delete_ext(x509, at));
  if (oids == nullptr) return;
  const ExtensionPtr use(X509V3_EXT_conf_nid(nullptr, nullptr, NID_ext_key_usage, oids));
  X509_add_ext(x509, use.get(), -1);
}

TEST(TrustAnchorsTest, TakesTheSigningUsesThatCardsCarry) {
  const TestAuthority authority("Authority");
  CertificateRequest request = LeafRequest("a.example");
  request.for_tls = false;
  const std::string leaf = authority.Issue(request).certificate_pem;
  const TrustAnchors anchors = Anchors(authority.pem());
  const auto with = [&](const char* oids) {
    return Refusal(
        anchors,
        Resigned(leaf, authority.issued.key, [&](X509* x509) { SetExtendedUse(x509, oids); }),
        Purpose::kSigning);
  };
  EXPECT_EQ(with(nullptr), "verified");
  EXPECT_EQ(with("emailProtection"), "verified");
  EXPECT_EQ(with("1.3.6.1.5.5.7.3.36"), "verified");
  EXPECT_EQ(with("1.3.6.1.4.1.311.10.3.12"), "verified");
  EXPECT_EQ(with("anyExtendedKeyUsage"), "verified");
  EXPECT_NE(with("clientAuth"), "verified");
  EXPECT_NE(with("1.3.6.1.5.5.7.3.37"), "verified");
}

TEST(TrustAnchorsTest, RefusesALeafThatIssues) {
  const TestAuthority authority("Authority");
  const IssuedCertificate leaf = authority.Issue(LeafRequest("a.example"));
  const auto leaf_x509 = ReadFirstCertificate(leaf.certificate_pem);
  const std::string forged = Resigned(
      authority.Issue(LeafRequest("b.example")).certificate_pem, leaf.key, [&](X509* x509) {
        X509_set_issuer_name(x509, X509_get_subject_name(leaf_x509->get()));
        ExtensionPtr(
            X509_delete_ext(x509, X509_get_ext_by_NID(x509, NID_authority_key_identifier, -1)));
      });
  EXPECT_NE(Refusal(Anchors(authority.pem()), forged + leaf.certificate_pem), "verified");
}

TEST(TrustAnchorsTest, RefusesAChainLongerThanItsAuthorityAllows) {
  const IssuedCertificate root = IssueSelfSigned(AuthorityRequest("Root", /*path_length=*/0));
  const IssuedCertificate middle =
      *Issue(AuthorityRequest("Middle"), root.certificate_pem, root.key);
  const IssuedCertificate leaf =
      *Issue(LeafRequest("a.example"), middle.certificate_pem, middle.key);
  const TrustAnchors anchors = Anchors(root.certificate_pem);
  EXPECT_THAT(Refusal(anchors, leaf.certificate_pem + middle.certificate_pem),
              HasSubstr("longer than one of its authorities allows"));
  EXPECT_EQ(
      Refusal(anchors,
              Issue(LeafRequest("a.example"), root.certificate_pem, root.key)->certificate_pem),
      "verified");
}

TEST(TrustAnchorsTest, RefusesAChainOfMoreThanTenCertificates) {
  const TestAuthority authority("Authority");
  std::string chain = authority.Issue(LeafRequest("a.example")).certificate_pem;
  for (int i = 0; i < 9; ++i) chain += authority.pem();
  EXPECT_EQ(Refusal(Anchors(authority.pem()), chain), "verified");
  EXPECT_THAT(Refusal(Anchors(authority.pem()), chain + authority.pem()), HasSubstr("10"));
}

TEST(TrustAnchorsTest, RefusesWeakSignatures) {
  const TestAuthority authority("Authority");
  const auto x509 = ReadFirstCertificate(authority.Issue(LeafRequest("a.example")).certificate_pem);
  X509_sign(x509->get(), static_cast<EVP_PKEY*>(authority.issued.key.native()), EVP_sha1());
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), x509->get());
  EXPECT_NE(Refusal(Anchors(authority.pem()), TextOf(bio.get())), "verified");
}

TEST(TrustAnchorsTest, LoadsOnlyAuthoritiesAndWholeTexts) {
  const TestAuthority authority("Authority");
  const std::string leaf = authority.Issue(LeafRequest("a.example")).certificate_pem;
  EXPECT_FALSE(TrustAnchors::Load("", "").ok());
  EXPECT_FALSE(TrustAnchors::Load(leaf, "").ok());
  EXPECT_FALSE(TrustAnchors::Load(authority.pem() + leaf, "").ok());
  EXPECT_FALSE(TrustAnchors::Load(authority.pem(), "no list").ok());
  EXPECT_FALSE(TrustAnchors::Load(authority.pem(), "\n").ok());
  const std::string list = authority.Revoke({});
  EXPECT_FALSE(TrustAnchors::Load(authority.pem(), list + list.substr(0, list.size() / 2)).ok());
  EXPECT_TRUE(TrustAnchors::Load(authority.pem() + TestAuthority("B").pem(), list).ok());
}

}  // namespace
}  // namespace vouch::crypto
