#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"
#include "tests/harness/postgres.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFacts[] = R"(format: "vouch-facts/1"
agency: "tax.revenue.example"
version: "2026"
facts:
  - name: "income"
    type: "money"
    period: "tax-year"
    held_per: "person"
    meaning: "Income of the year."
    source_system: "Returns"
)";

constexpr char kMapping[] = R"(format: "vouch-mapping/1"
agency: "tax.revenue.example"
postgresql:
  connection: "$CONNECTION"
  query: |
    SELECT id, number, income
    FROM returns
    ORDER BY id
person_id: {column: "id"}
identity:
  social_security_number: {column: "number"}
facts:
  - {fact: "income", column: "income", period: "tax-year-2025"}
data_as_of: {date: "2026-11-20"}
)";

class VouchRecordsQueryTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("tax", "tax.revenue.example");
    Write("tax/agreements/facts.yaml", kFacts);
  }
  void Map(const std::string& connection) const {
    Write("mapping.yaml", absl::StrReplaceAll(kMapping, {{"$CONNECTION", connection}}));
  }
  const std::vector<std::string> load_ = {"records", "load",      "--node",
                                          "tax",     "--mapping", "mapping.yaml"};
};

TEST_F(VouchRecordsQueryTest, LoadsFromADatabaseThatTheMappingNames) {
  const auto server = PostgresServer::Start();
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE(
      (*server)
          ->Execute(
              "CREATE TABLE returns AS SELECT 'p' || i AS id, "
              "'978-05-' || lpad(i::text, 4, '0') AS number, (i * 100.5)::numeric(12, 2) AS income "
              "FROM generate_series(1, 500) AS i")
          .ok());
  Map((*server)->Connection());
  EXPECT_THAT(Fine(load_).out, HasSubstr("Loaded 500 people from 500 rows"));

  // A row that cannot be loaded: by number, without what is in it, and nothing changes.
  ASSERT_TRUE((*server)->Execute("ALTER TABLE returns ALTER income TYPE text").ok());
  ASSERT_TRUE(
      (*server)->Execute("INSERT INTO returns VALUES ('p0', '978-05-0999', 'a fortune')").ok());
  const ProcessResult bad = Vouch(load_);
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("row 1: column income"));
  EXPECT_THAT(bad.err + bad.out, Not(HasSubstr("fortune")));
  EXPECT_THAT(bad.err + bad.out, Not(HasSubstr("0999")));
  const auto status =
      nlohmann::json::parse(Fine({"records", "status", "--node", "tax", "--json"}).out);
  EXPECT_EQ(status["people"], 500);
  EXPECT_EQ(status["generation"], 1);
}

TEST_F(VouchRecordsQueryTest, RefusesAPasswordInTheMapping) {
  Map("host=/nowhere password=hunter2");
  const ProcessResult refused = Vouch(load_);
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("`postgresql.connection` holds a password"));
  EXPECT_THAT(refused.err + refused.out, Not(HasSubstr("hunter2")));
}

TEST_F(VouchRecordsQueryTest, GuessesNotBetweenAFileAndAQuery) {
  Map("service=tax");
  std::vector<std::string> both = load_;
  both.insert(both.end(), {"--input", "people.csv"});
  Refused(both, 2, "leave out --input");
  Write("mapping.yaml",
        absl::StrReplaceAll(Read("mapping.yaml"), {{"postgresql:", "#"},
                                                   {"  connection: \"service=tax\"\n", ""},
                                                   {"  query: |\n", ""},
                                                   {"    SELECT id, number, income\n", ""},
                                                   {"    FROM returns\n", ""},
                                                   {"    ORDER BY id\n", ""}}));
  Refused(load_, 2, "--input FILE");
}

}  // namespace
}  // namespace vouch::tests
