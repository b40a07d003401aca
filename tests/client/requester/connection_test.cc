// Who a responder must be, over real TLS.
#include "client/requester/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/requester/asking_world.h"

namespace vouch::requester {
namespace {

constexpr char kName[] = "vouch.irs.treasury.example";

class BoundResponderTest : public ::testing::Test {
 protected:
  // Asks once with this binding in the configuration.
  static absl::Status Ask(AskingWorld* world, const crypto::CertificateBinding& binding) {
    RequesterOptions options = world->Options();
    options.connection.binding = binding;
    options.retries.patience = absl::Milliseconds(200);
    auto opened = Requester::Open(world->agreement, options);
    if (!opened.ok()) return opened.status();
    return (*opened)->Ask(TestAsking()).status();
  }
  static crypto::CertificateBinding ByName(const AskingWorld& world, const std::string& name) {
    crypto::CertificateBinding binding;
    binding.issuer =
        crypto::ReadCertificate(world.answerer_authority.issued.certificate_pem)->subject;
    binding.dns_name = name;
    return binding;
  }
};

TEST_F(BoundResponderTest, ACertificateWithoutAnAgencyIsRefusedUnlessItIsBound) {
  WorldOptions wish;
  wish.responder_dns_name = kName;
  AskingWorld world(wish);
  EXPECT_FALSE(Ask(&world, {}).ok());
  EXPECT_EQ(world.responder->charged(), 0u);
}

TEST_F(BoundResponderTest, IssuerAndDnsNameStandForTheAgency) {
  WorldOptions wish;
  wish.responder_dns_name = kName;
  AskingWorld world(wish);
  EXPECT_EQ(Ask(&world, ByName(world, kName)), absl::OkStatus());
  EXPECT_EQ(world.responder->charged(), 1u);
}

TEST_F(BoundResponderTest, AnotherDnsNameOfTheSameIssuerIsRefused) {
  WorldOptions wish;
  wish.responder_dns_name = "other.irs.treasury.example";
  AskingWorld world(wish);
  EXPECT_FALSE(Ask(&world, ByName(world, kName)).ok());
}

TEST_F(BoundResponderTest, TheSameDnsNameOfAnotherIssuerIsRefused) {
  WorldOptions wish;
  wish.responder_dns_name = kName;
  AskingWorld world(wish);
  crypto::CertificateBinding binding = ByName(world, kName);
  binding.issuer = "CN=Somebody else";
  EXPECT_FALSE(Ask(&world, binding).ok());
}

TEST_F(BoundResponderTest, ABindingStillNeedsTheChain) {
  WorldOptions wish;
  wish.responder_dns_name = kName;
  wish.responder_from_asker_authority = true;
  AskingWorld world(wish);
  crypto::CertificateBinding binding;
  binding.issuer = crypto::ReadCertificate(world.asker_authority.issued.certificate_pem)->subject;
  binding.dns_name = kName;
  EXPECT_FALSE(Ask(&world, binding).ok());
}

TEST_F(BoundResponderTest, ABindingNeverMakesACertificateOfAnotherAgencyFit) {
  WorldOptions wish;
  wish.responder_name = "ssa.example";
  AskingWorld world(wish);
  EXPECT_FALSE(Ask(&world, ByName(world, "localhost")).ok());
}

TEST_F(BoundResponderTest, WhereABindingIsGivenTheUriAloneIsNotEnough) {
  AskingWorld world;
  EXPECT_FALSE(Ask(&world, ByName(world, kName)).ok());
  EXPECT_EQ(Ask(&world, ByName(world, "localhost")), absl::OkStatus());
}

}  // namespace
}  // namespace vouch::requester
