// A node's log as it lies in its journal, read beside the running node: segments are only appended
// to, so nothing is locked and nothing is changed.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_LOG_READER_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_LOG_READER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/log_entry.h"
#include "server/journal/journal.h"

namespace vouch::server::ledger::oversight {

// One entry and what lies sealed beside it; the bytes are good during the visit only.
struct LogEntry {
  uint64_t index = 0;  // its position: in a journal of several logs, over all of them
  absl::string_view entry;
  absl::string_view sealed;  // empty where nothing does: entries about nobody, exported logs
  // Which of the journal's logs it is in, and where there.
  absl::string_view log = "";
  uint64_t index_in_log = 0;
};

// Entries that the log says it lost (docs/ledger.md, "Declaring a loss"): nobody can look at them.
struct DeclaredLoss {
  crypto::LossDeclared declared;
  absl::Time since;  // what was lost was written after this, and until declared.until
};

struct LogExtent {
  std::string origin;  // of the log that is being written
  uint64_t first = 0;  // the first entry that is there: 0 unless older segments were taken away
  uint64_t size = 0;   // one behind the last
  std::vector<journal::LogSpan> logs;  // oldest first
  std::vector<DeclaredLoss> losses;    // among the entries that are there, oldest first
  uint32_t last_second = 0;            // of the last commit, since 1970; 0 where there is none
};

using VisitEntry = std::function<absl::Status(const LogEntry&)>;

// Every entry in order, up to the last commit that is whole. NotFound when the folder holds no
// journal; Unavailable when it may not be read; DataLoss for a damaged commit and for a gap between
// two. The first error of `visit` ends the reading and comes back.
absl::StatusOr<LogExtent> ReadLog(const std::string& journal_folder, const VisitEntry& visit);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_LOG_READER_H_
