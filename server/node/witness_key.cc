#include "server/node/witness_key.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace vouch::server::node {

absl::StatusOr<crypto::NoteVerifier> ReadWitnessKey(absl::string_view text,
                                                    absl::string_view agency) {
  absl::StatusOr<crypto::NoteVerifier> key =
      crypto::NoteVerifier::Parse(absl::StripAsciiWhitespace(text));
  if (!key.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected one line NAME+ID+KEY, witness.txt of `vouch partner export`: ",
                     key.status().message()));
  }
  if (key->type() != crypto::NoteKeyType::kCosignature) {
    return absl::InvalidArgumentError(
        "this key signs a log's own checkpoints; expected a witness's, witness.txt of `vouch "
        "partner export`");
  }
  if (key->name() != agency) {
    return absl::InvalidArgumentError(
        absl::StrCat("this is the witness key of ", key->name(), ", not of ", agency));
  }
  return key;
}

}  // namespace vouch::server::node
