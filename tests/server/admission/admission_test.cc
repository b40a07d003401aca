#include "server/admission/admission.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/crypto/authority.h"

namespace vouch::server::admission {
namespace {

using crypto::LeafRequest;
using crypto::TestAuthority;
using crypto::TestNow;
using policies::Reason;
using policies::Refusal;

Peer PeerOf(const std::string& agency, const TestAuthority& authority) {
  Peer peer;
  peer.agency = agency;
  peer.anchors_pem = authority.pem();
  peer.calls_per_second = 1000;
  return peer;
}

std::string Fingerprint(const crypto::IssuedCertificate& issued) {
  return crypto::KeyFingerprint(crypto::AsBytes(issued.key.PublicDer()));
}

class PeersTest : public ::testing::Test {
 protected:
  // The agency a certificate stands for, "" when it stands for none.
  std::string Agency(const std::string& pem, absl::Time now = TestNow()) {
    const absl::StatusOr<std::string> agency = peers_.AgencyOf(pem, now);
    if (agency.ok()) return *agency;
    EXPECT_TRUE(absl::IsPermissionDenied(agency.status())) << agency.status();
    return "";
  }
  void Configure(std::vector<Peer> peers) {
    const absl::Status replaced = peers_.Replace(std::move(peers));
    ASSERT_TRUE(replaced.ok()) << replaced;
  }

