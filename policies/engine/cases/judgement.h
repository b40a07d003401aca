// Why a condition came out as it did: every part with what the person has against what is required.
// Holds facts: for the answering agency's eyes only.
#ifndef VOUCH_POLICIES_ENGINE_CASES_JUDGEMENT_H_
#define VOUCH_POLICIES_ENGINE_CASES_JUDGEMENT_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policies/engine/agreement.h"
#include "policies/engine/question.h"
#include "policies/engine/reference.h"
#include "policies/engine/values.h"

namespace vouch::policies::cases {

// One person's facts as someone supposes them.
class SupposedFacts : public FactSource {
 public:
  void Hold(const std::string& fact, const Period& period, FactValue value) {
    values_[{fact, period}] = std::move(value);
  }
  // Facts that are held per return stand on this one.
  void FiledOn(uint64_t tax_return) { return_ = tax_return; }

  absl::optional<FactValue> Find(absl::string_view fact, const Period& period) const override;
  absl::optional<Period> Latest(absl::string_view fact, PeriodKind kind,
                                int32_t not_after) const override;
  absl::optional<uint64_t> ReturnOf(absl::string_view fact, const Period& period) const override;

 private:
  std::map<std::pair<std::string, Period>, FactValue> values_;
  absl::optional<uint64_t> return_;
};

// Whom the records find.
enum class Person : uint8_t { kKnown, kUnknown, kSeveralFound, kMismatch, kHeldBack };

// One person asked about, or one member of the group.
struct SupposedPerson {
  Person person = Person::kKnown;
  SupposedFacts facts;
};

// Everything a condition is judged by. `people` has one, or a group's members.
struct Facing {
  const Question& question;
  const Parameters& parameters;
  const std::vector<SupposedPerson>& people;
  const FactCatalogue& catalogue;
  const ReferenceTables& tables;
  absl::CivilDay today;
};
// The node's own evaluation of a part of the question's condition.
Answer AnswerOf(const Condition& condition, const Facing& facing);

struct Judgement {
  Condition::Kind kind = Condition::Kind::kLeaf;
  Answer answer = Answer::kUndetermined;  // of this part alone, by the node's own evaluation
  std::string what;                       // a leaf: "adjusted_gross_income, tax-year-2025"
  std::string actual;                     // a leaf: "$45,000.00", "not held"
  std::string required;                   // a leaf: "at most $74,250.00 (225% of ...)"
  Position position;                      // in the agreement file
  std::vector<Judgement> parts;
};

Judgement JudgementOf(const Condition& condition, const Facing& facing);

// As an indented tree, a line a part; `file` stands before each line number.
std::string JudgementText(const Judgement& judgement, absl::string_view file,
                          absl::string_view indent);

// The highest amount in cents of which `percent` of the row is not exceeded; nullopt when the
// parameters choose no row.
absl::optional<int64_t> ShareLimit(const Threshold::TableShare& share, const Parameters& parameters,
                                   const ReferenceTables& tables, absl::CivilDay today);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_JUDGEMENT_H_
