// The end of entries themselves. Once the key of a month is destroyed, what is left of its entries
// says who asked what and when, and nothing about any person; the hashes alone keep the tree, every
// proof and every checkpoint. docs/oversight.md, "Pruning".
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_PRUNING_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_PRUNING_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/ledger/period_keys.h"

namespace vouch::server::ledger::oversight {

struct PruneRules {
  std::string folder;  // of the log's closed segments (server/ledger/tree)
  std::string origin;
  bool write = false;  // false: only finds out how far it could go
  // Told now and then how many entries were looked at.
  std::function<void(uint64_t entries)> progress = [](uint64_t) {};
};

struct Pruned {
  uint64_t minimum = 0;    // index of the first entry whose segment stays, or stays for now
  uint64_t segments = 0;   // that were pruned by this call, or could be
  uint64_t dropped = 0;    // entries in these that went, or would go
  std::string stopped_by;  // what keeps the next segment, as a sentence; empty: none is closed yet
};

// Prunes closed segments from the first on, as long as every entry about a subject in them is of a
// month that was erased: its key is gone, and `erased` beside the keys says so. A key that is
// merely missing keeps its entries. Entries about nobody stay. Nothing else may be writing the
// folder. DataLoss when a segment is damaged; then it, and all behind it, are left as they are.
absl::StatusOr<Pruned> PruneLog(const PeriodKeys& keys, const PruneRules& rules);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_PRUNING_H_
