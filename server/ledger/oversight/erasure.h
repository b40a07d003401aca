// The end of a month's entries as entries about people: its keys are destroyed. The entries stay,
// and with them the tree; what was answered nobody can tell any more, nor from the entries whom
// they are about. From the charges beside them in the journal the agency still can, until they are
// pruned: docs/oversight.md, "Erasure".
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_ERASURE_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_ERASURE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policies/engine/agreement.h"
#include "server/ledger/oversight/legal_holds.h"
#include "server/ledger/oversight/subject_keys.h"
#include "server/ledger/period_keys.h"

namespace vouch::server::ledger::oversight {

// Calls `visit` with every person on record until it returns false. A problem when somebody on
// record could not be seen.
using ForEachPerson =
    std::function<absl::Status(const std::function<bool(const crypto::Digest&)>& visit)>;

struct ErasureRules {
  std::string journal_folder;
  std::string holds_folder;
  // The months of an agreement are kept this long, counted from their end.
  absl::Duration keep = absl::InfiniteDuration();
  // The revisions that `keep` is taken from, as entries name them: what was answered under another
  // may have to be kept for longer.
  std::set<std::array<uint8_t, 8>> revisions;
  // And for as long as anybody whom they are about is on record (5 U.S.C. 552a(c)(3)).
  bool keep_life_of_record = false;
  ForEachPerson people;
  absl::Time now;
};

// The longest that any revision asks for; a day a year is added for leap years.
absl::Duration KeepOf(const std::vector<const policies::Agreement*>& revisions);
absl::Time EndOfMonth(uint32_t month);

// Why the month may not be erased; FailedPrecondition with one sentence for each reason. OK when it
// may, and for a month whose erasure was begun. `keys` opens nothing for anybody: tags are
// compared, so that holds are found.
absl::Status MayErase(PeriodKeys* keys, const Period& period, const ErasureRules& rules);

// Destroys the keys of a month for which MayErase says OK, and the replay keys of its days, which
// wrap the keys of single people. A hold that is made meanwhile is heeded. Adds a line to `erased`
// in the folder of the period keys. NotFound when there is no key. Running it again after a failure
// finishes the work.
absl::Status EraseMonth(PeriodKeys* keys, const Period& period, const ErasureRules& rules);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_ERASURE_H_
