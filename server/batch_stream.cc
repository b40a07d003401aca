#include "server/batch_stream.h"

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "crypto/receipt.h"
#include "google/protobuf/arena.h"
#include "policies/engine/refusal.h"
#include "server/status_mapping.h"

namespace vouch::server {

namespace {

using Reactor = grpc::ServerBidiReactor<v1::VerifyBatchRequest, v1::VerifyBatchResponse>;

// Messages of one stream that may be on their way at once; the next is read when one is done.
constexpr int kMessagesAhead = 4;
// Responses that may wait for a caller who does not read them; then nothing more is read from it.
constexpr size_t kResponsesAhead = 16;

class Stream;

// A message together with the memory of all its parts, which goes with it: a message that is only
// cleared keeps it, for as long as the stream is open.
template <typename Proto>
class Held {
 public:
  Held()
      : arena_(std::make_unique<google::protobuf::Arena>(Blocks())),
        message_(google::protobuf::Arena::CreateMessage<Proto>(arena_.get())) {}
  Proto& operator*() const { return *message_; }
  Proto* operator->() const { return message_; }
  Proto* get() const { return message_; }

 private:
  static google::protobuf::ArenaOptions Blocks() {
    google::protobuf::ArenaOptions options;
    options.start_block_size = 1 << 10;
    options.max_block_size = 1 << 18;
    return options;
  }

  std::unique_ptr<google::protobuf::Arena> arena_;
  Proto* message_;
};
using Request = Held<v1::VerifyBatchRequest>;
using Response = Held<v1::VerifyBatchResponse>;

// What outlives the reactor: walkers may still hold messages of a stream that broke.
struct Shared {
  std::mutex mutex;
  Stream* stream = nullptr;  // null once gRPC is done with it
  bool cancelled = false;
};

class Message final : public WaitingCall {
 public:
  Message(std::shared_ptr<Shared> shared, const PartnerFace* face,
          std::shared_ptr<const admission::AdmittedCall> call)
      : shared_(std::move(shared)), face_(face), call_(std::move(call)) {}

  const std::shared_ptr<const admission::AdmittedCall>& call() const override { return call_; }
  bool Abandoned() const override {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    return shared_->cancelled || shared_->stream == nullptr;
  }
  void Done(uint32_t first, std::vector<Recorded> outcomes, bool last) override;
  void Dropped() override;

 private:
  const std::shared_ptr<Shared> shared_;
  const PartnerFace* const face_;
  const std::shared_ptr<const admission::AdmittedCall> call_;
};

class Stream final : public Reactor {
 public:
  Stream(const PartnerFace* face, Walkers* walkers, grpc::CallbackServerContext* context)
      : face_(face), walkers_(walkers), context_(context), shared_(std::make_shared<Shared>()) {
    shared_->stream = this;
    StartRead(request_.get());
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      std::lock_guard<std::mutex> lock(shared_->mutex);
      reading_ended_ = true;
      FinishWhenIdle();
      return;
    }
    Take();
    request_ = Request();
    std::lock_guard<std::mutex> lock(shared_->mutex);
    reading_ = false;
    ReadNext();
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    writing_ = false;
    outgoing_.pop_front();
    if (!ok) outgoing_.clear();
    WriteNext();
    ReadNext();
    FinishWhenIdle();
  }