  Peers peers_;
  const TestAuthority aid_{"Aid CA"};
  const TestAuthority loans_{"Loans CA"};
};

TEST_F(PeersTest, KnowsAnAgencyByItsUri) {
  Configure({PeerOf("aid.example", aid_), PeerOf("loans.example", loans_)});
  EXPECT_EQ(Agency(aid_.Issue(LeafRequest("aid.example")).certificate_pem), "aid.example");
  EXPECT_EQ(Agency(loans_.Issue(LeafRequest("loans.example")).certificate_pem), "loans.example");
}

TEST_F(PeersTest, OneAgencysAuthorityCannotNameAnother) {
  Configure({PeerOf("aid.example", aid_), PeerOf("loans.example", loans_)});
  EXPECT_EQ(Agency(aid_.Issue(LeafRequest("loans.example")).certificate_pem), "");
  EXPECT_EQ(Agency(loans_.Issue(LeafRequest("aid.example")).certificate_pem), "");
}

TEST_F(PeersTest, RefusesUnknownAgenciesNoneAndGarbage) {
  EXPECT_EQ(Agency(aid_.Issue(LeafRequest("aid.example")).certificate_pem), "");
  Configure({PeerOf("aid.example", aid_)});
  EXPECT_EQ(Agency(aid_.Issue(LeafRequest("other.example")).certificate_pem), "");
  EXPECT_EQ(Agency(""), "");
  EXPECT_EQ(Agency("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "");
}

TEST_F(PeersTest, RefusesACertificateOutsideItsTime) {
  Configure({PeerOf("aid.example", aid_)});
  const std::string pem = aid_.Issue(LeafRequest("aid.example")).certificate_pem;
  EXPECT_EQ(Agency(pem, TestNow() - absl::Hours(48)), "");
  EXPECT_EQ(Agency(pem, TestNow()), "aid.example");
  EXPECT_EQ(Agency(pem, TestNow() + absl::Hours(48)), "");
}

TEST_F(PeersTest, KnowsAnAgencyByItsPin) {
  crypto::CertificateRequest request = LeafRequest("aid.example");
  request.uris.clear();
  const crypto::IssuedCertificate pinned = aid_.Issue(request);
  Peer peer = PeerOf("aid.example", aid_);
  peer.binding.key_pin = Fingerprint(pinned);
  Configure({peer});
  EXPECT_EQ(Agency(pinned.certificate_pem), "aid.example");
  EXPECT_EQ(Agency(aid_.Issue(request).certificate_pem), "");
}

TEST_F(PeersTest, APinStillNeedsTheChain) {
  crypto::CertificateRequest request = LeafRequest("aid.example");
  request.uris.clear();
  const crypto::IssuedCertificate pinned = loans_.Issue(request);
  Peer peer = PeerOf("aid.example", aid_);
  peer.binding.key_pin = Fingerprint(pinned);
  Configure({peer});
  EXPECT_EQ(Agency(pinned.certificate_pem), "");
}

TEST_F(PeersTest, WhereAKeyIsPinnedTheUriAloneIsNotEnough) {
  Peer peer = PeerOf("aid.example", aid_);
  peer.binding.key_pin = Fingerprint(aid_.Issue(LeafRequest("aid.example")));
  Configure({peer});
  EXPECT_EQ(Agency(aid_.Issue(LeafRequest("aid.example")).certificate_pem), "");
}

class IssuerAndNameTest : public PeersTest {
 protected:
  static crypto::CertificateRequest Named(const std::string& dns_name) {
    crypto::CertificateRequest request = LeafRequest("aid.example");
    request.uris.clear();
    request.dns_names = {dns_name};
    return request;
  }
  Peer Bound(const std::string& agency) const {
    Peer peer = PeerOf(agency, aid_);
    peer.binding.issuer =
        crypto::ReadCertificate(aid_.Issue(Named("x.example")).certificate_pem)->issuer;
    peer.binding.dns_name = "vouch.aid.example";
    return peer;
  }
};

TEST_F(IssuerAndNameTest, KnowsAnAgencyByItsIssuerAndDnsName) {
  Configure({Bound("aid.example")});
  EXPECT_EQ(Agency(aid_.Issue(Named("vouch.aid.example")).certificate_pem), "aid.example");
  EXPECT_EQ(Agency(aid_.Issue(Named("other.aid.example")).certificate_pem), "");
}

TEST_F(IssuerAndNameTest, AnotherAuthorityOfTheSameNameIsNotIt) {
  Configure({Bound("aid.example")});
  const TestAuthority namesake("Aid CA");
  EXPECT_EQ(Agency(namesake.Issue(Named("vouch.aid.example")).certificate_pem), "");
}

TEST_F(IssuerAndNameTest, WhereANameIsBoundTheUriAloneIsNotEnough) {
  Configure({Bound("aid.example")});
  EXPECT_EQ(Agency(aid_.Issue(LeafRequest("aid.example")).certificate_pem), "");
}

TEST_F(IssuerAndNameTest, ACertificateThatFitsTwoPartnersStandsForNeither) {
  Configure({Bound("aid.example"), Bound("loans.example")});
  EXPECT_EQ(Agency(aid_.Issue(Named("vouch.aid.example")).certificate_pem), "");
}

TEST_F(PeersTest, ARevokedCertificateCountsNoMoreFromTheMomentTheListIsLoaded) {
  const std::string pem = aid_.Issue(LeafRequest("aid.example")).certificate_pem;
  Peer peer = PeerOf("aid.example", aid_);
  Configure({peer});
  ASSERT_EQ(Agency(pem), "aid.example");
  peer.revocations_pem = aid_.Revoke({crypto::ReadCertificate(pem)->serial});
  Configure({peer});
  EXPECT_EQ(Agency(pem), "");
}

TEST_F(PeersTest, ARemovedPartnerCountsNoMore) {
  const std::string pem = aid_.Issue(LeafRequest("aid.example")).certificate_pem;
  Configure({PeerOf("aid.example", aid_)});
  ASSERT_EQ(Agency(pem), "aid.example");
  Configure({PeerOf("loans.example", loans_)});
  EXPECT_EQ(Agency(pem), "");
  // A refusal is not kept across a reload either.
  Configure({PeerOf("aid.example", aid_)});
  EXPECT_EQ(Agency(pem), "aid.example");
}

TEST_F(PeersTest, AVerdictIsJudgedAgainWithinThirtySeconds) {
  crypto::CertificateRequest request = LeafRequest("aid.example");
  request.not_after = TestNow() + absl::Seconds(10);
  const std::string pem = aid_.Issue(request).certificate_pem;
  Configure({PeerOf("aid.example", aid_)});
  ASSERT_EQ(Agency(pem), "aid.example");
  EXPECT_EQ(Agency(pem, TestNow() + Peers::kRecheck), "");
  EXPECT_EQ(Agency(pem, TestNow() - absl::Hours(48)), "") << "a clock set back is no excuse";
}

TEST_F(PeersTest, BadAnchorsNameTheirAgencyAndChangeNothing) {
  const std::string pem = aid_.Issue(LeafRequest("aid.example")).certificate_pem;
  Configure({PeerOf("aid.example", aid_)});
  Peer bad = PeerOf("loans.example", loans_);
  bad.anchors_pem = "no anchors";
  const absl::Status replaced = peers_.Replace({bad});
  EXPECT_TRUE(absl::IsInvalidArgument(replaced));
  EXPECT_NE(std::string(replaced.message()).find("loans.example"), std::string::npos);
  EXPECT_EQ(Agency(pem), "aid.example");
}

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    Peer peer = PeerOf("aid.example", aid_);
    peer.calls_per_second = 3;
    EXPECT_TRUE(peers_->Replace({peer}).ok());
  }
  bool Turn(absl::Time now) { return !admission_.TakeTurn("aid.example", now).has_value(); }

  const TestAuthority aid_{"Aid CA"};
  std::shared_ptr<Peers> peers_ = std::make_shared<Peers>();
  Admission admission_{peers_};
};

TEST_F(AdmissionTest, RefusesAsCertificate) {
  const auto refused = admission_.Identify("nothing", TestNow());
  ASSERT_TRUE(absl::holds_alternative<Refusal>(refused));
  EXPECT_EQ(absl::get<Refusal>(refused).reason, Reason::kCertificate);
  const auto known =
      admission_.Identify(aid_.Issue(LeafRequest("aid.example")).certificate_pem, TestNow());
  ASSERT_TRUE(absl::holds_alternative<std::string>(known));
}

TEST_F(AdmissionTest, TakesNoMoreThanTheRateAndSaysWhenToComeBack) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Turn(TestNow())) << i;
  const absl::optional<Refusal> busy = admission_.TakeTurn("aid.example", TestNow());
  ASSERT_TRUE(busy.has_value());
  EXPECT_EQ(busy->reason, Reason::kBusy);
  EXPECT_GT(busy->retry_after, absl::ZeroDuration());
  EXPECT_LE(busy->retry_after, absl::Seconds(1));
  EXPECT_TRUE(Turn(TestNow() + busy->retry_after + absl::Milliseconds(1)));
  EXPECT_FALSE(Turn(TestNow() + busy->retry_after + absl::Milliseconds(2)));
}

