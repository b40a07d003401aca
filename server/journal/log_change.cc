#include "server/journal/log_change.h"

#include <algorithm>
#include <utility>

#include "absl/time/civil_time.h"
#include "crypto/bytes.h"

namespace vouch::server::journal {

namespace {

uint32_t YearOf(uint32_t second) {
  return static_cast<uint32_t>(
      absl::ToCivilYear(absl::FromUnixSeconds(second), absl::UTCTimeZone()).year());
}

// The next log, with its first entry.
Head Begin(std::string origin, uint64_t first, const Head& before, uint32_t second,
           const std::string& opening) {
  Head next;
  next.origin = std::move(origin);
  next.first = first;
  next.commit = before.commit + 1;
  next.second = second;
  next.range.Append(crypto::LeafHash(crypto::AsBytes(opening)));
  next.tree_size = 1;
  return next;
}

}  // namespace

crypto::Digest LogChange::LeafOf(size_t entry) const {
  return crypto::LeafHash(crypto::AsBytes(entries[entry]));
}

CommitParts LogChange::Parts() const {
  CommitParts parts;
  parts.number = next.commit;
  parts.second = next.second;
  parts.first_entry = next.end() - entries.size();
  for (const std::string& entry : entries) parts.items.push_back({entry, {}});
  if (loss.has_value()) parts.changes.lost_until = static_cast<uint32_t>(loss->until);
  return parts;
}

LogChange ChangeOfYear(const Head& head, uint32_t second) {
  LogChange change;
  crypto::LogName name = *crypto::ReadLogName(head.origin);
  name.year = YearOf(second);
  name.part = 1;
  Head ended = head;
  ended.commit = head.commit + 1;
  ended.second = second;
  ended.tree_size = head.tree_size + 1;
  change.entries.push_back(
      crypto::LogClosedEntry(second / 60, {head.origin, ended.tree_size, name.Origin()}));
  ended.range.Append(change.LeafOf(0));
  change.entries.push_back(crypto::LogOpenedEntry(
      second / 60, {name.Origin(), {ended.origin, ended.tree_size, ended.range.Root()}}));
  change.next = Begin(name.Origin(), ended.end(), head, second, change.entries.back());
  change.ended = std::move(ended);
  return change;
}

LogChange ChangeByLoss(const Head& head, uint32_t second, const crypto::Checkpoint& lost) {
  LogChange change;
  // Never the first part: in the lost time the log of a new year may have begun.
  crypto::LogName name = *crypto::ReadLogName(head.origin);
  name.year = YearOf(second);
  name.part = 2;
  // Nothing is left: nobody was shown anything of the log that this journal would have begun.
  const bool nothing = head.commit == 0;
  for (const std::string& before : {nothing ? lost.origin : head.origin, lost.origin}) {
    const absl::optional<crypto::LogName> taken = crypto::ReadLogName(before);
    if (taken.has_value() && !crypto::LogBefore(before, name.Origin())) {
      name.year = taken->year;
      name.part = taken->part + 1;
    }
  }
  change.loss =
      crypto::LossDeclared{name.Origin(),
                           {nothing ? lost.origin : head.origin, head.tree_size, head.range.Root()},
                           lost,
                           second};
  change.entries.push_back(crypto::LossDeclaredEntry(second / 60, *change.loss));
  change.next = Begin(name.Origin(), head.end(), head, second, change.entries.back());
  return change;
}

}  // namespace vouch::server::journal
