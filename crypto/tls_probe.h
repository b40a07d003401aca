// Shaking hands with a partner's node to see who answers there. For `vouch doctor`.
#ifndef VOUCH_CRYPTO_TLS_PROBE_H_
#define VOUCH_CRYPTO_TLS_PROBE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/keys.h"

namespace vouch::crypto {

struct TlsProbe {
  std::string version;    // "TLSv1.3"
  std::string chain_pem;  // what the other side showed, its own certificate first
};

// One handshake with `address` ("host:port"), TLS 1.3 only, offering our chain (PEM) and key. What
// the other side shows is NOT verified here: that is the caller's to do, with the anchors of the
// agency it expects. Unavailable when nobody answers in time, FailedPrecondition when somebody
// answers but no handshake succeeds, InvalidArgument for an address or chain that is none.
absl::StatusOr<TlsProbe> ProbeTls(const std::string& address, absl::string_view own_chain_pem,
                                  const SigningKey& own_key, absl::Duration timeout);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_TLS_PROBE_H_
