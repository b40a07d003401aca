// Which token epoch to ask in: the responder's statements, checked before any key is used.
#ifndef VOUCH_CLIENT_REQUESTER_EPOCHS_H_
#define VOUCH_CLIENT_REQUESTER_EPOCHS_H_

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/requester/tokens.h"

namespace vouch::requester {

// The keyed-hash key of an epoch as this side was given it; NotFound when it holds none.
using SharedKeySource =
    std::function<absl::StatusOr<crypto::SecretBytes>(const crypto::EpochStatement&)>;

// Checks what a responder announced for `agreement` against the agreement itself: signed by the key
// authority it pins, of its token kind, for this asker, in force at `now`, with a usable key.
// FailedPrecondition when only its time is wrong, PermissionDenied or InvalidArgument otherwise.
absl::StatusOr<crypto::EpochStatement> CheckStatement(const v1::EpochStatement& announced,
                                                      const policies::Agreement& agreement,
                                                      absl::string_view asker, absl::Time now);

// The epochs of one agreement. Thread-safe.
class Epochs {
 public:
  // `agreement` outlives it. `memory_folder` remembers accepted keys (EpochMemory).
  Epochs(const OwnAgreement* agreement, std::string asker, std::shared_ptr<grpc::Channel> channel,
         const std::string& memory_folder, SharedKeySource shared_key);

  // The epoch to make tokens in. Calls ListAgreements only when none is known that is in force.
  // A responder's refusal comes back as RefusalStatus.
  absl::StatusOr<std::shared_ptr<const OwnEpoch>> Current(absl::Time now, absl::Time deadline);
  // The same after the responder refused `refused` as KEY_EPOCH: asks again unless another caller
  // already did.
  absl::StatusOr<std::shared_ptr<const OwnEpoch>> After(uint32_t refused, absl::Time now,
                                                        absl::Time deadline);

 private:
  absl::Status List(absl::Time now, absl::Time deadline);
  absl::Status Take(const v1::ListedAgreement& listed, absl::Time now);

  const OwnAgreement* const agreement_;
  const std::string asker_;
  const std::shared_ptr<grpc::Channel> channel_;
  const EpochMemory memory_;
  const SharedKeySource shared_key_;
  std::mutex mutex_;
  std::shared_ptr<const OwnEpoch> current_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_EPOCHS_H_