  void OnCancel() override {
    std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->cancelled = true;
    End(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    {
      std::lock_guard<std::mutex> lock(shared_->mutex);
      shared_->stream = nullptr;
    }
    delete this;
  }

  // The three below: with shared_->mutex held.
  void Send(Response response) {
    if (ended_) return;
    outgoing_.push_back(std::move(response));
    WriteNext();
  }
  void MessageEnded() {
    --under_way_;
    ReadNext();
    FinishWhenIdle();
  }
  void End(const grpc::Status& status) {
    if (ended_) return;
    ended_ = true;
    Finish(status);
  }

 private:
  void Take() {
    // The certificate is judged anew for every message: a stream must not outlive a revocation.
    auto identified = face_->Identify(*context_);
    if (auto* refusal = absl::get_if<policies::Refusal>(&identified)) {
      if (refusal->reason == policies::Reason::kCertificate) {
        std::lock_guard<std::mutex> lock(shared_->mutex);
        End(ToStatus(*refusal));
      } else {
        RefuseWhole(*refusal);
      }
      return;
    }
    const std::string& requester = absl::get<std::string>(identified);
    auto admitted = face_->Admit(requester, FromBatch(*request_));
    if (auto* refusal = absl::get_if<policies::Refusal>(&admitted)) {
      face_->CountRefusal(requester, *refusal);
      RefuseWhole(*refusal);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(shared_->mutex);
      ++under_way_;
    }
    auto message = std::make_shared<Message>(
        shared_, face_,
        absl::get<std::shared_ptr<const admission::AdmittedCall>>(std::move(admitted)));
    if (walkers_->Enqueue(message)) return;
    policies::Refusal busy;
    busy.reason = policies::Reason::kBusy;
    busy.message = "the queue of this node is full";
    busy.retry_after = absl::Seconds(1);
    face_->CountRefusal(requester, busy);
    RefuseWhole(busy);
    std::lock_guard<std::mutex> lock(shared_->mutex);
    --under_way_;
  }

  void RefuseWhole(const policies::Refusal& refusal) {
    Response response;
    // What has not the size of an id is not shown again: anything may stand there.
    if (request_->request_id().size() == sizeof(crypto::RequestId)) {
      response->set_request_id(request_->request_id());
    }
    response->set_last(true);
    ToRefused(refusal, response->mutable_refused());
    Pad(response.get());
    std::lock_guard<std::mutex> lock(shared_->mutex);
    Send(std::move(response));
  }

  void ReadNext() {
    if (reading_ || reading_ended_ || ended_ || under_way_ >= kMessagesAhead ||
        outgoing_.size() >= kResponsesAhead) {
      return;
    }
    reading_ = true;
    StartRead(request_.get());
  }

  void WriteNext() {
    if (writing_ || outgoing_.empty() || ended_) return;
    writing_ = true;
    StartWrite(outgoing_.front().get());
  }

  void FinishWhenIdle() {
    if (reading_ended_ && under_way_ == 0 && outgoing_.empty()) End(grpc::Status::OK);
  }

  const PartnerFace* const face_;
  Walkers* const walkers_;
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<Shared> shared_;
  Request request_;
  std::deque<Response> outgoing_;
  int under_way_ = 0;
  bool reading_ = true;
  bool reading_ended_ = false;
  bool writing_ = false;
  bool ended_ = false;
};

void Message::Done(uint32_t first, std::vector<Recorded> outcomes, bool last) {
  face_->Observe(call_->requester(), outcomes);
  Response response;
  response->set_request_id(call_->request().request_id);
  response->set_first(first);
  response->set_last(last);
  uint32_t position = first;
  for (const Recorded& outcome : outcomes) {
    v1::BatchResult* result = response->add_results();
    const uint32_t item = position++;
    if (const policies::Refusal* refusal = outcome.refused()) {
      ToRefused(*refusal, result->mutable_refused());
      continue;
    }
    ToAnswered(*outcome.answered(), result->mutable_answered());
    face_->SignReceipt(*call_, item, *outcome.answered(), result->mutable_answered());
    if (outcome.replayed()) {
      ToProof(*outcome.answered()->proof,
              result->mutable_answered()->mutable_receipt()->mutable_proof());
    } else if (!response->has_proof()) {
      ToProof(*outcome.answered()->proof, response->mutable_proof());
    }
    if (!response->has_obligations()) {
      ToObligations(*outcome.answered()->question, response->mutable_obligations());
    }
  }
  Pad(response.get());
  std::lock_guard<std::mutex> lock(shared_->mutex);
  if (shared_->stream == nullptr) return;
  shared_->stream->Send(std::move(response));
  if (last) shared_->stream->MessageEnded();
}

void Message::Dropped() {
  std::lock_guard<std::mutex> lock(shared_->mutex);
  if (shared_->stream == nullptr) return;
  shared_->stream->End(grpc::Status(grpc::StatusCode::CANCELLED, "the call was dropped"));
}

}  // namespace

Reactor* StartBatchStream(const PartnerFace* face, Walkers* walkers,
                          grpc::CallbackServerContext* context) {
  return new Stream(face, walkers, context);
}

}  // namespace vouch::server
