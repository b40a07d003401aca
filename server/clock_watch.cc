#include "server/clock_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/bytes.h"
#include "crypto/random.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

namespace {

// A further step is another event; a time service that slews moves less than this between looks.
constexpr absl::Duration kSameStep = absl::Minutes(1);

std::string NewEvent() {
  std::array<uint8_t, 16> bytes;
  crypto::FillRandom(absl::MakeSpan(bytes));
  return crypto::Hex(bytes);
}

}  // namespace

ClockWatch::ClockWatch(Clock* clock, std::string run_folder, Enter enter)
    : clock_(clock), run_folder_(std::move(run_folder)), enter_(std::move(enter)) {}

absl::Status ClockWatch::Begin() {
  absl::Status removed = node::RemoveClockAcknowledgement(run_folder_);
  if (!removed.ok()) return removed;
  return Publish({});
}

absl::Status ClockWatch::Publish(node::ClockStanding standing) {
  absl::Status written = node::WriteClockStanding(run_folder_, standing);
  if (written.ok()) standing_ = std::move(standing);
  return written;
}

absl::Status ClockWatch::TakeAcknowledgement() {
  const absl::StatusOr<node::ClockAcknowledgement> given =
      node::ReadClockAcknowledgement(run_folder_);
  if (absl::IsNotFound(given.status())) return given.status();
  absl::Status taken = given.status();
  if (taken.ok() &&
      (given->event != standing_.event || given->ahead_seconds != standing_.ahead_seconds)) {
    taken = absl::FailedPreconditionError(
        "run/acknowledge-clock is about an earlier step of the clock; it was left aside");
  }
  if (!taken.ok()) {
    telemetry::Log(telemetry::Level::kWarning, "clock acknowledgement left aside",
                   {{"reason", std::string(taken.message())}});
    absl::Status removed = node::RemoveClockAcknowledgement(run_folder_);
    return removed.ok() ? taken : removed;
  }
  // Without its entry in the ledger the step is not believed; the file stays for the next try.
  absl::Status entered = enter_(ahead_);
  if (!entered.ok()) return entered;
  clock_->Acknowledge(ahead_);
  telemetry::Log(telemetry::Level::kInfo, "clock acknowledged",
                 {{"ahead_seconds", absl::StrCat(standing_.ahead_seconds)}});
  absl::Status removed = node::RemoveClockAcknowledgement(run_folder_);
  if (!removed.ok()) return removed;
  node::ClockStanding standing = standing_;
  standing.stopped = false;
  standing.acknowledged = standing.event;
  return Publish(std::move(standing));
}

absl::Status ClockWatch::Tick() {
  if (clock_->Trusted()) {
    if (!standing_.stopped) return absl::OkStatus();
    // The clock was set right again: nothing is left to be acknowledged.
    absl::Status removed = node::RemoveClockAcknowledgement(run_folder_);
    node::ClockStanding standing;
    standing.acknowledged = standing_.acknowledged;
    return removed.ok() ? Publish(std::move(standing)) : removed;
  }
  const absl::Duration ahead = clock_->Ahead();
  if (!standing_.stopped || absl::AbsDuration(ahead - ahead_) > kSameStep) {
    node::ClockStanding standing = standing_;
    standing.stopped = true;
    standing.event = NewEvent();
    standing.ahead_seconds = absl::ToInt64Seconds(ahead);
    absl::Status published = Publish(std::move(standing));
    if (!published.ok()) return published;
    ahead_ = ahead;
  }
  const absl::Status taken = TakeAcknowledgement();
  if (taken.ok() && clock_->Trusted()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "wall time ran ahead by ", standing_.ahead_seconds,
      " seconds; answers stop until the clock is set right or, when the present time is right, "
      "until `vouch ledger acknowledge-clock` says so",
      taken.ok() || absl::IsNotFound(taken) ? "" : absl::StrCat(" (", taken.message(), ")")));
}

}  // namespace vouch::server
