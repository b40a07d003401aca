// What stays of the parts of a journal that were pruned: the entries that its logs began with, so
// that its logs, and what each earlier one came to, stay known.
//
// Layout of the file `openings`. Integers are big-endian.
//   "VJOP" | u32 version | u32 how many | of each: u64 position, u32 length, the entry
//   u32 CRC-32C of everything before
#ifndef VOUCH_SERVER_JOURNAL_OPENINGS_H_
#define VOUCH_SERVER_JOURNAL_OPENINGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

// By position; of every log but the first (crypto/log_entry.h, "log opened").
using Openings = std::map<uint64_t, std::string>;

// Empty when there is no file. DataLoss when it is damaged, Unavailable when it cannot be read.
absl::StatusOr<Openings> ReadOpenings(const std::string& folder);
// Whole and synced, or not at all.
absl::Status WriteOpenings(const std::string& folder, const Openings& openings);
// The logs that they are of, and the one before the first of them.
std::vector<LogSpan> LogsOf(const Openings& openings);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_OPENINGS_H_
