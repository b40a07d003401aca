#include "policies/engine/collisions.h"

#include <algorithm>

namespace vouch::policies {

double AgreementOdds(absl::string_view part) {
  struct Odds {
    absl::string_view part;
    double odds;
  };
  static constexpr Odds kOdds[] = {{"social_security_number", 9e8},
                                   {"individual_taxpayer_id", 5e7},
                                   {"date_of_birth", 20000},
                                   {"given_name", 100},
                                   {"family_name", 120},
                                   {"middle_name", 50},
                                   {"postal_code", 1000},
                                   {"national_id", 1e8},
                                   {"alien_number", 1e8},
                                   {"case_number", 1e6},
                                   {"employer_id", 1e6},
                                   {"soundex:family_name", 80},
                                   {"soundex:given_name", 40},
                                   {"initial:given_name", 10},
                                   {"year:date_of_birth", 50}};
  for (const Odds& known : kOdds) {
    if (known.part == part) return known.odds;
  }
  return 1;
}

double AgreementOdds(const std::vector<std::string>& parts) {
  double odds = 1;
  for (const std::string& part : parts) odds *= AgreementOdds(part);
  return odds;
}

double ExpectedCollisions(const std::vector<std::string>& parts, uint64_t records, uint64_t asked) {
  return static_cast<double>(records) * static_cast<double>(asked) / AgreementOdds(parts);
}

namespace {

bool Has(const std::vector<std::string>& list, absl::string_view one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

// "family_name" of "soundex:family_name".
absl::string_view AttributeOf(absl::string_view part) {
  const size_t colon = part.find(':');
  return colon == absl::string_view::npos ? part : part.substr(colon + 1);
}

// True when whoever can form `key` can form `part`.
bool Formed(absl::string_view part, const std::vector<std::string>& key) {
  if (Has(key, part)) return true;
  const absl::string_view attribute = AttributeOf(part);
  const bool always = attribute == part || attribute == "date_of_birth";
  return always && std::any_of(key.begin(), key.end(), [&](const std::string& other) {
           return AttributeOf(other) == attribute;
         });
}

}  // namespace

AloneCase WhenAlone(const std::vector<AgreedMatchKey>& match, size_t key) {
  AloneCase alone;
  for (size_t earlier = 0; earlier < key; ++earlier) {
    bool lacks = false;
    for (const std::string& part : match[earlier].parts) {
      if (Formed(part, match[key].parts)) continue;
      lacks = true;
      const std::string attribute(AttributeOf(part));
      if (!Has(alone.missing, attribute)) alone.missing.push_back(attribute);
    }
    if (!lacks) return AloneCase();
  }
  alone.possible = true;
  return alone;
}

double CollisionsAlone(const std::vector<AgreedMatchKey>& match, size_t key, uint64_t records,
                       uint64_t asked) {
  if (!WhenAlone(match, key).possible) return 0;
  return ExpectedCollisions(match[key].parts, records, asked);
}

}  // namespace vouch::policies
