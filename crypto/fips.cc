#include "crypto/fips.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "absl/strings/string_view.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

// Whether OpenSSL itself now takes its algorithms from the module and from nowhere else.
bool OnlyModule() {
  const OpensslPtr<EVP_MD, EVP_MD_free> digest(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
  if (digest == nullptr) return false;
  const OSSL_PROVIDER* from = EVP_MD_get0_provider(digest.get());
  return from != nullptr && absl::string_view(OSSL_PROVIDER_get0_name(from)) == "fips";
}

}  // namespace

absl::Status RequireFips() {
  // Held until the process ends: OpenSSL unloads them itself. "base" reads and writes key files.
  const bool loaded = OSSL_PROVIDER_load(nullptr, "fips") != nullptr &&
                      OSSL_PROVIDER_load(nullptr, "base") != nullptr &&
                      EVP_default_properties_enable_fips(nullptr, 1) == 1 && OnlyModule();
  ERR_clear_error();
  if (!loaded) {
    return absl::FailedPreconditionError(
        "OpenSSL's FIPS provider is not available on this host: its module (fips.so) is not "
        "installed, or the host's OpenSSL configuration does not include the fipsmodule.cnf that "
        "`openssl fipsinstall` wrote");
  }
  return absl::FailedPreconditionError(
      "OpenSSL's FIPS provider is there, but SHA-256 and HMAC for tokens, ledger entries and "
      "charges are computed outside it in this version of vouchd");
}

}  // namespace vouch::crypto