TEST_F(AdmissionTest, AnIdleRequesterSavesUpOneSecondAtMost) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Turn(TestNow()));
  const absl::Time later = TestNow() + absl::Hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Turn(later)) << i;
  EXPECT_FALSE(Turn(later));
}

TEST_F(AdmissionTest, AClockSetBackGivesNoCalls) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Turn(TestNow()));
  EXPECT_FALSE(Turn(TestNow() - absl::Hours(1)));
}

TEST_F(AdmissionTest, ARequesterWhoIsNoPartnerHasNoTurn) {
  EXPECT_TRUE(admission_.TakeTurn("other.example", TestNow()).has_value());
}

Request GoodRequest() {
  Request request;
  request.request_id = std::string(16, 'i');
  request.agreement_id = "a";
  request.agreement_digest = std::string(32, 'd');
  request.question = "q";
  request.purpose = "p";
  request.items.resize(2);
  request.is_batch = true;
  for (RequestedItem& item : request.items) item.tokens = std::string(64, 't');
  return request;
}

// The field of the refusal; "" when it is admitted.
std::string FieldOf(const Admission& admission, Request request) {
  const auto admitted = admission.Admit("aid.example", std::move(request));
  if (!absl::holds_alternative<Refusal>(admitted)) return "";
  const Refusal& refusal = absl::get<Refusal>(admitted);
  EXPECT_EQ(refusal.reason, Reason::kMalformed);
  EXPECT_FALSE(refusal.message.empty());
  return refusal.field;
}

