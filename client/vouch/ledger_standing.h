// What a node's witness folder tells its operator.
#ifndef VOUCH_CLIENT_VOUCH_LEDGER_STANDING_H_
#define VOUCH_CLIENT_VOUCH_LEDGER_STANDING_H_

#include <string>
#include <vector>

namespace vouch::client {

struct LedgerFinding {
  std::string about;
  bool wrong = false;
  std::string says;
  std::string mend;
};
// Evidence about partners' ledgers, and how far partners remember the node's own. Nothing where the
// node never ran.
std::vector<LedgerFinding> ExamineLedgers(const std::string& witness_folder);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LEDGER_STANDING_H_
