#include "server/records/overlay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vouch::server::records {

namespace {

constexpr char kMagic[] = "VOUCHOVL\x00\x00\x00\x01";
constexpr size_t kMagicSize = sizeof(kMagic) - 1;
static_assert(kMagicSize == kOverlayHeader);
constexpr size_t kSumSize = 8;

std::string EncodeChange(const OverlayChange& change) {
  crypto::ByteWriter writer;
  writer.U8(change.deleted ? 2 : 1).Raw(change.person).U32(change.record).Field(change.row);
  EncodeSealed(change.identity, &writer);
  writer.U32(static_cast<uint32_t>(change.tokens.size()));
  for (const OverlayChange::Tokens& tokens : change.tokens) {
    writer.Field(tokens.agreement_id).U32(tokens.epoch).Raw(tokens.label).U8(tokens.formed);
    writer.U32(static_cast<uint32_t>(tokens.values.size()));
    for (const IndexValue& value : tokens.values) writer.Raw(value);
  }
  return std::move(writer).str();
}

absl::optional<OverlayChange> DecodeChange(crypto::ByteSpan bytes) {
  OverlayChange change;
  crypto::ByteReader reader(bytes);
  const uint8_t kind = reader.U8();
  change.deleted = kind == 2;
  const crypto::ByteSpan person = reader.Raw(change.person.size());
  std::copy(person.begin(), person.end(), change.person.begin());
  change.record = reader.U32();
  change.row = std::string(crypto::AsText(reader.Field()));
  change.identity = DecodeSealed(&reader);
  const uint32_t indexes = reader.U32();
  if (!reader.ok() || (kind != 1 && kind != 2) || indexes > reader.remaining()) return {};
  for (uint32_t i = 0; i < indexes; ++i) {
    OverlayChange::Tokens tokens;
    tokens.agreement_id = std::string(crypto::AsText(reader.Field()));
    tokens.epoch = reader.U32();
    const crypto::ByteSpan label = reader.Raw(tokens.label.size());
    std::copy(label.begin(), label.end(), tokens.label.begin());
    tokens.formed = reader.U8();
    const uint32_t values = reader.U32();
    if (!reader.ok() || values > reader.remaining() / sizeof(IndexValue)) return {};
    tokens.values.resize(values);
    for (IndexValue& value : tokens.values) {
      const crypto::ByteSpan raw = reader.Raw(value.size());
      std::copy(raw.begin(), raw.end(), value.begin());
    }
    change.tokens.push_back(std::move(tokens));
  }
  if (!reader.Finished()) return {};
  return change;
}

}  // namespace

