#include "crypto/checkpoint.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "crypto/base64.h"

namespace vouch::crypto {

namespace {

constexpr absl::string_view kProofHeader = "c2sp.org/tlog-proof@v1";
constexpr size_t kMostProofHashes = 63;
constexpr size_t kLargestProofFile = size_t{1} << 20;

// Takes the next line off `text`; false when no newline is left.
bool TakeLine(absl::string_view* text, absl::string_view* line) {
  const size_t end = text->find('\n');
  if (end == absl::string_view::npos) return false;
  *line = text->substr(0, end);
  text->remove_prefix(end + 1);
  return true;
}

// Decimal without leading zeros.
bool ReadNumber(absl::string_view text, uint64_t* number) {
  return absl::SimpleAtoi(text, number) && absl::StrCat(*number) == text;
}

}  // namespace

std::string Checkpoint::Text() const {
  return absl::StrCat(origin, "\n", size, "\n", Base64(root), "\n");
}

bool operator==(const Checkpoint& a, const Checkpoint& b) {
  return a.origin == b.origin && a.size == b.size && a.root == b.root;
}

absl::StatusOr<Checkpoint> ReadCheckpoint(absl::string_view text) {
  const absl::Status malformed = absl::InvalidArgumentError(
      "a checkpoint must be three lines: the log's origin, its size in decimal, and its root hash "
      "in base64");
  Checkpoint checkpoint;
  absl::string_view origin;
  absl::string_view size;
  absl::string_view root;
  if (!TakeLine(&text, &origin) || !TakeLine(&text, &size) || !TakeLine(&text, &root) ||
      !text.empty() || !IsNoteKeyName(origin) || !ReadNumber(size, &checkpoint.size) ||
      checkpoint.size > kLargestTree || !FromBase64(root, &checkpoint.root)) {
    return malformed;
  }
  if (checkpoint.size == 0 && checkpoint.root != EmptyRoot()) return malformed;
  checkpoint.origin = std::string(origin);
  return checkpoint;
}

absl::StatusOr<VerifiedCheckpoint> OpenCheckpoint(absl::string_view note,
                                                  absl::Span<const NoteVerifier> known) {
  absl::StatusOr<VerifiedNote> opened = OpenNote(note, known);
  if (!opened.ok()) return opened.status();
  absl::StatusOr<Checkpoint> checkpoint = ReadCheckpoint(opened->text);
  if (!checkpoint.ok()) return checkpoint.status();
  VerifiedCheckpoint verified;
  bool by_the_log = false;
  for (const VerifiedSignature& signature : opened->by) {
    const NoteVerifier& key = known[signature.verifier];
    if (key.type() == NoteKeyType::kCosignature) {
      verified.cosigned.push_back({signature.verifier, signature.seconds});
    } else if (key.name() == checkpoint->origin) {
      by_the_log = true;
    }
  }
  if (!by_the_log) {
    return absl::PermissionDeniedError(
        absl::StrCat("the checkpoint is not signed by a known key of ", checkpoint->origin));
  }
  verified.checkpoint = *std::move(checkpoint);
  verified.note = *std::move(opened);
  return verified;
}

absl::StatusOr<std::string> SignCheckpoint(const Checkpoint& checkpoint,
                                           absl::Span<const NoteSigner* const> signers) {
  SignedNote note;
  note.text = checkpoint.Text();
  if (absl::Status status = ReadCheckpoint(note.text).status(); !status.ok()) return status;
  if (signers.empty()) return absl::InvalidArgumentError("a checkpoint needs a signature");
  for (const NoteSigner* signer : signers) {
    if (signer->verifier().name() != checkpoint.origin) {
      return absl::InvalidArgumentError("a log's key is named as the log's origin");
    }
    absl::StatusOr<NoteSignature> signature = signer->SignNote(note.text);
    if (!signature.ok()) return signature.status();
    note.signatures.push_back(*std::move(signature));
  }
  return note.ToString();
}

std::string TlogProof::ToString() const {
  std::string out = absl::StrCat(kProofHeader, "\n");
  if (extra.has_value()) absl::StrAppend(&out, "extra ", Base64(AsBytes(*extra)), "\n");
  absl::StrAppend(&out, "index ", index, "\n");
  for (const Digest& hash : hashes) absl::StrAppend(&out, Base64(hash), "\n");
  absl::StrAppend(&out, "\n", checkpoint);
  return out;
}

absl::StatusOr<TlogProof> ReadTlogProof(absl::string_view text) {
  const absl::Status malformed =
      absl::InvalidArgumentError("the proof file is not of the form c2sp.org/tlog-proof@v1");
  TlogProof proof;
  absl::string_view line;
  if (text.size() > kLargestProofFile || !TakeLine(&text, &line) || line != kProofHeader ||
      !TakeLine(&text, &line)) {
    return malformed;
  }
  if (absl::ConsumePrefix(&line, "extra ")) {
    proof.extra.emplace();
    if (!FromBase64(line, &*proof.extra) || !TakeLine(&text, &line)) return malformed;
  }
  if (!absl::ConsumePrefix(&line, "index ") || !ReadNumber(line, &proof.index) ||
      proof.index >= kLargestTree) {
    return malformed;
  }
  for (;;) {
    if (!TakeLine(&text, &line)) return malformed;
    if (line.empty()) break;
    Digest hash;
    if (proof.hashes.size() == kMostProofHashes || !FromBase64(line, &hash)) return malformed;
    proof.hashes.push_back(hash);
  }
  proof.checkpoint = std::string(text);
  return proof;
}

absl::StatusOr<VerifiedCheckpoint> VerifyTlogProof(const TlogProof& proof, ByteSpan entry,
                                                   absl::Span<const NoteVerifier> known) {
  absl::StatusOr<VerifiedCheckpoint> opened = OpenCheckpoint(proof.checkpoint, known);
  if (!opened.ok()) return opened.status();
  const Checkpoint& checkpoint = opened->checkpoint;
  absl::Status included =
      VerifyInclusion(LeafHash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root);
  if (!included.ok()) return included;
  return opened;
}

}  // namespace vouch::crypto
