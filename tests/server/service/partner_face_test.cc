// Who calls, as a real handshake tells it.
#include "server/partner_face.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/server/service/partner_server.h"
#include "vouch/v1/blinding.grpc.pb.h"

namespace vouch::server {
namespace {

// Only asks who calls.
class WhoCalls final : public v1::Blinding::CallbackService {
 public:
  explicit WhoCalls(const PartnerFace* face) : face_(face) {}

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest*, v1::EvaluateResponse*) override {
    const auto identified = face_->Identify(*context);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const policies::Refusal* refusal = absl::get_if<policies::Refusal>(&identified);
      last_ = refusal == nullptr ? absl::get<std::string>(identified)
                                 : std::string(policies::ReasonName(refusal->reason));
    }
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  std::string last() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return last_;
  }

 private:
  const PartnerFace* const face_;
  mutable std::mutex mutex_;
  std::string last_;
};

class PartnerFaceTest : public ::testing::Test {
 protected:
  PartnerFaceTest() { server_.Serve(&service_); }
  ~PartnerFaceTest() override { server_.Stop(std::chrono::milliseconds(500)); }

  // The agency that a call of this client is taken for, or the reason of its refusal.
  std::string Call(const crypto::IssuedCertificate& client, const std::string& beside = "") {
    const auto stub = v1::Blinding::NewStub(server_.Connect(client, beside));
    grpc::ClientContext context;
    v1::EvaluateResponse response;
    const grpc::Status status = stub->Evaluate(&context, {}, &response);
    return status.ok() ? service_.last() : "no connection: " + status.error_message();
  }

  World world_{{}, World::Disk::kMemory};
  PartnerServer server_{&world_};
  WhoCalls service_{server_.face()};
};

TEST_F(PartnerFaceTest, KnowsAClientByItsCertificate) {
  EXPECT_EQ(Call(server_.partner), "aid.example");
}

TEST_F(PartnerFaceTest, AClientMaySendItsAuthoritysCertificateToo) {
  EXPECT_EQ(Call(server_.partner, server_.authority.pem()), "aid.example");
}

TEST_F(PartnerFaceTest, AnAuthorityBetweenIsTakenFromWhatTheClientSends) {
  const crypto::IssuedCertificate between =
      server_.authority.Issue(ForDecades(crypto::AuthorityRequest("Between", 0)));
  const absl::StatusOr<crypto::IssuedCertificate> client = crypto::Issue(
      ForDecades(crypto::LeafRequest("aid.example")), between.certificate_pem, between.key);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(Call(*client, between.certificate_pem), "aid.example");
  EXPECT_EQ(Call(*client, between.certificate_pem + server_.authority.pem()), "aid.example");
}

// What is sent along vouches for nothing: the caller is its own certificate.
TEST_F(PartnerFaceTest, APartnersCertificateSentAlongDoesNotMakeAPartner) {
  const crypto::IssuedCertificate stranger = server_.Issue("loans.example");
  EXPECT_EQ(Call(stranger), "CERTIFICATE");
  EXPECT_EQ(Call(stranger, server_.partner.certificate_pem), "CERTIFICATE");
}

TEST_F(PartnerFaceTest, CountsARefusalOfACallerItDoesNotKnow) {
  ASSERT_EQ(Call(server_.Issue("loans.example")), "CERTIFICATE");
  EXPECT_EQ(world_.refusals.Take(world_.clock.Now(), true).size(), 1u);
}

}  // namespace
}  // namespace vouch::server
