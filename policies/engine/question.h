// Evaluates a question's condition over one person's facts, or those of a group.
#ifndef VOUCH_POLICIES_ENGINE_QUESTION_H_
#define VOUCH_POLICIES_ENGINE_QUESTION_H_

#include "absl/time/civil_time.h"
#include "absl/types/span.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"
#include "policies/engine/values.h"

namespace vouch::policies {

// Strong Kleene logic: a missing fact is unknown, and unknown that decides is kUndetermined.
// `today` is the civil day in the agreement's time zone. `parameters` were authorised. All leaves
// are evaluated whichever decides.
//
// Periods. latest-filed-tax-year: the latest year held of those that have ended; each fact on its
//   own. last-full-month: the calendar month before today's. as-of-today: the value as last known,
//   however old (records_loaded_within bounds that). last-N-days: only for facts whose value is a
//   date, timeless or as of today; the leaf is false unless today - N <= date <= today; a
//   threshold, when there is one, must hold too; for any other fact it is unknown.
// Comparisons. between includes both ends. For a set of codes, `is` means that the set holds the
//   code (all of them, when the threshold is a set) and is_one_of that it holds at least one. A
//   threshold of another type than the fact's (a whole number for money as well), or that no row or
//   table covers, leaves the leaf unknown.
// Exactness. A percentage of a table's amount is compared without division: value * 100 against
//   amount * percent, in 128 bits. Tables hold yearly amounts, so a share is unknown for a month.
// Age. Whole years of the calendar, from the fact date_of_birth; who was born on 29 February grows
//   older on 1 March of a common year. Periods other than none and as-of-today leave it unknown.
// Leaves with sum_over_group or members are unknown: this evaluates one person.
Answer EvaluateQuestion(const Question& question, const Parameters& parameters,
                        const FactSource& facts, const ReferenceTables& tables,
                        absl::CivilDay today);

// One slot of a request about a group.
struct GroupMember {
  enum class Standing : uint8_t {
    kKnown,    // its facts count
    kUnknown,  // not found, or must not be looked at: whatever is asked of it is unknown
    kPadding,  // nobody: beyond the members
  };
  Standing standing = Standing::kPadding;
  // Never null: where it is nobody's, facts that are looked at, for the same work, and not used.
  const FactSource* facts = nullptr;
};

// The same over a group. `members: "all"` is "and" over the members, "any" is "or". A sum is known
// when every member's amount is, for one and the same period. A fact that `catalogue` holds per
// return counts once for each return: a member whose return is not known, and two amounts on one
// return, leave the sum unknown, as does one that fits no 64 bits. The work does not depend on
// standings. That two members are not one record is the caller's to see.
Answer EvaluateGroup(const Question& question, const Parameters& parameters,
                     absl::Span<const GroupMember> members, const FactCatalogue& catalogue,
                     const ReferenceTables& tables, absl::CivilDay today);

// What the asker is told to do for an answer.
const Obligation& ObligationFor(const Question& question, Answer answer);

// The name under which different values count: the question's id, the parameter values in
// alphabetical order, and the condition as it stands, so that a revision that moves a threshold is
// another value while one that is only worded anew is not. Hashed before it is stored.
std::string ValueLabel(const Question& question, const Parameters& parameters);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_QUESTION_H_
