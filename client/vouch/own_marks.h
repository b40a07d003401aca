// What a node's own log is known to have come to, from elsewhere than its journal; for commands
// that work on the journal while the node is stopped.
#ifndef VOUCH_CLIENT_VOUCH_OWN_MARKS_H_
#define VOUCH_CLIENT_VOUCH_OWN_MARKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "crypto/checkpoint.h"
#include "server/node/node_file.h"

namespace vouch::client {

// Held as the node holds it: neither runs while the other works on the journal.
class JournalLock {
 public:
  JournalLock() = default;
  ~JournalLock();
  JournalLock(const JournalLock&) = delete;
  JournalLock& operator=(const JournalLock&) = delete;
  // FailedPrecondition when another process holds it.
  absl::Status Take(const std::string& journal);

 private:
  int file_ = -1;
};

// A checkpoint of this node's own log that is kept elsewhere than in the journal.
struct OwnMark {
  std::string path;
  std::string what;
  std::string note;
  crypto::Checkpoint checkpoint;
};
// nullopt when there is no such file. DataLoss when it cannot be used: it is never taken for none.
absl::StatusOr<absl::optional<OwnMark>> ReadOwnMark(const std::string& path,
                                                    const std::string& what,
                                                    const server::node::NodeFile& file);
// The mark of what was signed, and what partners cosigned, as far as they are there.
absl::StatusOr<std::vector<OwnMark>> ReadOwnMarks(const server::node::NodeFile& file);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_OWN_MARKS_H_
