#include "policies/engine/limits.h"

#include <algorithm>
#include <limits>

#include "absl/container/inlined_vector.h"

namespace vouch::policies {
namespace {

constexpr uint32_t kForever = std::numeric_limits<uint32_t>::max();

// A part of a second counts as a whole one: a window is never shorter than was agreed.
uint32_t WindowSeconds(absl::Duration every) {
  if (every == absl::InfiniteDuration()) return kForever;
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(every, absl::Seconds(1)));
  return static_cast<uint32_t>(
      std::min<int64_t>(std::max<int64_t>(seconds, 0), static_cast<int64_t>(kForever)));
}

// A mark later than `now` counts as well: a clock that was set back must not free anyone.
bool InWindow(uint32_t second, uint32_t window, uint32_t now) {
  if (window == kForever) return true;
  return static_cast<int64_t>(second) > static_cast<int64_t>(now) - static_cast<int64_t>(window);
}

bool Reaches(uint32_t window, uint32_t lost_until, uint32_t now) {
  if (lost_until == 0) return false;
  return window == kForever || uint64_t{lost_until} + window > now;
}

bool WithinCount(const CountLimit& limit, absl::Span<const Mark> marks, uint32_t now,
                 uint32_t lost_until) {
  const uint32_t window = WindowSeconds(limit.every);
  if (Reaches(window, lost_until, now)) return false;
  int64_t asked = 0;
  for (const Mark& mark : marks) {
    if (InWindow(mark.second, window, now)) ++asked;
  }
  return asked < limit.count;
}

}  // namespace

bool WithinPersonLimits(const Limits& limits, absl::Span<const Mark> marks, uint32_t value,
                        uint32_t now, uint32_t lost_until) {
  return WithinCount(limits.times_asked, marks, now, lost_until) &&
         WithinDifferentValues(limits.different_values, marks, value, now, lost_until);
}

bool WithinDifferentValues(const CountLimit& limit, absl::Span<const Mark> marks, uint32_t value,
                           uint32_t now, uint32_t lost_until) {
  if (limit.count < 1) return false;
  const uint32_t window = WindowSeconds(limit.every);
  if (Reaches(window, lost_until, now)) {
    return std::any_of(marks.begin(), marks.end(), [&](const Mark& mark) {
      return mark.value == value && InWindow(mark.second, window, now);
    });
  }
  absl::InlinedVector<uint32_t, 8> different = {value};
  for (const Mark& mark : marks) {
    if (!InWindow(mark.second, window, now)) continue;
    if (std::find(different.begin(), different.end(), mark.value) != different.end()) continue;
    if (static_cast<int64_t>(different.size()) >= limit.count) return false;
    different.push_back(mark.value);
  }
  return true;
}

uint32_t LongestPersonWindow(const Limits& limits) {
  return std::max(WindowSeconds(limits.times_asked.every),
                  WindowSeconds(limits.different_values.every));
}

}  // namespace vouch::policies
