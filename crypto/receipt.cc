#include "crypto/receipt.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"

namespace vouch::crypto {

namespace {

constexpr absl::string_view kRequestLabel = "vouch-request/1";
constexpr absl::string_view kDetailsLabel = "vouch-details/1";
constexpr absl::string_view kTagLabel = "vouch-tag/1";
constexpr absl::string_view kOpeningLabel = "vouch-opening/1";
constexpr absl::string_view kSealLabel = "vouch-seal/1";

ByteWriter StartEntry(EntryKind kind, uint32_t minute) {
  ByteWriter out;
  out.U8(kEntryVersion).U8(static_cast<uint8_t>(kind)).U32(minute);
  return out;
}

// HKDF-Expand's first block: HMAC(key, label || nonce || 01). Enough for 32 bytes.
Digest Expand(const HmacKey& key, absl::string_view label, const std::array<uint8_t, 16>& nonce) {
  std::array<uint8_t, 17> tail;
  std::copy(nonce.begin(), nonce.end(), tail.begin());
  tail[16] = 1;
  return key.Mac(AsBytes(label), tail);
}

template <size_t N>
void CopyRaw(ByteReader* in, std::array<uint8_t, N>* out) {
  ByteSpan raw = in->Raw(N);
  if (raw.size() == N) std::copy(raw.begin(), raw.end(), out->begin());
}

}  // namespace

std::string CanonicalParameters(std::vector<CanonicalParameter> parameters) {
  std::sort(
      parameters.begin(), parameters.end(),
      [](const CanonicalParameter& a, const CanonicalParameter& b) { return a.name < b.name; });
  ByteWriter out;
  out.U16(static_cast<uint16_t>(parameters.size()));
  for (const CanonicalParameter& parameter : parameters) {
    out.Field(parameter.name);
    if (parameter.is_number) {
      out.U8(1).U64(static_cast<uint64_t>(parameter.number));
    } else {
      out.U8(2).Field(parameter.code);
    }
  }
  return std::move(out).str();
}

Digest CanonicalRequest::Hash(ByteWriter* scratch) const {
  scratch->Clear();
  scratch->Field(kRequestLabel)
      .Raw(request_id)
      .U32(position)
      .Field(requester)
      .Field(agreement_id)
      .Field(agreement_digest)
      .Field(question)
      .Field(purpose)
      .U32(epoch)
      .Field(parameters)
      .U32(member_count)
      .Field(tokens)
      .Field(consents);
  return Sha256(scratch->str());
}

absl::StatusOr<CanonicalRequest> ReadCanonicalRequest(absl::string_view bytes) {
  ByteReader in(AsBytes(bytes));
  CanonicalRequest request;
  const bool labelled = AsText(in.Field()) == kRequestLabel;
  request.request_id = in.Raw(sizeof(RequestId));
  request.position = in.U32();
  request.requester = AsText(in.Field());
  request.agreement_id = AsText(in.Field());
  request.agreement_digest = in.Field();
  request.question = AsText(in.Field());
  request.purpose = AsText(in.Field());
  request.epoch = in.U32();
  request.parameters = AsText(in.Field());
  request.member_count = in.U32();
  request.tokens = in.Field();
  request.consents = in.Field();
  if (!labelled || !in.Finished()) {
    return absl::InvalidArgumentError("this is no canonical request");
  }
  return request;
}

std::string SubjectEntry::Bytes() const {
  ByteWriter out = StartEntry(kind, minute);
  out.Reserve(128 + requester.size() + agreement_id.size() + purpose.size() + question.size());
  out.U8(use)
      .ShortText(requester)
      .ShortText(agreement_id)
      .Raw(digest_prefix)
      .ShortText(purpose)
      .ShortText(question)
      .U32(tag_period)
      .U8(retention_class)
      .U8(reason)
      .Raw(nonce)
      .Raw(tag)
      .Raw(commitment);
  return std::move(out).str();
}

absl::StatusOr<SubjectEntry> ReadSubjectEntry(absl::string_view bytes) {
  ByteReader in(AsBytes(bytes));
  const uint8_t version = in.U8();
  SubjectEntry entry;
  entry.kind = static_cast<EntryKind>(in.U8());
  if (!in.ok() || version != kEntryVersion) {
    return absl::InvalidArgumentError("the ledger entry is not of version 1");
  }
  if (entry.kind != EntryKind::kAnswered && entry.kind != EntryKind::kRefused) {
    return absl::InvalidArgumentError("the ledger entry is not about a subject");
  }
  entry.minute = in.U32();
  entry.use = in.U8();
  entry.requester = std::string(in.ShortText());
  entry.agreement_id = std::string(in.ShortText());
  CopyRaw(&in, &entry.digest_prefix);
  entry.purpose = std::string(in.ShortText());
  entry.question = std::string(in.ShortText());
  entry.tag_period = in.U32();
  entry.retention_class = in.U8();
  entry.reason = in.U8();
  CopyRaw(&in, &entry.nonce);
  CopyRaw(&in, &entry.tag);
  CopyRaw(&in, &entry.commitment);
  if (!in.Finished()) return absl::InvalidArgumentError("the ledger entry is malformed");
  return entry;
}

absl::StatusOr<std::string> RequesterOf(absl::string_view entry) {
  ByteReader in(AsBytes(entry));
  const uint8_t version = in.U8();
  const uint8_t kind = in.U8();
  in.U32();
  if (!in.ok() || version != kEntryVersion || kind == 0 ||
      kind > static_cast<uint8_t>(EntryKind::kClockAcknowledged)) {
    return absl::InvalidArgumentError("the ledger entry is not of version 1");
  }
  std::string requester;
  switch (static_cast<EntryKind>(kind)) {
    case EntryKind::kAnswered:
    case EntryKind::kRefused:
      in.U8();
      requester = std::string(in.ShortText());
      break;
    case EntryKind::kCountedRefusals:
    case EntryKind::kCountedEvaluations:
      requester = std::string(in.ShortText());
      break;
    default:
      break;
  }
  if (!in.ok()) return absl::InvalidArgumentError("the ledger entry is malformed");
  return requester;
}

absl::StatusOr<uint32_t> MinuteOf(absl::string_view entry) {
  ByteReader in(AsBytes(entry));
  const uint8_t version = in.U8();
  in.U8();
  const uint32_t minute = in.U32();
  if (!in.ok() || version != kEntryVersion) {
    return absl::InvalidArgumentError("the ledger entry is not of version 1");
  }
  return minute;
}

std::string CountedRefusalsEntry(uint32_t minute, absl::string_view requester, uint8_t reason,
                                 uint32_t count) {
  ByteWriter out = StartEntry(EntryKind::kCountedRefusals, minute);
  out.ShortText(requester).U8(reason).U32(count);
  return std::move(out).str();
}

std::string CountedEvaluationsEntry(uint32_t minute, absl::string_view requester,
                                    absl::string_view agreement_id, uint32_t epoch,
                                    uint32_t count) {
  ByteWriter out = StartEntry(EntryKind::kCountedEvaluations, minute);
  out.ShortText(requester).ShortText(agreement_id).U32(epoch).U32(count);
  return std::move(out).str();
}

std::string AgreementAdoptedEntry(uint32_t minute, absl::string_view agreement_id,
                                  uint64_t revision, const Digest& digest,
                                  absl::Span<const std::string> signers) {
  ByteWriter out = StartEntry(EntryKind::kAgreementAdopted, minute);
  out.ShortText(agreement_id).U64(revision).Raw(digest).U8(static_cast<uint8_t>(signers.size()));
  for (const std::string& signer : signers) out.ShortText(signer);
  return std::move(out).str();
}

std::string AgreementStoppedEntry(uint32_t minute, const StoppedAgreement& stopped,
                                  absl::Span<const std::string> signers) {
  ByteWriter out = StartEntry(EntryKind::kAgreementStopped, minute);
  out.ShortText(stopped.agreement_id).ShortText(stopped.party).U8(stopped.lifted ? 2 : 1);
  out.U64(stopped.first_revision).U64(stopped.last_revision).U64(stopped.second);
  out.Raw(stopped.text).U8(static_cast<uint8_t>(signers.size()));
  for (const std::string& signer : signers) out.ShortText(signer);
  return std::move(out).str();
}

std::string EpochStatementEntry(uint32_t minute, absl::string_view agreement_id, uint32_t epoch,
                                const Digest& statement_digest) {
  ByteWriter out = StartEntry(EntryKind::kEpochStatement, minute);
  out.ShortText(agreement_id).U32(epoch).Raw(statement_digest);
  return std::move(out).str();
}

std::string ClockAcknowledgedEntry(uint32_t minute, int64_t seconds_changed) {
  ByteWriter out = StartEntry(EntryKind::kClockAcknowledged, minute);
  out.U64(static_cast<uint64_t>(seconds_changed));
  return std::move(out).str();
}

std::string Details::Bytes() const {
  ByteWriter out;
  out.U8(answer)
      .U8(why)
      .U32(static_cast<uint32_t>(data_as_of))
      .Raw(request)
      .Raw(request_id)
      .U32(position)
      .Field(parameters);
  return std::move(out).str();
}

absl::StatusOr<Details> ReadDetails(absl::string_view bytes) {
  ByteReader in(AsBytes(bytes));
  Details details;
  details.answer = in.U8();
  details.why = in.U8();
  details.data_as_of = static_cast<int32_t>(in.U32());
  CopyRaw(&in, &details.request);
  CopyRaw(&in, &details.request_id);
  details.position = in.U32();
  details.parameters = std::string(AsText(in.Field()));
  if (!in.Finished()) return absl::InvalidArgumentError("the sealed details are malformed");
  return details;
}

Digest Commit(const Digest& opening, absl::string_view details) {
  return HmacKey(ByteSpan(opening)).Mac(AsBytes(kDetailsLabel), AsBytes(details));
}

namespace {

Digest DeriveSubjectKey(const HmacKey& period_key, SubjectKey::Subject kind, ByteSpan subject) {
  const uint8_t label = static_cast<uint8_t>(kind);
  return period_key.Mac(ByteSpan(&label, 1), subject);
}

Digest DeriveEither(const HmacKey& period_key, bool found, const Digest& person, ByteSpan tokens) {
  Digest by_person = DeriveSubjectKey(period_key, SubjectKey::Subject::kPerson, person);
  Digest by_tokens = DeriveSubjectKey(period_key, SubjectKey::Subject::kTokens, tokens);
  const uint8_t mask = static_cast<uint8_t>(-static_cast<int>(found));
  Digest chosen;
  for (size_t i = 0; i < chosen.size(); ++i) {
    chosen[i] = static_cast<uint8_t>((by_person[i] & mask) | (by_tokens[i] & ~mask));
  }
  Wipe(absl::MakeSpan(by_person));
  Wipe(absl::MakeSpan(by_tokens));
  return chosen;
}

}  // namespace

SubjectKey::SubjectKey(const HmacKey& period_key, Subject kind, ByteSpan subject)
    : raw_(DeriveSubjectKey(period_key, kind, subject)), key_(ByteSpan(raw_)) {}

SubjectKey::SubjectKey(const HmacKey& period_key, bool found, const Digest& person, ByteSpan tokens)
    : raw_(DeriveEither(period_key, found, person, tokens)), key_(ByteSpan(raw_)) {}

SubjectKey::~SubjectKey() { Wipe(absl::MakeSpan(raw_)); }

std::array<uint8_t, 16> SubjectKey::Tag(const std::array<uint8_t, 16>& nonce) const {
  const Digest mac = key_.Mac(AsBytes(kTagLabel), nonce);
  std::array<uint8_t, 16> tag;
  std::copy_n(mac.begin(), tag.size(), tag.begin());
  return tag;
}

Digest SubjectKey::Opening(const std::array<uint8_t, 16>& nonce) const {
  return Expand(key_, kOpeningLabel, nonce);
}

Digest SubjectKey::SealKey(const std::array<uint8_t, 16>& nonce) const {
  return Expand(key_, kSealLabel, nonce);
}

}  // namespace vouch::crypto
