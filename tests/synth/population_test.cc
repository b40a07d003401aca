#include "tests/synth/population.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "crypto/identity.h"

namespace vouch::synth {
namespace {

constexpr uint64_t kSeed = 20260630;

bool SamePerson(const Person& a, const Person& b) {
  return a.number == b.number && a.social_security_number == b.social_security_number &&
         a.date_of_birth == b.date_of_birth && a.given_name == b.given_name &&
         a.family_name == b.family_name && a.former_family_name == b.former_family_name &&
         a.postal_code == b.postal_code && a.household == b.household &&
         a.adjusted_gross_income == b.adjusted_gross_income && a.veteran == b.veteran;
}

std::vector<Person> Everyone(uint64_t seed, uint64_t count) {
  const Population population(seed);
  std::vector<Person> people;
  while (people.size() < count) {
    for (Person& person : population.HouseholdOf(people.size())) {
      people.push_back(std::move(person));
    }
  }
  return people;
}

TEST(PopulationTest, APersonIsTheSameHoweverAskedFor) {
  const std::vector<Person> everyone = Everyone(kSeed, 500);
  const Population again(kSeed);
  for (uint64_t number : {0u, 7u, 23u, 24u, 250u, 499u}) {
    EXPECT_EQ(everyone[number].number, number);
    EXPECT_TRUE(SamePerson(again.At(number), everyone[number]));
  }
}

TEST(PopulationTest, AnotherSeedIsOtherPeople) {
  const std::vector<Person> a = Everyone(1, 200), b = Everyone(2, 200);
  int same = 0;
  for (size_t i = 0; i < 200; ++i) {
    same += a[i].given_name == b[i].given_name && a[i].date_of_birth == b[i].date_of_birth;
  }
  EXPECT_EQ(same, 0);
}

TEST(PopulationTest, SocialSecurityNumbersAreUniqueAndForTestUse) {
  const auto* rules = crypto::FindSpellingRules("names/1");
  std::set<std::string> numbers;
  for (const Person& person : Everyone(kSeed, 20000)) {
    EXPECT_TRUE(numbers.insert(person.social_security_number).second);
    EXPECT_TRUE(rules
                    ->Normalize(crypto::Attribute::kSocialSecurityNumber,
                                person.social_security_number, crypto::IdentityUse::kTest,
                                ReferenceDay())
                    .ok());
  }
}

TEST(PopulationTest, TheLastPersonExists) {
  const Population population(kSeed);
  EXPECT_EQ(population.At(Population::kMostPeople - 1).number, Population::kMostPeople - 1);
}

TEST(PopulationTest, EveryNameHasANormalForm) {
  const auto* rules = crypto::FindSpellingRules("names/1");
  for (const Person& person : Everyone(kSeed, 20000)) {
    for (const std::string* name : {&person.given_name, &person.family_name}) {
      const auto normal = rules->Normalize(crypto::Attribute::kFamilyName, *name,
                                           crypto::IdentityUse::kTest, ReferenceDay());
      EXPECT_TRUE(normal.ok()) << person.number;
    }
  }
}

TEST(PopulationTest, HouseholdsHoldTogether) {
  std::map<uint64_t, std::vector<Person>> households;
  const std::vector<Person> everyone = Everyone(kSeed, 10000);
  for (const Person& person : everyone) households[person.household].push_back(person);
  for (const auto& entry : households) {
    const std::vector<Person>& members = entry.second;
    for (const Person& member : members) {
      EXPECT_EQ(member.household_size, static_cast<int>(members.size()));
      EXPECT_EQ(member.postal_code, members[0].postal_code);
      EXPECT_EQ(member.region, members[0].region);
      EXPECT_GE(member.residence_since, member.date_of_birth);
    }
    EXPECT_GE(members[0].Age(), 19);
  }
}

TEST(PopulationTest, LooksLikeACountry) {
  const std::vector<Person> everyone = Everyone(kSeed, 30000);
  std::vector<int64_t> incomes;
  std::map<std::string, int> families;
  int children = 0, veterans = 0, former = 0, marks = 0, hyphens = 0, parents = 0, snap = 0;
  for (const Person& person : everyone) {
    if (person.adjusted_gross_income) incomes.push_back(*person.adjusted_gross_income);
    ++families[person.family_name];
    children += person.Age() < 18;
    veterans += person.veteran;
    former += !person.former_family_name.empty();
    hyphens += person.family_name.find('-') != std::string::npos;
    marks += std::any_of(person.family_name.begin(), person.family_name.end(),
                         [](char c) { return c & 0x80; });
    parents += person.child_birth_date.has_value();
    snap += person.snap_enrolled;
    EXPECT_LE(person.date_of_birth, ReferenceDay());
    EXPECT_LT(person.Age(), 110);
  }
  std::sort(incomes.begin(), incomes.end());
  const int64_t median = incomes[incomes.size() / 2];
  EXPECT_GT(median, 25'000'00);
  EXPECT_LT(median, 90'000'00);
  EXPECT_GT(incomes[incomes.size() * 995 / 1000], 5 * median);
  EXPECT_LE(incomes.front(), 0);
  EXPECT_GT(families.size(), 1500u);
  const double all = everyone.size();
  EXPECT_GT(families["Smith"], all * 0.005);
  EXPECT_NEAR(children / all, 0.25, 0.12);
  EXPECT_NEAR(veterans / all, 0.055, 0.04);
  EXPECT_NEAR(snap / all, 0.15, 0.1);
  EXPECT_GT(former / all, 0.05);
  EXPECT_GT(marks / all, 0.05);
  EXPECT_GT(hyphens / all, 0.01);
  EXPECT_GT(parents / all, 0.005);
}

}  // namespace
}  // namespace vouch::synth
