// The key that verifies a partner's cosignatures: one line, as `vouch partner export` writes it to
// witness.txt. docs/ledger.md, "Signed note".
#ifndef VOUCH_SERVER_NODE_WITNESS_KEY_H_
#define VOUCH_SERVER_NODE_WITNESS_KEY_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/note.h"

namespace vouch::server::node {

// InvalidArgument unless `text` is one verifier key of cosignatures, under that agency's name.
absl::StatusOr<crypto::NoteVerifier> ReadWitnessKey(absl::string_view text,
                                                    absl::string_view agency);

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_WITNESS_KEY_H_
