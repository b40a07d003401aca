#include "server/journal/tables.h"

#include <algorithm>
#include <cstring>

namespace vouch::server::journal {

namespace {

// An item adds at most a few rows; looking at this many slots for each goes through all tables
// often enough that the dead are never more than a small part.
constexpr size_t kChargeSlotsAnItem = 64;
constexpr size_t kRequestSlotsAnItem = 16;
// Memory answers some dozens of requests at once; those made further ahead are dropped.
constexpr size_t kRowsAhead = 12;

template <typename Value>
Value FindOr(const absl::flat_hash_map<RowKey, Value>& map, const RowKey& key) {
  const auto found = map.find(key);
  return found == map.end() ? Value{0} : found->second;
}

RowKey ReadKey(crypto::ByteReader* in) {
  RowKey key = {};
  const crypto::ByteSpan bytes = in->Raw(key.size());
  if (bytes.size() == key.size()) std::memcpy(key.data(), bytes.data(), key.size());
  return key;
}

}  // namespace

void Tables::Apply(const Changes& changes, uint64_t commit, uint32_t second) {
  // Lives first: charges ask them whether a row is dead.
  if (!Has(kSmallSegment, commit)) ApplySmall(changes, second);
  const auto fetch_ahead = [](const auto& rows, size_t at, const auto& table) {
    if (at + kRowsAhead < rows.size()) table.Prefetch(rows[at + kRowsAhead].key);
  };
  for (size_t i = 0; i < changes.charges.size(); ++i) {
    fetch_ahead(changes.charges, i, charges_);
    const Changes::Charge& row = changes.charges[i];
    if (Has(ChargeTable::SegmentOf(row.key), commit)) continue;
    charges_.Add(row.key, row.value, row.dies, second, lives_);
  }
  for (size_t i = 0; i < changes.requests.size(); ++i) {
    fetch_ahead(changes.requests, i, requests_);
    const Changes::Request& row = changes.requests[i];
    if (Has(ChargeTable::kSegments + RequestTable::SegmentOf(row.key), commit)) continue;
    requests_.Add(row.key, row.content, Location{commit, row.item}, row.dies, second);
  }
}

void Tables::Prefetch(const Changes& changes, const Share& share) const {
  for (const Changes::Charge& row : changes.charges) {
    if (ChargeTable::SegmentOf(row.key) % share.of == share.index) charges_.Prefetch(row.key);
  }
  for (const Changes::Request& row : changes.requests) {
    if (RequestTable::SegmentOf(row.key) % share.of == share.index) requests_.Prefetch(row.key);
  }
}

void Tables::ApplyShare(const Changes& changes, uint64_t commit, uint32_t second, Share* share) {
  if (!Has(kSmallSegment, commit)) {
    if (share->index == 0) ApplySmall(changes, second);
    for (const Changes::Life& row : changes.lives) share->lives.Set(row.number, row.end);
  }
  for (const Changes::Charge& row : changes.charges) {
    const size_t segment = ChargeTable::SegmentOf(row.key);
    if (segment % share->of != share->index || Has(segment, commit)) continue;
    charges_.Add(row.key, row.value, row.dies, second, share->lives);
  }
  for (const Changes::Request& row : changes.requests) {
    const size_t segment = RequestTable::SegmentOf(row.key);
    if (segment % share->of != share->index) continue;
    if (Has(ChargeTable::kSegments + segment, commit)) continue;
    requests_.Add(row.key, row.content, Location{commit, row.item}, row.dies, second);
  }
}

void Tables::ApplySmall(const Changes& changes, uint32_t second) {
  for (const Changes::Life& row : changes.lives) {
    agreement_lives_[row.agreement] = row.number;
    lives_.Set(row.number, row.end);
  }
  for (const Changes::Epoch& row : changes.epochs) {
    uint32_t& highest = epochs_[row.row];
    highest = std::max(highest, row.epoch);
  }
  for (const Changes::Bucket& row : changes.buckets) {
    counters_.Add(row.row, row.counter, row.count, row.window, second);
  }
  for (const Changes::Total& row : changes.totals) totals_[row.key] += row.count;
  for (const Journal::Adoption& row : changes.adoptions) {
    adoptions_[row.agreement_id].push_back(row);
  }
  lost_until_ = std::max(lost_until_, changes.lost_until);
}

void Tables::Sweep(size_t items, uint32_t second) {
  charges_.Sweep(items * kChargeSlotsAnItem, second, lives_);
  requests_.Sweep(items * kRequestSlotsAnItem, second);
}

uint32_t Tables::LifeOf(const RowKey& agreement) const {
  return FindOr(agreement_lives_, agreement);
}
uint32_t Tables::HighestEpoch(const RowKey& row) const { return FindOr(epochs_, row); }
uint64_t Tables::TotalOf(const RowKey& key) const { return FindOr(totals_, key); }

void Tables::Save(size_t segment, std::string* out) const {
  if (segment < ChargeTable::kSegments) return charges_.Save(segment, out);
  if (segment < kSmallSegment) return requests_.Save(segment - ChargeTable::kSegments, out);
  crypto::ByteWriter writer;
  writer.U32(static_cast<uint32_t>(lives_.ends().size()));
  for (uint32_t end : lives_.ends()) writer.U32(end);
  writer.U32(static_cast<uint32_t>(agreement_lives_.size()));
  for (const auto& row : agreement_lives_) writer.Raw(row.first).U32(row.second);
  writer.U32(static_cast<uint32_t>(epochs_.size()));
  for (const auto& row : epochs_) writer.Raw(row.first).U32(row.second);
  writer.U32(static_cast<uint32_t>(totals_.size()));
  for (const auto& row : totals_) writer.Raw(row.first).U64(row.second);
  uint32_t adoptions = 0;
  for (const auto& agreement : adoptions_) {
    adoptions += static_cast<uint32_t>(agreement.second.size());
  }
  writer.U32(adoptions);
  for (const auto& agreement : adoptions_) {
    for (const Journal::Adoption& row : agreement.second) {
      writer.Field(row.agreement_id).U64(static_cast<uint64_t>(row.revision)).Raw(row.digest);
    }
  }
  counters_.Save(&writer);
  // Only where there is one: an image of today is as those before.
  if (lost_until_ > 0) writer.U32(lost_until_);
  out->append(writer.str());
}

bool Tables::Load(size_t segment, uint64_t as_of, crypto::ByteSpan bytes) {
  as_of_[segment] = as_of;
  if (segment < ChargeTable::kSegments) return charges_.Load(segment, bytes);
  if (segment < kSmallSegment) return requests_.Load(segment - ChargeTable::kSegments, bytes);
  return LoadSmall(bytes);
}

bool Tables::LoadSmall(crypto::ByteSpan bytes) {
  crypto::ByteReader in(bytes);
  const uint32_t lives = in.U32();
  for (uint32_t i = 0; i < lives && in.ok(); ++i) lives_.Set(lives_.next(), in.U32());
  for (uint32_t left = in.U32(); left > 0 && in.ok(); --left) {
    const RowKey key = ReadKey(&in);
    agreement_lives_[key] = in.U32();
  }
  for (uint32_t left = in.U32(); left > 0 && in.ok(); --left) {
    const RowKey key = ReadKey(&in);
    epochs_[key] = in.U32();
  }
  for (uint32_t left = in.U32(); left > 0 && in.ok(); --left) {
    const RowKey key = ReadKey(&in);
    totals_[key] = in.U64();
  }
  for (uint32_t left = in.U32(); left > 0 && in.ok(); --left) {
    Journal::Adoption row;
    row.agreement_id = std::string(crypto::AsText(in.Field()));
    row.revision = static_cast<int64_t>(in.U64());
    const crypto::ByteSpan digest = in.Raw(row.digest.size());
    if (digest.size() != row.digest.size()) return false;
    std::copy(digest.begin(), digest.end(), row.digest.begin());
    adoptions_[row.agreement_id].push_back(std::move(row));
  }
  if (!counters_.Load(&in)) return false;
  if (!in.Finished()) lost_until_ = in.U32();
  return in.Finished();
}

uint64_t Tables::OldestSegment() const { return *std::min_element(as_of_.begin(), as_of_.end()); }

}  // namespace vouch::server::journal
