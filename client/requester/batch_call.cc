#include "client/requester/batch_call.h"

#include <chrono>
#include <utility>

namespace vouch::requester {

BatchCall::BatchCall(const std::shared_ptr<grpc::Channel>& channel, absl::Time deadline)
    : stub_(v1::Verification::NewStub(channel)) {
  context_.set_deadline(absl::ToChronoTime(deadline));
  stream_ = stub_->VerifyBatch(&context_);
  reader_ = std::thread([this] { Read(); });
}

BatchCall::~BatchCall() {
  context_.TryCancel();
  reader_.join();
}

bool BatchCall::Send(const v1::VerifyBatchRequest& request) { return stream_->Write(request); }

absl::optional<v1::VerifyBatchResponse> BatchCall::Next(absl::Duration patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  arrived_.wait_for(lock, absl::ToChronoNanoseconds(patience),
                    [this] { return ended_ || !responses_.empty(); });
  if (responses_.empty()) return absl::nullopt;
  v1::VerifyBatchResponse response = std::move(responses_.front());
  responses_.pop_front();
  return response;
}

bool BatchCall::ended() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return ended_;
}

grpc::Status BatchCall::status() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

void BatchCall::Read() {
  v1::VerifyBatchResponse response;
  while (stream_->Read(&response)) {
    std::lock_guard<std::mutex> lock(mutex_);
    responses_.push_back(std::move(response));
    response.Clear();
    arrived_.notify_one();
  }
  // Reading ends only when the stream is over, so this does not wait for the writer.
  const grpc::Status status = stream_->Finish();
  std::lock_guard<std::mutex> lock(mutex_);
  status_ = status;
  ended_ = true;
  arrived_.notify_one();
}

}  // namespace vouch::requester
