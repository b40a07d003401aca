// What is kept of a note that somebody else made: anybody may put lines of signatures under it that
// nobody can verify, up to the note's largest size.
#ifndef VOUCH_CLIENT_REQUESTER_KEPT_NOTE_H_
#define VOUCH_CLIENT_REQUESTER_KEPT_NOTE_H_

#include <string>

#include "absl/types/span.h"
#include "crypto/note.h"

namespace vouch::requester {

// Its text and the lines of these keys, by which it was opened; no other.
inline std::string KeptNote(const crypto::VerifiedNote& opened,
                            absl::Span<const crypto::NoteVerifier> known) {
  crypto::SignedNote kept;
  kept.text = opened.text;
  for (const crypto::NoteSignature& line : opened.note.signatures) {
    for (const crypto::NoteVerifier& key : known) {
      if (line.name != key.name() || line.key_id != key.key_id()) continue;
      kept.signatures.push_back(line);
      break;
    }
  }
  return kept.ToString();
}

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_KEPT_NOTE_H_
