#include "server/records/row_maker.h"

#include <gtest/gtest.h>

namespace vouch::server::records {
namespace {

using policies::FactDefinition;
using policies::FactType;

absl::optional<int64_t> Number(FactType type, absl::string_view text, bool in_cents = false) {
  FactDefinition fact;
  fact.name = "fact";
  fact.type = type;
  const auto value = ParseFact(fact, text, in_cents);
  if (!value.ok()) {
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument);
    return absl::nullopt;
  }
  return value->number;
}

absl::optional<std::vector<std::string>> Codes(FactType type, absl::string_view text) {
  FactDefinition fact;
  fact.type = type;
  fact.codes = {"a", "b", "c"};
  const auto value = ParseFact(fact, text, false);
  if (!value.ok()) return absl::nullopt;
  return value->codes;
}

TEST(ParseFactTest, MoneyHasTwoDecimalsOrNone) {
  EXPECT_EQ(Number(FactType::kMoney, "1234.56"), 123456);
  EXPECT_EQ(Number(FactType::kMoney, "-0.05"), -5);
  EXPECT_EQ(Number(FactType::kMoney, "1234"), 123400);
  for (const char* bad : {"1,234.00", "1.2", "1.234", ".50", "1.", "$5", "1e3", " 1", "1 ", "-", "",
                          "+1", "--1", "1.-5", "999999999999999999", "99999999999999999.00"}) {
    EXPECT_FALSE(Number(FactType::kMoney, bad).has_value()) << bad;
  }
}

TEST(ParseFactTest, CentsAreWhole) {
  EXPECT_EQ(Number(FactType::kMoney, "123456", true), 123456);
  EXPECT_FALSE(Number(FactType::kMoney, "1234.56", true).has_value());
}

TEST(ParseFactTest, DatesAreRealDays) {
  EXPECT_EQ(Number(FactType::kDate, "1970-01-02"), 1);
  EXPECT_EQ(Number(FactType::kDate, "1969-12-31"), -1);
  for (const char* bad :
       {"2025-02-29", "2026-13-01", "2026-1-1", "01/02/2026", "2026-01-01T00", "20260101", ""}) {
    EXPECT_FALSE(Number(FactType::kDate, bad).has_value()) << bad;
  }
}

TEST(ParseFactTest, YesAndNoHaveThreeSpellingsEach) {
  for (const char* yes : {"yes", "YES", "true", "1"}) EXPECT_EQ(Number(FactType::kYesNo, yes), 1);
  for (const char* no : {"no", "False", "0"}) EXPECT_EQ(Number(FactType::kYesNo, no), 0);
  EXPECT_FALSE(Number(FactType::kYesNo, "maybe").has_value());
}

TEST(ParseFactTest, WholeNumbersAreWhole) {
  EXPECT_EQ(Number(FactType::kWholeNumber, "-12"), -12);
  EXPECT_FALSE(Number(FactType::kWholeNumber, "1.0").has_value());
  EXPECT_FALSE(Number(FactType::kWholeNumber, "9999999999999999999").has_value());
}

TEST(ParseFactTest, CodesAreThoseOfTheCatalogueInItsOrder) {
  EXPECT_EQ(Codes(FactType::kCode, "b"), std::vector<std::string>({"b"}));
  EXPECT_FALSE(Codes(FactType::kCode, "B").has_value());
  EXPECT_EQ(Codes(FactType::kCodeSet, "c;a"), std::vector<std::string>({"a", "c"}));
  EXPECT_EQ(Codes(FactType::kCodeSet, ";"), std::vector<std::string>());
  EXPECT_FALSE(Codes(FactType::kCodeSet, "a;x").has_value());
  EXPECT_FALSE(Codes(FactType::kCodeSet, "a;a").has_value());
}

TEST(ReturnPseudonymTest, IsTheSameForOneReturnAndNoOther) {
  const crypto::HmacKey key(crypto::SecretBytes::Random(32));
  const policies::Period year{policies::PeriodKind::kTaxYear, 2025};
  const uint64_t one = ReturnPseudonym(key, year, "R-1");
  EXPECT_NE(one, 0u);
  EXPECT_EQ(ReturnPseudonym(key, year, "R-1"), one);
  EXPECT_NE(ReturnPseudonym(key, year, "R-2"), one);
  EXPECT_NE(ReturnPseudonym(key, {policies::PeriodKind::kTaxYear, 2024}, "R-1"), one);
  EXPECT_NE(ReturnPseudonym(crypto::HmacKey(crypto::SecretBytes::Random(32)), year, "R-1"), one);
}

}  // namespace
}  // namespace vouch::server::records
