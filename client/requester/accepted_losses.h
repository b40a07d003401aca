// The losses of partners' ledgers that people here accepted: a log that begins with such a
// declaration is followed, one that begins with any other is not. docs/ledger.md, "Declaring a
// loss".
#ifndef VOUCH_CLIENT_REQUESTER_ACCEPTED_LOSSES_H_
#define VOUCH_CLIENT_REQUESTER_ACCEPTED_LOSSES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/log_entry.h"
#include "crypto/log_succession.h"

namespace vouch::requester {

// Thread-safe. Files are read anew each time, which is seldom: what is accepted counts at once, in
// every process.
class AcceptedLosses {
 public:
  // Where acceptances lie, one file a loss; the first is where new ones go. They need not be there.
  explicit AcceptedLosses(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  // Where a node's lie, in its folder `witness`.
  static std::string FolderIn(absl::string_view witness_folder);

  // Whether exactly this entry was accepted.
  bool Holds(absl::string_view entry) const;
  std::vector<crypto::LossDeclared> All() const;
  // Whether this checkpoint is of what an accepted loss says is lost, so that no proof of anything
  // before it can be had.
  bool IsLost(const crypto::Checkpoint& checkpoint) const;
  // Durably. `evidence` is kept with it for people: what was remembered of the logs before, and the
  // log that is taken in their place. Unavailable when it cannot be written.
  absl::Status Accept(absl::string_view entry, absl::string_view evidence, absl::Time now) const;

  // For VerifySuccession; outlived by this.
  crypto::LossAccepted AsPredicate() const;

 private:
  const std::vector<std::string> folders_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_ACCEPTED_LOSSES_H_
