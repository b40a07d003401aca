// What proves that entries are in the node's log. Of its own header, so that the walk does not know
// how.
#ifndef VOUCH_SERVER_PROVER_H_
#define VOUCH_SERVER_PROVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "crypto/merkle.h"

namespace vouch::server {

// The entries [first, first + count) are in the log of `tree_size` that the checkpoint is of: by
// their index in it, which is their position less `log_first`.
struct LogProof {
  uint64_t log_first = 0;
  uint64_t tree_size = 0;
  uint64_t first = 0;
  uint32_t count = 0;
  std::vector<crypto::Digest> hashes;             // crypto::RangeProof
  std::shared_ptr<const std::string> checkpoint;  // a signed note
};

class Prover {
 public:
  virtual ~Prover() = default;
  // Of durable entries of one log, by position. Thread-safe; quick for what was just committed.
  // Anything but OK means that they cannot be proved now, and what they record must not leave.
  virtual absl::StatusOr<LogProof> Prove(uint64_t first, uint32_t count) = 0;
};

// Where entries lie in the signed log. One proof serves what one call has in a span; then the range
// may hold entries of the same call's refusals.
struct EntryProof {
  LogProof log;
  std::string other_leaves;  // the leaf hashes of such entries, in order
};

// What one item of a call has in the log.
struct EntryRange {
  uint64_t first = 0;
  uint32_t count = 1;
};
// One proof of all of them; `ranges` is not empty, in order, and lies within the entries from
// `first_entry` on that `leaves` are of. Errors as Prover::Prove.
absl::StatusOr<std::shared_ptr<const EntryProof>> ProveTogether(
    Prover* log, absl::Span<const EntryRange> ranges, uint64_t first_entry,
    absl::Span<const crypto::Digest> leaves);

}  // namespace vouch::server

#endif  // VOUCH_SERVER_PROVER_H_
