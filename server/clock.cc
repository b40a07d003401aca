#include "server/clock.h"

#include <time.h>

namespace vouch::server {

namespace {

int64_t Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

int64_t Offset() { return Read(CLOCK_REALTIME) - Read(CLOCK_BOOTTIME); }

}  // namespace

SystemClock::SystemClock() : offset_nanos_(Offset()) {}

absl::Time SystemClock::Now() const { return absl::FromUnixNanos(Read(CLOCK_REALTIME)); }

absl::Duration SystemClock::Ahead() const {
  return absl::Nanoseconds(Offset() - offset_nanos_.load(std::memory_order_relaxed));
}

void SystemClock::Acknowledge(absl::Duration ahead) {
  offset_nanos_.fetch_add(absl::ToInt64Nanoseconds(ahead), std::memory_order_relaxed);
}

}  // namespace vouch::server
