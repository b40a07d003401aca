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
  // By how much wall time ran ahead of the machine's own running time since the node started or
  // since what was acknowledged last. Negative when it was set back.
  virtual absl::Duration Ahead() const = 0;
  // False after wall time ran ahead by more than five minutes: a wrong clock would open limits and
  // agreements, so answers stop until an operator acknowledges.
  bool Trusted() const { return Ahead() <= kLargestStep; }
  // Accepts that much of it as right. A further step since it was looked at is not accepted.
  virtual void Acknowledge(absl::Duration ahead) = 0;

  static constexpr absl::Duration kLargestStep = absl::Minutes(5);
};

// CLOCK_REALTIME, held against CLOCK_BOOTTIME.
class SystemClock final : public Clock {
 public:
  SystemClock();
  absl::Time Now() const override;
  absl::Duration Ahead() const override;
  void Acknowledge(absl::Duration ahead) override;

 private:
  std::atomic<int64_t> offset_nanos_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CLOCK_H_
