// The end of a log whose year is over, where nothing is committed that would end it.
// docs/ledger.md, "Years".
#ifndef VOUCH_SERVER_YEAR_END_H_
#define VOUCH_SERVER_YEAR_END_H_

#include "absl/status/status.h"
#include "server/clock.h"
#include "server/journal/journal.h"

namespace vouch::server {

// To be called about once a second. Ends the log that is being written, and begins the next, in the
// year after its own; nothing else. While the clock is not trusted, or says another year, nothing
// is done: a log is never begun a second time, and a commit, which somebody asked for, ends it as
// well. Unavailable when it could not be written: it is tried again.
absl::Status EndYear(const Clock& clock, journal::Journal* journal);

}  // namespace vouch::server

#endif  // VOUCH_SERVER_YEAR_END_H_
