#include "tests/synth/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace vouch::synth {
namespace {

constexpr uint64_t kPeople = 20000;

std::vector<Record> WriteAll(double rate, uint64_t error_seed) {
  const Population population(5);
  const Clerk clerk(rate, error_seed, "T");
  std::vector<Record> records;
  for (uint64_t number = 0; number < kPeople;) {
    for (const Person& person : population.HouseholdOf(number)) {
      for (Record& record : clerk.Write(person)) records.push_back(std::move(record));
      number = person.number + 1;
    }
  }
  return records;
}

bool IsTrue(const Record& record) {
  const Record truth = Clerk(0, 1, "T").Write(record.facts)[0];
  return record.social_security_number == truth.social_security_number &&
         record.date_of_birth == truth.date_of_birth && record.given_name == truth.given_name &&
         record.family_name == truth.family_name &&
         record.former_family_name == truth.former_family_name &&
         record.postal_code == truth.postal_code;
}

TEST(ClerkTest, MakesNoErrorsWhenNoneAreAskedFor) {
  for (const Record& record : WriteAll(0, 1)) EXPECT_TRUE(IsTrue(record));
}

TEST(ClerkTest, ErrsAboutAsOftenAsAsked) {
  const std::vector<Record> records = WriteAll(0.1, 1);
  const auto wrong = std::count_if(records.begin(), records.end(),
                                   [](const Record& record) { return !IsTrue(record); });
  EXPECT_NEAR(static_cast<double>(wrong) / kPeople, 0.1, 0.01);
}

TEST(ClerkTest, EveryRecordErrsAtRateOne) {
  for (const Record& record : WriteAll(1, 3)) {
    const bool second_entry = record.source_id.size() > 10;
    EXPECT_TRUE(second_entry || !IsTrue(record)) << record.source_id;
  }
}

TEST(ClerkTest, AgenciesErrIndependently) {
  const std::vector<Record> a = WriteAll(0.2, 1), b = WriteAll(0.2, 2);
  std::set<uint64_t> wrong_in_a;
  for (const Record& record : a) {
    if (!IsTrue(record)) wrong_in_a.insert(record.facts.number);
  }
  int both = 0;
  for (const Record& record : b) both += !IsTrue(record) && wrong_in_a.count(record.facts.number);
  EXPECT_NEAR(static_cast<double>(both) / kPeople, 0.04, 0.012);
}

TEST(ClerkTest, SameSeedSameErrors) {
  const std::vector<Record> a = WriteAll(0.3, 9), b = WriteAll(0.3, 9);
  ASSERT_EQ(a.size(), b.size());
  std::string first, second;
  for (const Record& record : a) AppendCsv(record, &first);
  for (const Record& record : b) AppendCsv(record, &second);
  EXPECT_EQ(first, second);
}

TEST(ClerkTest, ErrorsStayInAreaNine) {
  for (const Record& record : WriteAll(1, 4)) {
    const std::string& number = record.social_security_number;
    EXPECT_TRUE(number.empty() || number[0] == '9');
  }
}

TEST(ClerkTest, MakesEveryKindOfError) {
  int missing = 0, moved = 0, swapped = 0, former = 0, twice = 0, number = 0;
  for (const Record& record : WriteAll(1, 6)) {
    missing += record.given_name.empty() || record.date_of_birth.empty() ||
               record.postal_code.empty() || record.social_security_number.empty();
    moved += !record.postal_code.empty() && record.postal_code != record.facts.postal_code;
    swapped += record.given_name == record.facts.family_name;
    former += !record.facts.former_family_name.empty() &&
              record.family_name == record.facts.former_family_name;
    twice += record.source_id.size() > 10;
    number += record.social_security_number != record.facts.social_security_number;
  }
  EXPECT_GT(missing, 200);
  EXPECT_GT(moved, 500);
  EXPECT_GT(swapped, 100);
  EXPECT_GT(former, 100);
  EXPECT_GT(twice, 100);
  EXPECT_GT(number, 500);
}

TEST(CsvTest, EveryRowHasAsManyFieldsAsTheHeader) {
  const std::string header = CsvHeader();
  const auto commas = std::count(header.begin(), header.end(), ',');
  for (const Record& record : WriteAll(0.5, 8)) {
    std::string row;
    AppendCsv(record, &row);
    bool quoted = false;
    int parts = 0;
    for (char c : row) {
      if (c == '"') quoted = !quoted;
      parts += c == ',' && !quoted;
    }
    EXPECT_EQ(parts, commas);
    EXPECT_FALSE(quoted);
    EXPECT_EQ(std::count(row.begin(), row.end(), '\n'), 1);
  }
}

TEST(CsvTest, QuotesWhatHoldsACommaOrAQuote) {
  Record record;
  record.family_name = "Smith, \"Bud\" Jr.";
  std::string row;
  AppendCsv(record, &row);
  EXPECT_THAT(row, testing::HasSubstr(",\"Smith, \"\"Bud\"\" Jr.\","));
}

}  // namespace
}  // namespace vouch::synth
