// An agreement in plain words, from its file and what lies around it.
#ifndef VOUCH_CLIENT_VOUCH_AGREEMENT_EXPLANATION_H_
#define VOUCH_CLIENT_VOUCH_AGREEMENT_EXPLANATION_H_

#include "client/vouch/agreement_source.h"
#include "nlohmann/json.hpp"
#include "policies/engine/explain/document.h"

namespace vouch::client {

// `source.held` is not nullptr.
policies::explain::Document ExplainSource(const AgreementSource& source);

// The document model, for programs.
nlohmann::ordered_json DocumentJson(const policies::explain::Document& document);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_AGREEMENT_EXPLANATION_H_
