#include "tests/harness/tap/relay.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/certificate.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::tap {
namespace {

// Says back what it was asked, so that the test knows what must have crossed.
class Echo final : public v1::Verification::Service {
 public:
  grpc::Status Verify(grpc::ServerContext* context, const v1::VerifyRequest* request,
                      v1::VerifyResponse* response) override {
    context->AddInitialMetadata("first", "from responder");
    context->AddTrailingMetadata("last", "from responder");
    if (request->request_id() == "refuse") {
      return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "no more",
                          std::string("details\0in bytes", 16));
    }
    if (request->request_id() == "wait") {
      while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      cancelled = true;
      return grpc::Status::CANCELLED;
    }
    response->set_padding(request->request_id());
    return grpc::Status::OK;
  }
  grpc::Status VerifyBatch(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::VerifyBatchResponse, v1::VerifyBatchRequest>* stream) override {
    v1::VerifyBatchRequest request;
    while (stream->Read(&request)) {
      v1::VerifyBatchResponse response;
      response.set_request_id(request.request_id());
      stream->Write(response);
      stream->Write(response);
    }
    return grpc::Status(grpc::StatusCode::ABORTED, "end of stream");
  }
  std::atomic<bool> cancelled{false};
};

crypto::IssuedCertificate Issued(const std::string& agency,
                                 const crypto::IssuedCertificate& authority) {
  crypto::CertificateRequest request;
  request.common_name = agency;
  request.uris = {absl::StrCat(crypto::kAgencyUriPrefix, agency)};
  request.dns_names = {"localhost"};
  request.not_before = absl::Now() - absl::Hours(1);
  request.not_after = absl::Now() + absl::Hours(1);
  return *crypto::Issue(request, authority.certificate_pem, authority.key);
}

class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    crypto::CertificateRequest request;
    request.common_name = "Test authority";
    request.is_authority = true;
    request.not_before = absl::Now() - absl::Hours(1);
    request.not_after = absl::Now() + absl::Hours(1);
    const crypto::IssuedCertificate authority = crypto::IssueSelfSigned(request);
    const crypto::IssuedCertificate node = Issued("responder.example", authority);
    const crypto::IssuedCertificate client = Issued("requester.example", authority);
    const std::string node_key = node.key.ToPem(crypto::RawSecretAccess{});
    const std::string client_key = client.key.ToPem(crypto::RawSecretAccess{});

    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = authority.certificate_pem;
    tls.pem_key_cert_pairs.push_back({node_key, node.certificate_pem});
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    builder.RegisterService(&echo_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);

    path_ = testing::TempDir() + "/relay-" + std::to_string(getpid()) + ".tap";
    recording_ = *Recording::Create(path_);
    RelayOptions options;
    options.responder = absl::StrCat("127.0.0.1:", port);
    options.certificate_pem = node.certificate_pem;
    options.key_pem = node_key;
    options.requester_anchors_pem = authority.certificate_pem;
    options.client_certificate_pem = client.certificate_pem;
    options.client_key_pem = client_key;
    options.responder_anchors_pem = authority.certificate_pem;
    auto relay = Relay::Start(options, recording_.get());
    ASSERT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);

    grpc::SslCredentialsOptions own;
    own.pem_root_certs = authority.certificate_pem;
    own.pem_private_key = client_key;
    own.pem_cert_chain = client.certificate_pem;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    stub_ = v1::Verification::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", relay_->port()), grpc::SslCredentials(own), arguments));
  }
  void TearDown() override {
    stub_.reset();
    relay_.reset();
    server_->Shutdown(std::chrono::system_clock::now());
    std::remove(path_.c_str());
  }

  std::vector<std::string> Recorded(Direction direction, Kind kind) {
    std::vector<std::string> bytes;
    const auto records = ReadRecording(path_);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const Record& record : *records) {
      if (record.direction == direction && record.kind == kind) bytes.push_back(record.bytes);
    }
    return bytes;
  }

  Echo echo_;
  std::string path_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<Relay> relay_;
  std::unique_ptr<v1::Verification::Stub> stub_;
};

