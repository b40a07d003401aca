#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {

namespace {

using ConfigPtr = OpensslPtr<CONF, NCONF_free>;

// A path as OpenSSL's configuration language writes it. Letters are never escaped: \n is a newline.
std::string Escaped(absl::string_view path) {
  std::string out;
  for (char c : path) {
    if (!absl::ascii_isalnum(c) && c != '/' && c != '.' && c != '_' && c != '-') out += '\\';
    out += c;
  }
  return out;
}

absl::StatusOr<ConfigPtr> Parse(const std::string& text, const std::string& host_path) {
  ConfigPtr config(NCONF_new(nullptr));
  const BioPtr bio = ReadingBio(AsBytes(text));
  if (config == nullptr || bio == nullptr) std::abort();
  long line = 0;
  const bool parsed = NCONF_load_bio(config.get(), bio.get(), &line) == 1;
  ERR_clear_error();
  if (!parsed) {
    return absl::FailedPreconditionError(
        absl::StrCat(host_path, ": OpenSSL's configuration cannot be read or is malformed"));
  }
  return config;
}

// The value of `name` in `section` (the unnamed section when null), or `otherwise`.
std::string ValueOr(const CONF* config, const char* section, const char* name,
                    absl::string_view otherwise) {
  const char* value = NCONF_get_string(config, section, name);
  ERR_clear_error();
  return value == nullptr ? std::string(otherwise) : std::string(value);
}

// Where the host's configuration exists, a directive that reads it; else nothing.
absl::StatusOr<std::string> IncludeOf(const std::string& host_path) {
  if (access(host_path.c_str(), F_OK) != 0) return std::string();
  // Absolute, because OpenSSL looks up relative ones in a folder of its own.
  const std::unique_ptr<char, decltype(&free)> absolute(realpath(host_path.c_str(), nullptr), free);
  if (absolute == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(host_path, ": OpenSSL's configuration cannot be read"));
  }
  return absl::StrCat(".include ", Escaped(absolute.get()), "\n");
}

bool OnlyTls13() {
  const TlsContextPtr context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return false;
  constexpr uint64_t kOlder =
      SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2;
  const uint64_t options = SSL_CTX_get_options(context.get());
  return (options & kOlder) == kOlder && (options & SSL_OP_NO_TLSv1_3) == 0;
}

}  // namespace

absl::Status RequireTls13() {
  // The host's whole configuration (providers too) is loaded first and in OpenSSL's own way, once
  // for the process; a later automatic load would undo what follows.
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  const OpensslTextPtr path(CONF_get1_default_config_file());
  const std::string host_path = path == nullptr ? std::string() : path.get();
  const absl::StatusOr<std::string> include = IncludeOf(host_path);
  if (!include.ok()) return include.status();
  const absl::StatusOr<ConfigPtr> host = Parse(*include, host_path);
  if (!host.ok()) return host.status();

  // Loading the TLS section anew replaces it as a whole. So the host's sections are read in again
  // and re-opened by their names, and the one line is put after all of theirs. MinProtocol would
  // not do: gRPC sets its own minimum, TLS 1.2, on every context.
  const std::string main = ValueOr(host->get(), nullptr, "openssl_conf", "vouch_main");
  const std::string tls = ValueOr(host->get(), main.c_str(), "ssl_conf", "vouch_tls");
  const std::string system = ValueOr(host->get(), tls.c_str(), "system_default", "vouch_system");
  const absl::StatusOr<ConfigPtr> merged =
      Parse(absl::StrCat(*include, "[default]\nvouch_openssl = vouch_modules\n",  //
                         "[vouch_modules]\nssl_conf = ", tls, "\n",               //
                         "[", tls, "]\nsystem_default = ", system, "\n",          //
                         "[", system, "]\nProtocol = -ALL,TLSv1.3\n"),
            host_path);
  if (!merged.ok()) return merged.status();
  const bool loaded = CONF_modules_load(merged->get(), "vouch_openssl", 0) == 1;
  const bool only = loaded && OnlyTls13();
  ERR_clear_error();
  if (!only) return absl::InternalError("OpenSSL does not take TLS 1.3 as its only version");
  return absl::OkStatus();
}

}  // namespace vouch::crypto
