#include "server/records/token_index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace vouch::server::records {

namespace {

constexpr FileKind kIndexKind{"VOUCHIDX", 1};
constexpr size_t kParts = 64;
constexpr size_t kPartBuffer = size_t{1} << 16;

// One line is one cache line: three values, so that a look-up touches one line in most cases.
constexpr size_t kLineSize = 64;
constexpr size_t kSlots = 3;
constexpr size_t kValueSize = std::tuple_size<IndexValue>::value;
constexpr size_t kRecords = kSlots * kValueSize;
constexpr size_t kFormed = kRecords + kSlots * 4;
constexpr size_t kCount = kFormed + kSlots;
constexpr size_t kOverflows = kCount + 1;  // 1: values that belong here lie in later lines
constexpr size_t kSum = 60;
// Values to a line on average.
constexpr uint64_t kFill = 2;

constexpr size_t kStoredEntry = 20;
static_assert(sizeof(IndexEntry) == kStoredEntry, "entries are written as they lie in memory");

uint64_t Prefix(const IndexValue& value) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < 8; ++i) prefix = prefix << 8 | value[i];
  return prefix;
}

uint64_t HomeLine(const IndexValue& value, uint64_t homes) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(Prefix(value)) * homes) >> 64);
}

bool SumFits(const uint8_t* line, uint64_t number) {
  uint32_t sum;
  std::memcpy(&sum, line + kSum, sizeof(sum));
  return sum == DamageSum(crypto::ByteSpan(line, kSum), number) && line[kCount] <= kSlots;
}

// Lays values into lines in ascending order, front to back.
class LineWriter {
 public:
  LineWriter(FileWriter* out, uint64_t homes) : out_(out), homes_(homes) {}

  void Put(const IndexEntry& entry) {
    const uint64_t home = HomeLine(entry.value, homes_);
    while (number_ < home) NextLine(false);
    if (line_[kCount] == kSlots) NextLine(true);
    const size_t slot = line_[kCount]++;
    std::memcpy(line_ + slot * kValueSize, entry.value.data(), kValueSize);
    std::memcpy(line_ + kRecords + slot * 4, &entry.record, 4);
    line_[kFormed + slot] = entry.formed;
    ++values_;
  }
  // Returns the number of lines.
  uint64_t Finish() {
    while (number_ + 1 < homes_) NextLine(false);
    NextLine(false);
    return number_;
  }
  uint64_t values() const { return values_; }

 private:
  void NextLine(bool overflows) {
    if (overflows) line_[kOverflows] = 1;
    const uint32_t sum = DamageSum(crypto::ByteSpan(line_, kSum), number_);
    std::memcpy(line_ + kSum, &sum, sizeof(sum));
    out_->Append(crypto::ByteSpan(line_, kLineSize));
    std::memset(line_, 0, kLineSize);
    ++number_;
  }
  FileWriter* out_;
  uint64_t homes_;
  uint64_t number_ = 0;
  uint64_t values_ = 0;
  uint8_t line_[kLineSize] = {};
};

struct Details {
  IndexName name;
  std::array<uint8_t, 8> check{};
  uint64_t homes = 1, lines = 0, values = 0, shared = 0;
  crypto::Digest shared_digest{};

  std::string Encode() const {
    crypto::ByteWriter writer;
    writer.Field(name.agreement_id).U32(name.epoch).Raw(name.label).Raw(check);
    writer.U64(homes).U64(lines).U64(values).U64(shared).Raw(shared_digest);
    return std::move(writer).str();
  }
  bool Decode(absl::string_view bytes) {
    crypto::ByteReader reader(crypto::AsBytes(bytes));
    name.agreement_id = std::string(crypto::AsText(reader.Field()));
    name.epoch = reader.U32();
    const crypto::ByteSpan label_bytes = reader.Raw(name.label.size());
    const crypto::ByteSpan check_bytes = reader.Raw(check.size());
    homes = reader.U64();
    lines = reader.U64();
    values = reader.U64();
    shared = reader.U64();
    const crypto::ByteSpan digest_bytes = reader.Raw(shared_digest.size());
    if (!reader.Finished()) return false;
    std::copy(label_bytes.begin(), label_bytes.end(), name.label.begin());
    std::copy(check_bytes.begin(), check_bytes.end(), check.begin());
    std::copy(digest_bytes.begin(), digest_bytes.end(), shared_digest.begin());
    return true;
  }
};

}  // namespace