TEST_F(AdmissionTest, AdmitsAGoodMessageAsItsRequester) {
  const auto admitted = admission_.Admit("aid.example", GoodRequest());
  ASSERT_TRUE(absl::holds_alternative<std::shared_ptr<const AdmittedCall>>(admitted));
  const auto& call = absl::get<std::shared_ptr<const AdmittedCall>>(admitted);
  EXPECT_EQ(call->requester(), "aid.example");
  EXPECT_EQ(call->request().items.size(), 2u);
}

struct Shape {
  const char* name;
  const char* field;
  void (*spoil)(Request*);
};

class MalformedTest : public ::testing::TestWithParam<Shape> {};

TEST_P(MalformedTest, IsRefusedWithItsField) {
  const Admission admission(std::make_shared<Peers>());
  Request request = GoodRequest();
  GetParam().spoil(&request);
  EXPECT_EQ(FieldOf(admission, std::move(request)), GetParam().field);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, MalformedTest,
    ::testing::Values(
        Shape{"NoItems", "items", [](Request* r) { r->items.clear(); }},
        Shape{"TooManyItems", "items", [](Request* r) { r->items.resize(kMaxBatchItems + 1); }},
        Shape{"LongAgreement", "question", [](Request* r) { r->agreement_id.assign(201, 'a'); }},
        Shape{"LongQuestion", "question", [](Request* r) { r->question.assign(201, 'a'); }},
        Shape{"LongPurpose", "question", [](Request* r) { r->purpose.assign(201, 'a'); }},
        Shape{"HugeRequestId", "request_id",
              [](Request* r) { r->request_id.assign(1 << 20, 'a'); }},
        Shape{"HugeDigest", "question.agreement_digest",
              [](Request* r) { r->agreement_digest.assign(1 << 20, 'a'); }},
        Shape{"NoTokens", "items[1].subject.tokens",
              [](Request* r) { r->items[1].tokens.clear(); }},
        Shape{"CutToken", "items[1].subject.tokens",
              [](Request* r) { r->items[1].tokens.resize(63); }},
        Shape{"TooManyTokens", "items[0].subject.tokens",
              [](Request* r) { r->items[0].tokens.assign((kMaxTokensPerItem + 1) * 32, 't'); }},
        Shape{"CutConsent", "items[0].subject.consents",
              [](Request* r) { r->items[0].consents.assign(31, 'c'); }},
        Shape{"TooManyConsents", "items[0].subject.consents",
              [](Request* r) { r->items[0].consents.assign((kMaxTokensPerItem + 1) * 32, 'c'); }},
        Shape{"NoMembers", "items[1].subject.member_count",
              [](Request* r) { r->items[1].member_count = 0; }},
        Shape{"TooManyMembers", "items[1].subject.member_count",
              [](Request* r) { r->items[1].member_count = 4000000000u; }},
        Shape{"TooManyParameters", "items[0].parameters",
              [](Request* r) {
                for (int i = 0; i < 17; ++i) {
                  r->items[0].parameters.emplace(absl::StrCat("p", i), int64_t{1});
                }
              }},
        Shape{"RepeatedParameter", "items[0].parameters",
              [](Request* r) { r->items[0].repeats_a_parameter = true; }},
        Shape{
            "LongParameterName", "items[0].parameters",
            [](Request* r) { r->items[0].parameters.emplace(std::string(201, 'n'), int64_t{1}); }},
        Shape{"LongCode", "items[0].parameters",
              [](Request* r) { r->items[0].parameters.emplace("n", std::string(201, 'c')); }},
        Shape{"SingleNamesItsFieldPlainly", "subject.tokens",
              [](Request* r) {
                r->is_batch = false;
                r->items.resize(1);
                r->items[0].tokens.clear();
              }}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace vouch::server::admission
