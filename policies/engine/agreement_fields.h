// The field tables of the agreement file and the fact catalogue.
#ifndef VOUCH_POLICIES_ENGINE_AGREEMENT_FIELDS_H_
#define VOUCH_POLICIES_ENGINE_AGREEMENT_FIELDS_H_

#include "policies/engine/agreement.h"
#include "policies/engine/fields.h"

namespace vouch::policies {

// Format "vouch-agreement/1". effective_from and expires_at are not part of the file: see
// SetInstants.
const ShapeOf<Agreement>& AgreementShape();
const ShapeOf<Question>& QuestionShape();
const ShapeOf<Condition>& ConditionShape();

// Format "vouch-facts/1".
const ShapeOf<FactCatalogue>& FactCatalogueShape();

// "12 times in 30 days" and the like. `units` as in Span.
ShapeOf<CountLimit> CountLimitShape(std::vector<std::string> units, bool agreement);

// A code as facts, parameters and thresholds write it.
ShapeOf<std::string> Code();

// What several fields of one agreement decide together.
void CheckAgreement(Agreement* agreement, const KnownNames& known, const Node& root,
                    Reading* reading);
void CheckQuestions(const Agreement& agreement, const Node& root, Reading* reading);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_AGREEMENT_FIELDS_H_
