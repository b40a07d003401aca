// A receipt as a JWS by itself, without the answer it was given with: all that a third party has.
#ifndef VOUCH_CLIENT_VOUCH_JWS_TEXT_H_
#define VOUCH_CLIENT_VOUCH_JWS_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/vouch/console.h"
#include "crypto/jws.h"

namespace vouch::client {

// Three parts of base64url between points, and nothing else.
bool IsJwsText(absl::string_view text);
// Who it says gave it; to be believed only once it is verified under that agency's key. Empty when
// it says nothing of the kind.
std::string ClaimedIssuer(absl::string_view jws);
// FailedPrecondition when it does not verify, or is another agency's; else says what it says.
absl::Status VerifyJwsText(absl::string_view jws, const crypto::JwsVerifier& verifier,
                           const std::string& responder, bool json, Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_JWS_TEXT_H_
