// Proof that an agency's ledger goes on from one log to the next: the earlier log has ended, with
// an entry that says so, and the later one's first entry commits to exactly what it came to. Or its
// end is lost, and the later one's first entry declares that.
#ifndef VOUCH_CRYPTO_LOG_SUCCESSION_H_
#define VOUCH_CRYPTO_LOG_SUCCESSION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/checkpoint.h"
#include "crypto/log_entry.h"
#include "crypto/merkle.h"
#include "crypto/note.h"

namespace vouch::crypto {

// One step, from a log that has ended to the next. Where the next begins with a declared loss,
// `checkpoint` is of what there is of the one before, and `closing` is empty.
struct LogSuccession {
  std::string checkpoint;  // the ended log's last, a signed note
  // From what the verifier remembers of that log, this size, to its end. Of the first step alone.
  uint64_t old_size = 0;
  std::vector<Digest> consistency;
  std::string closing;                // its last entry
  std::vector<Digest> closing_proof;  // inclusion under `checkpoint`
  std::string opening;                // the next log's first entry
  // Inclusion at index 0, under the next step's `checkpoint`, or under the one that is to be shown.
  std::vector<Digest> opening_proof;
};

// The key a log must have been signed with; NotFound for a log of somebody else.
using LogKeyOf = std::function<absl::StatusOr<NoteVerifier>(const std::string& origin)>;

// Whether somebody accepted that a log begins with this entry, which declares a loss.
using LossAccepted = std::function<bool(absl::string_view entry, const LossDeclared& loss)>;

// That `shown` (whose signature was verified) is of a log that follows, step by step, the one of
// which `remembered` was verified before. Gives the last checkpoints of the logs that ended, in
// order; of one whose end is lost, what there is of it, which may be less than `remembered`.
// InvalidArgument says what does not hold. FailedPrecondition when all of it holds but a loss that
// was not accepted, and for a loss that leaves out what is remembered; the message says what to do.
absl::StatusOr<std::vector<Checkpoint>> VerifySuccession(const Checkpoint& remembered,
                                                         absl::Span<const LogSuccession> steps,
                                                         const Checkpoint& shown,
                                                         const LogKeyOf& key_of,
                                                         const LossAccepted& accepted = nullptr);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_LOG_SUCCESSION_H_
