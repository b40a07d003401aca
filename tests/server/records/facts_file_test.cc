#include "server/records/facts_file.h"

#include <gtest/gtest.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

using policies::FactType;
using policies::FactValue;
using policies::Period;
using policies::PeriodKind;

const Period kYear2024{PeriodKind::kTaxYear, 2024};
const Period kYear2025{PeriodKind::kTaxYear, 2025};
const Period kNone{PeriodKind::kNone, 0};

std::shared_ptr<const FactColumns> SixColumns() {
  auto columns = FactColumns::Make({{"income", kYear2024, FactType::kMoney, {}},
                                    {"income", kYear2025, FactType::kMoney, {}},
                                    {"persons", kYear2025, FactType::kWholeNumber, {}},
                                    {"born", kNone, FactType::kDate, {}},
                                    {"enrolled", kNone, FactType::kYesNo, {}},
                                    {"status", kNone, FactType::kCode, {"single", "joint"}},
                                    {"aid", kNone, FactType::kCodeSet, {"a", "b", "c"}}});
  EXPECT_TRUE(columns.ok());
  return *columns;
}

FactValue Number(FactType type, int64_t number) { return {type, number, {}}; }

std::vector<absl::optional<FactValue>> SixValues() {
  return {Number(FactType::kMoney, -12345),
          absl::nullopt,
          Number(FactType::kWholeNumber, int64_t{1} << 40),
          Number(FactType::kDate, -20000),
          Number(FactType::kYesNo, 1),
          FactValue{FactType::kCode, 0, {"joint"}},
          FactValue{FactType::kCodeSet, 0, {"a", "c"}}};
}

class FactsFileTest : public testing::Test {
 protected:
  std::string Write(uint32_t rows) {
    const auto columns = SixColumns();
    FactsWriter writer = *FactsWriter::Create(folder_.File("facts"), columns);
    for (uint32_t record = 0; record < rows; ++record) {
      PersonHandle person{};
      person[0] = static_cast<uint8_t>(record);
      EXPECT_TRUE(columns->MakeRow(person, record, SixValues(), *writer.Row(record)).ok());
    }
    EXPECT_TRUE(writer.Finish().ok());
    return folder_.File("facts");
  }
  TemporaryFolder folder_;
};

TEST_F(FactsFileTest, GivesBackEveryTypeOfValue) {
  const auto file = *FactsFile::Open(Write(3));
  ASSERT_EQ(file->rows(), 3u);
  const RowFacts facts(file->columns().get(), file->Row(2));
  EXPECT_EQ(facts.Find("income", kYear2024)->number, -12345);
  EXPECT_EQ(facts.Find("persons", kYear2025)->number, int64_t{1} << 40);
  EXPECT_EQ(facts.Find("born", kNone)->number, -20000);
  EXPECT_EQ(facts.Find("enrolled", kNone)->number, 1);
  EXPECT_EQ(facts.Find("status", kNone)->codes, std::vector<std::string>({"joint"}));
  EXPECT_EQ(facts.Find("aid", kNone)->codes, std::vector<std::string>({"a", "c"}));
}

TEST_F(FactsFileTest, HoldsNothingForNullsOtherPeriodsAndOtherFacts) {
  const auto file = *FactsFile::Open(Write(1));
  const RowFacts facts(file->columns().get(), file->Row(0));
  EXPECT_FALSE(facts.Find("income", kYear2025).has_value());
  EXPECT_FALSE(facts.Find("income", {PeriodKind::kTaxYear, 2023}).has_value());
  EXPECT_FALSE(facts.Find("wages", kYear2025).has_value());
  EXPECT_FALSE(RowFacts().Find("income", kYear2024).has_value());
}

TEST_F(FactsFileTest, KeepsAReturnBesideAValue) {
  FactColumn shared{"income", kYear2024, FactType::kMoney, {}};
  shared.with_return = true;
  const auto columns = *FactColumns::Make({shared, {"born", kNone, FactType::kDate, {}}});
  const auto again = FactColumns::Decode(columns->Encode());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->columns(), columns->columns());
  EXPECT_TRUE((*again)->columns()[0].with_return);
  std::vector<uint8_t> row(columns->row_size());
  const auto return_of = [&](absl::optional<FactValue> value, uint64_t pseudonym) {
    const std::vector<absl::optional<FactValue>> values = {value, Number(FactType::kDate, 7)};
    const std::vector<uint64_t> returns = {pseudonym, 99};
    EXPECT_TRUE(columns->MakeRow({}, 0, values, row.data(), returns).ok());
    const RowFacts facts(columns.get(), row.data());
    EXPECT_EQ(facts.Find("born", kNone)->number, 7);
    EXPECT_FALSE(facts.ReturnOf("born", kNone).has_value());
    EXPECT_FALSE(facts.ReturnOf("income", kYear2025).has_value());
    return facts.ReturnOf("income", kYear2024);
  };
  const FactValue income = Number(FactType::kMoney, -5);
  EXPECT_EQ(return_of(income, 0xfedcba9876543210), 0xfedcba9876543210);
  EXPECT_FALSE(return_of(income, 0).has_value());
  EXPECT_FALSE(return_of(absl::nullopt, 12).has_value());
  EXPECT_FALSE(RowFacts().ReturnOf("income", kYear2024).has_value());
}

