// One function a command of `vouch ledger`: adds it to the group. Each lives in the file of its
// name, e.g. ledger_export_command.cc.
#ifndef VOUCH_CLIENT_VOUCH_LEDGER_COMMANDS_H_
#define VOUCH_CLIENT_VOUCH_LEDGER_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "client/vouch/console.h"

namespace vouch::client {

// PermissionDenied unless `path` is this user's own. What another user writes into a node's folders
// the node cannot use, or would leave aside.
absl::Status CheckOwner(const std::string& path);

void AddLedgerBackupCommand(CLI::App* ledger, Console* console);
void AddLedgerCorrectionsCommand(CLI::App* ledger, Console* console);
void AddLedgerDeclareLossCommand(CLI::App* ledger, Console* console);
void AddLedgerDisclosuresCommand(CLI::App* ledger, Console* console);
void AddLedgerEraseCommand(CLI::App* ledger, Console* console);
void AddLedgerExportCommand(CLI::App* ledger, Console* console);
void AddLedgerHoldCommand(CLI::App* ledger, Console* console);
void AddLedgerOpenCommand(CLI::App* ledger, Console* console);
void AddLedgerPruneCommand(CLI::App* ledger, Console* console);
void AddLedgerReportCommand(CLI::App* ledger, Console* console);
void AddLedgerRestoreCommand(CLI::App* ledger, Console* console);
void AddLedgerVerifyCommand(CLI::App* ledger, Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_LEDGER_COMMANDS_H_
