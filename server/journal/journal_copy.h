// A copy of a journal's commits, made beside the node that writes them: whole commits up to one
// that was durable, so that a journal opens from it. Of one that was pruned also the table image,
// as what is left of the commits does not make the tables, and what its logs began with.
#ifndef VOUCH_SERVER_JOURNAL_JOURNAL_COPY_H_
#define VOUCH_SERVER_JOURNAL_JOURNAL_COPY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/digest.h"

namespace vouch::server::journal {

struct CopiedFile {
  std::string name;  // of the file, as in the journal's folder
  uint64_t bytes = 0;
  crypto::Digest digest{};  // SHA-256
};
struct JournalCopy {
  uint64_t last_commit = 0;
  std::vector<CopiedFile> files;
};

// Copies the commit log of the journal in `from` into the folder `to`, which is there and empty;
// every file is synced. Nothing in `from` is locked or changed. While its first commit is there,
// the table image is left out: a start replays the commits; otherwise it is read back into tables,
// which takes their memory. `progress` is told bytes of commits done and in all. NotFound when
// there is no journal; DataLoss when a commit, or an image without which it could not be used, is
// damaged or missing; Unavailable when something cannot be read or written.
absl::StatusOr<JournalCopy> CopyJournal(
    const std::string& from, const std::string& to,
    const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_JOURNAL_COPY_H_
