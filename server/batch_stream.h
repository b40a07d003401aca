// One VerifyBatch stream: messages are read a few ahead, walked span by span, and answered in the
// order in which their spans become durable.
#ifndef VOUCH_SERVER_BATCH_STREAM_H_
#define VOUCH_SERVER_BATCH_STREAM_H_

#include "server/partner_face.h"
#include "server/walkers.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::server {

// Owns itself until the stream is done.
grpc::ServerBidiReactor<v1::VerifyBatchRequest, v1::VerifyBatchResponse>* StartBatchStream(
    const PartnerFace* face, Walkers* walkers, grpc::CallbackServerContext* context);

}  // namespace vouch::server

#endif  // VOUCH_SERVER_BATCH_STREAM_H_
