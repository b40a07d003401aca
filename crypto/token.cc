#include "crypto/token.h"

#include <utility>

namespace vouch::crypto {

namespace {

constexpr absl::string_view kStatementLabel = "vouch-epoch-statement/1";
constexpr absl::string_view kOprfKeyLabel = "vouch-oprf-key/1";
constexpr size_t kCompressedPointSize = 33;
// The last second of the year 9999, the last that every date format can write.
constexpr uint64_t kLastSecond = 253402300799;

absl::Status CheckFields(const EpochStatement& statement) {
  const auto bad = [](absl::string_view what) { return absl::InvalidArgumentError(what); };
  if (statement.agreement_id.empty()) return bad("the epoch statement names no agreement");
  if (statement.not_before >= statement.not_after) {
    return bad("the epoch statement ends before it begins");
  }
  switch (statement.kind) {
    case TokenKind::kBlind:
      if (!statement.asker.empty()) return bad("a blind epoch statement names an asker");
      if (statement.public_key.size() != kCompressedPointSize ||
          (statement.public_key[0] != 2 && statement.public_key[0] != 3)) {
        return bad("a blind epoch statement's public key is not a compressed point");
      }
      return absl::OkStatus();
    case TokenKind::kKeyedHash:
      if (statement.asker.empty()) return bad("a keyed-hash epoch statement names no asker");
      if (statement.public_key.size() != sizeof(Digest)) {
        return bad("a keyed-hash epoch statement's key digest is not 32 bytes");
      }
      return absl::OkStatus();
  }
  return bad("the epoch statement's token kind is unknown");
}

}  // namespace

std::string EpochStatement::Bytes() const {
  ByteWriter writer;
  writer.Field(kStatementLabel)
      .U8(static_cast<uint8_t>(kind))
      .Field(agreement_id)
      .U32(epoch)
      .Field(asker)
      .Field(public_key)
      .U64(static_cast<uint64_t>(absl::ToUnixSeconds(not_before)))
      .U64(static_cast<uint64_t>(absl::ToUnixSeconds(not_after)));
  return std::move(writer).str();
}

SignedStatement SignStatement(const EpochStatement& statement, const SigningKey& authority) {
  SignedStatement out;
  out.statement = statement.Bytes();
  out.signature = authority.Sign(AsBytes(out.statement));
  out.public_der = authority.PublicDer();
  return out;
}

absl::StatusOr<EpochStatement> OpenStatement(const SignedStatement& signed_statement,
                                             absl::string_view pinned) {
  if (KeyFingerprint(AsBytes(signed_statement.public_der)) != pinned) {
    return absl::PermissionDeniedError(
        "the epoch statement is signed by another key than the agreement's key authority");
  }
  if (!VerifySignature(AsBytes(signed_statement.public_der), AsBytes(signed_statement.statement),
                       AsBytes(signed_statement.signature))
           .ok()) {
    return absl::PermissionDeniedError("the epoch statement's signature does not verify");
  }
  ByteReader reader(AsBytes(signed_statement.statement));
  if (AsText(reader.Field()) != kStatementLabel) {
    return absl::InvalidArgumentError("the bytes are not an epoch statement of version 1");
  }
  EpochStatement statement;
  statement.kind = static_cast<TokenKind>(reader.U8());
  statement.agreement_id = std::string(AsText(reader.Field()));
  statement.epoch = reader.U32();
  statement.asker = std::string(AsText(reader.Field()));
  statement.public_key = std::string(AsText(reader.Field()));
  const uint64_t not_before = reader.U64();
  const uint64_t not_after = reader.U64();
  if (!reader.Finished() || not_before > kLastSecond || not_after > kLastSecond) {
    return absl::InvalidArgumentError("the epoch statement is malformed");
  }
  statement.not_before = absl::FromUnixSeconds(static_cast<int64_t>(not_before));
  statement.not_after = absl::FromUnixSeconds(static_cast<int64_t>(not_after));
  if (absl::Status checked = CheckFields(statement); !checked.ok()) return checked;
  return statement;
}

std::string OprfKeyInfo(absl::string_view agreement_id, uint32_t epoch) {
  ByteWriter writer;
  writer.Field(kOprfKeyLabel).Field(agreement_id).U32(epoch);
  return std::move(writer).str();
}

}  // namespace vouch::crypto
