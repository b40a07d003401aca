// One function a command of `vouch agreement`: adds it to the group. Each lives in the file of its
// name, e.g. agreement_check_command.cc.
#ifndef VOUCH_CLIENT_VOUCH_AGREEMENT_COMMANDS_H_
#define VOUCH_CLIENT_VOUCH_AGREEMENT_COMMANDS_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "client/vouch/console.h"

namespace vouch::client {

void AddAgreementCheckCommand(CLI::App* agreement, Console* console);
void AddAgreementDiffCommand(CLI::App* agreement, Console* console);
void AddAgreementDigestCommand(CLI::App* agreement, Console* console);
void AddAgreementExplainCommand(CLI::App* agreement, Console* console);
void AddAgreementFmtCommand(CLI::App* agreement, Console* console);
void AddAgreementNewCommand(CLI::App* agreement, Console* console);
void AddAgreementOpenCommand(CLI::App* agreement, Console* console);
void AddAgreementRenewCommand(CLI::App* agreement, Console* console);
void AddAgreementReplayCommand(CLI::App* agreement, Console* console);
void AddAgreementReviseCommand(CLI::App* agreement, Console* console);
void AddAgreementRulesCommand(CLI::App* agreement, Console* console);
void AddAgreementSignCommand(CLI::App* agreement, Console* console);
void AddAgreementSimulateCommand(CLI::App* agreement, Console* console);
void AddAgreementStatusCommand(CLI::App* agreement, Console* console);
void AddAgreementStopCommand(CLI::App* agreement, Console* console);
void AddAgreementTestCommand(CLI::App* agreement, Console* console);
void AddAgreementVerifyCommand(CLI::App* agreement, Console* console);

// What `revise` and `renew` share: where the next revision goes, and that nothing is overwritten.
std::string NextRevisionPath(const std::string& path, int64_t revision);
absl::Status WriteNew(const std::string& path, const std::string& text);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_AGREEMENT_COMMANDS_H_