TEST_F(FactsFileTest, AFileWithoutReturnsIsAsItWas) {
  const auto plain = *FactColumns::Make({{"income", kYear2024, FactType::kMoney, {}}});
  FactColumn shared{"income", kYear2024, FactType::kMoney, {}};
  shared.with_return = true;
  const auto with = *FactColumns::Make({shared});
  EXPECT_EQ(with->row_size(), plain->row_size() + 8);
  EXPECT_EQ(plain->Encode().size(), with->Encode().size());
  EXPECT_NE(plain->columns(), with->columns());
}

TEST_F(FactsFileTest, TheLatestPeriodIsOneThatHoldsAValue) {
  const auto file = *FactsFile::Open(Write(1));
  const RowFacts facts(file->columns().get(), file->Row(0));
  EXPECT_EQ(*facts.Latest("income", PeriodKind::kTaxYear, 2025), kYear2024);
  EXPECT_EQ(*facts.Latest("persons", PeriodKind::kTaxYear, 2030), kYear2025);
  EXPECT_FALSE(facts.Latest("persons", PeriodKind::kTaxYear, 2024).has_value());
  EXPECT_FALSE(facts.Latest("income", PeriodKind::kMonth, 99999).has_value());
}

TEST_F(FactsFileTest, RowsKnowTheirPlace) {
  const auto file = *FactsFile::Open(Write(2));
  const size_t size = file->columns()->row_size();
  EXPECT_TRUE(RowIntact(file->Row(0), size, 0));
  EXPECT_FALSE(RowIntact(file->Row(0), size, 1));
  EXPECT_EQ(file->Row(2), nullptr);
}

TEST_F(FactsFileTest, EveryFlippedBitOfARowShows) {
  const auto file = *FactsFile::Open(Write(1));
  const size_t size = file->columns()->row_size();
  std::vector<uint8_t> row(file->Row(0), file->Row(0) + size);
  for (size_t bit = 0; bit < size * 8; ++bit) {
    row[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_FALSE(RowIntact(row.data(), size, 0)) << bit;
    row[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
}

TEST_F(FactsFileTest, RefusesValuesThatDoNotFitTheirColumn) {
  const auto columns = SixColumns();
  std::vector<uint8_t> row(columns->row_size());
  auto values = SixValues();
  values[5] = FactValue{FactType::kCode, 0, {"secret-code"}};
  const absl::Status refused = columns->MakeRow({}, 0, values, row.data());
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(refused.message()).find("secret-code"), std::string::npos);
  values = SixValues();
  values[0] = Number(FactType::kWholeNumber, 1);
  EXPECT_FALSE(columns->MakeRow({}, 0, values, row.data()).ok());
}

TEST_F(FactsFileTest, RefusesTheSameFactAndPeriodTwice) {
  EXPECT_FALSE(FactColumns::Make({{"income", kYear2024, FactType::kMoney, {}},
                                  {"income", kYear2024, FactType::kMoney, {}}})
                   .ok());
}

TEST_F(FactsFileTest, AnAbsentRowKeepsTheHandleAlone) {
  const auto columns = SixColumns();
  std::vector<uint8_t> row(columns->row_size());
  PersonHandle person{};
  person[5] = 7;
  columns->MakeAbsentRow(person, 9, row.data());
  PersonHandle read;
  CopyHandle(row.data(), &read);
  EXPECT_EQ(read, person);
  EXPECT_FALSE(RowPresent(row.data()));
  EXPECT_FALSE(RowFacts(columns.get(), row.data()).Find("income", kYear2024).has_value());
}

TEST_F(FactsFileTest, RowsAreKeptWhileTheFileGrows) {
  const auto file = *FactsFile::Open(Write(40000));
  ASSERT_EQ(file->rows(), 40000u);
  for (uint32_t record = 0; record < file->rows(); record += 777) {
    EXPECT_TRUE(RowIntact(file->Row(record), file->columns()->row_size(), record));
  }
}

}  // namespace
}  // namespace vouch::server::records
