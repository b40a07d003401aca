// Token epoch keys on disk: keys/tokens/<agreement>/<epoch>/ holds secret.key (blind: the seed;
// keyed-hash: the key itself), and statement.txt with the signed statement. A keyed-hash
// asker holds the same folder, filled by `vouch keys accept`.
#ifndef VOUCH_SERVER_NODE_EPOCH_KEYS_H_
#define VOUCH_SERVER_NODE_EPOCH_KEYS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/secret.h"
#include "crypto/token.h"

namespace vouch::server::node {

struct EpochKey {
  crypto::EpochStatement statement;
  crypto::SignedStatement signed_statement;
  crypto::SecretBytes secret;  // 32 bytes; empty where only the statement is held
};

// Text form of a signed statement: three "name: base64" lines (statement, signature, authority).
std::string StatementText(const crypto::SignedStatement& signed_statement);
absl::StatusOr<crypto::SignedStatement> ReadStatementText(absl::string_view text);
// Text form of a statement on its way to the offline authority: "unsigned-statement: " and base64.
std::string UnsignedStatementText(const crypto::EpochStatement& statement);
absl::StatusOr<std::string> ReadUnsignedStatementText(absl::string_view text);

// Every epoch of an agreement whose statement verifies against `pinned`, by epoch. An epoch folder
// without a statement is skipped (created, not yet announced); a statement that does not verify, or
// a secret that does not fit its statement's public key, is an error that names the file.
absl::StatusOr<std::vector<EpochKey>> ReadEpochKeys(const std::string& keys_folder,
                                                    absl::string_view agreement_id,
                                                    absl::string_view pinned);

// Creates the folder of a new epoch with a fresh secret; returns its path. AlreadyExists if there.
absl::StatusOr<std::string> CreateEpoch(const std::string& keys_folder,
                                        absl::string_view agreement_id, uint32_t epoch);
std::string EpochFolder(const std::string& keys_folder, absl::string_view agreement_id,
                        uint32_t epoch);

// Ids that may name a folder: 1 to 100 lower-case letters, digits, '-', '_' and '.', beginning with
// a letter or digit. InvalidArgument otherwise.
absl::Status CheckAgreementId(absl::string_view agreement_id);
// Agreements that have a folder of epochs, in alphabetical order; epochs that have a folder,
// ascending, announced or not.
std::vector<std::string> AgreementsWithEpochs(const std::string& keys_folder);
std::vector<uint32_t> EpochsOf(const std::string& keys_folder, absl::string_view agreement_id);

// What a statement says about a secret: blind: the public key derived from the seed; keyed-hash:
// SHA-256 of the key.
absl::StatusOr<std::string> PublicKeyOf(crypto::TokenKind kind, absl::string_view agreement_id,
                                        uint32_t epoch, const crypto::SecretBytes& secret);
// Puts a statement into its epoch's folder, which is created when missing. An epoch has one
// statement for ever: OK when the same bytes are there, AlreadyExists when others are.
absl::Status KeepStatement(const std::string& keys_folder, absl::string_view agreement_id,
                           uint32_t epoch, const crypto::SignedStatement& signed_statement);
// Destroys the secret: overwritten, synced, unlinked, folder synced. The folder and its statement
// stay, so that the epoch is never made again. NotFound when there is no secret. On file systems
// that write elsewhere (copy on write, flash) old blocks may outlive this; only encrypted storage
// helps there.
absl::Status DestroySecret(const std::string& keys_folder, absl::string_view agreement_id,
                           uint32_t epoch);

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_EPOCH_KEYS_H_
