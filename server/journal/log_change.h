// How one log gives way to the next: the entries of the commit that does it, and the heads.
#ifndef VOUCH_SERVER_JOURNAL_LOG_CHANGE_H_
#define VOUCH_SERVER_JOURNAL_LOG_CHANGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "crypto/log_entry.h"
#include "server/journal/commit_blob.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

struct LogChange {
  std::vector<std::string> entries;
  absl::optional<Head> ended;  // the log before with its last entry; nullopt: it gets none
  Head next;                   // with its first entry
  absl::optional<crypto::LossDeclared> loss;

  // The commit; it points into this.
  CommitParts Parts() const;
  crypto::Digest LeafOf(size_t entry) const;
};

// The log that `head` is of ends, and that of the year of `second` begins.
LogChange ChangeOfYear(const Head& head, uint32_t second);
// What follows `head` is lost, up to `lost` at the least.
LogChange ChangeByLoss(const Head& head, uint32_t second, const crypto::Checkpoint& lost);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_LOG_CHANGE_H_
