#include "server/ledger/entry_writer.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace vouch::server::ledger {

namespace {

using crypto::ByteReader;
using crypto::ByteSpan;
using crypto::ByteWriter;
using crypto::Digest;

// Of a group, the opening stands in the seal. Earlier nodes did not name K_period.
constexpr uint8_t kSealedUnnamed = 1;
constexpr uint8_t kSealedOfGroupUnnamed = 2;
constexpr uint8_t kSealed = 3;
constexpr uint8_t kSealedOfGroup = 4;
constexpr absl::string_view kReplayLabel = "vouch-replay/1";
// A seal key serves one entry and seals one message.
constexpr crypto::AeadNonce kSealNonce = {0};

using Nonce = std::array<uint8_t, 16>;

// Nonces are public, so one draw from the generator may serve many entries to come.
Nonce NextNonce() {
  thread_local std::array<Nonce, 256> drawn;
  thread_local size_t next = drawn.size();
  if (next == drawn.size()) {
    crypto::FillRandom(
        absl::MakeSpan(reinterpret_cast<uint8_t*>(drawn.data()), sizeof(Nonce) * drawn.size()));
    next = 0;
  }
  return drawn[next++];
}

Digest ReplayMask(const crypto::HmacKey& key, const Nonce& nonce, const Digest& request) {
  thread_local ByteWriter message;
  message.Clear();
  message.Field(kReplayLabel).Raw(nonce).Raw(request);
  return key.Mac(message.str());
}

Digest Xor(const Digest& a, ByteSpan b) {
  Digest out;
  for (size_t i = 0; i < out.size(); ++i) out[i] = a[i] ^ b[i];
  return out;
}

// What a seal is bound to; `key_id` is empty where K_period is not named.
ByteSpan Associated(ByteSpan key_id, absl::string_view entry) {
  thread_local ByteWriter bound;
  bound.Clear();
  return crypto::AsBytes(bound.Raw(key_id).Raw(crypto::AsBytes(entry)).str());
}

struct SealedParts {
  bool of_group = false;
  uint32_t replay_day = 0;
  ByteSpan key_id;  // empty when it is not named
  ByteSpan wrapped;
  ByteSpan box;
};

absl::StatusOr<SealedParts> ReadSealed(absl::string_view sealed) {
  ByteReader in(crypto::AsBytes(sealed));
  SealedParts parts;
  const uint8_t version = in.U8();
  const bool named = version == kSealed || version == kSealedOfGroup;
  parts.of_group = version == kSealedOfGroup || version == kSealedOfGroupUnnamed;
  parts.replay_day = in.U32();
  if (named) parts.key_id = in.Raw(sizeof(PeriodKeyId));
  parts.wrapped = in.Raw(sizeof(Digest));
  parts.box = in.Field();
  if (!in.Finished() || version < kSealedUnnamed || version > kSealedOfGroup) {
    return absl::DataLossError("sealed details are malformed");
  }
  return parts;
}

}  // namespace

absl::StatusOr<EntryKeys> EntryWriter::KeysFor(absl::string_view agreement_id,
                                               absl::Time now) const {
  EntryKeys keys;
  keys.tag_period = TagPeriodOf(now);
  keys.replay_day = DayOf(now);
  absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> tag =
      keys_->Tag(agreement_id, keys.tag_period, 0);
  if (!tag.ok()) return tag.status();
  absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> replay = keys_->Replay(keys.replay_day);
  if (!replay.ok()) return replay.status();
  keys.tag = *std::move(tag);
  keys.tag_id = PeriodKeyIdOf(*keys.tag);
  keys.replay = *std::move(replay);
  return keys;
}

namespace {

// What lies beside an entry. With `opening` of a group's commitment, which the slot's own key does
// not give.
std::string SealBeside(const EntryKeys& keys, const crypto::SubjectKey& key, const Nonce& nonce,
                       absl::string_view entry, absl::string_view details, const Digest& request,
                       const PrivateDetails& inner, const Digest* opening) {
  thread_local ByteWriter box;
  box.Clear();
  box.Field(details)
      .Raw(inner.person)
      .U8(inner.undetermined_reason)
      .U8(static_cast<uint8_t>(inner.matching_key));
  if (opening != nullptr) box.Raw(*opening);
  Digest seal_key = key.SealKey(nonce);
  ByteWriter sealed;
  sealed.Reserve(box.str().size() + 64);
  sealed.U8(opening == nullptr ? kSealed : kSealedOfGroup)
      .U32(keys.replay_day)
      .Raw(keys.tag_id)
      .Raw(Xor(ReplayMask(*keys.replay, nonce, request),
               ByteSpan(key.raw(crypto::RawSecretAccess{}))))
      .Field(crypto::Seal(seal_key, kSealNonce, Associated(keys.tag_id, entry),
                          crypto::AsBytes(box.str())));
  crypto::Wipe(absl::MakeSpan(seal_key));
  return std::move(sealed).str();
}

crypto::SubjectKey KeyOf(const EntryKeys& keys, const TaggedSubject& subject) {
  return crypto::SubjectKey(*keys.tag, subject.found, subject.person,
                            crypto::AsBytes(subject.tokens));
}

}  // namespace

