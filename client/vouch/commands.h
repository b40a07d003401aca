// One function a command group: adds its commands to the program. Each lives in the file of its
// name.
#ifndef VOUCH_CLIENT_VOUCH_COMMANDS_H_
#define VOUCH_CLIENT_VOUCH_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "client/vouch/console.h"

namespace vouch::client {

void AddAskCommand(CLI::App* vouch, Console* console);
void AddAgreementCommand(CLI::App* vouch, Console* console);
void AddDoctorCommand(CLI::App* vouch, Console* console);
void AddInitCommand(CLI::App* vouch, Console* console);
void AddLedgerCommand(CLI::App* vouch, Console* console);
void AddPartnerCommand(CLI::App* vouch, Console* console);
void AddKeysCommand(CLI::App* vouch, Console* console);
void AddReceiptCommand(CLI::App* vouch, Console* console);
void AddRecordsCommand(CLI::App* vouch, Console* console);
void AddTokenCommand(CLI::App* vouch, Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_COMMANDS_H_
