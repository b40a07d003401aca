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

AgreedMatchKey Key(std::vector<std::string> parts) {
  AgreedMatchKey key;
  key.parts = std::move(parts);
  return key;
}

TEST(CollisionsTest, TheFirstKeyAlwaysStandsAlone) {
  const AloneCase alone = WhenAlone({Key({"family_name"})}, 0);
  EXPECT_TRUE(alone.possible);
  EXPECT_TRUE(alone.missing.empty());
  EXPECT_DOUBLE_EQ(CollisionsAlone({Key({"family_name"})}, 0, 12000, 10), 1000);
}

TEST(CollisionsTest, ALaterKeyStandsAloneWhereNoneBeforeItCanBeFormed) {
  const std::vector<AgreedMatchKey> match = {Key({"social_security_number", "date_of_birth"}),
                                             Key({"national_id", "social_security_number"}),
                                             Key({"family_name", "date_of_birth"})};
  const AloneCase alone = WhenAlone(match, 2);
  EXPECT_TRUE(alone.possible);
  EXPECT_EQ(alone.missing, (std::vector<std::string>{"social_security_number", "national_id"}));
  EXPECT_DOUBLE_EQ(CollisionsAlone(match, 2, 2400000, 1000), 1000);
}

TEST(CollisionsTest, AKeyThatIsAlwaysFormedTooCanAlwaysObject) {
  const std::vector<AgreedMatchKey> match = {Key({"social_security_number"}),
                                             Key({"family_name", "date_of_birth"}),
                                             Key({"soundex:family_name", "date_of_birth"}),
                                             Key({"soundex:family_name", "year:date_of_birth"})};
  for (const size_t key : {2, 3}) {
    EXPECT_FALSE(WhenAlone(match, key).possible) << key;
    EXPECT_EQ(CollisionsAlone(match, key, 1000000, 1000), 0) << key;
  }
}

// A name in other letters than Latin has no soundex.
TEST(CollisionsTest, ADerivedPartOfAnotherKeyMayNotBeFormed) {
  const std::vector<AgreedMatchKey> match = {Key({"soundex:family_name", "date_of_birth"}),
                                             Key({"family_name", "date_of_birth"}),
                                             Key({"soundex:family_name", "date_of_birth"})};
  EXPECT_TRUE(WhenAlone(match, 1).possible);
  EXPECT_EQ(WhenAlone(match, 1).missing, (std::vector<std::string>{"family_name"}));
  EXPECT_FALSE(WhenAlone(match, 2).possible);
  const std::vector<AgreedMatchKey> years = {Key({"year:date_of_birth", "family_name"}),
                                             Key({"date_of_birth", "family_name"})};
  EXPECT_FALSE(WhenAlone(years, 1).possible) << "a year is there wherever the date is";
}

}  // namespace
}  // namespace vouch::policies
