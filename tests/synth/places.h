// Counties with the beginning of a ZIP code found in them, weighted by how many people live there.
#ifndef VOUCH_TESTS_SYNTH_PLACES_H_
#define VOUCH_TESTS_SYNTH_PLACES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "tests/synth/dice.h"

namespace vouch::synth {

struct Place {
  absl::string_view county;      // five-digit FIPS code
  absl::string_view zip_prefix;  // three digits
  int weight;
};

const Place& DrawPlace(Dice* dice);
std::string DrawZip(const Place& place, Dice* dice);
// "alaska", "hawaii" or "contiguous": which poverty guideline applies.
absl::string_view RegionOf(const Place& place);

}  // namespace vouch::synth

#endif  // VOUCH_TESTS_SYNTH_PLACES_H_
