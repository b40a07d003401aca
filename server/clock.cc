#include "server/clock.h"

#include <time.h>

namespace vouch::server {

namespace {

constexpr absl::Duration kLargestStep = absl::Minutes(5);

int64_t Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

int64_t Offset() { return Read(CLOCK_REALTIME) - Read(CLOCK_BOOTTIME); }

}  // namespace

SystemClock::SystemClock() : offset_nanos_(Offset()) {}

absl::Time SystemClock::Now() const { return absl::FromUnixNanos(Read(CLOCK_REALTIME)); }

bool SystemClock::Trusted() const {
  const int64_t before = offset_nanos_.load(std::memory_order_relaxed);
  return absl::Nanoseconds(Offset() - before) <= kLargestStep;
}

absl::Duration SystemClock::Acknowledge() {
  const int64_t now = Offset();
  return absl::Nanoseconds(now - offset_nanos_.exchange(now));
}

}  // namespace vouch::server
