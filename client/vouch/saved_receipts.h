// A requester's receipts, held against the responder's log: what the node answered and did not tag
// to the person shows here, and nowhere else.
#ifndef VOUCH_CLIENT_VOUCH_SAVED_RECEIPTS_H_
#define VOUCH_CLIENT_VOUCH_SAVED_RECEIPTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "crypto/receipt.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/log_reader.h"

namespace vouch::client {

struct SavedReceipt {
  int line = 0;
  std::vector<std::string> entries;  // one; of a group, one for each slot
  uint64_t index = 0;                // of the first, in its log
  crypto::Digest opening{};
};

// JSON lines (docs/oversight.md, "Receipts"): either as `vouch ask --json` prints them, or the
// fields entry, index and opening by themselves. InvalidArgument names the line that is none.
absl::StatusOr<std::vector<SavedReceipt>> ReadReceipts(const std::string& path);

class ReceiptComparison {
 public:
  // `receipts` outlives this.
  explicit ReceiptComparison(const std::vector<SavedReceipt>* receipts);

  // Every entry of the log, in order.
  void Visit(const server::ledger::oversight::LogEntry& entry);
  // A sentence for each receipt that is not in the log where it says, is tagged to nobody by whom
  // the person was looked for, or does not open what it was given for. `found` is all that is
  // tagged to the person.
  std::vector<std::string> Findings(const std::vector<server::ledger::oversight::Disclosure>& found,
                                    const server::ledger::oversight::LogExtent& extent) const;

 private:
  struct Place {
    bool read = false;                   // a log has an entry there
    bool same = false;                   // and it is this one
    uint64_t position = UINT64_MAX;      // then, over all logs
    absl::optional<uint64_t> elsewhere;  // where this one stands instead
  };
  const std::vector<SavedReceipt>& receipts_;
  std::multimap<uint64_t, std::pair<size_t, size_t>> by_index_;  // receipt, slot
  std::multimap<std::string, std::pair<size_t, size_t>> by_entry_;
  std::vector<std::vector<Place>> places_;
};

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_SAVED_RECEIPTS_H_
