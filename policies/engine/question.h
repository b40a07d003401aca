// Evaluates a question's condition over one person's facts.
#ifndef VOUCH_POLICIES_ENGINE_QUESTION_H_
#define VOUCH_POLICIES_ENGINE_QUESTION_H_

#include "absl/time/civil_time.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"
#include "policies/engine/values.h"

namespace vouch::policies {

// Strong Kleene logic: a missing fact is unknown, and unknown that decides is kUndetermined.
// `today` is the civil day in the agreement's time zone. `parameters` were authorised.
Answer EvaluateQuestion(const Question& question, const Parameters& parameters,
                        const FactSource& facts, const ReferenceTables& tables,
                        absl::CivilDay today);

// What the asker is told to do for an answer.
const Obligation& ObligationFor(const Question& question, Answer answer);

// The name under which different values count: "question|name=value|..." with parameters in
// alphabetical order. Hashed before it is stored.
std::string ValueLabel(const Question& question, const Parameters& parameters);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_QUESTION_H_
