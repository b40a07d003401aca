#include "server/year_end.h"

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/log_entry.h"

namespace vouch::server {

absl::Status EndYear(const Clock& clock, journal::Journal* journal) {
  const absl::optional<crypto::LogName> name = crypto::ReadLogName(journal->head().origin);
  if (!name.has_value()) return absl::OkStatus();
  // Looked at before it is judged: a leap in between is not taken.
  const absl::Time now = clock.Now();
  const int64_t year = absl::ToCivilYear(now, absl::UTCTimeZone()).year();
  if (year != static_cast<int64_t>(name->year) + 1 || !clock.Trusted()) return absl::OkStatus();
  return journal->Append({}, now);
}

}  // namespace vouch::server
