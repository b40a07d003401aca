// Values, days and refusals as officers write and read them in cases and simulations.
#ifndef VOUCH_POLICIES_ENGINE_CASES_WORDS_H_
#define VOUCH_POLICIES_ENGINE_CASES_WORDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/source.h"
#include "policies/engine/values.h"

namespace vouch::policies::cases {

// Where a request stops, as cases name it. Finer than what the caller is told (policies::Reason):
// a case that expects one gate must not pass because of another.
enum class Refused : uint8_t {
  kNotAParty,
  kNotSigned,
  kNotInForce,
  kOtherFile,
  kQuestionNotListed,
  kPurposeNotListed,
  kParameterNotListed,
  kSubject,
  kPersonLimit,
};
absl::string_view RefusedName(Refused refused);  // "not-a-party", ...
const std::vector<Refused>& AllRefused();

absl::string_view DoName(Do action);  // "accept", ...
// "not held", "too old", ...: why an answer is UNDETERMINED.
absl::string_view BecauseName(UndeterminedReason reason);

// "$45,000.00", "-$1.05".
std::string MoneyText(int64_t cents);
// "$45,000.00", "$45000", "-$1.05"; nullopt for anything else, a comma in the wrong place included.
absl::optional<int64_t> ParseMoney(absl::string_view text);

absl::CivilDay DayOfValue(int64_t number);  // days since 1970, as FactValue holds dates
int64_t ValueOfDay(absl::CivilDay day);
// "$45,000.00", "2026-10-01", "yes", "18", "\"enrolled\"", "[\"a\", \"b\"]".
std::string ValueText(const FactValue& value);
std::string ParametersText(
    const Parameters& parameters);                   // "household_size: 4, region: \"alaska\""
std::string PeriodWords(const PeriodRule& period);   // " for tax-year-2025", "" for none
std::string ComparisonWords(Comparison comparison);  // "at most"
std::string SpanText(absl::Duration span);           // "30 days", "the agreement's whole life"
std::string DayText(absl::CivilDay day);             // "2026-10-01"

// A day as a case writes it. Patterns as in TextRule.
extern const char kDayOfCasePattern[];
extern const char kNearDayPattern[];
// "2026-11-21", "first day", "day before the first day", "last day", "day after the last day".
absl::optional<absl::CivilDay> ParseDayOfCase(absl::string_view text, const Agreement& agreement);
// "2026-11-21", "that day", "45 days before", "18 years before", "17 years and 364 days before",
// "1 day after", counted from `on`.
absl::optional<absl::CivilDay> ParseNearDay(absl::string_view text, absl::CivilDay on);
std::string NearDayText(absl::CivilDay day, absl::CivilDay on);

// A value as written, before it is known which type the fact has.
struct WrittenValue {
  enum class Kind { kText, kNumber, kYesNo, kList };
  Kind kind = Kind::kText;
  std::string text;
  int64_t number = 0;
  std::vector<std::string> list;
  Position position;
};
// What is wrong is put into `problem`, and how to mend it into `mend`.
absl::optional<FactValue> TypedValue(const FactDefinition& fact, const WrittenValue& written,
                                     absl::CivilDay on, std::string* problem, std::string* mend);

// "a, b and c" in quotes.
std::string QuotedList(const std::vector<std::string>& names);
// "did you mean `x`?", else "write one of ...".
std::string MeantOrOneOf(absl::string_view word, const std::vector<std::string>& names);

// One value that a question looks at.
struct Slot {
  std::string fact;  // "date_of_birth" for an age
  Period period;
};
// What the question's condition looks at on that day, each once. A fact that the catalogue does not
// list is left out.
std::vector<Slot> SlotsOf(const Condition& condition, const FactCatalogue& facts,
                          absl::CivilDay on);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_WORDS_H_
