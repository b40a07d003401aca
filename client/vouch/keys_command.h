// What the files of `vouch keys` share.
#ifndef VOUCH_CLIENT_VOUCH_KEYS_COMMAND_H_
#define VOUCH_CLIENT_VOUCH_KEYS_COMMAND_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/vouch/console.h"
#include "crypto/keys.h"
#include "crypto/token.h"
#include "server/node/node_file.h"

namespace vouch::client {

// One epoch of one agreement of one node.
struct EpochChoice {
  std::string folder;
  std::string agreement;
  uint32_t epoch = 1;
};
void AddEpochOptions(CLI::App* command, EpochChoice* choice, bool epoch_required);

// How a statement is to be made. An agreement file, when the node holds it, says kind and asker.
struct StatementWish {
  std::string kind;   // "blind" or "keyed-hash"; empty: from the agreement
  std::string asker;  // keyed-hash; empty: from the agreement
  std::string not_before;
  std::string not_after;
};
void AddStatementOptions(CLI::App* command, StatementWish* wish);

absl::StatusOr<crypto::EpochStatement> DraftStatement(const server::node::NodeFile& file,
                                                      const EpochChoice& choice,
                                                      const StatementWish& wish, Console* console);
absl::StatusOr<crypto::SigningKey> ReadSigningKey(const std::string& path);
// A statement's fields, verified under its own authority: for showing, not for believing.
absl::StatusOr<crypto::EpochStatement> OpenOwnStatement(
    const crypto::SignedStatement& signed_statement);
absl::string_view KindName(crypto::TokenKind kind);

// receipt, ledger-p256: signing keys of the node that `vouch init` did not make.
void AddSigningKeyCommands(CLI::App* keys, Console* console);
// share, accept, sign: what goes to and comes from other places.
void AddKeyDeliveryCommands(CLI::App* keys, Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_KEYS_COMMAND_H_
