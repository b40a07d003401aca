// Small changes between loads: people added, changed, removed and held back. All take effect when
// the node next refreshes; all are durable when the call returns.
#ifndef VOUCH_SERVER_RECORDS_CHANGES_H_
#define VOUCH_SERVER_RECORDS_CHANGES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/records/holds.h"
#include "server/records/loader.h"

namespace vouch::server::records {

struct ChangeFolders {
  std::string folder;
  std::string keys_folder;
};

// Adds or replaces the people of the input, leaving everybody else. `options.indexes` must name
// every index of the present generation, and the mapping the same facts as the last load; otherwise
// FailedPrecondition. Bad rows as in LoadRecords: all or nothing.
absl::Status UpsertRecords(const LoadOptions& options, LoadReport* report);
// Removes people by the source's own ids. Returns how many were there.
absl::StatusOr<size_t> DeleteRecords(const ChangeFolders& folders,
                                     absl::Span<const std::string> source_ids);
// Writes a new generation with all changes in it, and an empty overlay. Needs no token keys:
// indexes are merged value by value. Does nothing when there are no changes.
absl::Status MergeChanges(const ChangeFolders& folders);
// Bytes of changes that are not merged yet; 0 when there are none. Reads the manifest alone.
absl::StatusOr<uint64_t> UnmergedBytes(const std::string& folder);
// From so many on, a merge is due: `least`, or 1/64 of the sealed identities where that is more. A
// merge writes everything anew, so that what one byte of changes costs stays bounded; readers hold
// all changes in memory, and so does that.
absl::StatusOr<uint64_t> MergeAt(const std::string& folder, uint64_t least);

// Holds one person back, or no longer. The person need not be in the records. Returns whether
// anything changed.
absl::StatusOr<bool> HoldPerson(const ChangeFolders& folders, absl::string_view source_id,
                                HoldReason reason, absl::Time now);
absl::StatusOr<bool> ReleasePerson(const ChangeFolders& folders, absl::string_view source_id);
// Who is held. Nobody when there is no list.
absl::StatusOr<std::shared_ptr<const Holds>> ReadHolds(const std::string& folder);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_CHANGES_H_
