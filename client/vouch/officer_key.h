// The options with which an officer says with which key to sign, and the key behind them.
#ifndef VOUCH_CLIENT_VOUCH_OFFICER_KEY_H_
#define VOUCH_CLIENT_VOUCH_OFFICER_KEY_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/vouch/console.h"
#include "crypto/document_signer.h"
#include "policies/engine/agreement.h"

namespace vouch::client {

struct OfficerKey {
  std::string key, certificate;  // --key, --certificate
  std::string p12;
  std::string pkcs11, pkcs11_module;
  std::string password_file;
};
void AddOfficerKeyOptions(CLI::App* command, OfficerKey* officer);

// A password or PIN that is needed comes from --password-file, else is asked for on the terminal.
absl::StatusOr<crypto::DocumentSigner> OpenOfficerKey(const OfficerKey& officer, Console* console);

// For which agency it signs: `wanted`, which must be a party; else the agency the certificate
// names, when that is a party.
absl::StatusOr<std::string> SigningAgency(const std::string& wanted,
                                          const crypto::DocumentSigner& signer,
                                          const policies::Agreement& agreement);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_OFFICER_KEY_H_
