// What a partner does when an agency has lost a part of its ledger.
#ifndef VOUCH_CLIENT_VOUCH_PARTNER_LOSS_COMMAND_H_
#define VOUCH_CLIENT_VOUCH_PARTNER_LOSS_COMMAND_H_

#include "CLI/CLI.hpp"
#include "client/vouch/console.h"

namespace vouch::client {

// `accept-loss` and `remembered`, into the group `vouch partner`.
void AddPartnerLossCommands(CLI::App* partner, Console* console);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_PARTNER_LOSS_COMMAND_H_
