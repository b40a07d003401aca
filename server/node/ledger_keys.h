// A second key of a node's ledger, in its keys folder beside node::kLedgerKey. docs/operations.md,
// "The ledger and its witnesses".
#ifndef VOUCH_SERVER_NODE_LEDGER_KEYS_H_
#define VOUCH_SERVER_NODE_LEDGER_KEYS_H_

#include "absl/strings/string_view.h"

namespace vouch::server::node {

// PEM, private, P-256: signs each checkpoint too, where it is there.
inline constexpr absl::string_view kAlsoLedgerKey = "ledger-p256.key";

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_LEDGER_KEYS_H_
