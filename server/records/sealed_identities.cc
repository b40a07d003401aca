#include "server/records/sealed_identities.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace vouch::server::records {

namespace {

constexpr FileKind kIdentitiesKind{"VOUCHIDS", 1};
// The key is used for one message, so the nonce says only what the message is.
constexpr crypto::AeadNonce kNonce = {'v', 'o', 'u', 'c', 'h', '-', 'i', 'd', 'e', 'n', 't', '1'};

crypto::Digest RecordKey(const crypto::HmacKey& identity_key, const PersonHandle& person,
                         uint64_t version) {
  crypto::ByteWriter tail;
  tail.U64(version);
  return identity_key.Mac(person, crypto::AsBytes(tail.str()));
}

std::string Associated(const PersonHandle& person, const SealedIdentity& sealed) {
  crypto::ByteWriter writer;
  writer.Raw(person).U32(sealed.attributes).U64(sealed.version);
  return std::move(writer).str();
}

absl::Status Unopened() {
  return absl::DataLossError(
      "an identity does not open: it was damaged or moved, or identity.key is another");
}

std::string UseDetails(crypto::IdentityUse use) { return std::string(1, static_cast<char>(use)); }

}  // namespace

SealedIdentity SealIdentity(const crypto::HmacKey& identity_key, const PersonHandle& person,
                            uint64_t version, const crypto::Identity& identity) {
  SealedIdentity sealed;
  sealed.version = version;
  crypto::ByteWriter writer;
  for (const auto& [attribute, values] : identity.values) {
    if (values.empty()) continue;
    sealed.attributes |= 1u << static_cast<uint8_t>(attribute);
    writer.U8(static_cast<uint8_t>(attribute)).U16(static_cast<uint16_t>(values.size()));
    for (const std::string& value : values) writer.Field(value);
  }
  std::string plain = std::move(writer).str();
  crypto::Digest key = RecordKey(identity_key, person, version);
  sealed.sealed = crypto::Seal(key, kNonce, crypto::AsBytes(Associated(person, sealed)),
                               crypto::AsBytes(plain));
  crypto::Wipe(absl::MakeSpan(key));
  crypto::Wipe(&plain);
  return sealed;
}

absl::StatusOr<crypto::Identity> OpenIdentity(const crypto::HmacKey& identity_key,
                                              const PersonHandle& person,
                                              const SealedIdentity& sealed) {
  crypto::Digest key = RecordKey(identity_key, person, sealed.version);
  absl::StatusOr<std::string> plain = crypto::Open(
      key, kNonce, crypto::AsBytes(Associated(person, sealed)), crypto::AsBytes(sealed.sealed));
  crypto::Wipe(absl::MakeSpan(key));
  if (!plain.ok()) return Unopened();
  crypto::Identity identity;
  crypto::ByteReader reader(crypto::AsBytes(*plain));
  while (reader.ok() && !reader.Finished()) {
    const auto attribute = static_cast<crypto::Attribute>(reader.U8());
    const uint16_t count = reader.U16();
    for (uint16_t i = 0; i < count && reader.ok(); ++i) {
      identity.Add(attribute, crypto::AsText(reader.Field()));
    }
  }
  const bool whole = reader.Finished();
  crypto::Wipe(&*plain);
  if (!whole) return Unopened();
  return identity;
}

uint64_t NewSealVersion() {
  uint64_t version = 0;
  crypto::FillRandom(absl::Span<uint8_t>(reinterpret_cast<uint8_t*>(&version), sizeof(version)));
  return version;
}

void EncodeSealed(const SealedIdentity& sealed, crypto::ByteWriter* writer) {
  writer->U64(sealed.version).U32(sealed.attributes).Field(sealed.sealed);
}

SealedIdentity DecodeSealed(crypto::ByteReader* reader) {
  SealedIdentity sealed;
  sealed.version = reader->U64();
  sealed.attributes = reader->U32();
  sealed.sealed = std::string(crypto::AsText(reader->Field()));
  return sealed;
}

absl::StatusOr<std::unique_ptr<IdentitiesFile>> IdentitiesFile::Open(const std::string& path) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path, kIdentitiesKind);
  if (!file.ok()) return file.status();
  if (file->details() != UseDetails(crypto::IdentityUse::kLive) &&
      file->details() != UseDetails(crypto::IdentityUse::kTest)) {
    return absl::DataLossError(absl::StrCat(path, ": has a damaged header"));
  }
  auto identities = std::unique_ptr<IdentitiesFile>(new IdentitiesFile());
  identities->use_ = static_cast<crypto::IdentityUse>(file->details()[0]);
  identities->file_ = std::move(*file);
  return identities;
}

absl::StatusOr<bool> IdentitiesFile::Next(uint64_t* offset, uint32_t* record,
                                          SealedIdentity* sealed) const {
  const crypto::ByteSpan body = file_.body();
  if (*offset >= body.size()) return false;
  crypto::ByteReader reader(body.subspan(*offset));
  *record = reader.U32();
  *sealed = DecodeSealed(&reader);
  if (!reader.ok()) return absl::DataLossError("the sealed identities are damaged");
  *offset = body.size() - reader.remaining();
  return true;
}

absl::StatusOr<IdentitiesWriter> IdentitiesWriter::Create(const std::string& path,
                                                          crypto::IdentityUse use) {
  absl::StatusOr<FileWriter> file = FileWriter::Create(path, UseDetails(use).size());
  if (!file.ok()) return file.status();
  return IdentitiesWriter(std::move(*file), use);
}

void IdentitiesWriter::Append(uint32_t record, const SealedIdentity& sealed) {
  crypto::ByteWriter writer;
  writer.U32(record);
  EncodeSealed(sealed, &writer);
  file_.Append(crypto::AsBytes(writer.str()));
}

absl::Status IdentitiesWriter::Finish() { return file_.Finish(kIdentitiesKind, UseDetails(use_)); }

}  // namespace vouch::server::records
