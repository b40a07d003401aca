// vouch.v1.Blinding: help with blind tokens, charged before anything is evaluated.
#ifndef VOUCH_SERVER_BLINDING_SERVICE_H_
#define VOUCH_SERVER_BLINDING_SERVICE_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/partner_face.h"
#include "vouch/v1/blinding.grpc.pb.h"

namespace vouch::server {

struct BlindingOptions {
  int workers = 2;
  size_t max_calls = 256;
  size_t max_bytes = 16u << 20;  // requests and the responses they will have
};

// Thread-safe. Evaluations run on workers of their own, so that they never hold up a walk; a full
// queue is BUSY, and a request larger than any agreement allows takes no place in it.
class BlindingService final : public v1::Blinding::CallbackService {
 public:
  BlindingService(const PartnerFace* face, const BlindingOptions& options);
  ~BlindingService() override;

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest* request,
                                     v1::EvaluateResponse* response) override;
  // Finishes what is queued, then ends the workers. Later calls are refused.
  void Stop();

  // What waits; not what is being evaluated.
  struct Figures {
    size_t calls = 0, bytes = 0;
  };
  Figures figures() const;

 private:
  struct Waiting {
    std::function<void()> evaluate;
    size_t bytes = 0;
  };
  // False when the queue is full or closed.
  bool Enqueue(Waiting waiting);
  void Run();
  grpc::Status EvaluateNow(const std::string& requester, const v1::EvaluateRequest& request,
                           v1::EvaluateResponse* response) const;

  const PartnerFace* const face_;
  const BlindingOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Waiting> queue_;
  size_t bytes_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_BLINDING_SERVICE_H_
