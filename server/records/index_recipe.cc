#include "server/records/index_recipe.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vouch::server::records {

namespace {

crypto::IdentityUse UseOf(const policies::Agreement& agreement) {
  return agreement.use == policies::Use::kLive ? crypto::IdentityUse::kLive
                                               : crypto::IdentityUse::kTest;
}

crypto::TokenKind KindOf(const policies::Agreement& agreement) {
  return agreement.token_kind == policies::TokenKind::kKeyedHash ? crypto::TokenKind::kKeyedHash
                                                                 : crypto::TokenKind::kBlind;
}

}  // namespace

bool IndexRecipe::Fits(const policies::Agreement& agreement,
                       const crypto::EpochStatement& epoch) const {
  return use == UseOf(agreement) && kind == KindOf(agreement) && kind == epoch.kind &&
         asker == epoch.asker && public_key == epoch.public_key &&
         spelling_rules == agreement.spelling_rules &&
         std::equal(match.begin(), match.end(), agreement.match.begin(), agreement.match.end(),
                    [](const std::vector<std::string>& parts, const policies::AgreedMatchKey& key) {
                      return parts == key.parts;
                    });
}

absl::StatusOr<IndexRecipe> RecipeFor(const policies::Agreement& agreement,
                                      const crypto::EpochStatement& epoch) {
  if (epoch.kind != KindOf(agreement)) {
    return absl::FailedPreconditionError(
        absl::StrCat("agreement ", agreement.id, ": the key of epoch ", epoch.epoch,
                     " is of another kind than its tokens; make a new epoch"));
  }
  IndexRecipe recipe;
  recipe.use = UseOf(agreement);
  recipe.kind = epoch.kind;
  recipe.asker = epoch.asker;
  recipe.public_key = epoch.public_key;
  recipe.spelling_rules = agreement.spelling_rules;
  for (const policies::AgreedMatchKey& key : agreement.match) recipe.match.push_back(key.parts);
  recipe.not_after = epoch.not_after;
  return recipe;
}

}  // namespace vouch::server::records
