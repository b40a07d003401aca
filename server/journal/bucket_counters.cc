#include "server/journal/bucket_counters.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

namespace vouch::server::journal {

namespace {

// The second at which a minute has left the window.
uint64_t LeavesAt(uint32_t minute, uint32_t window) { return uint64_t{minute} * 60 + 59 + window; }

}  // namespace

uint32_t WindowSeconds(absl::Duration every) {
  if (every == absl::InfiniteDuration()) return kWholeLife;
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(every, absl::Seconds(1)));
  return static_cast<uint32_t>(
      std::min<int64_t>(std::max<int64_t>(seconds, 0), int64_t{kWholeLife}));
}

std::deque<MinuteBuckets::Bucket>::const_iterator MinuteBuckets::FirstWithin(uint32_t window,
                                                                             uint32_t now) const {
  if (window == kWholeLife) return buckets_.begin();
  return std::partition_point(buckets_.begin(), buckets_.end(), [&](const Bucket& bucket) {
    return LeavesAt(bucket.minute, window) <= now;
  });
}

uint64_t MinuteBuckets::Used(uint32_t window, uint32_t now) const {
  const auto first = FirstWithin(window, now);
  return first == buckets_.end() ? 0 : total_ - first->before;
}

absl::optional<uint32_t> MinuteBuckets::UntilRoom(int64_t limit, uint32_t window, uint64_t pending,
                                                  uint64_t add, uint32_t now) const {
  const auto room = static_cast<uint64_t>(std::max<int64_t>(limit, 0));
  if (Used(window, now) + pending + add <= room) return 0;
  if (add > room || window == kWholeLife) return absl::nullopt;
  // After the minute before `bucket` has left, what remains is everything from `bucket` on.
  const auto enough = std::partition_point(
      FirstWithin(window, now), buckets_.end(),
      [&](const Bucket& bucket) { return total_ - bucket.before + pending + add > room; });
  // What is pending lies in this minute, which is then the last to leave.
  uint32_t last = now / 60;
  if (enough != buckets_.end()) {
    last = std::prev(enough)->minute;
  } else if (pending + add <= room && !buckets_.empty()) {
    last = buckets_.back().minute;
  }
  return static_cast<uint32_t>(
      std::min<uint64_t>(LeavesAt(last, window) - now, std::numeric_limits<uint32_t>::max()));
}

void MinuteBuckets::Add(uint64_t count, uint32_t window, uint32_t now) {
  if (count == 0) return;
  longest_ = std::max(longest_, window);
  const uint32_t minute = now / 60;
  if (longest_ == kWholeLife) {
    // No minute ever leaves: one bucket says it all. Were a later revision to set a finite window,
    // everything would count as of the latest minute, which allows less, never more.
    if (buckets_.empty()) buckets_.push_back({minute, 0});
    buckets_.erase(buckets_.begin() + 1, buckets_.end());
    buckets_.front().minute = minute;
  } else {
    while (!buckets_.empty() && LeavesAt(buckets_.front().minute, longest_) <= now) {
      buckets_.pop_front();
    }
    if (buckets_.empty() || buckets_.back().minute != minute) buckets_.push_back({minute, total_});
  }
  total_ += count;
}

void MinuteBuckets::Save(crypto::ByteWriter* out) const {
  out->U64(total_).U32(longest_).U32(static_cast<uint32_t>(buckets_.size()));
  for (const Bucket& bucket : buckets_) out->U32(bucket.minute).U64(bucket.before);
}

bool MinuteBuckets::Load(crypto::ByteReader* in) {
  total_ = in->U64();
  longest_ = in->U32();
  const uint32_t count = in->U32();
  for (uint32_t i = 0; i < count && in->ok(); ++i) {
    Bucket bucket;
    bucket.minute = in->U32();
    bucket.before = in->U64();
    if (bucket.before > total_) return false;
    if (!buckets_.empty() && bucket.minute <= buckets_.back().minute) return false;
    buckets_.push_back(bucket);
  }
  return in->ok();
}

const MinuteBuckets& BucketCounters::Get(const RowKey& row, Counter counter) const {
  static const MinuteBuckets* const kNothing = new MinuteBuckets;
  const auto found = rows_.find(row);
  return found == rows_.end() ? *kNothing : found->second[static_cast<size_t>(counter)];
}

void BucketCounters::Add(const RowKey& row, Counter counter, uint64_t count, uint32_t window,
                         uint32_t now) {
  rows_[row][static_cast<size_t>(counter)].Add(count, window, now);
}

void BucketCounters::Save(crypto::ByteWriter* out) const {
  out->U32(static_cast<uint32_t>(rows_.size()));
  for (const auto& row : rows_) {
    out->Raw(row.first);
    for (const MinuteBuckets& counter : row.second) counter.Save(out);
  }
}

bool BucketCounters::Load(crypto::ByteReader* in) {
  const uint32_t count = in->U32();
  for (uint32_t i = 0; i < count && in->ok(); ++i) {
    RowKey key = {};
    const crypto::ByteSpan bytes = in->Raw(key.size());
    if (bytes.size() == key.size()) std::memcpy(key.data(), bytes.data(), key.size());
    for (MinuteBuckets& counter : rows_[key]) {
      if (!counter.Load(in)) return false;
    }
  }
  return in->ok();
}

}  // namespace vouch::server::journal
