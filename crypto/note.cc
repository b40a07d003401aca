#include "crypto/note.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "crypto/base64.h"
#include "crypto/digest.h"

namespace vouch::crypto {

namespace {

constexpr absl::string_view kDash = "\xe2\x80\x94 ";  // U+2014 and a space
constexpr size_t kKeyIdSize = 4;
constexpr size_t kTimeSize = 8;
constexpr size_t kLongestName = 255;
constexpr size_t kEd25519Size = 32;
constexpr size_t kEd25519SignatureSize = 64;
// SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410).
constexpr uint8_t kEd25519Der[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
// And of a P-256 key up to its point (RFC 5480).
constexpr uint8_t kP256Der[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the note is malformed: ", what));
}

// Calls `visit` for every code point; false when the text is not UTF-8 or `visit` says so.
template <typename Visit>
bool ForEachCodePoint(absl::string_view text, const Visit& visit) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;) {
    UChar32 point = 0;
    U8_NEXT(bytes, at, size, point);
    if (point < 0 || !visit(point)) return false;
  }
  return true;
}

bool IsPlainText(absl::string_view text) {
  return ForEachCodePoint(text, [](UChar32 point) { return point >= 0x20 || point == '\n'; });
}

bool BeginsWith(absl::string_view der, ByteSpan prefix) {
  return der.substr(0, prefix.size()) == AsText(prefix);
}

uint32_t FirstFour(const Digest& digest) {
  ByteReader reader{ByteSpan(digest)};
  return reader.U32();
}

uint32_t KeyIdOf(absl::string_view name, NoteKeyType type, absl::string_view encoded_key) {
  if (type == NoteKeyType::kEcdsaP256) return FirstFour(Sha256(encoded_key));
  return FirstFour(
      Sha256(absl::StrCat(name, "\n", std::string(1, static_cast<char>(type)), encoded_key)));
}

std::string HexId(uint32_t key_id) {
  ByteWriter writer;
  writer.U32(key_id);
  return Hex(AsBytes(writer.str()));
}

std::string CosignedText(absl::string_view text, uint64_t seconds) {
  return absl::StrCat("cosignature/v1\ntime ", seconds, "\n", text);
}

absl::Status CheckText(absl::string_view text) {
  if (text.empty() || text.back() != '\n') return Malformed("its text must end in a newline");
  if (text.size() > kLargestNote) return Malformed("it is too large");
  if (!IsPlainText(text)) return Malformed("its text must be UTF-8 without control characters");
  return absl::OkStatus();
}

absl::StatusOr<NoteSignature> ReadLine(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, kDash)) return Malformed("a signature line begins otherwise");
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return Malformed("a signature line lacks a part");
  NoteSignature signature;
  signature.name = std::string(line.substr(0, space));
  if (!IsNoteKeyName(signature.name)) return Malformed("a signature has no proper name");
  std::string bytes;
  if (!FromBase64(line.substr(space + 1), &bytes) || bytes.size() <= kKeyIdSize) {
    return Malformed("a signature is not canonical base64");
  }
  ByteReader reader(AsBytes(bytes));
  signature.key_id = reader.U32();
  signature.bytes = bytes.substr(kKeyIdSize);
  return signature;
}

}  // namespace

bool IsNoteKeyName(absl::string_view name) {
  return !name.empty() && name.size() <= kLongestName && ForEachCodePoint(name, [](UChar32 point) {
    return point >= 0x20 && point != '+' && u_isUWhiteSpace(point) == 0;
  });
}

std::string NoteSignature::Line() const {
  ByteWriter writer;
  writer.U32(key_id).Raw(AsBytes(bytes));
  return absl::StrCat(kDash, name, " ", Base64(AsBytes(writer.str())), "\n");
}

