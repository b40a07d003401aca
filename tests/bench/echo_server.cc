#include "tests/bench/echo_server.h"

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "crypto/certificate.h"
#include "crypto/keys.h"
#include "vouch/v1/blinding.grpc.pb.h"

namespace vouch::bench {

namespace {

// Evaluate's messages are a bytes field each: an echo needs no proto file of its own.
template <typename Message>
Message OfSize(size_t bytes) {
  Message message;
  for (size_t payload = bytes; message.ByteSizeLong() != bytes && payload > 0; --payload) {
    message.mutable_elements()->assign(payload, 'e');
  }
  return message;
}

class Echo final : public v1::Blinding::CallbackService {
 public:
  explicit Echo(size_t answer_bytes)
      : answer_(OfSize<v1::EvaluateResponse>(answer_bytes).elements()) {}

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest*,
                                     v1::EvaluateResponse* response) override {
    response->set_elements(answer_);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const std::string answer_;
};

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

}  // namespace

std::string EchoRequest(size_t bytes) {
  return OfSize<v1::EvaluateRequest>(bytes).SerializeAsString();
}

int ServeEcho(const std::string& node_folder, size_t answer_bytes) {
  // As vouchd does, so that neither pays for what the other does not.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (!crypto::RequireTls13().ok()) return 1;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = ReadWhole(node_folder + "/tls/authority.pem");
  tls.pem_key_cert_pairs.push_back(
      {ReadWhole(node_folder + "/tls/node.key"), ReadWhole(node_folder + "/tls/node.pem")});
  Echo echo(answer_bytes);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
  builder.SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return 1;
  if (!crypto::ReplaceFile(node_folder + "/run/echo", absl::StrCat(port, "\n"), false).ok()) {
    return 1;
  }
  int received = 0;
  sigwait(&signals, &received);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  return 0;
}

}  // namespace vouch::bench
