#include "client/requester/retries.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "crypto/random.h"

namespace vouch::requester {

namespace {

double RandomFraction() {
  std::array<uint8_t, 2> bytes;
  crypto::FillRandom(absl::MakeSpan(bytes));
  return (bytes[0] * 256 + bytes[1]) / 65536.0;
}

}  // namespace

bool WorthRepeating(const Refusal& refusal) {
  if (!refusal.Retriable()) return false;
  if (refusal.reason != "TRANSPORT") return true;
  switch (refusal.code) {
    case absl::StatusCode::kUnavailable:
      return !absl::StrContains(refusal.message, "erification check failed");
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
      return true;
    default:
      return false;
  }
}

absl::Duration WaitBefore(int attempt, const Refusal& refusal, const RetryRules& rules) {
  absl::Duration backoff = rules.first_wait;
  for (int i = 1; i < attempt && backoff < rules.longest_wait; ++i) backoff *= 2;
  backoff = std::min(backoff, rules.longest_wait);
  // Jitter: callers that were refused together must not come back together.
  return std::max(refusal.retry_after, backoff * (0.5 + RandomFraction() / 2));
}

bool RepeatAfter(int attempt, const absl::Status& status, const RetryRules& rules) {
  const absl::optional<Refusal> refusal = RefusalOf(status);
  if (!refusal.has_value() || !WorthRepeating(*refusal) || attempt >= rules.attempts) return false;
  const absl::Duration wait = WaitBefore(attempt, *refusal, rules);
  if (wait > rules.patience) return false;
  absl::SleepFor(wait);
  return true;
}

}  // namespace vouch::requester
