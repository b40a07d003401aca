#include "server/journal/request_table.h"

#include <algorithm>
#include <cstring>

#include "server/journal/row_bytes.h"

namespace vouch::server::journal {

uint64_t ContentPrefix(const crypto::Digest& content) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof(prefix); ++i) prefix = prefix << 8 | content[i];
  return prefix;
}

RequestTable::Row* RequestTable::FindRow(const RowKey& key) {
  const uint64_t first = KeyWord64(key, 0);
  const uint32_t second = KeyWord32(key, 8);
  return segments_[SegmentOf(key)].Find(first,
                                        [&](const Row& row) { return row.second == second; });
}

absl::optional<RequestTable::Remembered> RequestTable::Find(const RowKey& key, uint32_t now) const {
  const Row* row = const_cast<RequestTable*>(this)->FindRow(key);
  if (row == nullptr || row->dies <= now) return absl::nullopt;
  Remembered found;
  found.content = row->content;
  found.where.commit = row->where >> 16;
  found.where.item = static_cast<uint32_t>(row->where & (kMostItems - 1));
  return found;
}

void RequestTable::Add(const RowKey& key, uint64_t content, const Location& where, uint32_t dies,
                       uint32_t now) {
  if (dies <= now) return;
  Row row = {};
  row.first = KeyWord64(key, 0);
  row.second = KeyWord32(key, 8);
  row.dies = dies;
  row.content = content;
  row.where = where.commit << 16 | where.item;
  if (Row* old = FindRow(key); old != nullptr) {
    *old = row;
  } else {
    segments_[SegmentOf(key)].Insert(row);
  }
}

void RequestTable::Prefetch(const RowKey& key) const {
  segments_[SegmentOf(key)].Prefetch(KeyWord64(key, 0));
}

void RequestTable::Sweep(size_t slots, uint32_t now) {
  sweep_slot_ = segments_[sweep_segment_].Sweep(sweep_slot_, slots,
                                                [now](const Row& row) { return row.dies <= now; });
  if (sweep_slot_ == 0) sweep_segment_ = (sweep_segment_ + 1) % kSegments;
}

uint64_t RequestTable::size() const {
  uint64_t size = 0;
  for (const auto& segment : segments_) size += segment.size();
  return size;
}

uint64_t RequestTable::bytes() const {
  uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment.bytes();
  return bytes;
}

void RequestTable::Save(size_t segment, std::string* out) const {
  const auto slots = segments_[segment].slots();
  AppendRaw(uint64_t{segments_[segment].capacity()}, out);
  AppendRaw(uint64_t{slots.size()}, out);
  out->append(reinterpret_cast<const char*>(slots.data()), slots.size() * sizeof(Row));
}

bool RequestTable::Load(size_t segment, crypto::ByteSpan bytes) {
  uint64_t capacity = 0;
  uint64_t slots = 0;
  if (!TakeRaw(&bytes, &capacity) || !TakeRaw(&bytes, &slots)) return false;
  if (bytes.size() % sizeof(Row) != 0 || slots != bytes.size() / sizeof(Row)) return false;
  return segments_[segment].Load(capacity, bytes.data(), slots);
}

}  // namespace vouch::server::journal
