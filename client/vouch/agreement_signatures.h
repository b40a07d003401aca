// The signatures that lie beside an agreement's file, for whoever prints it.
#ifndef VOUCH_CLIENT_VOUCH_AGREEMENT_SIGNATURES_H_
#define VOUCH_CLIENT_VOUCH_AGREEMENT_SIGNATURES_H_

#include <vector>

#include "client/vouch/agreement_source.h"
#include "policies/engine/explain/document.h"

namespace vouch::client {

// One for each party, asking ones first. Says whether each signature fits the exact text; who had
// to sign only a node's own configuration knows, so `complete` is left open.
std::vector<policies::explain::AgencySignatures> SignaturesBeside(const AgreementSource& source);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_AGREEMENT_SIGNATURES_H_
