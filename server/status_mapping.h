// The only place where outcomes become gRPC statuses and protobuf messages.
#ifndef VOUCH_SERVER_STATUS_MAPPING_H_
#define VOUCH_SERVER_STATUS_MAPPING_H_

#include <grpcpp/support/status.h>

#include "policies/engine/refusal.h"
#include "server/admission/admitted_call.h"
#include "server/verification.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::server {

// Code, message and google.rpc details (ErrorInfo, BadRequest, RetryInfo, PreconditionFailure).
grpc::Status ToStatus(const policies::Refusal& refusal);
void ToRefused(const policies::Refusal& refusal, v1::Refused* out);
// Without its proof, which one message may have for many.
void ToAnswered(const AnsweredItem& item, v1::Answered* out);
void ToProof(const EntryProof& proof, v1::LedgerProof* out);
void ToObligations(const policies::Question& question, v1::Obligations* out);

// Of more items or parameters than admission lets pass, as many as it takes to be refused.
admission::Request FromVerify(const v1::VerifyRequest& request);
admission::Request FromBatch(const v1::VerifyBatchRequest& request);

// Published sizes of one reply: 512, 1024, 2048, 4096 bytes, then multiples of 4096
// (docs/protocol.md, "Sizes").
size_t PaddedSize(size_t bytes);

// Fills the message's `padding` field so that its serialised size is a published one.
template <typename Message>
void Pad(Message* message) {
  message->clear_padding();
  const size_t bare = message->ByteSizeLong();
  // Tag and length take two to five bytes, so a target may just be missed: then the next one is
  // taken.
  for (size_t target = PaddedSize(bare + 2);; target = PaddedSize(target + 1)) {
    for (size_t prefix = 2; prefix <= 5 && bare + prefix <= target; ++prefix) {
      message->mutable_padding()->assign(target - bare - prefix, '\0');
      if (!message->padding().empty() && message->ByteSizeLong() == target) return;
    }
  }
}

}  // namespace vouch::server

#endif  // VOUCH_SERVER_STATUS_MAPPING_H_
