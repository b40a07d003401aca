// The days of an agreement's life that somebody has to act on, and a calendar of them.
#ifndef VOUCH_POLICIES_ENGINE_LIFECYCLE_H_
#define VOUCH_POLICIES_ENGINE_LIFECYCLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "policies/engine/agreement.h"

namespace vouch::policies {

struct Milestone {
  enum class Kind { kEffective, kRenewalOpens, kDaysLeft, kLastDay };
  Kind kind = Kind::kLastDay;
  absl::CivilDay on;  // in the agreement's time zone
  int days_left = 0;  // on that day, until the last valid one
  std::string text;   // what to do, in a sentence
};

// In order of their days: the first valid day; 180, 90 and 30 days before the last, as far as the
// term is that long; the day from which a matching agreement's one renewal may be certified (the
// last three months of its term, 5 U.S.C. 552a(o)(2)(D)); the last valid day.
std::vector<Milestone> Milestones(const Agreement& agreement);

// The first day of the last three months of a matching agreement that was not renewed before;
// nullopt for every other.
absl::optional<absl::CivilDay> RenewalOpens(const Agreement& agreement);

// An iCalendar object (RFC 5545) of the milestones that are not over at `now`: events of whole
// days, whose ids stay the same from one export to the next.
std::string CalendarText(const std::vector<const Agreement*>& agreements, absl::Time now);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_LIFECYCLE_H_