IndexHasher::IndexHasher(const crypto::HmacKey& index_key, absl::string_view agreement_id,
                         uint32_t epoch)
    : key_([&] {
        crypto::ByteWriter writer;
        writer.Field("vouch-index/1").Field(agreement_id).U32(epoch);
        return index_key.Mac(writer.str());
      }()) {}

crypto::Digest IndexHasher::Mac(uint16_t label, const crypto::Token& token) const {
  const uint8_t number[2] = {static_cast<uint8_t>(label >> 8), static_cast<uint8_t>(label)};
  return key_.Mac(number, token);
}

std::array<uint8_t, 8> IndexHasher::check() const {
  const crypto::Digest digest = key_.Mac("vouch-index-check/1");
  std::array<uint8_t, 8> check;
  std::copy_n(digest.begin(), check.size(), check.begin());
  return check;
}

IndexValue ValueOf(const crypto::Digest& digest) {
  IndexValue value;
  std::copy_n(digest.begin(), value.size(), value.begin());
  return value;
}

absl::StatusOr<std::unique_ptr<TokenIndex>> TokenIndex::Open(const std::string& path,
                                                             const IndexHasher& hasher) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path, kIndexKind);
  if (!file.ok()) return file.status();
  Details details;
  const uint64_t size = file->body().size();
  if (!details.Decode(file->details()) || details.homes == 0 || details.lines < details.homes ||
      details.lines > size / kLineSize || details.shared > size / kStoredEntry ||
      details.lines * kLineSize + details.shared * kStoredEntry != size) {
    return absl::DataLossError(absl::StrCat(path, ": has a damaged header; build the index again"));
  }
  if (details.check != hasher.check()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": was built under another index.key, or for another agreement or epoch; "
                     "restore index.key or build the index again"));
  }
  auto index = std::unique_ptr<TokenIndex>(new TokenIndex());
  index->file_ = std::move(*file);
  const crypto::ByteSpan body = index->file_.body();
  madvise(const_cast<uint8_t*>(body.data() - reinterpret_cast<uintptr_t>(body.data()) % 4096),
          body.size(), MADV_RANDOM);
  index->name_ = std::move(details.name);
  index->lines_ = body.data();
  index->homes_ = details.homes;
  index->line_count_ = details.lines;
  index->values_ = details.values;
  index->shared_ = body.subspan(details.lines * kLineSize);
  index->shared_digest_ = details.shared_digest;
  return index;
}

void TokenIndex::Prefetch(const IndexValue& value) const {
  __builtin_prefetch(lines_ + HomeLine(value, homes_) * kLineSize);
}

IndexHit TokenIndex::Find(const IndexValue& value) const {
  IndexHit hit;
  for (uint64_t number = HomeLine(value, homes_); number < line_count_; ++number) {
    const uint8_t* line = lines_ + number * kLineSize;
    if (!SumFits(line, number)) {
      hit.damaged = true;
      return hit;
    }
    for (size_t slot = 0; slot < line[kCount]; ++slot) {
      if (std::memcmp(line + slot * kValueSize, value.data(), kValueSize) != 0) continue;
      std::memcpy(&hit.record, line + kRecords + slot * 4, 4);
      hit.kind = hit.record == kNoRecord ? IndexHit::Kind::kSeveral : IndexHit::Kind::kOne;
      hit.formed = line[kFormed + slot];
      return hit;
    }
    if (line[kOverflows] == 0) return hit;
  }
  return hit;
}

