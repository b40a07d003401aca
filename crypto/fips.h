// Whether all cryptography of this process can pass through a validated module.
#ifndef VOUCH_CRYPTO_FIPS_H_
#define VOUCH_CRYPTO_FIPS_H_

#include "absl/status/status.h"

namespace vouch::crypto {

// For `crypto: "fips"` in node.yaml: loads OpenSSL's FIPS provider and makes it the only one that
// OpenSSL chooses from, then judges whether what this project computes by itself passes through it.
// FailedPrecondition says in plain words what is missing; a process that was refused must not go
// on. In this version it always refuses: digest.h does not pass through a provider
// (docs/decisions/2026-11-22-fips.md).
absl::Status RequireFips();

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_FIPS_H_
