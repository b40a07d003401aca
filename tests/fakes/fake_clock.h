#ifndef VOUCH_TESTS_FAKES_FAKE_CLOCK_H_
#define VOUCH_TESTS_FAKES_FAKE_CLOCK_H_

#include <atomic>

#include "server/clock.h"

namespace vouch::fakes {

// Stands still until it is moved. Thread-safe.
class FakeClock final : public server::Clock {
 public:
  explicit FakeClock(absl::Time now) : nanos_(absl::ToUnixNanos(now)) {}

  absl::Time Now() const override { return absl::FromUnixNanos(nanos_); }
  bool Trusted() const override { return trusted_; }
  absl::Duration Acknowledge() override {
    trusted_ = true;
    return absl::ZeroDuration();
  }

  void Set(absl::Time now) { nanos_ = absl::ToUnixNanos(now); }
  void Advance(absl::Duration by) { nanos_ += absl::ToInt64Nanoseconds(by); }
  void Distrust() { trusted_ = false; }

 private:
  std::atomic<int64_t> nanos_;
  std::atomic<bool> trusted_{true};
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_FAKE_CLOCK_H_
