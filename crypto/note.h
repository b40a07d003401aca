// Signed notes (c2sp.org/signed-note): a text, and lines of signatures over it that public tools
// verify. docs/ledger.md gives every byte.
#ifndef VOUCH_CRYPTO_NOTE_H_
#define VOUCH_CRYPTO_NOTE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/keys.h"

namespace vouch::crypto {

// The signature types known here. A key of one type is another key under another type.
enum class NoteKeyType : uint8_t {
  kEd25519 = 0x01,
  kEcdsaP256 = 0x02,    // DER over SHA-256 of the text
  kCosignature = 0x04,  // Ed25519 over a time and the text (c2sp.org/tlog-cosignature)
};

// Larger notes, and notes with more signature lines, are refused unread.
inline constexpr size_t kLargestNote = 256 << 10;
inline constexpr size_t kMostNoteSignatures = 64;

// Not empty, UTF-8, at most 255 bytes, no white space (Unicode's), no '+', no control character.
bool IsNoteKeyName(absl::string_view name);

// One signature line of a note, as it stands there.
struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string bytes;  // what follows the key id; a cosignature's begin with its time

  // "— name base64(key id || bytes)\n".
  std::string Line() const;
};

// A key that notes are verified with: "name+hex8(key id)+base64(type || public key)". Copies share
// the key. Thread-safe.
class NoteVerifier {
 public:
  // InvalidArgument for another type, a key id that does not fit, or anything malformed.
  static absl::StatusOr<NoteVerifier> Parse(absl::string_view verifier_key);
  // `public_der` is a SubjectPublicKeyInfo: Ed25519 or P-256, as the type asks.
  static absl::StatusOr<NoteVerifier> From(absl::string_view name, NoteKeyType type,
                                           ByteSpan public_der);

  // The same key under another name: a log's key signs those of all years.
  absl::StatusOr<NoteVerifier> Named(absl::string_view name) const;

  const std::string& name() const { return name_; }
  NoteKeyType type() const { return type_; }
  uint32_t key_id() const { return key_id_; }
  // The verifier key as Parse reads it.
  std::string ToString() const;

  // InvalidArgument unless `signature` is this key's over `text`. Name and key id are not looked
  // at.
  absl::Status Verify(absl::string_view text, absl::string_view signature) const;

 private:
  NoteVerifier() = default;

  std::string name_;
  NoteKeyType type_ = NoteKeyType::kEd25519;
  uint32_t key_id_ = 0;
  std::string encoded_key_;  // 32 bytes of Ed25519, or a SubjectPublicKeyInfo
  std::shared_ptr<const PublicKey> key_;
};

// Signs notes under a name. Thread-safe.
class NoteSigner {
 public:
  // A log's or an agency's own signatures: kEd25519 or kEcdsaP256, as the key is. InvalidArgument
  // for a bad name or an RSA key.
  static absl::StatusOr<NoteSigner> Make(absl::string_view name,
                                         std::shared_ptr<const SigningKey> key);
  // Cosignatures; an Ed25519 key only. The format does not sign the name: one key, one witness.
  static absl::StatusOr<NoteSigner> MakeCosigner(absl::string_view name,
                                                 std::shared_ptr<const SigningKey> key);

  const NoteVerifier& verifier() const { return verifier_; }
  // InvalidArgument for a text that may not be signed (see ReadNote), and for a cosigner, who
  // signs with CosignNote only.
  absl::StatusOr<NoteSignature> SignNote(absl::string_view text) const;
  // `seconds` since 1970. InvalidArgument also for a signer that is no cosigner.
  absl::StatusOr<NoteSignature> CosignNote(absl::string_view text, uint64_t seconds) const;

 private:
  NoteSigner(NoteVerifier verifier, std::shared_ptr<const SigningKey> key)
      : verifier_(std::move(verifier)), key_(std::move(key)) {}

  NoteVerifier verifier_;
  std::shared_ptr<const SigningKey> key_;
};

// A note taken apart. Nothing in it is true before a signature was verified.
struct SignedNote {
  std::string text;  // ends in a newline
  std::vector<NoteSignature> signatures;

  std::string ToString() const;
};
// InvalidArgument for anything but: text, a blank line, one or more signature lines; UTF-8 without
// control characters but newlines; canonical base64; at most kLargestNote bytes and
// kMostNoteSignatures lines.
absl::StatusOr<SignedNote> ReadNote(absl::string_view note);

struct VerifiedSignature {
  size_t verifier = 0;   // which of those handed in
  uint64_t seconds = 0;  // of a cosignature: since 1970; otherwise 0
};
struct VerifiedNote {
  std::string text;
  std::vector<VerifiedSignature> by;  // at least one, in the order of the lines
  SignedNote note;                    // with the lines of unknown keys as well
};
// Reads a note and verifies the signatures of `known` keys; others are ignored. InvalidArgument for
// a malformed note, a known key whose signature does not verify, and a known key that signs twice.
// PermissionDenied when no known key signed it.
absl::StatusOr<VerifiedNote> OpenNote(absl::string_view note, absl::Span<const NoteVerifier> known);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_NOTE_H_