const OverlayChange::Tokens* OverlayChange::FindTokens(absl::string_view agreement_id,
                                                       uint32_t epoch,
                                                       const crypto::Digest& label) const {
  for (const Tokens& one : tokens) {
    if (one.agreement_id == agreement_id && one.epoch == epoch && one.label == label) return &one;
  }
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const Overlay>> Overlay::Read(const std::string& path) {
  auto overlay = std::shared_ptr<Overlay>(new Overlay());
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::shared_ptr<const Overlay>(std::move(overlay));
  const std::string log((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const absl::string_view magic(kMagic, kMagicSize);
  if (log.size() < kMagicSize) {
    if (!absl::StartsWith(magic, log))
      return absl::DataLossError(absl::StrCat(path, ": is damaged"));
    return std::shared_ptr<const Overlay>(std::move(overlay));
  }
  if (!absl::StartsWith(log, magic)) {
    return absl::DataLossError(absl::StrCat(path, ": is damaged, or of a newer version"));
  }
  crypto::ByteReader reader(crypto::AsBytes(log).subspan(kMagicSize));
  overlay->log_size_ = kMagicSize;
  while (reader.remaining() > 0) {
    const crypto::ByteSpan sum = reader.Raw(kSumSize);
    const crypto::ByteSpan payload = reader.Field();
    if (!reader.ok()) break;  // cut short: the append was never acknowledged
    const crypto::Digest digest = crypto::Sha256(payload);
    const bool fits = std::equal(sum.begin(), sum.end(), digest.begin());
    if (!fits && reader.remaining() == 0) break;  // written in part: the same
    absl::optional<OverlayChange> change;
    if (fits) change = DecodeChange(payload);
    if (!change.has_value()) {
      return absl::DataLossError(
          absl::StrCat(path, ": is damaged; restore it from a backup or load the records again"));
    }
    overlay->Apply(std::move(*change));
    overlay->log_size_ = log.size() - reader.remaining();
  }
  overlay->BuildParts();
  return std::shared_ptr<const Overlay>(std::move(overlay));
}

void Overlay::Apply(OverlayChange change) {
  const uint32_t record = change.record;
  changes_[record] = std::move(change);
}

void Overlay::BuildParts() {
  for (const auto& [record, change] : changes_) {
    for (const OverlayChange::Tokens& tokens : change.tokens) {
      const IndexName name{tokens.agreement_id, tokens.epoch, tokens.label};
      auto* part = const_cast<IndexPart*>(PartFor(name));
      if (part == nullptr) {
        parts_.push_back(std::make_unique<IndexPart>());
        part = parts_.back().get();
        part->name = name;
      }
      for (const IndexValue& value : tokens.values) {
        auto& records = part->records[value];
        if (std::find(records.begin(), records.end(), record) == records.end()) {
          records.push_back(record);
        }
      }
    }
  }
}

const OverlayChange* Overlay::Find(uint32_t record) const {
  const auto found = changes_.find(record);
  return found == changes_.end() ? nullptr : &found->second;
}

const Overlay::IndexPart* Overlay::PartFor(const IndexName& name) const {
  for (const auto& part : parts_) {
    if (part->name.agreement_id == name.agreement_id && part->name.epoch == name.epoch &&
        part->name.label == name.label) {
      return part.get();
    }
  }
  return nullptr;
}

absl::StatusOr<OverlayLog> OverlayLog::Open(const std::string& path) {
  const absl::StatusOr<std::shared_ptr<const Overlay>> whole = Overlay::Read(path);
  if (!whole.ok()) return whole.status();
  const auto size = static_cast<off_t>((*whole)->log_size());
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.ok()) return SystemError("cannot be opened", path);
  if (ftruncate(file.number(), size) != 0 || lseek(file.number(), 0, SEEK_END) < 0) {
    return SystemError("cannot be written", path);
  }
  if (size == 0) {
    const absl::string_view magic(kMagic, kMagicSize);
    if (absl::Status s = WriteAll(file.number(), crypto::AsBytes(magic), path); !s.ok()) return s;
  }
  if (fsync(file.number()) != 0) return SystemError("cannot be synced", path);
  if (absl::Status s = SyncFolder(path.substr(0, path.rfind('/'))); !s.ok()) return s;
  return OverlayLog(path, std::move(file),
                    std::max<uint64_t>(static_cast<uint64_t>(size), kMagicSize));
}

absl::Status OverlayLog::Append(absl::Span<const OverlayChange> changes) {
  crypto::ByteWriter writer;
  for (const OverlayChange& change : changes) {
    const std::string payload = EncodeChange(change);
    const crypto::Digest digest = crypto::Sha256(payload);
    writer.Raw(crypto::ByteSpan(digest).subspan(0, kSumSize)).Field(payload);
  }
  absl::Status written = WriteAll(file_.number(), crypto::AsBytes(writer.str()), path_);
  if (written.ok() && fdatasync(file_.number()) != 0) {
    written = SystemError("cannot be synced", path_);
  }
  if (!written.ok()) {
    // What was not acknowledged must not lie before what will be.
    if (ftruncate(file_.number(), static_cast<off_t>(size_)) != 0 ||
        lseek(file_.number(), 0, SEEK_END) < 0) {
      return SystemError("cannot be cut back after a failed append", path_);
    }
    return written;
  }
  size_ += writer.str().size();
  return absl::OkStatus();
}

}  // namespace vouch::server::records
