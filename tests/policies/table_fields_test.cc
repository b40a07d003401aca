#include <fstream>
#include <ostream>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "policies/engine/reference.h"
#include "tests/paths.h"
#include "tests/policies/conditions.h"

namespace vouch::policies {
namespace {

constexpr absl::string_view kTable = R"(format: "vouch-table/1"
table:
  name: "guide"
  title: "A guide"
  source: "A register"
  amounts: "cents-a-year"
editions:
  - year: "2025"
    effective: "2025-01-15"
    citation: "1 R 1"
    rows:
      - {region: "north", first_person: 100, each_more: 10}
      - {region: "south", first_person: 200, each_more: 20}
  - year: "2026"
    effective: "2026-01-13"
    citation: "2 R 2"
    rows:
      - {region: "north", first_person: 110, each_more: 11}
)";

absl::optional<ReferenceTable> Read(const std::string &bytes, Report *report) {
  FileDigest digest;
  digest.fill(7);
  return ReadReferenceTable("guide.yaml", bytes, digest, report);
}

TEST(ReadReferenceTableTest, ReadsEveryField) {
  Report report;
  const absl::optional<ReferenceTable> table = Read(std::string(kTable), &report);
  ASSERT_TRUE(table.has_value()) << report.ToText(kTable);
  EXPECT_EQ(table->name, "guide");
  EXPECT_EQ(table->source, "A register");
  EXPECT_EQ(table->digest[31], 7);
  ASSERT_EQ(table->editions.size(), 2u);
  EXPECT_EQ(table->editions[0].citation, "1 R 1");
  EXPECT_EQ(table->editions[1].effective, absl::CivilDay(2026, 1, 13));
  EXPECT_EQ(table->Amount("2025", absl::CivilDay(2026, 6, 1), "south", 3), 240);
}

TEST(ReadReferenceTableTest, ReadsATableThatIsTheSameEverywhere) {
  Report report;
  const absl::optional<ReferenceTable> table =
      Read(absl::StrReplaceAll(kTable, {{"region: \"north\", ", ""},
                                        {"      - {region: \"south\", first_person: 200, "
                                         "each_more: 20}\n",
                                         ""}}),
           &report);
  ASSERT_TRUE(table.has_value()) << report.ToText("");
  EXPECT_EQ(table->Amount("2026", absl::CivilDay(2026, 6, 1), "", 2), 121);
}

// What is put in the place of something, the rule that finds it, and the line
// it is on.
struct Spoilt {
  const char *name;
  const char *good;
  const char *bad;
  const char *rule;  // empty: whichever
  int line;
};
std::ostream &operator<<(std::ostream &out, const Spoilt &spoilt) { return out << spoilt.name; }

class SpoiltTableTest : public ::testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltTableTest, IsRefusedWithItsLine) {
  const std::string bytes = absl::StrReplaceAll(kTable, {{GetParam().good, GetParam().bad}});
  ASSERT_NE(bytes, kTable);
  Report report;
  EXPECT_FALSE(Read(bytes, &report).has_value());
  ASSERT_FALSE(report.findings().empty());
  const Finding &finding = report.findings().front();
  EXPECT_EQ(finding.position.line, GetParam().line) << report.ToText(bytes);
  EXPECT_FALSE(finding.mend.empty());
  if (*GetParam().rule != '\0') {
    EXPECT_EQ(finding.rule, GetParam().rule);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tables, SpoiltTableTest,
    ::testing::Values(
        Spoilt{"OtherFormat", "vouch-table/1", "vouch-table/2", "", 1},
        Spoilt{"AmountsAMonth", "cents-a-year", "cents-a-month", "", 6},
        Spoilt{"EditionTwice", "year: \"2026\"", "year: \"2025\"", "table/edition-repeated", 14},
        Spoilt{"EditionsOutOfOrder", "2026-01-13", "2025-01-15", "table/edition-order", 15},
        Spoilt{"RegionTwice", "\"south\"", "\"north\"", "table/row-repeated", 13},
        Spoilt{"NoSuchDay", "2026-01-13", "2026-02-30", "", 15},
        Spoilt{"AmountOfNothing", "first_person: 110", "first_person: 0", "", 18},
        Spoilt{"NegativeAmount", "each_more: 11", "each_more: -11", "", 18},
        Spoilt{"AmountWithCents", "first_person: 110", "first_person: 1.10", "", 18},
        Spoilt{"MissingAmount", ", each_more: 11", "", "", 18},
        Spoilt{"UnknownField", "each_more: 11", "every_more: 11", "", 18}),
    CaseName());

// What the Federal Register printed, in dollars.
struct Printed {
  const char *name;
  const char *edition;
  const char *region;
  int64_t first_person;
  int64_t each_more;
};
std::ostream &operator<<(std::ostream &out, const Printed &printed) { return out << printed.name; }

class PovertyGuidelinesTest : public ::testing::TestWithParam<Printed> {
 protected:
  static absl::optional<ReferenceTable> Guidelines() {
    std::ifstream in(VOUCH_SOURCE_DIR "/policies/reference/hhs-poverty-guidelines.yaml");
    std::ostringstream bytes;
    bytes << in.rdbuf();
    Report report;
    absl::optional<ReferenceTable> table =
        ReadReferenceTable("hhs-poverty-guidelines.yaml", bytes.str(), {}, &report);
    EXPECT_TRUE(table.has_value()) << report.ToText(bytes.str());
    EXPECT_TRUE(report.findings().empty()) << report.ToText(bytes.str());
    return table;
  }
};

TEST_P(PovertyGuidelinesTest, AreWhatWasPrinted) {
  const Printed &printed = GetParam();
  const absl::optional<ReferenceTable> table = Guidelines();
  ASSERT_TRUE(table.has_value());
  for (int64_t persons = 1; persons <= 14; ++persons) {
    EXPECT_EQ(table->Amount(printed.edition, absl::CivilDay(2026, 6, 1), printed.region, persons),
              (printed.first_person + (persons - 1) * printed.each_more) * 100);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Editions, PovertyGuidelinesTest,
    ::testing::Values(Printed{"Contiguous2025", "2025", "contiguous", 15650, 5500},
                      Printed{"Alaska2025", "2025", "alaska", 19550, 6880},
                      Printed{"Hawaii2025", "2025", "hawaii", 17990, 6330},
                      Printed{"Contiguous2026", "2026", "contiguous", 15960, 5680},
                      Printed{"Alaska2026", "2026", "alaska", 19950, 7100},
                      Printed{"Hawaii2026", "2026", "hawaii", 18360, 6530}),
    CaseName());

TEST_F(PovertyGuidelinesTest, ChangeEditionOnTheDayOfEffect) {
  const absl::optional<ReferenceTable> table = Guidelines();
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->Amount("in-force", absl::CivilDay(2026, 1, 12), "contiguous", 4), 3215000);
  EXPECT_EQ(table->Amount("in-force", absl::CivilDay(2026, 1, 13), "contiguous", 4), 3300000);
}

}  // namespace
}  // namespace vouch::policies
