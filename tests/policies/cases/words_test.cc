#include "policies/engine/cases/words.h"

#include "gtest/gtest.h"

namespace vouch::policies::cases {
namespace {

TEST(MoneyTest, IsWrittenWithDollarsCommasAndCents) {
  EXPECT_EQ(MoneyText(4500000), "$45,000.00");
  EXPECT_EQ(MoneyText(5), "$0.05");
  EXPECT_EQ(MoneyText(-105), "-$1.05");
  EXPECT_EQ(MoneyText(123456789012), "$1,234,567,890.12");
}

TEST(MoneyTest, IsReadBackAsItIsWritten) {
  for (const int64_t cents : {0L, 1L, -1L, 99L, 100000L, 4500001L, -123456789L}) {
    EXPECT_EQ(ParseMoney(MoneyText(cents)), cents);
  }
  EXPECT_EQ(ParseMoney("$45000"), 4500000);
}

TEST(MoneyTest, IsRefusedWhereItCouldBeMisread) {
  for (const char* text : {"45000", "$45,00", "$4,5000.00", "$45.0", "$45.000", "$", "$-5", "$1e5",
                           "45,000.00", "$ 45", "", "$99999999999999999999"}) {
    EXPECT_FALSE(ParseMoney(text).has_value()) << text;
  }
}

TEST(NearDayTest, CountsFromTheDay) {
  const absl::CivilDay on(2027, 3, 1);
  EXPECT_EQ(ParseNearDay("that day", on), on);
  EXPECT_EQ(ParseNearDay("1 day before", on), absl::CivilDay(2027, 2, 28));
  EXPECT_EQ(ParseNearDay("45 days before", on), absl::CivilDay(2027, 1, 15));
  EXPECT_EQ(ParseNearDay("18 years before", on), absl::CivilDay(2009, 3, 1));
  EXPECT_EQ(ParseNearDay("17 years and 364 days before", on), absl::CivilDay(2009, 3, 2));
  EXPECT_EQ(ParseNearDay("2 days after", on), absl::CivilDay(2027, 3, 3));
  EXPECT_EQ(ParseNearDay("2026-02-28", on), absl::CivilDay(2026, 2, 28));
  for (const char* text : {"2026-02-30", "yesterday", "x days before", "3 weeks before", "days"}) {
    EXPECT_FALSE(ParseNearDay(text, on).has_value()) << text;
  }
}

TEST(NearDayTest, ReadsBackWhatItWrites) {
  const absl::CivilDay on(2027, 10, 1);
  for (int64_t days : {-400, -1, 0, 1, 45, 365, 1500, 1501, 6574, 6575, 6576, 20000, 29000}) {
    const absl::CivilDay day = on - days;
    EXPECT_EQ(ParseNearDay(NearDayText(day, on), on), day) << NearDayText(day, on);
  }
}

TEST(TypedValueTest, SaysHowEachTypeIsWritten) {
  FactDefinition fact;
  fact.name = "f";
  WrittenValue number;
  number.kind = WrittenValue::Kind::kNumber;
  number.number = 45000;
  std::string problem;
  std::string mend;
  fact.type = FactType::kMoney;
  EXPECT_FALSE(TypedValue(fact, number, {}, &problem, &mend).has_value());
  EXPECT_NE(mend.find("\"$45,000.00\""), std::string::npos);
  fact.type = FactType::kYesNo;
  EXPECT_FALSE(TypedValue(fact, number, {}, &problem, &mend).has_value());
  EXPECT_NE(mend.find("true or false"), std::string::npos);
  fact.type = FactType::kCode;
  fact.codes = {"enrolled", "suspended"};
  WrittenValue code;
  code.text = "enroled";
  EXPECT_FALSE(TypedValue(fact, code, {}, &problem, &mend).has_value());
  EXPECT_EQ(mend, "did you mean \"enrolled\"?");
}

TEST(TypedValueTest, KeepsSetsInTheCataloguesOrder) {
  FactDefinition fact;
  fact.name = "f";
  fact.type = FactType::kCodeSet;
  fact.codes = {"a", "b", "c"};
  WrittenValue list;
  list.kind = WrittenValue::Kind::kList;
  list.list = {"c", "a"};
  std::string problem;
  std::string mend;
  const auto value = TypedValue(fact, list, {}, &problem, &mend);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->codes, (std::vector<std::string>{"a", "c"}));
}

}  // namespace
}  // namespace vouch::policies::cases
