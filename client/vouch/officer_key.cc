#include "client/vouch/officer_key.h"

#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "crypto/keys.h"
#include "crypto/secret.h"
#include "server/node/folders.h"

namespace vouch::client {
namespace {

namespace node = server::node;

// Standard input without its echo, for as long as it lives.
class SilentTerminal {
 public:
  SilentTerminal() {
    silent_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!silent_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    if (silent_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_ = {};
  bool silent_ = false;
};

absl::StatusOr<std::string> Password(const OfficerKey& officer, absl::string_view what,
                                     Console* console) {
  if (!officer.password_file.empty()) {
    absl::StatusOr<std::string> text = crypto::ReadPrivateFile(officer.password_file);
    if (!text.ok()) return text.status();
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    return text;
  }
  if (isatty(STDIN_FILENO) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, "; give it with --password-file FILE (mode 0600)"));
  }
  console->Note(absl::StrCat(what, ". Type it; it is not shown:"));
  const SilentTerminal silent;
  std::string line;
  std::getline(console->in(), line);
  return line;
}

absl::StatusOr<crypto::DocumentSigner> Open(const OfficerKey& officer,
                                            const std::string& password) {
  absl::StatusOr<std::string> certificates = std::string();
  if (!officer.certificate.empty()) {
    certificates = node::ReadText(officer.certificate);
    if (!certificates.ok()) return certificates.status();
  }
  if (!officer.pkcs11.empty()) {
    return crypto::DocumentSigner::FromPkcs11(officer.pkcs11, password, officer.pkcs11_module,
                                              *certificates);
  }
  absl::StatusOr<std::string> secret =
      crypto::ReadPrivateFile(officer.p12.empty() ? officer.key : officer.p12);
  if (!secret.ok()) return secret.status();
  absl::StatusOr<crypto::DocumentSigner> signer =
      officer.p12.empty() ? crypto::DocumentSigner::FromPem(*secret, password, *certificates)
                          : crypto::DocumentSigner::FromPkcs12(*secret, password);
  crypto::Wipe(&*secret);
  return signer;
}

}  // namespace

void AddOfficerKeyOptions(CLI::App* command, OfficerKey* officer) {
  command->add_option("--key", officer->key, "The officer's private key, PEM");
  command->add_option("--certificate", officer->certificate,
                      "Its certificate, PEM, with those up to the authority after it");
  command->add_option("--p12", officer->p12, "Key and certificate in one PKCS #12 file");
  command->add_option("--pkcs11", officer->pkcs11,
                      "A key on a card or token, such as \"pkcs11:token=PIV;id=%02\"");
  command->add_option("--pkcs11-module", officer->pkcs11_module,
                      "The token's PKCS #11 library, where the system does not know it");
  command->add_option("--password-file", officer->password_file,
                      "File with the password or PIN; else it is asked for");
}

absl::StatusOr<crypto::DocumentSigner> OpenOfficerKey(const OfficerKey& officer, Console* console) {
  const int ways = (officer.key.empty() ? 0 : 1) + (officer.p12.empty() ? 0 : 1) +
                   (officer.pkcs11.empty() ? 0 : 1);
  if (ways != 1) {
    return UsageError(
        "say with which key: --key FILE --certificate FILE, --p12 FILE, or --pkcs11 URI");
  }
  if (!officer.key.empty() && officer.certificate.empty()) {
    return UsageError("--key needs --certificate");
  }
  std::string password;
  if (!officer.password_file.empty() || !officer.pkcs11.empty()) {
    absl::StatusOr<std::string> given = Password(officer, "the token asks for its PIN", console);
    if (!given.ok()) return given.status();
    password = *std::move(given);
  }
  absl::StatusOr<crypto::DocumentSigner> signer = Open(officer, password);
  if (absl::IsUnauthenticated(signer.status()) && password.empty()) {
    absl::StatusOr<std::string> given = Password(officer, signer.status().message(), console);
    if (!given.ok()) return given.status();
    password = *std::move(given);
    signer = Open(officer, password);
  }
  crypto::Wipe(&password);
  return signer;
}

absl::StatusOr<std::string> SigningAgency(const std::string& wanted,
                                          const crypto::DocumentSigner& signer,
                                          const policies::Agreement& agreement) {
  const auto party = [&](absl::string_view agency) {
    return agency == agreement.answers || agreement.IsAsker(agency);
  };
  const std::string parties =
      absl::StrCat(absl::StrJoin(agreement.asks, ", "), " and ", agreement.answers);
  if (!wanted.empty()) {
    if (party(wanted)) return wanted;
    return absl::FailedPreconditionError(absl::StrCat(
        policies::Shown(wanted), " is no party of this agreement; its parties are ", parties));
  }
  const absl::StatusOr<std::string> named = crypto::AgencyOf(signer.certificate());
  if (named.ok() && party(*named)) return *named;
  return UsageError(absl::StrCat("say for which party you sign, with --agency: ", parties));
}

}  // namespace vouch::client
