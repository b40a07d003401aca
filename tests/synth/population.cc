#include "tests/synth/population.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/synth/dice.h"
#include "tests/synth/names.h"
#include "tests/synth/places.h"

namespace vouch::synth {
namespace {

enum Stream : uint64_t { kLayout = 1, kHome = 2, kNumbers = 3 };

// Households never cross the border of a block, so any person is found without counting from zero.
constexpr uint64_t kBlock = 24;

// Sizes one to seven, as in the 2020 census, by weight.
int DrawSize(Dice* dice) {
  static constexpr int kWeights[] = {28, 35, 15, 13, 6, 2, 1};
  int at = static_cast<int>(dice->Below(100));
  int size = 1;
  while (at >= kWeights[size - 1]) at -= kWeights[size++ - 1];
  return size;
}

struct Extent {
  uint64_t first;
  int size;
};

Extent ExtentOf(uint64_t seed, uint64_t number) {
  const uint64_t block = number / kBlock;
  const int at = static_cast<int>(number % kBlock);
  Dice dice(seed, kLayout, block);
  int first = 0;
  for (;;) {
    const int size = std::min<int>(DrawSize(&dice), static_cast<int>(kBlock) - first);
    if (at < first + size) return {block * kBlock + first, size};
    first += size;
  }
}

absl::CivilDay BornAtAge(int age, Dice* dice) {
  return ReferenceDay() - (age * 365.2425 + dice->Between(0, 364));
}

int64_t DrawIncome(Dice* dice) {
  if (dice->Chance(0.04)) return 0;
  if (dice->Chance(0.004)) return -static_cast<int64_t>(dice->Below(4'000'000));
  // A long tail: one in a hundred from 300,000 dollars upwards.
  if (dice->Chance(0.01)) {
    const double dollars = 300'000 * std::pow(1 - dice->Unit(), -1 / 1.6);
    return static_cast<int64_t>(std::min(dollars, 5e8) * 100);
  }
  return static_cast<int64_t>(std::exp(10.45 + 0.85 * dice->Normal()) * 100);
}

// Income over the poverty guideline of 2026 for the household's size and region.
double PovertyRatio(int64_t cents, int size, const std::string& region) {
  double first = 15'960, more = 5'680;
  if (region == "alaska") first = 19'950, more = 7'100;
  if (region == "hawaii") first = 18'360, more = 6'530;
  return static_cast<double>(cents) / 100 / (first + more * (size - 1));
}

void ServeInTheForces(Person* person, bool woman, Dice* dice) {
  const int age = person->Age();
  if (age < 20) return;
  const double share = woman ? 0.015 : age > 75 ? 0.4 : age > 50 ? 0.14 : 0.06;
  if (!dice->Chance(share)) return;
  person->veteran = true;
  const double kind = dice->Unit();
  person->discharge = kind < 0.86   ? Discharge::kHonorable
                      : kind < 0.96 ? Discharge::kGeneral
                                    : Discharge::kOtherThanHonorable;
}

void AddSuffix(std::string* family_name, Dice* dice) {
  static constexpr absl::string_view kSuffixes[] = {"Jr.", "Jr", "JR", "III", "II", "Sr.", "IV"};
  absl::StrAppend(family_name, dice->Chance(0.3) ? ", " : " ",
                  kSuffixes[dice->Below(std::size(kSuffixes))]);
}

std::string Joined(const std::string& a, const std::string& b, Dice* dice) {
  if (absl::StrContains(a, " ") || absl::StrContains(a, "-") || absl::StrContains(b, " ") ||
      absl::StrContains(b, "-")) {
    return a;
  }
  return absl::StrCat(a, dice->Chance(0.5) ? "-" : " ", b);
}

// The grown-ups' names, ages and incomes; `people` holds one or two of them first.
void FillAdults(std::vector<Person>* people, size_t adults, size_t culture, int youngest_parent,
                Dice* dice) {
  const bool first_is_woman = dice->Chance(0.5);
  const int age = youngest_parent > 0 ? dice->Between(std::max(20, youngest_parent), 52)
                                      : dice->Between(20, dice->Chance(0.3) ? 96 : 72);
  Person& first = people->at(0);
  first.date_of_birth = BornAtAge(age, dice);
  first.given_name = DrawGivenName(culture, first_is_woman, dice);
  first.family_name = DrawFamilyName(culture, dice);
  if (adults == 1) {
    if (first_is_woman && age > 25 && dice->Chance(0.18)) {
      first.former_family_name = DrawFamilyName(culture, dice);
    }
    if (!first_is_woman && dice->Chance(0.03)) AddSuffix(&first.family_name, dice);
    first.filing_status =
        people->size() > 1 ? FilingStatus::kHeadOfHousehold : FilingStatus::kSingle;
    first.adjusted_gross_income = DrawIncome(dice);
  } else {
    Person& second = people->at(1);
    const size_t second_culture = dice->Chance(0.85) ? culture : DrawCulture(dice);
    second.date_of_birth = BornAtAge(std::max(20, age + dice->Between(-6, 6)), dice);
    second.given_name = DrawGivenName(second_culture, !first_is_woman, dice);
    const std::string birth_name = DrawFamilyName(second_culture, dice);
    const double choice = dice->Unit();
    if (choice < 0.62) {
      second.family_name = first.family_name;
      if (birth_name != first.family_name) second.former_family_name = birth_name;
    } else if (choice < 0.70) {
      second.family_name = Joined(birth_name, first.family_name, dice);
      if (second.family_name != birth_name) second.former_family_name = birth_name;
    } else {
      second.family_name = birth_name;
    }
    if (!first_is_woman && dice->Chance(0.04)) AddSuffix(&first.family_name, dice);
    // One joint return, or two of unmarried people.
    if (dice->Chance(0.8)) {
      const int64_t income = DrawIncome(dice) + (dice->Chance(0.6) ? DrawIncome(dice) : 0);
      for (Person* spouse : {&first, &second}) {
        spouse->filing_status = FilingStatus::kMarriedJoint;
        spouse->adjusted_gross_income = income;
      }
    } else {
      for (Person* adult : {&first, &second}) {
        adult->filing_status = FilingStatus::kSingle;
        adult->adjusted_gross_income = DrawIncome(dice);
      }
    }
  }
  for (size_t i = 0; i < adults; ++i) {
    Person& adult = people->at(i);
    ServeInTheForces(&adult, (i == 0) == first_is_woman, dice);
    const int64_t share = std::max<int64_t>(*adult.adjusted_gross_income, 0) / (adults * 4);
    adult.quarterly_wages = adult.Age() > 67 ? 0 : share * dice->Between(60, 115) / 100;
    if (*adult.adjusted_gross_income == 0 && dice->Chance(0.7)) {
      adult.adjusted_gross_income.reset();  // who earns nothing often files nothing
      adult.filing_status = FilingStatus::kNone;
    }
  }
}

void FillChildren(std::vector<Person>* people, size_t adults, size_t culture, Dice* dice) {
  const int parent_age =
      adults > 1 ? std::min(people->at(0).Age(), people->at(1).Age()) : people->at(0).Age();
  std::string family_name =
      people->at(0).family_name.substr(0, people->at(0).family_name.find(','));
  for (absl::string_view suffix : {" Jr.", " Jr", " JR", " III", " II", " Sr.", " IV"}) {
    if (absl::EndsWith(family_name, suffix)) {
      family_name.resize(family_name.size() - suffix.size());
    }
  }
  if (adults > 1 && HasDoubleFamilyNames(culture) && dice->Chance(0.4)) {
    family_name = Joined(family_name, people->at(1).family_name, dice);
  }
  absl::optional<absl::CivilDay> youngest;
  for (size_t i = adults; i < people->size(); ++i) {
    Person& child = people->at(i);
    const int oldest = std::min(19, std::max(0, parent_age - 18));
    child.date_of_birth =
        BornAtAge(dice->Between(std::min(oldest, std::max(0, parent_age - 44)), oldest), dice);
    child.given_name = DrawGivenName(culture, dice->Chance(0.5), dice);
    child.family_name = family_name;
    if (!youngest || child.date_of_birth > *youngest) youngest = child.date_of_birth;
  }
  if (!youngest || ReferenceDay() - *youngest >= 730) return;
  for (size_t i = 0; i < adults; ++i) people->at(i).child_birth_date = youngest;
}

void GrantBenefits(std::vector<Person>* people, size_t adults, Dice* dice) {
  int64_t income = 0;
  for (size_t i = 0; i < adults; ++i) {
    const Person& adult = people->at(i);
    if (i > 0 && adult.filing_status == FilingStatus::kMarriedJoint) continue;
    income += adult.adjusted_gross_income.value_or(0);
  }
  const double ratio = PovertyRatio(income, static_cast<int>(people->size()), people->at(0).region);
  const bool snap = ratio < 1.3 && dice->Chance(0.7);
  const bool medicaid = ratio < 1.38 && dice->Chance(0.75);
  for (Person& person : *people) {
    const int age = person.Age();
    person.snap_enrolled = snap;
    person.medicaid_enrolled =
        age < 65 && (medicaid || (age < 19 && ratio < 2 && dice->Chance(0.5)));
    if (age < 5 || age > 18) continue;
    person.school_meals = snap || ratio < 1.3 ? SchoolMeals::kFree
                          : ratio < 1.85      ? SchoolMeals::kReduced
                                              : SchoolMeals::kNone;
  }
}

}  // namespace

absl::CivilDay ReferenceDay() { return absl::CivilDay(kReferenceYear, 6, 30); }

int Person::Age() const {
  const absl::CivilDay today = ReferenceDay();
  const bool had_birthday = std::make_pair(date_of_birth.month(), date_of_birth.day()) <=
                            std::make_pair(today.month(), today.day());
  return static_cast<int>(today.year() - date_of_birth.year()) - (had_birthday ? 0 : 1);
}

std::string Population::SocialSecurityNumber(uint64_t number) const {
  if (number >= kMostPeople) std::abort();  // callers check ranges; numbers would repeat
  constexpr uint64_t kNumbersThereAre = 100ull * 99 * 9999;
  constexpr uint64_t kStep = 61803403;
  static_assert(std::gcd(kStep, kNumbersThereAre) == 1, "else two people get the same number");
  Dice dice(seed_, kNumbers, 0);
  const uint64_t at = (number * kStep + dice.Below(kNumbersThereAre)) % kNumbersThereAre;
  return absl::StrCat(900 + at / (99 * 9999), "-", absl::Dec(at / 9999 % 99 + 1, absl::kZeroPad2),
                      "-", absl::Dec(at % 9999 + 1, absl::kZeroPad4));
}

std::vector<Person> Population::HouseholdOf(uint64_t number) const {
  const Extent extent = ExtentOf(seed_, number);
  Dice dice(seed_, kHome, extent.first);
  std::vector<Person> people(extent.size);
  const Place& place = DrawPlace(&dice);
  const std::string zip = DrawZip(place, &dice);
  const absl::CivilDay since = ReferenceDay() - static_cast<int>(dice.Below(20 * 365));
  const size_t culture = DrawCulture(&dice);
  const bool couple = extent.size > 1 && dice.Chance(extent.size == 2 ? 0.62 : 0.75);
  const size_t adults = couple ? 2 : 1;
  for (int i = 0; i < extent.size; ++i) {
    Person& person = people[i];
    person.number = extent.first + i;
    person.social_security_number = SocialSecurityNumber(person.number);
    person.postal_code = zip;
    person.residence_county = std::string(place.county);
    person.region = std::string(RegionOf(place));
    person.household = extent.first;
    person.household_size = extent.size;
  }
  const bool has_children = people.size() > adults;
  FillAdults(&people, adults, culture, has_children ? 22 : 0, &dice);
  if (has_children) FillChildren(&people, adults, culture, &dice);
  for (Person& person : people) person.residence_since = std::max(since, person.date_of_birth);
  GrantBenefits(&people, adults, &dice);
  return people;
}

Person Population::At(uint64_t number) const {
  std::vector<Person> household = HouseholdOf(number);
  return std::move(household[number - household.front().number]);
}

}  // namespace vouch::synth
