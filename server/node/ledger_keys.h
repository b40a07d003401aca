// More files of a node's ledger, beside those that node_file.h names. docs/operations.md, "The
// ledger and its witnesses".
#ifndef VOUCH_SERVER_NODE_LEDGER_KEYS_H_
#define VOUCH_SERVER_NODE_LEDGER_KEYS_H_

#include "absl/strings/string_view.h"

namespace vouch::server::node {

// In the keys folder beside node::kLedgerKey. PEM, private, P-256: signs each checkpoint too, where
// it is there.
inline constexpr absl::string_view kAlsoLedgerKey = "ledger-p256.key";
// In the journal's folder: that a mark of what was signed (NodeFile::high_water) was once written.
inline constexpr absl::string_view kMarked = "marked";

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_LEDGER_KEYS_H_
