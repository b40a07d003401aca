// Sliding-window limits, as arithmetic over what a charge row holds.
#ifndef VOUCH_POLICIES_ENGINE_LIMITS_H_
#define VOUCH_POLICIES_ENGINE_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "policies/engine/agreement.h"

namespace vouch::policies {

// One answer's use of a limit.
struct Mark {
  uint32_t second = 0;  // commit time, seconds since 1970
  uint32_t value = 0;   // fingerprint of question and parameter values
};

// True when one more answer with fingerprint `value` at `now` (seconds since 1970) stays within
// both per-person limits. A window covers (now - every, now]; an infinite one covers every mark.
// Of the time before `lost_until` marks may be missing (0: none are): a window that reaches into it
// is used up, but that a value which is among the marks is no further one.
bool WithinPersonLimits(const Limits& limits, absl::Span<const Mark> marks, uint32_t value,
                        uint32_t now, uint32_t lost_until = 0);
// The same for a fact's cap across agreements.
bool WithinDifferentValues(const CountLimit& limit, absl::Span<const Mark> marks, uint32_t value,
                           uint32_t now, uint32_t lost_until = 0);
// The longest window any per-person limit needs, in seconds; UINT32_MAX for the agreement's life.
uint32_t LongestPersonWindow(const Limits& limits);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_LIMITS_H_