absl::StatusOr<NoteVerifier> NoteVerifier::From(absl::string_view name, NoteKeyType type,
                                                ByteSpan public_der) {
  if (!IsNoteKeyName(name)) {
    return absl::InvalidArgumentError(
        "a note key's name must not be empty and hold neither white space nor '+'");
  }
  absl::StatusOr<PublicKey> key = PublicKey::FromDer(public_der);
  if (!key.ok()) return key.status();
  const absl::string_view der = AsText(public_der);
  const bool ecdsa = type == NoteKeyType::kEcdsaP256;
  if (!BeginsWith(der, ecdsa ? ByteSpan(kP256Der) : ByteSpan(kEd25519Der))) {
    return absl::InvalidArgumentError("the public key is of another kind than its note key type");
  }
  NoteVerifier verifier;
  verifier.name_ = std::string(name);
  verifier.type_ = type;
  verifier.encoded_key_ = std::string(ecdsa ? der : der.substr(sizeof(kEd25519Der)));
  verifier.key_id_ = KeyIdOf(name, type, verifier.encoded_key_);
  verifier.key_ = std::make_shared<const PublicKey>(*std::move(key));
  return verifier;
}

absl::StatusOr<NoteVerifier> NoteVerifier::Named(absl::string_view name) const {
  if (!IsNoteKeyName(name)) {
    return absl::InvalidArgumentError(
        "a note key's name must not be empty and hold neither white space nor '+'");
  }
  NoteVerifier other = *this;
  other.name_ = std::string(name);
  other.key_id_ = KeyIdOf(name, type_, encoded_key_);
  return other;
}

absl::StatusOr<NoteVerifier> NoteVerifier::Parse(absl::string_view verifier_key) {
  const absl::Status malformed = absl::InvalidArgumentError(
      "a verifier key has the form name+hash+key: the name, 8 hexadecimal digits, and base64");
  const size_t first = verifier_key.find('+');
  if (first == absl::string_view::npos) return malformed;
  const size_t second = verifier_key.find('+', first + 1);
  if (second != first + 1 + 2 * kKeyIdSize || verifier_key.size() > kLargestNote) return malformed;
  std::string typed;
  if (!FromBase64(verifier_key.substr(second + 1), &typed) || typed.size() < 2) return malformed;
  const auto type = static_cast<NoteKeyType>(typed[0]);
  std::string der = typed.substr(1);
  switch (type) {
    case NoteKeyType::kEd25519:
    case NoteKeyType::kCosignature:
      if (der.size() != kEd25519Size) return malformed;
      der.insert(0, AsText(kEd25519Der).data(), sizeof(kEd25519Der));
      break;
    case NoteKeyType::kEcdsaP256:
      break;
    default:
      return absl::InvalidArgumentError("the verifier key is of a type not known here");
  }
  absl::StatusOr<NoteVerifier> verifier = From(verifier_key.substr(0, first), type, AsBytes(der));
  if (!verifier.ok()) return verifier.status();
  if (HexId(verifier->key_id_) != verifier_key.substr(first + 1, 2 * kKeyIdSize)) {
    return absl::InvalidArgumentError("the verifier key's hash is not that of its name and key");
  }
  return verifier;
}

std::string NoteVerifier::ToString() const {
  return absl::StrCat(
      name_, "+", HexId(key_id_), "+",
      Base64(AsBytes(absl::StrCat(std::string(1, static_cast<char>(type_)), encoded_key_))));
}

absl::Status NoteVerifier::Verify(absl::string_view text, absl::string_view signature) const {
  if (type_ != NoteKeyType::kCosignature) return key_->Verify(AsBytes(text), AsBytes(signature));
  ByteReader reader(AsBytes(signature));
  const uint64_t seconds = reader.U64();
  if (!reader.ok() || reader.remaining() != kEd25519SignatureSize || seconds > INT64_MAX) {
    return absl::InvalidArgumentError("the cosignature is malformed");
  }
  return key_->Verify(AsBytes(CosignedText(text, seconds)), AsBytes(signature.substr(kTimeSize)));
}

absl::StatusOr<NoteSigner> NoteSigner::Make(absl::string_view name,
                                            std::shared_ptr<const SigningKey> key) {
  const NoteKeyType type =
      key->kind() == KeyKind::kP256 ? NoteKeyType::kEcdsaP256 : NoteKeyType::kEd25519;
  const std::string der = key->PublicDer();
  absl::StatusOr<NoteVerifier> verifier = NoteVerifier::From(name, type, AsBytes(der));
  if (!verifier.ok()) return verifier.status();
  return NoteSigner(*std::move(verifier), std::move(key));
}

