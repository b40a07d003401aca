// What a token index was built from, apart from the people.
#ifndef VOUCH_SERVER_RECORDS_INDEX_RECIPE_H_
#define VOUCH_SERVER_RECORDS_INDEX_RECIPE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "crypto/identity.h"
#include "crypto/token.h"
#include "policies/engine/agreement.h"

namespace vouch::server::records {

// Of one (agreement, epoch). An index that was made of anything else than what the agreement says
// now finds nobody, or the wrong people, so it counts as missing.
struct IndexRecipe {
  crypto::IdentityUse use = crypto::IdentityUse::kTest;
  crypto::TokenKind kind = crypto::TokenKind::kBlind;
  std::string asker;       // keyed-hash: the one agency it is for; empty for blind
  std::string public_key;  // of the epoch, as its statement has it
  std::string spelling_rules;
  std::vector<std::vector<std::string>> match;  // names of parts, as agreements write them
  // When the epoch is retired. The index is then of no use to anybody.
  absl::Time not_after = absl::InfiniteFuture();

  // True when the tokens of this agreement, in this epoch, are those of the index. Asked for every
  // subject: compares, and allocates nothing.
  bool Fits(const policies::Agreement& agreement, const crypto::EpochStatement& epoch) const;
};

// FailedPrecondition when the epoch's key is of another kind than the agreement now asks for.
absl::StatusOr<IndexRecipe> RecipeFor(const policies::Agreement& agreement,
                                      const crypto::EpochStatement& epoch);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_INDEX_RECIPE_H_
