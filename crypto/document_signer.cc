// The PKCS #11 engine is reached by OpenSSL's engine interface: Debian 12 has no provider for it.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/document_signer.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/certificate_pem.h"
#include "crypto/document_signer_handle.h"

namespace vouch::crypto {

namespace {

constexpr int kSmallestRsaBits = 2048;
constexpr int kLargestRsaBits = 8192;
constexpr size_t kLargestFile = size_t{1} << 20;

using Pkcs12Ptr = OpensslPtr<PKCS12, PKCS12_free>;
using EnginePtr = OpensslPtr<ENGINE, ENGINE_free>;
using UiMethodPtr = OpensslPtr<UI_METHOD, UI_destroy_method>;

void Require(bool condition) {
  if (!condition) std::abort();
}

// Whether any error in OpenSSL's queue speaks of a password; empties the queue.
bool PasswordFailed() {
  bool failed = false;
  while (const unsigned long code = ERR_get_error()) {
    const int library = ERR_GET_LIB(code), reason = ERR_GET_REASON(code);
    failed |= library == ERR_LIB_PEM &&
              (reason == PEM_R_BAD_PASSWORD_READ || reason == PEM_R_BAD_DECRYPT);
    failed |= library == ERR_LIB_EVP && reason == EVP_R_BAD_DECRYPT;
    failed |= library == ERR_LIB_PKCS12 && (reason == PKCS12_R_MAC_VERIFY_FAILURE ||
                                            reason == PKCS12_R_PKCS12_CIPHERFINAL_ERROR);
  }
  return failed;
}

int GivePassword(char* buffer, int size, int, void* user) {
  const auto* password = static_cast<const absl::string_view*>(user);
  if (password->empty() || password->size() > static_cast<size_t>(size)) return -1;
  password->copy(buffer, password->size());
  return static_cast<int>(password->size());
}

absl::StatusOr<DocumentSigner::Handle> Together(KeyPtr key, std::vector<CertificatePtr> chain) {
  X509* own = chain.front().get();
  const bool matches = X509_check_private_key(own, key.get()) == 1;
  ERR_clear_error();
  if (!matches) {
    return absl::InvalidArgumentError(
        "the key is not the certificate's; name the key and the certificate of one person, the "
        "person's own certificate first");
  }
  if (!MaySignWith(X509_get0_pubkey(own))) {
    return absl::InvalidArgumentError(
        "the key is of a kind agreements are not signed with; P-256, P-384 and RSA of 2048 to 8192 "
        "bits are");
  }
  if (!MaySignDocuments(own)) {
    return absl::PermissionDeniedError(
        "the certificate is not issued for signing documents; on a PIV card it is the one for "
        "digital signature (slot 9C)");
  }
  DocumentSigner::Handle handle;
  const BioPtr bio(BIO_new(BIO_s_mem()));
  Require(bio != nullptr);
  for (const CertificatePtr& certificate : chain) {
    Require(PEM_write_bio_X509(bio.get(), certificate.get()) == 1);
  }
  handle.chain_pem = TextOf(bio.get());
  absl::StatusOr<CertificateFacts> facts = ReadCertificate(handle.chain_pem);
  if (!facts.ok()) return facts.status();
  handle.facts = *std::move(facts);
  handle.key = std::move(key);
  handle.chain = std::move(chain);
  return handle;
}

absl::Status NoEngine() {
  ERR_clear_error();
  return absl::FailedPreconditionError(
      "OpenSSL finds no PKCS #11 engine on this machine; install the package "
      "libengine-pkcs11-openssl (Debian, Ubuntu) or openssl-pkcs11 (Fedora, Red Hat), and the "
      "token's own library, such as opensc-pkcs11");
}

// OpenSSL's structure for the engine's command LOAD_CERT_CTRL.
struct CertificateOnToken {
  const char* uri;
  X509* certificate;
};

// An engine in use; ENGINE_free alone does not end what ENGINE_init began.
class SmartCard {
 public:
  SmartCard() = default;
  SmartCard(const SmartCard&) = delete;
  SmartCard& operator=(const SmartCard&) = delete;
  ~SmartCard() {
    if (begun_) ENGINE_finish(engine_.get());
  }
  absl::Status Begin(const std::string& module, const std::string& pin) {
    ENGINE_load_dynamic();
    engine_.reset(ENGINE_by_id("pkcs11"));
    if (engine_ == nullptr) return NoEngine();
    if (!module.empty() &&
        ENGINE_ctrl_cmd_string(engine_.get(), "MODULE_PATH", module.c_str(), 0) != 1) {
      ERR_clear_error();
      return absl::InvalidArgumentError("the PKCS #11 engine does not take this module path");
    }
    if (!pin.empty() && ENGINE_ctrl_cmd_string(engine_.get(), "PIN", pin.c_str(), 0) != 1) {
      ERR_clear_error();
      return absl::InvalidArgumentError("the PKCS #11 engine does not take this PIN");
    }
    begun_ = ENGINE_init(engine_.get()) == 1;
    ERR_clear_error();
    if (begun_) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "the token's PKCS #11 library cannot be loaded",
        module.empty() ? "; name it with --pkcs11-module" : absl::StrCat(" from ", module)));
  }
  CertificatePtr Certificate(const std::string& uri) const {
    CertificateOnToken wanted = {uri.c_str(), nullptr};
    (void)ENGINE_ctrl_cmd(engine_.get(), "LOAD_CERT_CTRL", 0, &wanted, nullptr, 1);
    ERR_clear_error();
    return CertificatePtr(wanted.certificate);
  }
  KeyPtr Key(const std::string& uri) const {
    // The engine would ask a terminal for a PIN that is missing; the command does that itself.
    const UiMethodPtr silent(UI_create_method("none"));
    KeyPtr key(ENGINE_load_private_key(engine_.get(), uri.c_str(), silent.get(), nullptr));
    ERR_clear_error();
    return key;
  }

