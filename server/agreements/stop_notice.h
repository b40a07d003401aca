// A party's signed word that an agreement is stopped, or that its own stop is lifted. The text is
// enclosed in the signature, so that a notice stands alone; docs/agreements.md, "Stopping".
#ifndef VOUCH_SERVER_AGREEMENTS_STOP_NOTICE_H_
#define VOUCH_SERVER_AGREEMENTS_STOP_NOTICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policies/engine/catalog.h"

namespace vouch::server::agreements {

inline constexpr absl::string_view kStopEnding = ".stop.p7s";
inline constexpr absl::string_view kLiftEnding = ".lift.p7s";

struct StopNotice {
  bool lifts = false;
  std::string agreement_id;
  std::string party;
  // Of a stop; a lift ends every stop of its party that is older.
  int64_t first_revision = 1;
  int64_t last_revision = INT64_MAX;
  absl::Time time;     // whole seconds
  std::string reason;  // one line, for people

  std::string Text() const;
};
// Strict: the text must be as Text() writes it. InvalidArgument names the line that is not.
absl::StatusOr<StopNotice> ReadStopNotice(absl::string_view text);

// What a node remembers for ever: a name, with a number that only rises and what it stood for.
struct Remembered {
  std::string name;
  int64_t number = 0;
  policies::FileDigest digest{};
};
// The name of a revision's adoption is the agreement's id, its number the revision. These stand
// beside it; agreement ids hold no "/".
std::string AskerName(absl::string_view agreement_id, absl::string_view asker);
std::string NoticeName(const StopNotice& notice);

// The stops in these names that are not lifted.
std::vector<policies::Stop> StandingStops(const std::vector<Remembered>& all);

}  // namespace vouch::server::agreements

#endif  // VOUCH_SERVER_AGREEMENTS_STOP_NOTICE_H_
