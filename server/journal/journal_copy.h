// A copy of a journal's commits, made beside the node that writes them: whole commits up to one
// that was durable, so that a journal opens from it.
#ifndef VOUCH_SERVER_JOURNAL_JOURNAL_COPY_H_
#define VOUCH_SERVER_JOURNAL_JOURNAL_COPY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/digest.h"

namespace vouch::server::journal {

struct CopiedSegment {
  std::string name;  // of the file, as in the journal's folder
  uint64_t bytes = 0;
  crypto::Digest digest{};  // SHA-256
};
struct JournalCopy {
  uint64_t last_commit = 0;
  std::vector<CopiedSegment> segments;
};

// Copies the commit log of the journal in `from` into the folder `to`, which is there and empty;
// every file is synced. Nothing in `from` is locked or changed. The table image is left out: a
// start replays the commits. `progress` is told bytes done and in all. NotFound when there is no
// journal; FailedPrecondition when its first commits are no longer there; DataLoss when one is
// damaged; Unavailable when something cannot be read or written.
absl::StatusOr<JournalCopy> CopyJournal(
    const std::string& from, const std::string& to,
    const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_JOURNAL_COPY_H_
