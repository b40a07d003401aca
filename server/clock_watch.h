// What a node does about a clock that ran ahead: says so in its run folder, and takes the
// acknowledgement of its owner, for that one step and no other.
#ifndef VOUCH_SERVER_CLOCK_WATCH_H_
#define VOUCH_SERVER_CLOCK_WATCH_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "server/clock.h"
#include "server/node/clock_note.h"

namespace vouch::server {

// Not thread-safe.
class ClockWatch {
 public:
  // Makes the ledger entry of an acknowledgement durable. The clock is believed only after it.
  using Enter = std::function<absl::Status(absl::Duration ahead)>;
  ClockWatch(Clock* clock, std::string run_folder, Enter enter);

  // Takes away what was meant for an earlier run, and says how the clock stands.
  absl::Status Begin();
  // To be called about once a second. OK, or what is wrong and what to do.
  absl::Status Tick();

 private:
  // OK when the present step was acknowledged; NotFound when nobody did.
  absl::Status TakeAcknowledgement();
  absl::Status Publish(node::ClockStanding standing);

  Clock* const clock_;
  const std::string run_folder_;
  const Enter enter_;
  node::ClockStanding standing_;
  absl::Duration ahead_;  // exactly what standing_ tells in seconds
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CLOCK_WATCH_H_
