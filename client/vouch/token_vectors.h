#ifndef VOUCH_CLIENT_VOUCH_TOKEN_VECTORS_H_
#define VOUCH_CLIENT_VOUCH_TOKEN_VECTORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vouch::client {

struct VectorOutcome {
  int cases = 0;
  struct Failure {
    int line = 0;
    std::string note;  // the case's own note, never its values
  };
  std::vector<Failure> failures;
};

// Runs a published vector file: spelling ("# names/1, as of 2026-06-30: ...") or token inputs
// ("# Token inputs: ..."), as docs/protocol-identities.md describes them. InvalidArgument names the
// line that is no case.
absl::StatusOr<VectorOutcome> CheckVectors(absl::string_view text);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_TOKEN_VECTORS_H_
