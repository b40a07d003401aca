#include <grpcpp/grpcpp.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/bench/rows.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::bench {

namespace {

constexpr uint64_t kItems = 1000;

std::string ReadWhole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

}  // namespace

absl::StatusOr<double> RunBatches(const Federation& federation, const ServerProcess& node,
                                  uint64_t first, uint64_t count) {
  std::vector<v1::VerifyBatchRequest> messages;
  for (uint64_t done = 0; done < count; done += kItems) {
    messages.emplace_back().ParseFromString(
        federation.BatchRequest(first + done, std::min(kItems, count - done)));
  }
  const LoadOptions connection = federation.Connection(node.port());
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ReadWhole(connection.anchors);
  tls.pem_cert_chain = ReadWhole(connection.certificate);
  tls.pem_private_key = ReadWhole(connection.key);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto stub = v1::Verification::NewStub(grpc::CreateCustomChannel(
      absl::StrCat("localhost:", node.port()), grpc::SslCredentials(tls), arguments));

  grpc::ClientContext context;
  const double before = node.CpuSeconds();
  auto stream = stub->VerifyBatch(&context);
  std::thread writer([&] {
    for (const v1::VerifyBatchRequest& message : messages) {
      if (!stream->Write(message)) break;
    }
    stream->WritesDone();
  });
  uint64_t answered = 0;
  std::string refused;
  v1::VerifyBatchResponse response;
  while (stream->Read(&response)) {
    if (response.has_refused()) refused = response.refused().reason();
    for (const v1::BatchResult& result : response.results()) {
      if (result.has_answered()) {
        ++answered;
      } else {
        refused = result.refused().reason();
      }
    }
  }
  writer.join();
  const grpc::Status status = stream->Finish();
  const double cpu = node.CpuSeconds() - before;
  if (!status.ok() || answered != count) {
    return absl::InternalError(absl::StrCat(answered, " of ", count, " items were answered; ",
                                            status.error_message(), " ", refused));
  }
  return cpu * 1e6 / static_cast<double>(count);
}

}  // namespace vouch::bench
