// A log's signed tree head, and a proof of one entry as a file that is checked offline
// (c2sp.org/tlog-checkpoint without extension lines, c2sp.org/tlog-proof@v1).
#ifndef VOUCH_CRYPTO_CHECKPOINT_H_
#define VOUCH_CRYPTO_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/merkle.h"
#include "crypto/note.h"

namespace vouch::crypto {

// No log is larger: what other languages read into a signed 64-bit number.
inline constexpr uint64_t kLargestTree = INT64_MAX;

struct Checkpoint {
  std::string origin;  // a note key name; the log's key has the same
  uint64_t size = 0;
  Digest root{};

  // "origin\nsize\nbase64(root)\n": what is signed.
  std::string Text() const;
};
bool operator==(const Checkpoint& a, const Checkpoint& b);
inline bool operator!=(const Checkpoint& a, const Checkpoint& b) { return !(a == b); }

// InvalidArgument for anything that Text does not write, extension lines included, and for an empty
// log with another root than an empty log has.
absl::StatusOr<Checkpoint> ReadCheckpoint(absl::string_view text);

struct VerifiedCheckpoint {
  Checkpoint checkpoint;
  VerifiedNote note;
  // The latest time at which each cosigner among the known keys vouched for it.
  struct Cosigned {
    size_t verifier = 0;
    uint64_t seconds = 0;
  };
  std::vector<Cosigned> cosigned;
};
// Opens a note as OpenNote does and reads its text. `known` are the log's keys and those of
// witnesses. PermissionDenied unless a known key that is no cosigner's and is named as the origin
// signed it: cosignatures alone make no checkpoint.
absl::StatusOr<VerifiedCheckpoint> OpenCheckpoint(absl::string_view note,
                                                  absl::Span<const NoteVerifier> known);
// Signs a checkpoint with each of these keys, which are the log's. InvalidArgument when a key is
// named otherwise than the origin, when there is none, or for a tree over kLargestTree.
absl::StatusOr<std::string> SignCheckpoint(const Checkpoint& checkpoint,
                                           absl::Span<const NoteSigner* const> signers);

// One entry's place, in a file of its own (".tlog-proof").
struct TlogProof {
  absl::optional<std::string> extra;  // not authenticated by anything
  uint64_t index = 0;
  std::vector<Digest> hashes;  // RFC 6962, section 2.1.1: from the leaf's sibling up
  std::string checkpoint;      // the signed note, verbatim

  std::string ToString() const;
};
// InvalidArgument for anything malformed, more than 63 hashes, or a text over 1 MiB. The checkpoint
// is not looked at.
absl::StatusOr<TlogProof> ReadTlogProof(absl::string_view text);
// Opens the checkpoint and checks that `entry` stands at the proof's index below it.
absl::StatusOr<VerifiedCheckpoint> VerifyTlogProof(const TlogProof& proof, ByteSpan entry,
                                                   absl::Span<const NoteVerifier> known);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_CHECKPOINT_H_
