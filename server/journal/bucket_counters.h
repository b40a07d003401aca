// Counts over a whole agreement, by the minute: answers, new people, evaluations.
#ifndef VOUCH_SERVER_JOURNAL_BUCKET_COUNTERS_H_
#define VOUCH_SERVER_JOURNAL_BUCKET_COUNTERS_H_

#include <array>
#include <cstdint>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/bytes.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

// Windows in seconds; this one lasts as long as the agreement.
constexpr uint32_t kWholeLife = 0xffffffff;
// A part of a second counts as a whole one: a window is never shorter than was agreed.
uint32_t WindowSeconds(absl::Duration every);

// One counter. A minute leaves a window of `every` seconds `every` seconds after its own last one,
// so that nothing leaves early.
class MinuteBuckets {
 public:
  // What lies within the window that ends at `now`.
  uint64_t Used(uint32_t window, uint32_t now) const;
  // Seconds until `add` more fit beside what is counted and the `pending` ones not yet added; 0
  // when they fit now, nothing when they never will.
  absl::optional<uint32_t> UntilRoom(int64_t limit, uint32_t window, uint64_t pending, uint64_t add,
                                     uint32_t now) const;
  // Forgets what even the longest window ever asked for has left behind.
  void Add(uint64_t count, uint32_t window, uint32_t now);
  size_t size() const { return buckets_.size(); }

  void Save(crypto::ByteWriter* out) const;
  bool Load(crypto::ByteReader* in);

 private:
  struct Bucket {
    uint32_t minute = 0;
    uint64_t before = 0;  // everything counted before this minute
  };
  // The first bucket within the window.
  std::deque<Bucket>::const_iterator FirstWithin(uint32_t window, uint32_t now) const;

  std::deque<Bucket> buckets_;
  uint64_t total_ = 0;
  uint32_t longest_ = 0;
};

enum class Counter : uint8_t { kWholeAgreement = 0, kNewPeople = 1, kEvaluations = 2 };
constexpr size_t kCounters = 3;

// Rows stay for good: there is one for each requester and agreement. Not thread-safe.
class BucketCounters {
 public:
  const MinuteBuckets& Get(const RowKey& row, Counter counter) const;
  void Add(const RowKey& row, Counter counter, uint64_t count, uint32_t window, uint32_t now);

  void Save(crypto::ByteWriter* out) const;
  bool Load(crypto::ByteReader* in);

 private:
  absl::flat_hash_map<RowKey, std::array<MinuteBuckets, kCounters>> rows_;
};

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_BUCKET_COUNTERS_H_