TEST_F(RelayTest, RecordsMessagesAndMetadataOfBothDirections) {
  grpc::ClientContext context;
  context.AddMetadata("asked-with", "a value");
  v1::VerifyRequest request;
  request.set_request_id("sixteen bytes id");
  v1::VerifyResponse response;
  ASSERT_TRUE(stub_->Verify(&context, request, &response).ok());
  EXPECT_EQ(response.padding(), "sixteen bytes id");
  EXPECT_EQ(context.GetServerInitialMetadata().count("first"), 1u);
  EXPECT_EQ(context.GetServerTrailingMetadata().count("last"), 1u);

  EXPECT_THAT(Recorded(Direction::kToResponder, Kind::kMessage),
              testing::ElementsAre(request.SerializeAsString()));
  EXPECT_THAT(Recorded(Direction::kToRequester, Kind::kMessage),
              testing::ElementsAre(response.SerializeAsString()));
  EXPECT_THAT(Recorded(Direction::kToResponder, Kind::kMetadata),
              testing::ElementsAre(testing::HasSubstr("asked-with")));
  EXPECT_THAT(Recorded(Direction::kToRequester, Kind::kMetadata),
              testing::ElementsAre(testing::HasSubstr("from responder")));
  EXPECT_THAT(Recorded(Direction::kToRequester, Kind::kTrailing),
              testing::ElementsAre(testing::HasSubstr("last")));
}

TEST_F(RelayTest, HandsAStatusAndItsDetailsOn) {
  grpc::ClientContext context;
  v1::VerifyRequest request;
  request.set_request_id("refuse");
  v1::VerifyResponse response;
  const grpc::Status status = stub_->Verify(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "no more");
  EXPECT_EQ(status.error_details(), std::string("details\0in bytes", 16));
  EXPECT_THAT(Recorded(Direction::kToRequester, Kind::kStatus),
              testing::ElementsAre(StatusBytes(8, "no more", status.error_details())));
}

TEST_F(RelayTest, RelaysStreamsBothWaysAtOnce) {
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  for (int i = 0; i < 20; ++i) {
    v1::VerifyBatchRequest request;
    request.set_request_id(absl::StrCat("message ", i));
    ASSERT_TRUE(stream->Write(request));
    v1::VerifyBatchResponse response;
    for (int answer = 0; answer < 2; ++answer) {
      ASSERT_TRUE(stream->Read(&response));
      EXPECT_EQ(response.request_id(), request.request_id());
    }
  }
  stream->WritesDone();
  v1::VerifyBatchResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_message(), "end of stream");
  EXPECT_EQ(Recorded(Direction::kToResponder, Kind::kMessage).size(), 20u);
  EXPECT_EQ(Recorded(Direction::kToRequester, Kind::kMessage).size(), 40u);
}

TEST_F(RelayTest, CancelsTheCallBehindWhenTheRequesterGoes) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  v1::VerifyRequest request;
  request.set_request_id("wait");
  v1::VerifyResponse response;
  EXPECT_FALSE(stub_->Verify(&context, request, &response).ok());
  for (int i = 0; i < 1000 && !echo_.cancelled; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(echo_.cancelled);
}

TEST_F(RelayTest, LetsNobodyInWithoutACertificate) {
  grpc::GenericStub generic(grpc::CreateChannel(absl::StrCat("127.0.0.1:", relay_->port()),
                                                grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
  grpc::CompletionQueue queue;
  auto call = generic.PrepareUnaryCall(&context, "/none/None", grpc::ByteBuffer(), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(Recorded(Direction::kToResponder, Kind::kMetadata), testing::IsEmpty());
}

TEST(RecordingTest, RefusesAFileThatEndsWithinARecord) {
  const std::string path = testing::TempDir() + "/cut-" + std::to_string(getpid()) + ".tap";
  {
    auto recording = Recording::Create(path);
    ASSERT_TRUE(recording.ok());
    (*recording)->Write(Record{Direction::kToRequester, Kind::kMessage, 7, "/a/B", "bytes"});
  }
  auto whole = ReadRecording(path);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->at(0).call, 7u);
  EXPECT_EQ(whole->at(0).method, "/a/B");
  ASSERT_EQ(truncate(path.c_str(), 30), 0);
  EXPECT_FALSE(ReadRecording(path).ok());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace vouch::tap
