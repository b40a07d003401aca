// Where a percentage of an amount lies among whole cents.
#ifndef VOUCH_POLICIES_ENGINE_LINT_THRESHOLDS_H_
#define VOUCH_POLICIES_ENGINE_LINT_THRESHOLDS_H_

#include <cstdint>

#include "absl/numeric/int128.h"

namespace vouch::policies::lint {

// The least whole number of cents above `percent` of `amount`: value * 100 > amount * percent.
inline int64_t FirstAbove(int64_t amount, int64_t percent) {
  return static_cast<int64_t>(absl::int128(amount) * percent / 100 + 1);
}
// The least whole number of cents at or above it.
inline int64_t FirstAtOrAbove(int64_t amount, int64_t percent) {
  return static_cast<int64_t>((absl::int128(amount) * percent + 99) / 100);
}

}  // namespace vouch::policies::lint

#endif  // VOUCH_POLICIES_ENGINE_LINT_THRESHOLDS_H_
