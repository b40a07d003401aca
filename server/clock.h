#ifndef VOUCH_SERVER_CLOCK_H_
#define VOUCH_SERVER_CLOCK_H_

#include <atomic>

#include "absl/time/time.h"

namespace vouch::server {

// The only place where the server learns what time it is.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // False after wall time ran ahead of the machine's own running time by more than five minutes: a
  // wrong clock would open limits and agreements, so answers stop until an operator acknowledges.
  virtual bool Trusted() const = 0;
  // Accepts the present time as right. Returns by how much wall time had moved.
  virtual absl::Duration Acknowledge() = 0;
};

// CLOCK_REALTIME, held against CLOCK_BOOTTIME.
class SystemClock final : public Clock {
 public:
  SystemClock();
  absl::Time Now() const override;
  bool Trusted() const override;
  absl::Duration Acknowledge() override;

 private:
  std::atomic<int64_t> offset_nanos_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CLOCK_H_
