// vouch.v1.Blinding: help with blind tokens, charged before anything is evaluated.
#ifndef VOUCH_SERVER_BLINDING_SERVICE_H_
#define VOUCH_SERVER_BLINDING_SERVICE_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "server/call_queue.h"
#include "server/partner_face.h"
#include "vouch/v1/blinding.grpc.pb.h"

namespace vouch::server {

struct BlindingOptions {
  int workers = 2;
  size_t max_calls = 256;
  size_t max_bytes = 16u << 20;  // requests and the responses they will have
};

// Thread-safe. Evaluations run on workers of their own, so that they never hold up a walk.
// Requesters take turns; a full queue is BUSY, and so is one of which three quarters are the
// requester's own. A request larger than any agreement allows takes no place in it.
class BlindingService final : public v1::Blinding::CallbackService {
 public:
  BlindingService(const PartnerFace* face, const BlindingOptions& options);
  ~BlindingService() override { Stop(); }

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest* request,
                                     v1::EvaluateResponse* response) override;
  // Finishes what is queued, then ends the workers. Later calls are refused.
  void Stop() { queue_.Stop(); }

  // What waits; not what is being evaluated.
  struct Figures {
    size_t calls = 0, bytes = 0;
  };
  Figures figures() const;

 private:
  // False when the queue is full, has its part of this requester's, or is closed.
  bool Enqueue(const std::string& requester, size_t bytes, std::function<void()> evaluate);
  void Leave(const std::string& requester, size_t bytes);
  grpc::Status EvaluateNow(const std::string& requester, const v1::EvaluateRequest& request,
                           v1::EvaluateResponse* response) const;

  const PartnerFace* const face_;
  const BlindingOptions options_;
  mutable std::mutex mutex_;  // guards the next two
  Figures waiting_;
  std::map<std::string, size_t> bytes_of_;  // by requester; none of them 0
  CallQueue queue_;                         // last: its threads use all of the above
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_BLINDING_SERVICE_H_
