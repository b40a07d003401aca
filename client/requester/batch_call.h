// One VerifyBatch stream, read ahead so that neither side ever waits for the other to read.
#ifndef VOUCH_CLIENT_REQUESTER_BATCH_CALL_H_
#define VOUCH_CLIENT_REQUESTER_BATCH_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::requester {

// Used by one thread. Cancelled when destroyed before it ended.
class BatchCall {
 public:
  // Ended with RESOURCE_EXHAUSTED when more than `most_bytes` of responses wait: the responder
  // sends what nobody asked for.
  BatchCall(const std::shared_ptr<grpc::Channel>& channel, absl::Time deadline, size_t most_bytes);
  ~BatchCall();
  // Far more than the answers to so many messages have with their proofs, a JWS and padding.
  static constexpr size_t BytesOf(size_t messages) { return (messages + 1) * (size_t{64} << 20); }

  // False when the stream is broken: Next then says why.
  bool Send(const v1::VerifyBatchRequest& request);
  // The next response; nullopt when there was none for `patience` or the stream ended.
  absl::optional<v1::VerifyBatchResponse> Next(absl::Duration patience);
  bool ended() const;
  // Of a stream that ended.
  grpc::Status status() const;

 private:
  void Read();
  // False when too much waits.
  bool Keep(v1::VerifyBatchResponse* response);

  const size_t most_bytes_;
  grpc::ClientContext context_;
  std::unique_ptr<v1::Verification::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::VerifyBatchRequest, v1::VerifyBatchResponse>>
      stream_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<v1::VerifyBatchResponse> responses_;
  size_t bytes_ = 0;  // of them
  bool ended_ = false;
  grpc::Status status_;
  std::thread reader_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_BATCH_CALL_H_
