#include "server/journal/charge_table.h"

#include <algorithm>
#include <cstring>

#include "server/journal/row_bytes.h"

namespace vouch::server::journal {

ChargeTable::Row ChargeTable::KeyOf(const RowKey& key) {
  Row row = {};
  row.first = KeyWord64(key, 0);
  row.second = KeyWord32(key, 8) & ~uint32_t{1};
  return row;
}

bool ChargeTable::Find(const RowKey& key, uint32_t now, const Lives& lives, Marks* marks) const {
  const Segment& segment = segments_[SegmentOf(key)];
  const Row wanted = KeyOf(key);
  const Row* row =
      segment.rows.Find(wanted.order(), [&](const Row& other) { return Same(wanted, other); });
  if (row == nullptr || lives.Dead(row->dies, now)) return false;
  if (row->many()) {
    const policies::Mark* first = segment.marks.At(row->mark_value);
    marks->insert(marks->end(), first, first + row->mark_second);
  } else {
    marks->push_back({row->mark_second, row->mark_value});
  }
  return true;
}

void ChargeTable::Add(const RowKey& key, uint32_t value, uint32_t dies, uint32_t now,
                      const Lives& lives) {
  Segment& segment = segments_[SegmentOf(key)];
  Row fresh = KeyOf(key);
  Row* row = segment.rows.Find(fresh.order(), [&](const Row& other) { return Same(fresh, other); });
  fresh.mark_second = now;
  fresh.mark_value = value;
  fresh.dies = std::max<uint32_t>(dies, 1);
  if (row == nullptr) {
    segment.rows.Insert(fresh);
  } else if (lives.Dead(row->dies, now)) {
    Release(&segment, row);
    *row = fresh;
  } else {
    AddToLive(&segment, row, {now, value}, dies);
  }
}

void ChargeTable::AddToLive(Segment* segment, Row* row, policies::Mark mark, uint32_t dies) {
  // An agreement's life outlasts every second, and a later number of it an earlier one.
  row->dies = std::max(row->dies, dies);
  const policies::Mark single = {row->mark_second, row->mark_value};
  absl::Span<const policies::Mark> old(&single, 1);
  if (row->many()) old = {segment->marks.At(row->mark_value), row->mark_second};
  if (row->dies < kFirstLife) {
    const uint32_t window = row->dies - mark.second;
    while (!old.empty() && uint64_t{old.front().second} + window <= mark.second) {
      old.remove_prefix(1);
    }
  }
  const auto count = static_cast<uint32_t>(old.size() + 1);
  if (row->many() && old.size() == row->mark_second &&
      MarkStore::SameBlock(count, row->mark_second)) {
    segment->marks.At(row->mark_value)[old.size()] = mark;
    row->mark_second = count;
    return;
  }
  Marks all(old.begin(), old.end());
  all.push_back(mark);
  Release(segment, row);
  if (count == 1) {
    row->mark_second = mark.second;
    row->mark_value = mark.value;
    return;
  }
  const uint32_t place = segment->marks.Allocate(count);
  std::copy(all.begin(), all.end(), segment->marks.At(place));
  row->second |= 1;
  row->mark_second = count;
  row->mark_value = place;
}

void ChargeTable::Release(Segment* segment, Row* row) {
  if (!row->many()) return;
  segment->marks.Free(row->mark_value, row->mark_second);
  row->second &= ~uint32_t{1};
}

void ChargeTable::Prefetch(const RowKey& key) const {
  segments_[SegmentOf(key)].rows.Prefetch(KeyWord64(key, 0));
}

void ChargeTable::Sweep(size_t slots, uint32_t now, const Lives& lives) {
  Segment& segment = segments_[sweep_segment_];
  sweep_slot_ = segment.rows.Sweep(sweep_slot_, slots, [&](Row& row) {
    if (!lives.Dead(row.dies, now)) return false;
    Release(&segment, &row);
    return true;
  });
  if (sweep_slot_ == 0) sweep_segment_ = (sweep_segment_ + 1) % kSegments;
}

uint64_t ChargeTable::size() const {
  uint64_t size = 0;
  for (const Segment& segment : segments_) size += segment.rows.size();
  return size;
}

uint64_t ChargeTable::bytes() const {
  uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.rows.bytes() + segment.marks.bytes();
  return bytes;
}

void ChargeTable::Save(size_t index, std::string* out) const {
  const Segment& segment = segments_[index];
  const auto slots = segment.rows.slots();
  AppendRaw(uint64_t{segment.rows.capacity()}, out);
  AppendRaw(uint64_t{slots.size()}, out);
  out->append(reinterpret_cast<const char*>(slots.data()), slots.size() * sizeof(Row));
  for (const Row& row : slots) {
    if (row.empty() || !row.many()) continue;
    out->append(reinterpret_cast<const char*>(segment.marks.At(row.mark_value)),
                row.mark_second * sizeof(policies::Mark));
  }
}

bool ChargeTable::Load(size_t index, crypto::ByteSpan bytes) {
  Segment& segment = segments_[index];
  uint64_t capacity = 0;
  uint64_t slots = 0;
  if (!TakeRaw(&bytes, &capacity) || !TakeRaw(&bytes, &slots)) return false;
  if (slots > bytes.size() / sizeof(Row)) return false;
  if (!segment.rows.Load(capacity, bytes.data(), slots)) return false;
  bytes.remove_prefix(slots * sizeof(Row));
  for (Row& row : segment.rows.mutable_slots()) {
    if (row.empty() || !row.many()) continue;
    const uint64_t size = uint64_t{row.mark_second} * sizeof(policies::Mark);
    if (row.mark_second < 2 || bytes.size() < size) return false;
    row.mark_value = segment.marks.Allocate(row.mark_second);
    std::memcpy(segment.marks.At(row.mark_value), bytes.data(), size);
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

}  // namespace vouch::server::journal