 private:
  EnginePtr engine_;
  bool begun_ = false;
};

}  // namespace

bool MaySignWith(const EVP_PKEY* key) {
  if (key == nullptr) return false;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(key);
    return bits >= kSmallestRsaBits && bits <= kLargestRsaBits;
  }
  char group[32] = {};
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, group, sizeof(group), nullptr) != 1) {
    return false;
  }
  return absl::string_view(group) == SN_X9_62_prime256v1 ||
         absl::string_view(group) == SN_secp384r1;
}

DocumentSigner::DocumentSigner(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
DocumentSigner::DocumentSigner(DocumentSigner&&) noexcept = default;
DocumentSigner& DocumentSigner::operator=(DocumentSigner&&) noexcept = default;
DocumentSigner::~DocumentSigner() = default;

const std::string& DocumentSigner::certificates_pem() const { return handle_->chain_pem; }
const CertificateFacts& DocumentSigner::certificate() const { return handle_->facts; }

absl::StatusOr<DocumentSigner> DocumentSigner::FromPem(absl::string_view key_pem,
                                                       absl::string_view password,
                                                       absl::string_view certificates_pem) {
  absl::StatusOr<std::vector<CertificatePtr>> chain = ReadCertificates(certificates_pem);
  if (!chain.ok()) return chain.status();
  if (key_pem.size() > kLargestFile) return absl::InvalidArgumentError("the key file is too large");
  const BioPtr bio = ReadingBio(AsBytes(key_pem));
  Require(bio != nullptr);
  ERR_clear_error();
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, GivePassword, &password));
  const bool password_failed = PasswordFailed();
  if (key == nullptr && password_failed) {
    return absl::UnauthenticatedError(password.empty() ? "the key is protected by a password"
                                                       : "the key's password is wrong");
  }
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "no private key found; expected PEM that begins with BEGIN PRIVATE KEY or BEGIN ENCRYPTED "
        "PRIVATE KEY");
  }
  absl::StatusOr<Handle> handle = Together(std::move(key), *std::move(chain));
  if (!handle.ok()) return handle.status();
  return DocumentSigner(std::make_unique<Handle>(*std::move(handle)));
}

absl::StatusOr<DocumentSigner> DocumentSigner::FromPkcs12(absl::string_view bytes,
                                                          absl::string_view password) {
  if (bytes.size() > kLargestFile) return absl::InvalidArgumentError("the file is too large");
  const BioPtr bio = ReadingBio(AsBytes(bytes));
  Require(bio != nullptr);
  const Pkcs12Ptr file(d2i_PKCS12_bio(bio.get(), nullptr));
  ERR_clear_error();
  if (file == nullptr) return absl::InvalidArgumentError("the file is not PKCS #12 (.p12, .pfx)");
  const std::string text(password);
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  const bool opened = PKCS12_parse(file.get(), text.c_str(), &key, &own, &others) == 1;
  KeyPtr key_owner(key);
  CertificatePtr own_owner(own);
  const CertificatesPtr others_owner(others);
  const bool password_failed = PasswordFailed();
  if (!opened && password_failed) {
    return absl::UnauthenticatedError(password.empty() ? "the file is protected by a password"
                                                       : "the file's password is wrong");
  }
  if (!opened) {
    return absl::InvalidArgumentError(
        "the PKCS #12 file cannot be opened; files with RC2 or other old ciphers are refused: "
        "export it again with AES");
  }
  if (key == nullptr || own == nullptr) {
    return absl::InvalidArgumentError("the file holds no key with its certificate");
  }
  std::vector<CertificatePtr> chain;
  chain.push_back(std::move(own_owner));
  for (int i = 0; i < sk_X509_num(others); ++i) {
    X509* other = sk_X509_value(others, i);
    Require(X509_up_ref(other) == 1);
    chain.emplace_back(other);
  }
  absl::StatusOr<Handle> handle = Together(std::move(key_owner), std::move(chain));
  if (!handle.ok()) return handle.status();
  return DocumentSigner(std::make_unique<Handle>(*std::move(handle)));
}

absl::StatusOr<DocumentSigner> DocumentSigner::FromPkcs11(const std::string& uri,
                                                          const std::string& pin,
                                                          const std::string& module,
                                                          absl::string_view certificates_pem) {
  if (!absl::StartsWith(uri, "pkcs11:")) {
    return absl::InvalidArgumentError(
        "a token's key is named by a URI such as \"pkcs11:token=PIV;id=%02\" (RFC 7512)");
  }
  SmartCard token;
  if (absl::Status begun = token.Begin(module, pin); !begun.ok()) return begun;
  absl::StatusOr<std::vector<CertificatePtr>> chain = std::vector<CertificatePtr>();
  if (!certificates_pem.empty()) {
    chain = ReadCertificates(certificates_pem);
    if (!chain.ok()) return chain.status();
  } else {
    CertificatePtr found = token.Certificate(uri);
    if (found == nullptr) {
      return absl::NotFoundError(
          "no certificate is found on the token under this URI; is the card in its reader? Or name "
          "the certificate with --certificate");
    }
    chain->push_back(std::move(found));
  }
  KeyPtr key = token.Key(uri);
  if (key == nullptr) {
    return absl::UnauthenticatedError(pin.empty()
                                          ? "the token asks for its PIN, or holds no such key"
                                          : "the PIN is wrong, or the token holds no such key");
  }
  absl::StatusOr<Handle> handle = Together(std::move(key), *std::move(chain));
  if (!handle.ok()) return handle.status();
  return DocumentSigner(std::make_unique<Handle>(*std::move(handle)));
}

}  // namespace vouch::crypto
