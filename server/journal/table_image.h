// The tables as one checksummed file, so that a restart replays only the commits since.
//
// It is written segment by segment while commits go on; each segment says after which commit it was
// copied. Written beside, synced, renamed, and the folder synced: a crash leaves the old image or
// the new one. The layout, in this machine's byte order, is in docs/journal.md.
#ifndef VOUCH_SERVER_JOURNAL_TABLE_IMAGE_H_
#define VOUCH_SERVER_JOURNAL_TABLE_IMAGE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "server/journal/tables.h"

namespace vouch::server::journal {

// What ties an image to its log: random, made with it.
using JournalId = std::array<uint8_t, 16>;

// Appends a segment's bytes to `out` and returns the commit they are as of. False ends the writing.
using CopySegment = std::function<bool(size_t segment, std::string* out, uint64_t* as_of)>;

// Unavailable when the file cannot be written, Cancelled when `copy` said so; the image that was
// there stays.
absl::Status WriteTableImage(const std::string& folder, const JournalId& id,
                             const CopySegment& copy);

// Fills `tables`, which are empty. NotFound: there is no image, or it belongs to another log.
// DataLoss: it is torn or changed. Unavailable: it cannot be read. `tables` are unspecified after
// any error. `newest` is the latest commit that any segment is as of.
absl::Status ReadTableImage(const std::string& folder, const JournalId& id, Tables* tables,
                            uint64_t* newest);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_TABLE_IMAGE_H_
