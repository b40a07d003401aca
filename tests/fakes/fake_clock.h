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
  absl::Duration Ahead() const override { return absl::Nanoseconds(ahead_nanos_.load()); }
  void Acknowledge(absl::Duration ahead) override {
    ahead_nanos_ -= absl::ToInt64Nanoseconds(ahead);
  }
  void Acknowledge() { ahead_nanos_ = 0; }

  void Set(absl::Time now) { nanos_ = absl::ToUnixNanos(now); }
  void Advance(absl::Duration by) { nanos_ += absl::ToInt64Nanoseconds(by); }
  void RunAhead(absl::Duration by) { ahead_nanos_ += absl::ToInt64Nanoseconds(by); }
  void Distrust() { RunAhead(absl::Hours(1)); }

 private:
  std::atomic<int64_t> nanos_;
  std::atomic<int64_t> ahead_nanos_{0};
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_FAKE_CLOCK_H_
