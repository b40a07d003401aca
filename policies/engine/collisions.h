// How many people a match key takes for somebody else by chance: what `vouch agreement check`
// states, and what the matching tests hold the engine to.
#ifndef VOUCH_POLICIES_ENGINE_COLLISIONS_H_
#define VOUCH_POLICIES_ENGINE_COLLISIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policies/engine/agreement.h"

namespace vouch::policies {

// One in how many pairs of unrelated people agree in a part of a match key ("date_of_birth",
// "soundex:family_name"); 1 for a part that is unknown. Rough and on the careful side, low
// enough for names that come together in communities (docs/matching.md, "What chance costs").
// People of one household agree more often than unrelated ones.
double AgreementOdds(absl::string_view part);
// Of all parts together, as if they were independent.
double AgreementOdds(const std::vector<std::string>& parts);

// Of `asked` people who have no record, about how many agree with one of `records` records in every
// part.
double ExpectedCollisions(const std::vector<std::string>& parts, uint64_t records, uint64_t asked);

// Whether match[key] can be formed where none before it can, because the asker or the record lacks
// attributes. It then answers alone, also with despite_mismatch "refuse": nothing earlier objects.
// (A soundex or an initial may fail where the attribute is there, so it counts as formed only where
// the key has that very part.)
struct AloneCase {
  bool possible = false;
  // What is lacking, of which each earlier key needs one; empty for the first key, which is always
  // alone.
  std::vector<std::string> missing;
};
AloneCase WhenAlone(const std::vector<AgreedMatchKey>& match, size_t key);
// The same as ExpectedCollisions where match[key] answers alone; 0 where it never does.
double CollisionsAlone(const std::vector<AgreedMatchKey>& match, size_t key, uint64_t records,
                       uint64_t asked);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_COLLISIONS_H_
