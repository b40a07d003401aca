#include "server/prover.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace vouch::server {

absl::StatusOr<std::shared_ptr<const EntryProof>> ProveTogether(
    Prover* log, absl::Span<const EntryRange> ranges, uint64_t first_entry,
    absl::Span<const crypto::Digest> leaves) {
  auto proof = std::make_shared<EntryProof>();
  const uint64_t first = ranges.front().first;
  uint64_t next = first;
  for (const EntryRange& range : ranges) {
    for (; next < range.first; ++next) {
      absl::StrAppend(&proof->other_leaves, crypto::AsText(leaves[next - first_entry]));
    }
    next += range.count;
  }
  absl::StatusOr<LogProof> proved = log->Prove(first, static_cast<uint32_t>(next - first));
  if (!proved.ok()) return proved.status();
  proof->log = *std::move(proved);
  return proof;
}

}  // namespace vouch::server
