#include "policies/engine/reference.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

using ::testing::ElementsAre;

ReferenceTable Table() {
  ReferenceTable table;
  table.name = "guide";
  ReferenceTable::Edition first;
  first.year = "2025";
  first.effective = absl::CivilDay(2025, 1, 15);
  first.rows = {{"contiguous", 1565000, 550000}, {"alaska", 1955000, 688000}};
  ReferenceTable::Edition second;
  second.year = "2026";
  second.effective = absl::CivilDay(2026, 1, 13);
  second.rows = {{"contiguous", 1596000, 568000}};
  table.editions = {first, second};
  return table;
}

constexpr absl::CivilDay kDay(2026, 11, 21);

TEST(ReferenceTableTest, AddsEachFurtherPerson) {
  EXPECT_EQ(Table().Amount("2026", kDay, "contiguous", 1), 1596000);
  EXPECT_EQ(Table().Amount("2026", kDay, "contiguous", 2), 2164000);
  EXPECT_EQ(Table().Amount("2026", kDay, "contiguous", 12), 1596000 + 11 * 568000);
}

TEST(ReferenceTableTest, KeepsToTheNamedEditionOnAnyDay) {
  EXPECT_EQ(Table().Amount("2025", kDay, "contiguous", 1), 1565000);
  EXPECT_EQ(Table().Amount("2026", absl::CivilDay(2020, 1, 1), "contiguous", 1), 1596000);
}

TEST(ReferenceTableTest, ChangesEditionInForceOnItsEffectiveDay) {
  EXPECT_EQ(Table().Amount("in-force", absl::CivilDay(2026, 1, 12), "contiguous", 1), 1565000);
  EXPECT_EQ(Table().Amount("in-force", absl::CivilDay(2026, 1, 13), "contiguous", 1), 1596000);
}

TEST(ReferenceTableTest, ChoosesTheEditionInForceWhateverTheOrderOfEditions) {
  ReferenceTable table = Table();
  std::swap(table.editions[0], table.editions[1]);
  EXPECT_EQ(table.Amount("in-force", kDay, "contiguous", 1), 1596000);
}

TEST(ReferenceTableTest, HasNoAmountBeforeTheFirstEdition) {
  EXPECT_EQ(Table().Amount("in-force", absl::CivilDay(2025, 1, 14), "contiguous", 1),
            absl::nullopt);
}

TEST(ReferenceTableTest, NeverFallsBackToAnOlderEditionForARegion) {
  EXPECT_EQ(Table().Amount("in-force", kDay, "alaska", 1), absl::nullopt);
}

TEST(ReferenceTableTest, HasNoAmountForWhatItDoesNotHold) {
  EXPECT_EQ(Table().Amount("2024", kDay, "contiguous", 1), absl::nullopt);
  EXPECT_EQ(Table().Amount("", kDay, "contiguous", 1), absl::nullopt);
  EXPECT_EQ(Table().Amount("2026", kDay, "guam", 1), absl::nullopt);
  EXPECT_EQ(Table().Amount("2026", kDay, "", 1), absl::nullopt);
}

TEST(ReferenceTableTest, HasNoAmountForNobody) {
  EXPECT_EQ(Table().Amount("2026", kDay, "contiguous", 0), absl::nullopt);
  EXPECT_EQ(Table().Amount("2026", kDay, "contiguous", -3), absl::nullopt);
}

TEST(ReferenceTableTest, HasNoAmountThatOverflows) {
  EXPECT_EQ(Table().Amount("2026", kDay, "contiguous", std::numeric_limits<int64_t>::max()),
            absl::nullopt);
}

TEST(ReferenceTablesTest, FindsTablesByName) {
  ReferenceTables tables;
  tables.Add(Table());
  ASSERT_NE(tables.Find("guide"), nullptr);
  EXPECT_EQ(tables.Find("guide")->editions.size(), 2u);
  EXPECT_EQ(tables.Find("guid"), nullptr);
}

TEST(ReferenceTablesTest, ReplacesATableOfTheSameName) {
  ReferenceTables tables;
  tables.Add(Table());
  ReferenceTable newer = Table();
  newer.source = "newer";
  tables.Add(newer);
  EXPECT_EQ(tables.Find("guide")->source, "newer");
  EXPECT_THAT(tables.Names(), ElementsAre("guide"));
}

}  // namespace
}  // namespace vouch::policies
