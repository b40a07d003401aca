#ifndef VOUCH_CLIENT_VOUCH_LEDGER_PROOFS_H_
#define VOUCH_CLIENT_VOUCH_LEDGER_PROOFS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/bytes.h"
#include "server/ledger/oversight/disclosures.h"

namespace vouch::client {

// Writes entry-YEAR-INDEX.entry (the entry's bytes) and entry-YEAR-INDEX.tlog-proof
// (c2sp.org/tlog-proof@v1) for each of the checkpoint's log into `folder`, made when missing, and
// says for how many. YEAR is the end of the log's origin: several logs' lie in one folder.
// `leaves` are those of the whole logs. DataLoss when the checkpoint is of none of them;
// FailedPrecondition when it is older than an entry. Its signatures are for those to check who get
// the proofs.
using LeavesOfLogs = std::map<std::string, std::vector<crypto::Digest>>;  // by origin
absl::StatusOr<size_t> WriteProofs(const std::string& folder, const std::string& checkpoint_path,
                                   const LeavesOfLogs& logs,
                                   const std::vector<server::ledger::oversight::Disclosure>& found);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LEDGER_PROOFS_H_
