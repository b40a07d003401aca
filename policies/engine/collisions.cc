#include "policies/engine/collisions.h"

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

}  // namespace vouch::policies
