#include "server/node/known_names.h"

#include "absl/strings/str_cat.h"
#include "crypto/identity.h"

namespace vouch::server::node {

policies::KnownNames NamesOfCrypto() {
  policies::KnownNames known;
  for (const crypto::Attribute attribute : crypto::AllAttributes()) {
    const absl::string_view name = crypto::AttributeName(attribute);
    known.attributes.emplace_back(name);
    for (const absl::string_view derivation : {"soundex:", "initial:", "year:"}) {
      // The crypto room decides which derivation fits which attribute.
      std::string derived = absl::StrCat(derivation, name);
      if (crypto::ParseKeyPart(derived).ok()) known.derivations.push_back(std::move(derived));
    }
  }
  known.spelling_rules = crypto::SpellingRuleNames();
  return known;
}

}  // namespace vouch::server::node
