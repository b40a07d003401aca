#include "server/journal/commit_blob.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "crypto/bytes.h"
#include "crypto/log_entry.h"
#include "server/journal/checksum.h"
#include "server/journal/lives.h"
#include "server/journal/request_table.h"

namespace vouch::server::journal {

namespace {

constexpr uint32_t kMagic = 0x564a4301;  // "VJC", version 1
constexpr size_t kHeaderSize = 4 + 8 + 4 + 8 + 8 * 4;
constexpr size_t kKeySize = sizeof(RowKey);
constexpr size_t kChargeSize = kKeySize + 4 + 4;
constexpr size_t kRequestSize = kKeySize + 8 + 4 + 4;
constexpr size_t kEpochSize = kKeySize + 4;
constexpr size_t kLifeSize = kKeySize + 4 + 4;
constexpr size_t kBucketSize = kKeySize + 1 + 4 + 4;
constexpr size_t kTotalSize = kKeySize + 8;
constexpr size_t kAdoptionSize = 8 + sizeof(crypto::Digest) + 4;  // without the agreement's id
constexpr size_t kItemSize = 4 + 4;
constexpr size_t kChecksumSize = 4;

// Writes into memory of the right size: a commit of 512 items has some 15,000 fields.
class Pen {
 public:
  explicit Pen(char* at) : at_(at) {}
  template <typename T>
  Pen& Put(T value) {
    static_assert(std::is_unsigned_v<T>, "fields are unsigned");
    for (size_t i = sizeof(T); i > 0; --i) {
      *at_++ = static_cast<char>(static_cast<uint8_t>(value >> (8 * (i - 1))));
    }
    return *this;
  }
  Pen& Put(const RowKey& key) { return Put(crypto::AsText(key)); }
  Pen& Put(absl::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  const char* at() const { return at_; }

 private:
  char* at_;
};

// Reads what the caller has made sure is there.
class Lens {
 public:
  explicit Lens(const char* at) : at_(at) {}
  template <typename T>
  T Take() {
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(static_cast<uint64_t>(value) << 8 | static_cast<uint8_t>(*at_++));
    }
    return value;
  }
  RowKey Key() {
    RowKey key;
    std::memcpy(key.data(), at_, key.size());
    at_ += key.size();
    return key;
  }

 private:
  const char* at_;
};

uint32_t Count(size_t size) {
  if (size > UINT32_MAX) std::abort();
  return static_cast<uint32_t>(size);
}

size_t SizeOfTables(const Changes& changes, size_t items) {
  size_t adoptions = changes.adoptions.size() * kAdoptionSize;
  for (const Journal::Adoption& row : changes.adoptions) adoptions += row.agreement_id.size();
  return adoptions + changes.charges.size() * kChargeSize + changes.requests.size() * kRequestSize +
         changes.epochs.size() * kEpochSize + changes.lives.size() * kLifeSize +
         changes.buckets.size() * kBucketSize + changes.totals.size() * kTotalSize +
         items * kItemSize;
}

}  // namespace

bool Changes::empty() const {
  return charges.empty() && requests.empty() && epochs.empty() && lives.empty() &&
         buckets.empty() && totals.empty() && adoptions.empty() && lost_until == 0;
}

std::string EncodeCommit(const CommitParts& commit) {
  const Changes& changes = commit.changes;
  size_t size = kHeaderSize + SizeOfTables(changes, commit.items.size()) + kChecksumSize;
  for (const CommitParts::Item& item : commit.items) size += item.entry.size() + item.sealed.size();
  std::string out(size, '\0');
  Pen pen(&out[0]);
  pen.Put(kMagic).Put(commit.number).Put(commit.second).Put(commit.first_entry);
  pen.Put(Count(commit.items.size()));
  pen.Put(Count(changes.charges.size())).Put(Count(changes.requests.size()));
  pen.Put(Count(changes.epochs.size())).Put(Count(changes.lives.size()));
  pen.Put(Count(changes.buckets.size())).Put(Count(changes.totals.size()));
  pen.Put(Count(changes.adoptions.size()));
  for (const auto& row : changes.charges) pen.Put(row.key).Put(row.value).Put(row.dies);
  for (const auto& row : changes.requests) {
    pen.Put(row.key).Put(row.content).Put(row.item).Put(row.dies);
  }
  for (const auto& row : changes.epochs) pen.Put(row.row).Put(row.epoch);
  for (const auto& row : changes.lives) pen.Put(row.agreement).Put(row.number).Put(row.end);
  for (const auto& row : changes.buckets) {
    pen.Put(row.row).Put(static_cast<uint8_t>(row.counter)).Put(row.window).Put(row.count);
  }
  for (const auto& row : changes.totals) pen.Put(row.key).Put(row.count);
  for (const auto& row : changes.adoptions) {
    pen.Put(static_cast<uint64_t>(row.revision)).Put(crypto::AsText(row.digest));
    pen.Put(Count(row.agreement_id.size())).Put(absl::string_view(row.agreement_id));
  }
  for (const auto& item : commit.items) {
    pen.Put(Count(item.entry.size())).Put(Count(item.sealed.size()));
  }
  for (const auto& item : commit.items) pen.Put(item.entry).Put(item.sealed);
  const absl::string_view covered(out.data(), size - kChecksumSize);
  pen.Put(Crc32c(crypto::AsBytes(covered)));
  if (pen.at() != out.data() + out.size()) std::abort();
  return out;
}

namespace {

// Adoptions are the only rows whose size is not known beforehand. They are few.
bool DecodeAdoptions(uint32_t count, absl::string_view* rest, Changes* changes) {
  if (count > rest->size() / kAdoptionSize) return false;
  changes->adoptions.resize(count);
  for (Journal::Adoption& row : changes->adoptions) {
    if (rest->size() < kAdoptionSize) return false;
    Lens lens(rest->data());
    row.revision = static_cast<int64_t>(lens.Take<uint64_t>());
    std::memcpy(row.digest.data(), rest->data() + 8, row.digest.size());
    const uint32_t size = Lens(rest->data() + kAdoptionSize - 4).Take<uint32_t>();
    rest->remove_prefix(kAdoptionSize);
    if (size > rest->size()) return false;
    row.agreement_id = std::string(rest->substr(0, size));
    rest->remove_prefix(size);
  }
  return true;
}

uint32_t LostUntil(absl::string_view entry) {
  if (!crypto::IsAboutLog(entry)) return 0;
  const absl::StatusOr<crypto::LossDeclared> loss = crypto::ReadLossDeclared(entry);
  if (!loss.ok()) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(loss->until, kFirstLife - 1));
}

}  // namespace

