#include "client/requester/batch_call.h"

#include <chrono>
#include <utility>

namespace vouch::requester {

BatchCall::BatchCall(const std::shared_ptr<grpc::Channel>& channel, absl::Time deadline,
                     size_t most_bytes)
    : most_bytes_(most_bytes), stub_(v1::Verification::NewStub(channel)) {
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
  bytes_ -= response.ByteSizeLong();
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

bool BatchCall::Keep(v1::VerifyBatchResponse* response) {
  std::lock_guard<std::mutex> lock(mutex_);
  bytes_ += response->ByteSizeLong();
  if (bytes_ > most_bytes_) return false;
  responses_.push_back(std::move(*response));
  arrived_.notify_one();
  return true;
}

void BatchCall::Read() {
  v1::VerifyBatchResponse response;
  bool too_much = false;
  while (!too_much && stream_->Read(&response)) {
    too_much = !Keep(&response);
    response.Clear();
  }
  if (too_much) context_.TryCancel();
  // Reading ends only when the stream is over, so this does not wait for the writer.
  grpc::Status status = stream_->Finish();
  if (too_much) {
    status = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                          "the responder sends more than it was asked for");
  }
  std::lock_guard<std::mutex> lock(mutex_);
  status_ = status;
  ended_ = true;
  arrived_.notify_one();
}

}  // namespace vouch::requester
