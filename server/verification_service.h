// vouch.v1.Verification: gRPC in, domain out, and back.
#ifndef VOUCH_SERVER_VERIFICATION_SERVICE_H_
#define VOUCH_SERVER_VERIFICATION_SERVICE_H_

#include <memory>

#include "server/partner_face.h"
#include "server/walkers.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::server {

// Thread-safe. Nothing here blocks: calls are parsed, admitted and queued.
class VerificationService final : public v1::Verification::CallbackService {
 public:
  VerificationService(const PartnerFace* face, Walkers* walkers) : face_(face), walkers_(walkers) {}

  grpc::ServerUnaryReactor* Verify(grpc::CallbackServerContext* context,
                                   const v1::VerifyRequest* request,
                                   v1::VerifyResponse* response) override;
  grpc::ServerBidiReactor<v1::VerifyBatchRequest, v1::VerifyBatchResponse>* VerifyBatch(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListAgreements(grpc::CallbackServerContext* context,
                                           const v1::ListAgreementsRequest* request,
                                           v1::ListAgreementsResponse* response) override;

 private:
  const PartnerFace* const face_;
  Walkers* const walkers_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_VERIFICATION_SERVICE_H_
