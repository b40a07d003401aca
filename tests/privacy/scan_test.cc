#include "tests/privacy/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "tests/synth/record.h"

namespace vouch::privacy {
namespace {

// Bytes like those of each channel, with nothing of anybody in them.
std::string RandomBytes(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::vector<Written> Channels() {
  std::string log, metrics;
  for (int i = 0; i < 200; ++i) {
    absl::StrAppend(&log, "{\"time\":\"2026-11-20T10:11:12.", 100 + i,
                    "Z\",\"level\":\"info\",\"event\":\"agreements loaded\",\"count\":\"", i,
                    "\"}\n");
    absl::StrAppend(&metrics, "vouch_answered_total{requester=\"aid.example\"} ", i * 7919,
                    "\nvouch_seconds_sum 0.", 123456789 + i, "\n");
  }
  return {{"wire", RandomBytes(20000, 1)},
          {"log", log},
          {"metrics", metrics},
          {"error text", "expected a UUIDv7: 16 bytes"},
          {"journal", RandomBytes(20000, 2) + std::string(8192, '\0')},
          {"empty", ""}};
}

People OnlyCanary() {
  People people;
  people.Add(Canary());
  return people;
}

TEST(ScanTest, FindsEveryCanaryInEveryChannelAndEncoding) {
  const People people = OnlyCanary();
  for (const Written& channel : Channels()) {
    EXPECT_THAT(UnseenCanaries(people, channel.bytes), testing::IsEmpty()) << channel.encoding;
  }
}

TEST(ScanTest, FindsNothingWhereNothingIs) {
  People people = OnlyCanary();
  const synth::Population population(3);
  const synth::Clerk clerk(0.1, 4, "src-");
  for (uint64_t number = 0; number < 20000; ++number) {
    for (const synth::Record& record : clerk.Write(population.At(number))) {
      people.Add(RawPerson{
          record.social_security_number, record.source_id, record.date_of_birth, record.given_name,
          record.family_name, record.former_family_name, record.postal_code,
          record.facts.adjusted_gross_income ? absl::StrCat(*record.facts.adjusted_gross_income)
                                             : ""});
    }
  }
  for (const Written& channel : Channels()) {
    EXPECT_EQ(Scan(people, channel.bytes).size(), 0u) << channel.encoding;
  }
  EXPECT_EQ(Scan(people, RandomBytes(8 << 20, 5)).size(), 0u);
}

TEST(ScanTest, FindsEncodingsWithinEachOther) {
  const People people = OnlyCanary();
  for (const Written& outer : EveryEncoding("{\"id\":\"3939392d38372d36353433\"}")) {
    EXPECT_FALSE(Scan(people, outer.bytes).empty()) << outer.encoding;
  }
}

TEST(ScanTest, SeesBase64OverLineBreaks) {
  EXPECT_FALSE(Scan(OnlyCanary(), "xxxxOTk5LT\ng3LTY1NDM=").empty());
}

TEST(ScanTest, TakesNoPartOfALongerNumberForASocialSecurityNumber) {
  const People people = OnlyCanary();
  EXPECT_TRUE(Scan(people, "1999876543 9998765430 0.999876543").empty());
  EXPECT_TRUE(Scan(people, "c0ffee999876543bc0ffee999876543bc0ffee99").empty());
  EXPECT_FALSE(Scan(people, "id=999876543;").empty());
  EXPECT_FALSE(Scan(people, "999 87 6543").empty());
}

TEST(ScanTest, WeakValuesCountOnlyNearAnotherOfTheSamePerson) {
  People people;
  people.Add(RawPerson{"", "", "2021-02-03", "Anna", "Meyer", "", "12345", "2500000"});
  people.Add(RawPerson{"", "", "", "Carl", "Moser", "", "54321", ""});
  EXPECT_TRUE(Scan(people, "anna met carl in 12345 with 2500000").empty() == false);
  EXPECT_TRUE(Scan(people, "Anna Moser").empty());
  EXPECT_TRUE(Scan(people, "12345 2500000").empty());
  EXPECT_TRUE(Scan(people, absl::StrCat("Anna", std::string(200, ' '), "Meyer")).empty());
  EXPECT_TRUE(Scan(people, "Annalise Meyers").empty());
  EXPECT_FALSE(Scan(people, "given=Anna&family=Meyer").empty());
  EXPECT_FALSE(Scan(people, "Meyer 2021-02-03").empty());
  EXPECT_FALSE(Scan(people, "Meyer owed 25000.00").empty());
}

TEST(ScanTest, FindsNamesAsWrittenAndInNormalForm) {
  People people;
  people.Add(RawPerson{"", "", "", "Zoë", "García-Márquez", "", "", ""});
  EXPECT_FALSE(Scan(people, "<garciamarquez>").empty());
  EXPECT_FALSE(Scan(people, "<García-Márquez>").empty());
}

TEST(ScanTest, PublishedWordsAreNotLookedForAlone) {
  People people;
  people.Add(RawPerson{"", "", "", "Anna", "Washington", "", "", ""});
  EXPECT_FALSE(Scan(people, "Washington").empty());
  people.ExcludePublic("time_zone: \"America/Washington\"");
  EXPECT_EQ(people.excluded(), 1u);
  EXPECT_TRUE(Scan(people, "Washington").empty());
  EXPECT_FALSE(Scan(people, "Anna Washington").empty());
}

}  // namespace
}  // namespace vouch::privacy
