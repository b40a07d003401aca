// How a running node and `vouch ledger acknowledge-clock` talk: two small files in the node's run
// folder. The node says how its clock stands; its owner answers that very event.
#ifndef VOUCH_SERVER_NODE_CLOCK_NOTE_H_
#define VOUCH_SERVER_NODE_CLOCK_NOTE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vouch::server::node {

// run/clock, written by the node at its start and at each change.
struct ClockStanding {
  bool stopped = false;       // answers stopped because wall time ran ahead
  std::string event;          // 32 hexadecimal digits, one for each such step; empty: none yet
  int64_t ahead_seconds = 0;  // of that event
  std::string acknowledged;   // the event that was acknowledged last; empty: none
};
absl::Status WriteClockStanding(const std::string& run_folder, const ClockStanding& standing);
// NotFound when no node of this version ran here; InvalidArgument when it is malformed.
absl::StatusOr<ClockStanding> ReadClockStanding(const std::string& run_folder);

// run/acknowledge-clock, mode 0600: bound to the one step that its writer saw.
struct ClockAcknowledgement {
  std::string event;
  int64_t ahead_seconds = 0;
};
absl::Status WriteClockAcknowledgement(const std::string& run_folder,
                                       const ClockAcknowledgement& acknowledgement);
// NotFound when there is none; PermissionDenied when it is no ordinary file of this process's own
// user with mode 0600; InvalidArgument when it is malformed.
absl::StatusOr<ClockAcknowledgement> ReadClockAcknowledgement(const std::string& run_folder);
// OK when there is none.
absl::Status RemoveClockAcknowledgement(const std::string& run_folder);

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_CLOCK_NOTE_H_
