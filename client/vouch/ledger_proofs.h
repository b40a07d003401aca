#ifndef VOUCH_CLIENT_VOUCH_LEDGER_PROOFS_H_
#define VOUCH_CLIENT_VOUCH_LEDGER_PROOFS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "crypto/bytes.h"
#include "server/ledger/oversight/disclosures.h"

namespace vouch::client {

// Writes entry-INDEX.entry (the entry's bytes) and entry-INDEX.tlog-proof (c2sp.org/tlog-proof@v1)
// for each into `folder`, made when missing. `leaves` are those of the whole log. DataLoss when the
// checkpoint is not this log's; FailedPrecondition when it is older than an entry. Its signatures
// are for those to check who get the proofs.
absl::Status WriteProofs(const std::string& folder, const std::string& checkpoint_path,
                         const std::vector<crypto::Digest>& leaves,
                         const std::vector<server::ledger::oversight::Disclosure>& found);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LEDGER_PROOFS_H_