absl::Status TokenIndex::ForEach(const std::function<void(const IndexEntry&)>& visit) const {
  if (crypto::Sha256(shared_) != shared_digest_) {
    return absl::DataLossError("a token index is damaged; build it again");
  }
  for (uint64_t number = 0; number < line_count_; ++number) {
    const uint8_t* line = lines_ + number * kLineSize;
    if (!SumFits(line, number)) {
      return absl::DataLossError("a token index is damaged; build it again");
    }
    for (size_t slot = 0; slot < line[kCount]; ++slot) {
      IndexEntry entry;
      std::memcpy(entry.value.data(), line + slot * kValueSize, kValueSize);
      std::memcpy(&entry.record, line + kRecords + slot * 4, 4);
      entry.formed = line[kFormed + slot];
      if (entry.record != kNoRecord) visit(entry);
    }
  }
  for (size_t at = 0; at < shared_.size(); at += kStoredEntry) {
    IndexEntry entry;
    std::memcpy(&entry, shared_.data() + at, kStoredEntry);
    visit(entry);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TokenIndexBuilder>> TokenIndexBuilder::Create(
    const std::string& folder) {
  auto builder = std::unique_ptr<TokenIndexBuilder>(new TokenIndexBuilder(folder));
  for (size_t i = 0; i < kParts; ++i) {
    auto part = std::make_unique<Part>();
    const std::string path = absl::StrCat(folder, "/index-part.", i, ".new");
    part->file = Descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!part->file.ok()) return SystemError("cannot be created", path);
    unlink(path.c_str());  // gone with this process, however it ends
    builder->parts_.push_back(std::move(part));
  }
  return builder;
}

void TokenIndexBuilder::Add(absl::Span<const IndexEntry> entries) {
  std::array<std::string, kParts> sorted;
  for (const IndexEntry& entry : entries) {
    sorted[entry.value[0] / (256 / kParts)].append(reinterpret_cast<const char*>(&entry),
                                                   sizeof(entry));
  }
  for (size_t i = 0; i < kParts; ++i) {
    if (sorted[i].empty()) continue;
    Part& part = *parts_[i];
    const std::lock_guard<std::mutex> hold(part.lock);
    part.entries += sorted[i].size() / sizeof(IndexEntry);
    part.buffer += sorted[i];
    if (part.buffer.size() < kPartBuffer) continue;
    if (part.status.ok()) {
      part.status = WriteAll(part.file.number(), crypto::AsBytes(part.buffer), folder_);
    }
    part.buffer.clear();
  }
}

absl::StatusOr<std::vector<IndexEntry>> TokenIndexBuilder::Sorted(Part* part) {
  if (part->status.ok()) {
    part->status = WriteAll(part->file.number(), crypto::AsBytes(part->buffer), folder_);
  }
  if (!part->status.ok()) return part->status;
  part->buffer = std::string();
  std::vector<IndexEntry> entries(part->entries);
  auto* bytes = reinterpret_cast<uint8_t*>(entries.data());
  const size_t size = entries.size() * sizeof(IndexEntry);
  for (size_t at = 0; at < size;) {
    const ssize_t n = pread(part->file.number(), bytes + at, size - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SystemError("a temporary file cannot be read back", folder_);
    at += static_cast<size_t>(n);
  }
  part->file = Descriptor();
  std::sort(entries.begin(), entries.end(), [](const IndexEntry& a, const IndexEntry& b) {
    const int order = std::memcmp(a.value.data(), b.value.data(), kValueSize);
    return order != 0 ? order < 0 : a.record < b.record;
  });
  // One record may reach the same token by two spellings: that is one record still.
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const IndexEntry& a, const IndexEntry& b) {
                              return a.record == b.record && a.value == b.value;
                            }),
                entries.end());
  return entries;
}

absl::Status TokenIndexBuilder::Finish(const std::string& path, const IndexName& name,
                                       const IndexHasher& hasher) {
  Details details;
  details.name = name;
  details.check = hasher.check();
  uint64_t total = 0;
  for (const auto& part : parts_) total += part->entries;
  details.homes = std::max<uint64_t>(1, total / kFill);

  absl::StatusOr<FileWriter> out = FileWriter::Create(path, details.Encode().size());
  if (!out.ok()) return out.status();
  LineWriter lines(&*out, details.homes);
  std::vector<IndexEntry> shared;
  for (const auto& part : parts_) {
    absl::StatusOr<std::vector<IndexEntry>> entries = Sorted(part.get());
    if (!entries.ok()) return entries.status();
    for (size_t first = 0; first < entries->size();) {
      size_t last = first + 1;
      while (last < entries->size() && (*entries)[last].value == (*entries)[first].value) ++last;
      IndexEntry entry = (*entries)[first];
      if (last - first > 1) {
        shared.insert(shared.end(), entries->begin() + static_cast<ptrdiff_t>(first),
                      entries->begin() + static_cast<ptrdiff_t>(last));
        entry.record = kNoRecord;
        entry.formed = 0;
      }
      lines.Put(entry);
      first = last;
    }
  }
  details.lines = lines.Finish();
  details.values = lines.values();
  details.shared = shared.size();
  const crypto::ByteSpan shared_bytes(reinterpret_cast<const uint8_t*>(shared.data()),
                                      shared.size() * sizeof(IndexEntry));
  out->Append(shared_bytes);
  details.shared_digest = crypto::Sha256(shared_bytes);
  return out->Finish(kIndexKind, details.Encode());
}

}  // namespace vouch::server::records
