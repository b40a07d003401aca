// How often, and how long apart, a call is made again.
#ifndef VOUCH_CLIENT_REQUESTER_RETRIES_H_
#define VOUCH_CLIENT_REQUESTER_RETRIES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/requester/refusal.h"

namespace vouch::requester {

struct RetryRules {
  int attempts = 6;                                     // in all, the first included
  absl::Duration first_wait = absl::Milliseconds(200);  // doubled each time
  absl::Duration longest_wait = absl::Seconds(10);
  // A responder that asks for more than this is not waited for: the caller decides.
  absl::Duration patience = absl::Seconds(30);
  absl::Duration call_timeout = absl::Seconds(20);
};

// True when the very same call may succeed soon. A server that is not the responder will not become
// it, so a certificate that was refused is not tried again.
bool WorthRepeating(const Refusal& refusal);

// The wait before attempt `attempt` (the first repetition is 1): between half and the whole of an
// exponential backoff, and never less than the responder asked for.
absl::Duration WaitBefore(int attempt, const Refusal& refusal, const RetryRules& rules);

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

// Decides whether to go on after attempt number `attempt` ended in `status`, and waits if so.
bool RepeatAfter(int attempt, const absl::Status& status, const RetryRules& rules);

// Calls until it succeeds, or fails for good. Blocks while waiting.
template <typename Call>
auto Persist(const RetryRules& rules, const Call& call) -> decltype(call()) {
  for (int attempt = 1;; ++attempt) {
    auto outcome = call();
    if (outcome.ok() || !RepeatAfter(attempt, StatusOf(outcome), rules)) return outcome;
  }
}

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_RETRIES_H_
