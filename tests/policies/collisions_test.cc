#include "policies/engine/collisions.h"

#include "gtest/gtest.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

TEST(CollisionsTest, PricesEveryPartThatAKeyMayName) {
  const KnownNames known = Known();
  for (const std::string& part : known.attributes) EXPECT_GT(AgreementOdds(part), 1) << part;
  for (const std::string& part : known.derivations) EXPECT_GT(AgreementOdds(part), 1) << part;
}

TEST(CollisionsTest, CountsNothingForAPartItDoesNotKnow) {
  EXPECT_EQ(AgreementOdds("shoe_size"), 1);
}

TEST(CollisionsTest, PricesADerivedPartBelowTheWholeOne) {
  EXPECT_LT(AgreementOdds("soundex:family_name"), AgreementOdds("family_name"));
  EXPECT_LT(AgreementOdds("initial:given_name"), AgreementOdds("given_name"));
  EXPECT_LT(AgreementOdds("year:date_of_birth"), AgreementOdds("date_of_birth"));
}

TEST(CollisionsTest, MultipliesTheParts) {
  EXPECT_EQ(AgreementOdds(std::vector<std::string>{"given_name", "date_of_birth"}), 100 * 20000.0);
}

TEST(CollisionsTest, GrowsWithRecordsAndWithPeopleAskedAbout) {
  EXPECT_DOUBLE_EQ(ExpectedCollisions({"family_name", "date_of_birth"}, 2400000, 100), 100);
  EXPECT_DOUBLE_EQ(ExpectedCollisions({"family_name", "date_of_birth"}, 4800000, 200), 400);
}

}  // namespace
}  // namespace vouch::policies
