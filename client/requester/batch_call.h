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
  BatchCall(const std::shared_ptr<grpc::Channel>& channel, absl::Time deadline);
  ~BatchCall();

  // False when the stream is broken: Next then says why.
  bool Send(const v1::VerifyBatchRequest& request);
  // The next response; nullopt when there was none for `patience` or the stream ended.
  absl::optional<v1::VerifyBatchResponse> Next(absl::Duration patience);
  bool ended() const;
  // Of a stream that ended.
  grpc::Status status() const;

 private:
  void Read();

  grpc::ClientContext context_;
  std::unique_ptr<v1::Verification::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::VerifyBatchRequest, v1::VerifyBatchResponse>>
      stream_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<v1::VerifyBatchResponse> responses_;
  bool ended_ = false;
  grpc::Status status_;
  std::thread reader_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_BATCH_CALL_H_