WrittenEntry EntryWriter::Write(const EntryKeys& keys, EntryContent content, uint32_t minute) {
  crypto::SubjectEntry& entry = content.entry;
  entry.minute = minute;
  entry.tag_period = keys.tag_period;
  entry.nonce = NextNonce();
  const crypto::SubjectKey key = KeyOf(keys, content.subject);
  entry.tag = key.Tag(entry.nonce);

  WrittenEntry written;
  written.opening = key.Opening(entry.nonce);
  const std::string details = content.details.Bytes();
  entry.commitment = crypto::Commit(written.opening, details);
  written.entry = entry.Bytes();
  written.sealed = SealBeside(keys, key, entry.nonce, written.entry, details,
                              content.details.request, content.inner, nullptr);
  return written;
}

WrittenGroup EntryWriter::WriteGroup(const EntryKeys& keys, EntryContent content,
                                     absl::Span<const SlotContent> slots, uint32_t minute) {
  crypto::SubjectEntry& entry = content.entry;
  entry.minute = minute;
  entry.tag_period = keys.tag_period;
  const std::string details = content.details.Bytes();
  WrittenGroup written;
  written.slots.reserve(slots.size());
  for (const SlotContent& slot : slots) {
    entry.nonce = NextNonce();
    const crypto::SubjectKey key = KeyOf(keys, slot.subject);
    entry.tag = key.Tag(entry.nonce);
    if (written.slots.empty()) {
      written.opening = key.Opening(entry.nonce);
      entry.commitment = crypto::Commit(written.opening, details);
    }
    std::string bytes = entry.Bytes();
    std::string sealed = SealBeside(keys, key, entry.nonce, bytes, details, content.details.request,
                                    slot.inner, &written.opening);
    written.slots.push_back({std::move(bytes), std::move(sealed)});
  }
  return written;
}

absl::StatusOr<EntryWriter::Remembered> EntryWriter::Open(absl::string_view entry,
                                                          absl::string_view sealed,
                                                          const Digest& request) const {
  absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry);
  if (!read.ok()) return absl::DataLossError(read.status().message());
  absl::StatusOr<SealedParts> parts = ReadSealed(sealed);
  if (!parts.ok()) return parts.status();
  absl::StatusOr<std::shared_ptr<const crypto::HmacKey>> replay =
      keys_->Replay(parts->replay_day, /*create=*/false);
  if (!replay.ok()) return absl::FailedPreconditionError(replay.status().message());
  Digest raw = Xor(ReplayMask(**replay, read->nonce, request), parts->wrapped);
  const crypto::SubjectKey key(raw);
  crypto::Wipe(absl::MakeSpan(raw));
  absl::StatusOr<Opened> opened = OpenWith(key, entry, sealed);
  if (!opened.ok()) return opened.status();
  Remembered remembered;
  remembered.opening = opened->opening;
  remembered.entry = *std::move(read);
  remembered.details = std::move(opened->details);
  return remembered;
}

absl::StatusOr<EntryWriter::Opened> EntryWriter::OpenWith(const crypto::SubjectKey& key,
                                                          absl::string_view entry,
                                                          absl::string_view sealed) {
  absl::StatusOr<crypto::SubjectEntry> read = crypto::ReadSubjectEntry(entry);
  if (!read.ok()) return absl::DataLossError(read.status().message());
  absl::StatusOr<SealedParts> parts = ReadSealed(sealed);
  if (!parts.ok()) return parts.status();
  const Digest seal_key = key.SealKey(read->nonce);
  absl::StatusOr<std::string> box =
      crypto::Open(seal_key, kSealNonce, Associated(parts->key_id, entry), parts->box);
  if (!box.ok()) return absl::DataLossError("sealed details do not open with this key");
  ByteReader in(crypto::AsBytes(*box));
  Opened opened;
  absl::StatusOr<crypto::Details> details = crypto::ReadDetails(crypto::AsText(in.Field()));
  if (!details.ok()) return absl::DataLossError(details.status().message());
  opened.details = *std::move(details);
  ByteSpan person = in.Raw(sizeof(Digest));
  if (person.size() == sizeof(Digest)) {
    std::copy(person.begin(), person.end(), opened.inner.person.begin());
  }
  opened.inner.undetermined_reason = in.U8();
  opened.inner.matching_key = static_cast<int8_t>(in.U8());
  opened.opening = key.Opening(read->nonce);
  if (parts->of_group) {
    const ByteSpan opening = in.Raw(sizeof(Digest));
    if (opening.size() == sizeof(Digest)) {
      std::copy(opening.begin(), opening.end(), opened.opening.begin());
    }
  }
  if (!in.Finished()) return absl::DataLossError("sealed details are malformed");
  return opened;
}

bool EntryWriter::NamesAnotherKey(absl::string_view sealed, const PeriodKeyId& id) {
  const absl::StatusOr<SealedParts> parts = ReadSealed(sealed);
  return parts.ok() && !parts->key_id.empty() && parts->key_id != ByteSpan(id);
}

}  // namespace vouch::server::ledger
