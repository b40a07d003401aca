#include "crypto/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate_pem.h"
#include "tests/crypto/authority.h"

namespace vouch::crypto {
namespace {

using ::testing::ElementsAre;

TEST(ReadCertificateTest, ReadsWhatWasIssued) {
  const TestAuthority authority("Test Authority");
  const CertificateRequest request = LeafRequest("fsa.ed.example");
  const IssuedCertificate issued = authority.Issue(request);
  const auto facts = ReadCertificate(issued.certificate_pem);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_THAT(facts->uris, ElementsAre("spiffe://vouch/agency/fsa.ed.example"));
  EXPECT_THAT(facts->dns_names, ElementsAre("localhost"));
  EXPECT_EQ(facts->issuer, "CN=Test Authority");
  EXPECT_EQ(facts->subject, "CN=fsa.ed.example");
  EXPECT_EQ(facts->serial.size(), 32u);
  EXPECT_EQ(facts->public_key_fingerprint, KeyFingerprint(AsBytes(issued.key.PublicDer())));
  EXPECT_EQ(facts->not_before, request.not_before);
  EXPECT_EQ(facts->not_after, request.not_after);
  EXPECT_FALSE(facts->is_authority);
  EXPECT_TRUE(ReadCertificate(authority.pem())->is_authority);
}

TEST(ReadCertificateTest, ReadsTheFirstOfSeveral) {
  const TestAuthority authority("Test Authority");
  const IssuedCertificate issued = authority.Issue(LeafRequest("fsa.ed.example"));
  const auto facts = ReadCertificate(issued.certificate_pem + authority.pem());
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->subject, "CN=fsa.ed.example");
}

TEST(ReadCertificateTest, RefusesWhatIsNoCertificate) {
  const TestAuthority authority("Test Authority");
  EXPECT_FALSE(ReadCertificate(absl::string_view()).ok());
  EXPECT_EQ(ReadCertificate("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(ReadCertificate("text").ok());
  EXPECT_FALSE(ReadCertificate(authority.issued.key.ToPem(RawSecretAccess{})).ok());
  const std::string& pem = authority.pem();
  for (size_t size = 0; size + 27 < pem.size(); size += 5) {
    EXPECT_FALSE(ReadCertificate(absl::string_view(pem).substr(0, size)).ok()) << size;
  }
}

// A certificate whose one URI is put in as raw bytes.
std::string WithRawUri(absl::string_view uri) {
  const TestAuthority authority("Test Authority");
  CertificateRequest request = LeafRequest("fsa.ed.example");
  request.uris = {std::string(uri)};
  return authority.Issue(request).certificate_pem;
}

TEST(ReadCertificateTest, RefusesNamesThatTwoReadersCouldReadDifferently) {
  EXPECT_TRUE(ReadCertificate(WithRawUri("spiffe://vouch/agency/a")).ok());
  EXPECT_FALSE(
      ReadCertificate(WithRawUri(absl::string_view("spiffe://vouch/agency/a\0.b", 26))).ok());
  EXPECT_FALSE(ReadCertificate(WithRawUri("spiffe://vouch/agency/a\n")).ok());
  EXPECT_FALSE(ReadCertificate(WithRawUri("spiffe://vouch/agency/a b")).ok());
  EXPECT_FALSE(ReadCertificate(WithRawUri("spiffe://vouch/agency/\xc3\xa9")).ok());
  EXPECT_FALSE(ReadCertificate(WithRawUri("")).ok());
}

absl::StatusOr<std::string> AgencyOfUris(std::vector<std::string> uris) {
  CertificateFacts facts;
  facts.uris = std::move(uris);
  return AgencyOf(facts);
}

TEST(AgencyOfTest, TakesTheOneAgencyUri) {
  EXPECT_EQ(*AgencyOfUris({"spiffe://vouch/agency/fsa.ed.example"}), "fsa.ed.example");
  EXPECT_EQ(*AgencyOfUris({"spiffe://other/x", "spiffe://vouch/agency/a-1.b2"}), "a-1.b2");
  EXPECT_EQ(*AgencyOfUris({"spiffe://vouch/agency/" + std::string(63, 'a')}), std::string(63, 'a'));
}

TEST(AgencyOfTest, RefusesNoneAndSeveral) {
  EXPECT_EQ(AgencyOfUris({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(AgencyOfUris({"https://fsa.ed.example/"}).ok());
  EXPECT_FALSE(AgencyOfUris({"SPIFFE://vouch/agency/a"}).ok());
  EXPECT_FALSE(AgencyOfUris({"spiffe://Vouch/agency/a"}).ok());
  EXPECT_FALSE(AgencyOfUris({"spiffe://vouch/agencies/a"}).ok());
  EXPECT_FALSE(AgencyOfUris({"spiffe://vouch/agency/a", "spiffe://vouch/agency/b"}).ok());
  EXPECT_FALSE(AgencyOfUris({"spiffe://vouch/agency/a", "spiffe://vouch/agency/a"}).ok());
  EXPECT_FALSE(AgencyOfUris({"spiffe://vouch/agency/a", "spiffe://vouch/agency/"}).ok());
}

TEST(AgencyOfTest, RefusesNamesThatAreNotDnsLike) {
  for (const std::string& name :
       {std::string(), std::string("A.example"), std::string("a_b"), std::string("a/b"),
        std::string("../a"), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("-a.b"), std::string("a-.b"), std::string("a.b?x"), std::string("a.b#x"),
        std::string("a%2eb"), std::string("a:443"), std::string("a@b"), std::string("a\0", 2),
        std::string("\xc3\xa9.example"), std::string(64, 'a'), std::string("a b")}) {
    EXPECT_FALSE(AgencyOfUris({"spiffe://vouch/agency/" + name}).ok()) << name;
  }
  std::string long_name;
  for (int i = 0; i < 127; ++i) long_name += "a.";
  EXPECT_FALSE(AgencyOfUris({"spiffe://vouch/agency/" + long_name + "a"}).ok());
  EXPECT_TRUE(AgencyOfUris({"spiffe://vouch/agency/" + long_name.substr(0, 253)}).ok());
}

TEST(ReadCertificatesTest, KeepsOrderAndRefusesATrailingFragment) {
  const TestAuthority a("A");
  const TestAuthority b("B");
  const auto both = ReadCertificates("a comment\n" + a.pem() + "\n" + b.pem());
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->size(), 2u);
  EXPECT_FALSE(ReadCertificates(a.pem() + b.pem().substr(0, b.pem().size() / 2)).ok());
}

TEST(CheckKeyPairTest, TakesTheKeyOfTheCertificateAndNoOther) {
  const TestAuthority authority("Authority");
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kEd25519, KeyKind::kRsa}) {
    const IssuedCertificate one = authority.Issue(LeafRequest("aid.example"), kind);
    const IssuedCertificate other = authority.Issue(LeafRequest("aid.example"), kind);
    EXPECT_EQ(CheckKeyPair(one.certificate_pem, one.key.ToPem(RawSecretAccess{})),
              absl::OkStatus());
    EXPECT_TRUE(absl::IsFailedPrecondition(
        CheckKeyPair(one.certificate_pem, other.key.ToPem(RawSecretAccess{}))));
    EXPECT_TRUE(absl::IsFailedPrecondition(
        CheckKeyPair(one.certificate_pem, authority.issued.key.ToPem(RawSecretAccess{}))));
    EXPECT_TRUE(absl::IsInvalidArgument(CheckKeyPair(one.certificate_pem, one.certificate_pem)));
    EXPECT_TRUE(
        absl::IsInvalidArgument(CheckKeyPair("no certificate", one.key.ToPem(RawSecretAccess{}))));
  }
}

TEST(RevocationListFactsTest, SaysWhoseAndHowOldEachListIs) {
  const TestAuthority one("One"), other("Other");
  const absl::Time from = TestNow() - absl::Hours(3), until = TestNow() + absl::Hours(5);
  const auto facts = ReadRevocationListFacts(one.Revoke({}, from, until) + other.Revoke({"0a"}));
  ASSERT_TRUE(facts.ok()) << facts.status();
  ASSERT_EQ(facts->size(), 2u);
  EXPECT_EQ((*facts)[0].issuer, "CN=One");
  EXPECT_EQ((*facts)[0].this_update, from);
  EXPECT_EQ((*facts)[0].next_update, until);
  EXPECT_EQ((*facts)[1].issuer, "CN=Other");
  EXPECT_TRUE(absl::IsInvalidArgument(ReadRevocationListFacts(one.pem()).status()));
}

class CheckAgencyTest : public ::testing::Test {
 protected:
  static CertificateFacts Named(const std::string& agency) {
    CertificateFacts facts;
    if (!agency.empty()) facts.uris = {absl::StrCat(kAgencyUriPrefix, agency)};
    facts.issuer = "CN=Authority";
    facts.dns_names = {"node.aid.example", "localhost"};
    facts.public_key_fingerprint = "sha256:01";
    return facts;
  }
  static bool Fits(const std::string& named, const CertificateBinding& binding) {
    return CheckAgency(Named(named), "aid.example", binding).ok();
  }
};

TEST_F(CheckAgencyTest, TheAgencyUriIsEnoughWhereNothingIsBound) {
  EXPECT_TRUE(Fits("aid.example", {}));
  EXPECT_FALSE(Fits("tax.example", {}));
  EXPECT_FALSE(Fits("", {}));
}

TEST_F(CheckAgencyTest, ABindingStandsForTheUriAndNarrowsIt) {
  const CertificateBinding pin{"sha256:01", "", ""}, other_pin{"sha256:02", "", ""};
  const CertificateBinding name{"", "CN=Authority", "node.aid.example"};
  for (const std::string& named : {std::string(), std::string("aid.example")}) {
    EXPECT_TRUE(Fits(named, pin));
    EXPECT_FALSE(Fits(named, other_pin));
    EXPECT_TRUE(Fits(named, name));
    EXPECT_FALSE(Fits(named, {"", "CN=Another", "node.aid.example"}));
    EXPECT_FALSE(Fits(named, {"", "CN=Authority", "aid.example"}));
    EXPECT_FALSE(Fits(named, {"", "CN=Authority", ""}));
    EXPECT_FALSE(Fits(named, {"", "", "node.aid.example"}));
  }
}

TEST_F(CheckAgencyTest, NoBindingMakesAnotherAgencysCertificateFit) {
  EXPECT_FALSE(Fits("tax.example", {"sha256:01", "", ""}));
  EXPECT_FALSE(Fits("tax.example", {"", "CN=Authority", "node.aid.example"}));
}

}  // namespace
}  // namespace vouch::crypto
