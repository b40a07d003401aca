// What time it is at a partner, as far as a call can tell.
#ifndef VOUCH_CLIENT_REQUESTER_PARTNER_TIME_H_
#define VOUCH_CLIENT_REQUESTER_PARTNER_TIME_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace vouch::requester {

// Further apart than this, agreements and epochs begin and end at different times, and a
// request id made at one is refused at the other (2 minutes ahead at most).
inline constexpr absl::Duration kMostApart = absl::Minutes(2);

struct PartnerTime {
  absl::Duration ahead;      // their clock minus ours; negative when they are behind
  absl::Duration uncertain;  // either way: half of what the call took, and their whole seconds
  bool TooFarApart() const { return absl::AbsDuration(ahead) - uncertain > kMostApart; }
  // "is 180 seconds ahead of ours"
  std::string InWords() const;
};

// Asks once, over a channel of Connect(), until the context's deadline or cancellation. `clock` is
// this side's. Unimplemented when the partner's node does not say its time; otherwise what the
// call failed with.
absl::StatusOr<PartnerTime> AskTime(const std::shared_ptr<grpc::Channel>& channel,
                                    grpc::ClientContext* context,
                                    const std::function<absl::Time()>& clock);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_PARTNER_TIME_H_
