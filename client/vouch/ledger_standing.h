// What a node's witness folder, and the keys of partners' witnesses, tell its operator.
#ifndef VOUCH_CLIENT_VOUCH_LEDGER_STANDING_H_
#define VOUCH_CLIENT_VOUCH_LEDGER_STANDING_H_

#include <string>
#include <vector>

#include "server/node/node_file.h"

namespace vouch::client {

struct LedgerFinding {
  enum class Weight { kFine, kWarning, kWrong };
  std::string about;
  Weight weight = Weight::kFine;
  std::string says;
  std::string mend;
};
// Whether the mark of what was signed is gone, evidence about partners' ledgers, how far partners
// remember the node's own, and whether their cosignatures count. Of all but the last nothing where
// the node never ran.
std::vector<LedgerFinding> ExamineLedgers(const server::node::NodeFile& file);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LEDGER_STANDING_H_