bool IsWholeCommit(absl::string_view bytes, uint64_t number) {
  if (bytes.size() < kHeaderSize + kChecksumSize) return false;
  Lens lens(bytes.data());
  if (lens.Take<uint32_t>() != kMagic || lens.Take<uint64_t>() != number) return false;
  const absl::string_view covered = bytes.substr(0, bytes.size() - kChecksumSize);
  return Lens(covered.end()).Take<uint32_t>() == Crc32c(crypto::AsBytes(covered));
}

uint64_t FirstEntryOf(absl::string_view commit_start) {
  crypto::ByteReader reader(crypto::AsBytes(commit_start));
  reader.U32();
  reader.U64();
  reader.U32();
  return reader.U64();
}

bool DecodeCommit(absl::string_view bytes, CommitParts* commit) {
  if (bytes.size() < kHeaderSize + kChecksumSize) return false;
  const absl::string_view covered = bytes.substr(0, bytes.size() - kChecksumSize);
  if (Lens(covered.end()).Take<uint32_t>() != Crc32c(crypto::AsBytes(covered))) return false;

  Lens lens(covered.data());
  if (lens.Take<uint32_t>() != kMagic) return false;
  commit->number = lens.Take<uint64_t>();
  commit->second = lens.Take<uint32_t>();
  commit->first_entry = lens.Take<uint64_t>();
  const auto items = lens.Take<uint32_t>();
  const auto charges = lens.Take<uint32_t>();
  const auto requests = lens.Take<uint32_t>();
  const auto epochs = lens.Take<uint32_t>();
  const auto lives = lens.Take<uint32_t>();
  const auto buckets = lens.Take<uint32_t>();
  const auto totals = lens.Take<uint32_t>();
  const auto adoptions = lens.Take<uint32_t>();
  // Sums of products of 32-bit numbers with small ones: no overflow in 64 bits.
  const uint64_t tables = uint64_t{charges} * kChargeSize + uint64_t{requests} * kRequestSize +
                          uint64_t{epochs} * kEpochSize + uint64_t{lives} * kLifeSize +
                          uint64_t{buckets} * kBucketSize + uint64_t{totals} * kTotalSize;
  if (covered.size() - kHeaderSize < tables) return false;

  Changes& changes = commit->changes;
  changes.charges.resize(charges);
  for (auto& row : changes.charges) {
    row.key = lens.Key();
    row.value = lens.Take<uint32_t>();
    row.dies = lens.Take<uint32_t>();
  }
  changes.requests.resize(requests);
  for (auto& row : changes.requests) {
    row.key = lens.Key();
    row.content = lens.Take<uint64_t>();
    row.item = lens.Take<uint32_t>();
    row.dies = lens.Take<uint32_t>();
    if (row.item >= items) return false;
  }
  changes.epochs.resize(epochs);
  for (auto& row : changes.epochs) {
    row.row = lens.Key();
    row.epoch = lens.Take<uint32_t>();
  }
  changes.lives.resize(lives);
  for (auto& row : changes.lives) {
    row.agreement = lens.Key();
    row.number = lens.Take<uint32_t>();
    row.end = lens.Take<uint32_t>();
  }
  changes.buckets.resize(buckets);
  for (auto& row : changes.buckets) {
    row.row = lens.Key();
    const auto counter = lens.Take<uint8_t>();
    if (counter >= kCounters) return false;
    row.counter = static_cast<Counter>(counter);
    row.window = lens.Take<uint32_t>();
    row.count = lens.Take<uint32_t>();
  }
  changes.totals.resize(totals);
  for (auto& row : changes.totals) {
    row.key = lens.Key();
    row.count = lens.Take<uint64_t>();
  }
  absl::string_view rest = covered.substr(kHeaderSize + tables);
  if (!DecodeAdoptions(adoptions, &rest, &changes)) return false;
  if (rest.size() < uint64_t{items} * kItemSize) return false;
  Lens sizes(rest.data());
  absl::string_view payload = rest.substr(uint64_t{items} * kItemSize);
  commit->items.resize(items);
  for (auto& item : commit->items) {
    const auto entry = sizes.Take<uint32_t>();
    const auto sealed = sizes.Take<uint32_t>();
    if (uint64_t{entry} + sealed > payload.size()) return false;
    item.entry = payload.substr(0, entry);
    item.sealed = payload.substr(entry, sealed);
    payload.remove_prefix(size_t{entry} + sealed);
  }
  changes.lost_until = commit->items.empty() ? 0 : LostUntil(commit->items.front().entry);
  return payload.empty();
}

}  // namespace vouch::server::journal
