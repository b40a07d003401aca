// Dates, amounts and names as a lawyer writes them.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_WORDS_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_WORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "policies/engine/agreement.h"
#include "policies/engine/values.h"

namespace vouch::policies::explain {

std::string DateWords(absl::CivilDay day);                    // "October 1, 2026"
std::string WeekdayWords(absl::CivilDay day);                 // "Thursday, October 1, 2026"
std::string Dollars(int64_t cents);                           // "$75,735.00"
std::string Grouped(int64_t number);                          // "50,000"
std::string Counted(int64_t number, absl::string_view noun);  // "1 day", "30 days"
std::string Ordinal(int64_t number);                          // "18th"
// "a", "a and b", "a, b and c".
std::string Joined(const std::vector<std::string>& parts, absl::string_view last = "and");
// "household_size" makes "household size".
std::string NameWords(absl::string_view name);
// A part of a match key: "how the family name sounds", "Social Security number".
std::string AttributeWords(absl::string_view part);
// "English" for "en"; the tag itself where we know no name.
std::string LanguageWords(absl::string_view tag);
// One value of a fact or threshold: "$45,000.00", "December 31, 2026", "yes", "“enrolled”".
std::string ValueWords(const FactValue& value);
std::string ParameterWords(const ParameterValue& value);
// Text of several lines on one, without spaces at the ends.
std::string OneLine(absl::string_view text);
// "within any 30 days"; "over the whole life of the agreement" for "agreement".
std::string WindowWords(absl::string_view every);

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_WORDS_H_
