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

// Thread-safe. Evaluations run on workers of their own, so that they never hold up a walk; a full
// queue is BUSY.
class BlindingService final : public v1::Blinding::CallbackService {
 public:
  BlindingService(const PartnerFace* face, int workers);
  ~BlindingService() override;

  grpc::ServerUnaryReactor* Evaluate(grpc::CallbackServerContext* context,
                                     const v1::EvaluateRequest* request,
                                     v1::EvaluateResponse* response) override;
  // Finishes what is queued, then ends the workers. Later calls are refused.
  void Stop();

 private:
  void Run();
  grpc::Status EvaluateNow(const std::string& requester, const v1::EvaluateRequest& request,
                           v1::EvaluateResponse* response) const;

  const PartnerFace* const face_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_BLINDING_SERVICE_H_
