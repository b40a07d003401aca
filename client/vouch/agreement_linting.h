// Judges opened agreements by the rule packs built into the program.
#ifndef VOUCH_CLIENT_VOUCH_AGREEMENT_LINTING_H_
#define VOUCH_CLIENT_VOUCH_AGREEMENT_LINTING_H_

#include <cstdint>
#include <vector>

#include "client/vouch/agreement_source.h"
#include "policies/engine/lint/lint.h"
#include "policies/engine/source.h"

namespace vouch::client {

// All packs, for today in UTC.
policies::lint::LintOptions BuiltInLintOptions(uint64_t people);

// All together, with the revisions they replace where these are among them or beside them. Those
// that cannot be read are left out.
void LintSources(const std::vector<const AgreementSource*>& sources,
                 const policies::lint::LintOptions& options, policies::Report* report);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_AGREEMENT_LINTING_H_