absl::StatusOr<NoteSigner> NoteSigner::MakeCosigner(absl::string_view name,
                                                    std::shared_ptr<const SigningKey> key) {
  const std::string der = key->PublicDer();
  absl::StatusOr<NoteVerifier> verifier =
      NoteVerifier::From(name, NoteKeyType::kCosignature, AsBytes(der));
  if (!verifier.ok()) return verifier.status();
  return NoteSigner(*std::move(verifier), std::move(key));
}

absl::StatusOr<NoteSignature> NoteSigner::SignNote(absl::string_view text) const {
  if (verifier_.type() == NoteKeyType::kCosignature) {
    return absl::InvalidArgumentError("a cosigner's signature carries a time");
  }
  if (absl::Status status = CheckText(text); !status.ok()) return status;
  return NoteSignature{verifier_.name(), verifier_.key_id(), key_->Sign(AsBytes(text))};
}

absl::StatusOr<NoteSignature> NoteSigner::CosignNote(absl::string_view text,
                                                     uint64_t seconds) const {
  if (verifier_.type() != NoteKeyType::kCosignature || seconds > INT64_MAX) {
    return absl::InvalidArgumentError("this signer makes no cosignatures");
  }
  if (absl::Status status = CheckText(text); !status.ok()) return status;
  ByteWriter writer;
  writer.U64(seconds).Raw(AsBytes(key_->Sign(AsBytes(CosignedText(text, seconds)))));
  return NoteSignature{verifier_.name(), verifier_.key_id(), std::move(writer).str()};
}

std::string SignedNote::ToString() const {
  std::string out = absl::StrCat(text, "\n");
  for (const NoteSignature& signature : signatures) absl::StrAppend(&out, signature.Line());
  return out;
}

absl::StatusOr<SignedNote> ReadNote(absl::string_view note) {
  if (note.size() > kLargestNote) return Malformed("it is too large");
  if (!IsPlainText(note)) return Malformed("it must be UTF-8 without control characters");
  const size_t blank = note.rfind("\n\n");
  if (blank == absl::string_view::npos) return Malformed("no blank line before the signatures");
  SignedNote read;
  read.text = std::string(note.substr(0, blank + 1));
  absl::string_view rest = note.substr(blank + 2);
  if (rest.empty() || rest.back() != '\n') return Malformed("it must end in signature lines");
  while (!rest.empty()) {
    if (read.signatures.size() == kMostNoteSignatures) return Malformed("too many signatures");
    const size_t end = rest.find('\n');
    absl::StatusOr<NoteSignature> signature = ReadLine(rest.substr(0, end));
    if (!signature.ok()) return signature.status();
    read.signatures.push_back(*std::move(signature));
    rest.remove_prefix(end + 1);
  }
  return read;
}

absl::StatusOr<VerifiedNote> OpenNote(absl::string_view note,
                                      absl::Span<const NoteVerifier> known) {
  absl::StatusOr<SignedNote> read = ReadNote(note);
  if (!read.ok()) return read.status();
  VerifiedNote verified;
  for (const NoteSignature& signature : read->signatures) {
    for (size_t i = 0; i < known.size(); ++i) {
      const NoteVerifier& key = known[i];
      if (key.key_id() != signature.key_id || key.name() != signature.name) continue;
      if (std::any_of(verified.by.begin(), verified.by.end(),
                      [i](const VerifiedSignature& other) { return other.verifier == i; })) {
        return absl::InvalidArgumentError(
            absl::StrCat("the note is signed twice by the same key of ", key.name()));
      }
      if (!key.Verify(read->text, signature.bytes).ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat("the note's signature by ", key.name(), " does not verify"));
      }
      uint64_t seconds = 0;
      if (key.type() == NoteKeyType::kCosignature) {
        ByteReader reader(AsBytes(signature.bytes));
        seconds = reader.U64();
      }
      verified.by.push_back({i, seconds});
    }
  }
  if (verified.by.empty()) {
    return absl::PermissionDeniedError("none of the keys known here has signed the note");
  }
  verified.text = read->text;
  verified.note = *std::move(read);
  return verified;
}

}  // namespace vouch::crypto
