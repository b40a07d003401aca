// A requester's receipts, held against the responder's log: what the node answered and did not tag
// to the person shows here, and nowhere else.
#ifndef VOUCH_CLIENT_VOUCH_SAVED_RECEIPTS_H_
#define VOUCH_CLIENT_VOUCH_SAVED_RECEIPTS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/log_reader.h"

namespace vouch::client {

struct SavedReceipt {
  int line = 0;
  std::vector<std::string> entries;  // one; of a group, one for each slot
  uint64_t index = 0;                // of the first, in its log
  std::string log;                   // the origin of its checkpoint; empty when it has none
  crypto::Digest opening{};
};

// JSON lines (docs/oversight.md, "Receipts"): either as `vouch ask --json` prints them, or the
// fields entry, index, opening and log by themselves. InvalidArgument names the line that is none.
absl::StatusOr<std::vector<SavedReceipt>> ReadReceipts(const std::string& path);

// A sentence for each receipt that is not as it must be: not in the log where it says, tagged to
// nobody by whom the person was looked for, opening nothing, or beside nothing that says what it is
// to open. And one for each of which nobody can tell any more: its month was erased, or its entry
// pruned.
struct ReceiptFindings {
  std::vector<std::string> wrong;
  std::vector<std::string> untold;
};

class ReceiptComparison {
 public:
  // `receipts` outlives this.
  explicit ReceiptComparison(const std::vector<SavedReceipt>* receipts);

  // Every entry of the log, in order.
  void Visit(const server::ledger::oversight::LogEntry& entry);
  // `search` saw every entry too, and found all that is tagged to the person. `erased`: the periods
  // whose keys are noted to have been destroyed.
  ReceiptFindings Findings(const server::ledger::oversight::DisclosureSearch& search,
                           const std::set<server::ledger::oversight::Period>& erased,
                           const server::ledger::oversight::LogExtent& extent) const;

 private:
  struct Place {
    std::string log;
    uint64_t index = 0;     // in that log
    uint64_t position = 0;  // over all logs
  };
  using Places = std::vector<Place>;  // of the entries that are this one, byte for byte
  struct Standing {
    std::string wrong;
    std::string untold;
    uint64_t position = UINT64_MAX;  // where both are empty
  };
  Standing StandingOf(const SavedReceipt& receipt, uint64_t index, const Places& same,
                      const server::ledger::oversight::LogExtent& extent) const;

  const std::vector<SavedReceipt>& receipts_;
  std::multimap<std::string, std::pair<size_t, size_t>> by_entry_;  // receipt, slot
  std::vector<std::vector<Places>> places_;
};

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_SAVED_RECEIPTS_H_
