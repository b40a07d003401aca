#ifndef VOUCH_SERVER_NODE_KNOWN_NAMES_H_
#define VOUCH_SERVER_NODE_KNOWN_NAMES_H_

#include "policies/engine/agreement.h"

namespace vouch::server::node {

// Attributes, derivations and spelling rules as the crypto room has them: what the policy engine,
// which knows no cryptography, is handed to judge agreements and mappings by.
policies::KnownNames NamesOfCrypto();

}  // namespace vouch::server::node

#endif  // VOUCH_SERVER_NODE_KNOWN_NAMES_H_
