// Token epoch keys on disk: keys/tokens/<agreement>/<epoch>/ holds secret.key (blind: the seed;
// keyed-hash: the key itself), and statement.txt with the signed statement. A keyed-hash
// asker holds the same folder, filled by `vouch keys accept`.
#ifndef VOUCH_SERVER_NODE_EPOCH_KEYS_H_
#define VOUCH_SERVER_NODE_EPOCH_KEYS_H_

#include <string>
#include <vector>

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

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_EPOCH_KEYS_H_
