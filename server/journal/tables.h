// Everything a commit checks against, in memory. It is what replaying all commits in order gives;
// nothing else may change it, except that what is dead may be dropped at any time.
#ifndef VOUCH_SERVER_JOURNAL_TABLES_H_
#define VOUCH_SERVER_JOURNAL_TABLES_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "crypto/bytes.h"
#include "server/journal/bucket_counters.h"
#include "server/journal/charge_table.h"
#include "server/journal/commit_blob.h"
#include "server/journal/lives.h"
#include "server/journal/request_table.h"

namespace vouch::server::journal {

class Tables {
 public:
  // A segment is what an image copies in one piece, while commits wait: each has its own "as of"
  // commit, so that commits go on between two pieces.
  static constexpr size_t kSmallSegment = ChargeTable::kSegments + RequestTable::kSegments;
  static constexpr size_t kSegments = kSmallSegment + 1;

  // Makes the changes of one commit, in each segment that does not have them yet.
  void Apply(const Changes& changes, uint64_t commit, uint32_t second);
  // One of several threads that together replay the same commits, each the segments that are its
  // own: to each other they are as one Apply a commit. `lives` begins as a copy of lives() and is
  // the thread's own, so that each sees them as of the commit it is at.
  struct Share {
    size_t index = 0;
    size_t of = 1;
    Lives lives;
  };
  void ApplyShare(const Changes& changes, uint64_t commit, uint32_t second, Share* share);
  // Fetches what ApplyShare will look at.
  void Prefetch(const Changes& changes, const Share& share) const;
  // Drops some of what is dead at `second`, in step with `items` new ones.
  void Sweep(size_t items, uint32_t second);

  const ChargeTable& charges() const { return charges_; }
  const RequestTable& requests() const { return requests_; }
  const BucketCounters& counters() const { return counters_; }
  const Lives& lives() const { return lives_; }
  // 0 when the agreement has no number.
  uint32_t LifeOf(const RowKey& agreement) const;
  uint32_t HighestEpoch(const RowKey& row) const;
  uint64_t TotalOf(const RowKey& key) const;
  // Second up to which charges may be missing; 0: none are.
  uint32_t lost_until() const { return lost_until_; }
  // Each agreement's by rising revision.
  const std::map<std::string, std::vector<Journal::Adoption>>& adoptions() const {
    return adoptions_;
  }

  void Save(size_t segment, std::string* out) const;
  // The segment as it was after commit `as_of`. False for what Save cannot have written. Different
  // segments may be loaded by different threads.
  bool Load(size_t segment, uint64_t as_of, crypto::ByteSpan bytes);
  // The commit from which on some segment still needs changes.
  uint64_t OldestSegment() const;

 private:
  bool Has(size_t segment, uint64_t commit) const { return commit <= as_of_[segment]; }
  void ApplySmall(const Changes& changes, uint32_t second);
  bool LoadSmall(crypto::ByteSpan bytes);

  ChargeTable charges_;
  RequestTable requests_;
  BucketCounters counters_;
  Lives lives_;
  absl::flat_hash_map<RowKey, uint32_t> agreement_lives_;
  absl::flat_hash_map<RowKey, uint32_t> epochs_;
  absl::flat_hash_map<RowKey, uint64_t> totals_;
  std::map<std::string, std::vector<Journal::Adoption>> adoptions_;
  uint32_t lost_until_ = 0;
  std::array<uint64_t, kSegments> as_of_{};  // what each held when it was loaded
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_TABLES_H_
