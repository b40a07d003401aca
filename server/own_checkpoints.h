// What others hold of this node's own log, signed by it: a log that does not lead there was put
// back to an earlier state, and must not go on.
#ifndef VOUCH_SERVER_OWN_CHECKPOINTS_H_
#define VOUCH_SERVER_OWN_CHECKPOINTS_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/ledger_log.h"
#include "server/node/node_file.h"

namespace vouch::server {

// Thread-safe.
class OwnCheckpoints {
 public:
  // `public_der`: of the log's key. `path`: the file in which the latest checkpoint that partners
  // cosigned is kept; not below the journal, which may be put back as a whole.
  OwnCheckpoints(LedgerLog* log, std::string public_der, std::string path)
      : log_(log), public_der_(std::move(public_der)), path_(std::move(path)) {}

  // DataLoss, in words for the operator, when this node's key signed the note and the log as it is
  // does not go on from it. OK for any other note: it shows nothing about this log.
  absl::Status HoldAgainst(const std::string& note, absl::string_view shown_by) const;

  // Whether this node's key signed it, as a checkpoint of one of its own logs.
  bool SignedHere(absl::string_view note) const;

  // The same for the file; OK when there is none. DataLoss also when what is there is no checkpoint
  // that this node signed: it is never taken for none.
  absl::Status HoldAgainstKept() const;
  // Whether partners ever cosigned a checkpoint of this log.
  bool WasCosigned() const;
  // A partner vouched for the log of this size: kept with those of the same size, so that the file
  // says more and more with each. `cosignature` was verified; empty where that cannot be.
  absl::Status Keep(const std::string& note, uint64_t size, const std::string& agency,
                    const std::string& cosignature);

 private:
  LedgerLog* const log_;
  const std::string public_der_;
  const std::string path_;
  std::mutex mutex_;
  std::string origin_;
  uint64_t size_ = 0;
  std::map<std::string, std::string> lines_;  // by agency
};

// How a node may start although others could know better.
struct StartChecks {
  absl::Duration patience = absl::Seconds(5);
  // The operator's explicit wishes.
  bool without_witnesses = false;
  bool without_high_water = false;  // the mark of what was signed may be gone
};
// Asks every partner with an address, at once, which checkpoint of this log it remembers, and the
// kept file. DataLoss as HoldAgainst. FailedPrecondition when the log was cosigned before, the node
// is used with real people, nobody who remembers any of it could be asked, and the operator did not
// say to go on. What was and was not looked at is logged.
absl::Status CheckBeforeStart(const node::NodeFile& file, const OwnCheckpoints& own,
                              const LedgerLog& log, const StartChecks& checks);

}  // namespace vouch::server

#endif  // VOUCH_SERVER_OWN_CHECKPOINTS_H_
