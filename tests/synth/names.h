// Names of many cultures, about as often as one meets them in the United States.
#ifndef VOUCH_TESTS_SYNTH_NAMES_H_
#define VOUCH_TESTS_SYNTH_NAMES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/synth/dice.h"

namespace vouch::synth {

struct Culture {
  const char* name;
  int weight;  // of a thousand people
  // Commonest first; separated by single spaces, '_' standing for a space within a name.
  const char* family;
  const char* women;
  const char* men;
};
const std::vector<Culture>& Cultures();

// Index into Cultures().
size_t DrawCulture(Dice* dice);
std::string DrawFamilyName(size_t culture, Dice* dice);
std::string DrawGivenName(size_t culture, bool woman, Dice* dice);
// Whether children here often carry both parents' family names.
bool HasDoubleFamilyNames(size_t culture);

// A short form in common use ("Bill"); empty when the name has none.
absl::string_view NicknameOf(absl::string_view given_name);
// Latin letters without their marks, as a system that knows only ASCII would keep them.
std::string WithoutMarks(absl::string_view name);

}  // namespace vouch::synth

#endif  // VOUCH_TESTS_SYNTH_NAMES_H_
