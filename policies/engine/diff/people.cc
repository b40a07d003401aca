// How people are found: match keys, spelling rules, tokens.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/diff/changes.h"

namespace vouch::policies::diff {
namespace {

using Parts = std::vector<std::string>;

// What one key finds of a request. The person meant is A; B is somebody else.
enum class Hit : int {
  kNothing,  // it could not be formed, or the record has no token for it
  kFindsA,
  kMissesA,  // it was formed, finds nobody, and A's record has a token for it: it does not fit
  kFindsB,
  kSeveral,  // it finds several records
};
constexpr int kHits = 5;
constexpr size_t kMostKeys = 7;  // kHits to that power is tried

enum class Person { kNobody, kA, kB };

// Whom the keys of one file find, as the answering node decides it: all together must find exactly
// one record, and a stronger key that does not fit objects unless the first that finds allows it.
Person Find(const std::vector<AgreedMatchKey>& match, const std::vector<size_t>& index,
            const std::vector<Hit>& hits) {
  int winning = -1;
  bool a = false;
  bool b = false;
  for (size_t k = 0; k < match.size(); ++k) {
    const Hit hit = hits[index[k]];
    if (hit == Hit::kSeveral) return Person::kNobody;
    a |= hit == Hit::kFindsA;
    b |= hit == Hit::kFindsB;
    if (winning < 0 && (hit == Hit::kFindsA || hit == Hit::kFindsB)) winning = static_cast<int>(k);
  }
  if (winning < 0 || (a && b)) return Person::kNobody;
  const auto first = static_cast<size_t>(winning);
  if (match[first].despite_mismatch == DespiteMismatch::kRefuse) {
    for (size_t k = 0; k < first; ++k) {
      if (hits[index[k]] == Hit::kMissesA) return Person::kNobody;
    }
  }
  return a ? Person::kA : Person::kB;
}

std::string KeyText(const Parts& parts) { return absl::StrJoin(parts, " + "); }

std::string HitsText(const std::vector<Parts>& keys, const std::vector<Hit>& hits) {
  std::vector<std::string> said;
  for (size_t k = 0; k < keys.size(); ++k) {
    switch (hits[k]) {
      case Hit::kNothing:
        break;
      case Hit::kFindsA:
        said.push_back(absl::StrCat(KeyText(keys[k]), " finds"));
        break;
      case Hit::kMissesA:
        said.push_back(absl::StrCat(KeyText(keys[k]), " does not fit although the record has it"));
        break;
      case Hit::kFindsB:
        said.push_back(absl::StrCat(KeyText(keys[k]), " points at (somebody else)"));
        break;
      case Hit::kSeveral:
        said.push_back(absl::StrCat(KeyText(keys[k]), " finds several of"));
        break;
    }
  }
  return absl::StrCat("A person of whom is true: ", absl::StrJoin(said, "; "));
}

absl::string_view FoundText(Person person) {
  switch (person) {
    case Person::kNobody:
      return "UNDETERMINED";
    case Person::kA:
      return "answered";
    case Person::kB:
      break;
  }
  return "answered about somebody else";
}

std::string MatchText(const std::vector<AgreedMatchKey>& match) {
  return absl::StrJoin(match, "; ", [](std::string* out, const AgreedMatchKey& key) {
    absl::StrAppend(out, KeyText(key.parts),
                    key.despite_mismatch == DespiteMismatch::kAllow ? " (despite a mismatch)" : "");
  });
}

// A key is the same whatever the order of its attributes is called; tokens go by the order.
std::vector<size_t> IndexKeys(const std::vector<AgreedMatchKey>& match, std::vector<Parts>* keys) {
  std::vector<size_t> index;
  for (const AgreedMatchKey& key : match) {
    const auto found = std::find(keys->begin(), keys->end(), key.parts);
    index.push_back(static_cast<size_t>(found - keys->begin()));
    if (found == keys->end()) keys->push_back(key.parts);
  }
  return index;
}

bool SameKeys(const std::vector<AgreedMatchKey>& a, const std::vector<AgreedMatchKey>& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& one, const auto& other) {
           return one.parts == other.parts && one.despite_mismatch == other.despite_mismatch;
         });
}

void CompareMatch(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  if (SameKeys(a.match, b.match)) return;
  const Changes::Place place = Changes::Same("people.match");
  const std::string text =
      absl::StrCat("Match keys: ", MatchText(a.match), ". Now: ", MatchText(b.match), ".");
  std::vector<Parts> keys;
  const std::vector<size_t> before = IndexKeys(a.match, &keys);
  const std::vector<size_t> after = IndexKeys(b.match, &keys);
  if (keys.size() > kMostKeys) {
    changes->CannotTell(place, absl::StrCat(text, " Too many keys to try them all together."));
    return;
  }
  // Every way in which the keys may hit; the simplest example of each direction is kept.
  std::string up;
  std::string down;
  size_t up_size = keys.size() + 1;
  size_t down_size = keys.size() + 1;
  std::vector<Hit> hits(keys.size(), Hit::kNothing);
  while (true) {
    const Person was = Find(a.match, before, hits);
    const Person is = Find(b.match, after, hits);
    if (was != is) {
      const auto size = static_cast<size_t>(
          std::count_if(hits.begin(), hits.end(), [](Hit hit) { return hit != Hit::kNothing; }));
      const std::string words = absl::StrCat(HitsText(keys, hits), ": was ", FoundText(was),
                                             ", would be ", FoundText(is), ".");
      if (is != Person::kNobody && size < up_size) {
        up = words;
        up_size = size;
      }
      if (was != Person::kNobody && size < down_size) {
        down = words;
        down_size = size;
      }
    }
    size_t k = 0;
    for (; k < hits.size(); ++k) {
      const int next = static_cast<int>(hits[k]) + 1;
      hits[k] = static_cast<Hit>(next % kHits);
      if (next < kHits) break;
    }
    if (k == hits.size()) break;
  }
  if (!up.empty()) changes->Widens(place, text, Changes::Words(up));
  if (!down.empty()) changes->Narrows(place, text, Changes::Words(down));
  if (up.empty() && down.empty()) {
    changes->Neutral(place, absl::StrCat(text, " The same people are found."));
  }
}

}  // namespace

void ComparePeople(Changes* changes) {
  const Agreement& a = changes->before();
  const Agreement& b = changes->after();
  if (a.spelling_rules != b.spelling_rules) {
    changes->CannotTell(
        Changes::Same("people.spelling_rules"),
        absl::StrCat("Names are spelt by ", b.spelling_rules, ", were by ", a.spelling_rules,
                     ". Some people will be found that were not, others no longer; "
                     "who depends on their names."));
  }
  CompareMatch(changes);
  if (a.token_kind != b.token_kind) {
    const bool blind = b.token_kind == TokenKind::kBlind;
    const Changes::Place at = Changes::Same("people.tokens.kind");
    const std::string words = absl::StrCat(
        "Who holds the asking agency's key computes a token without the answering agency's help: ",
        blind ? "was possible, would not be." : "was not possible, would be.");
    if (blind) {
      changes->Narrows(at, "Tokens are blind, were keyed-hash.", Changes::Words(words));
    } else {
      changes->Widens(at, "Tokens are keyed-hash, were blind: both sides hold the key.",
                      Changes::Words(words));
    }
  }
  if (a.key_authority != b.key_authority) {
    changes->CannotTell(Changes::Same("people.tokens.key_authority"),
                        "Another key authority signs the keys of tokens. Who holds it is not in "
                        "this file: ask the answering agency's officer.");
  }
}

}  // namespace vouch::policies::diff
