// Synthetic people. Person i of seed S is the same true person wherever and whenever asked for, so
// two agencies given overlapping ranges hold overlapping people.
#ifndef VOUCH_TESTS_SYNTH_POPULATION_H_
#define VOUCH_TESTS_SYNTH_POPULATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/types/optional.h"

namespace vouch::synth {

// The day on which everything holds.
inline constexpr int kReferenceYear = 2026;
absl::CivilDay ReferenceDay();  // 2026-06-30

enum class FilingStatus : uint8_t { kNone, kSingle, kMarriedJoint, kHeadOfHousehold };
enum class SchoolMeals : uint8_t { kNotASchoolChild, kNone, kReduced, kFree };
enum class Discharge : uint8_t { kNone, kHonorable, kGeneral, kOtherThanHonorable };

// What is true of one person.
struct Person {
  uint64_t number = 0;
  std::string social_security_number;  // AAA-GG-SSSS, area 9xx, unique up to kMostPeople
  absl::CivilDay date_of_birth;
  std::string given_name;
  std::string family_name;         // with a generational suffix, perhaps
  std::string former_family_name;  // empty: never had another
  std::string postal_code;
  std::string residence_county;  // five-digit FIPS code
  std::string region;            // contiguous, alaska, hawaii
  absl::CivilDay residence_since;
  uint64_t household = 0;
  int household_size = 1;
  // Cents; of the whole return for a joint one. Absent without a return.
  absl::optional<int64_t> adjusted_gross_income;
  FilingStatus filing_status = FilingStatus::kNone;
  int64_t quarterly_wages = 0;  // cents, second quarter of 2026
  bool snap_enrolled = false;
  bool medicaid_enrolled = false;
  SchoolMeals school_meals = SchoolMeals::kNotASchoolChild;
  bool veteran = false;
  Discharge discharge = Discharge::kNone;
  absl::optional<absl::CivilDay> child_birth_date;  // a parent's youngest child under two

  int Age() const;  // whole years on ReferenceDay()
};

// Immutable and thread-safe.
class Population {
 public:
  // As many as there are Social Security numbers of area 9xx, in whole blocks of 24. Person numbers
  // lie below (a broken invariant otherwise).
  static constexpr uint64_t kMostPeople = 100ull * 99 * 9999 / 24 * 24;

  explicit Population(uint64_t seed) : seed_(seed) {}

  Person At(uint64_t number) const;
  // Everyone of the household person `number` lives in, by number. Numbers are consecutive.
  std::vector<Person> HouseholdOf(uint64_t number) const;

 private:
  std::string SocialSecurityNumber(uint64_t number) const;

  uint64_t seed_;
};

}  // namespace vouch::synth

#endif  // VOUCH_TESTS_SYNTH_POPULATION_H_
