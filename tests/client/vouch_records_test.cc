#include <filesystem>

#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid";
constexpr char kId[] = "studentaid-tax-2027-001";

// The tax agency, with an agreement in which it answers.
class VouchRecordsTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("tax", "tax.revenue.example");
    std::filesystem::copy(kTemplate, Path("tax/agreements/aid"));
    const std::string pin = Fine({"keys", "fingerprint", "--node", "tax"}).out.substr(0, 71);
    Write("tax/agreements/aid/agreement.yaml",
          absl::StrReplaceAll(Read("tax/agreements/aid/agreement.yaml"),
                              {{"sha256:" + std::string(64, '0'), pin}}));
    Write("people.csv",
          "source_id,social_security_number,date_of_birth,given_name,family_name,"
          "former_family_name,postal_code,adjusted_gross_income,filing_status\n"
          "p-1,978-05-1121,1990-02-03,Mary,Smith,,12345,3000000,single\n"
          "p-2,978-05-1122,1980-02-03,John,O'Brien,Jones,12345,9000000,single\n");
  }
  void Announce(int epoch = 1) const {
    const std::string number = std::to_string(epoch);
    Fine({"keys", "create", "--node", "tax", "--agreement", kId, "--epoch", number});
    // The agreement says which kind of key.
    Fine({"keys", "statement", "--node", "tax", "--agreement", kId, "--epoch", number,
          "--authority-key", "tax/authority/authority.key"});
  }
  // Signed by both, whose officers node.yaml then names.
  void Countersign() const {
    MakeNode("aid", "studentaid.example");
    Fine({"partner", "export", "--node", "aid", "--output", "from-aid"});
    Fine({"partner", "add", "--node", "tax", "--agency", "studentaid.example", "--anchors",
          "from-aid/anchors.pem", "--signing-anchors", "from-aid/signing.pem", "--officers",
          "from-aid/officers.txt"});
    for (const std::string node : {"tax", "aid"}) {
      Fine({"agreement", "sign", "tax/agreements/aid/agreement.yaml", "--agency",
            node == "tax" ? "tax.revenue.example" : "studentaid.example", "--key",
            node + "/signing/officer.key", "--certificate", node + "/signing/officer.pem"});
    }
  }
  std::vector<std::string> Load(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"records", "load",      "--node",
                                          "tax",     "--mapping", "tax/agreements/aid/mapping.yaml",
                                          "--input", "people.csv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  nlohmann::json Status() const {
    return nlohmann::json::parse(Fine({"records", "status", "--node", "tax", "--json"}).out);
  }
};

TEST_F(VouchRecordsTest, LoadsAndBuildsTheIndexOfEveryEpoch) {
  Announce();
  const ProcessResult result = Fine(Load());
  EXPECT_THAT(result.out, HasSubstr("Loaded 2 people from 2 rows"));
  const auto status = Status();
  EXPECT_EQ(status["people"], 2);
  ASSERT_EQ(status["indexes"].size(), 1u);
  EXPECT_EQ(status["indexes"][0]["agreement"], kId);
  EXPECT_GT(status["indexes"][0]["bytes"], 0);
}

TEST_F(VouchRecordsTest, IndexesOfLaterEpochsAreBuiltWithoutLoadingAgain) {
  EXPECT_THAT(Fine(Load()).out, HasSubstr("No agreement"));
  EXPECT_EQ(Status()["indexes"].size(), 0u);
  Announce();
  EXPECT_THAT(Fine({"records", "index", "--node", "tax"}).out, HasSubstr("Built 1"));
  EXPECT_THAT(Fine({"records", "index", "--node", "tax"}).out, HasSubstr("Every index is built"));
  EXPECT_EQ(Status()["indexes"].size(), 1u);
}

TEST_F(VouchRecordsTest, TheIndexOfARetiredEpochGoesWithItsSecret) {
  Announce(1);
  Announce(2);
  Fine(Load());
  ASSERT_EQ(Status()["indexes"].size(), 2u);
  Fine({"keys", "retire", "--node", "tax", "--agreement", kId, "--epoch", "1", "--yes",
        "--even-in-force"});
  ASSERT_EQ(Status()["indexes"].size(), 1u);
  EXPECT_EQ(Status()["indexes"][0]["epoch"], 2);
}

TEST_F(VouchRecordsTest, ChangesAFewPeopleBetweenLoads) {
  Announce();
  Fine(Load());
  std::vector<std::string> upsert = Load();
  upsert[1] = "upsert";
  Write("people.csv", absl::StrReplaceAll(Read("people.csv"), {{"p-2", "p-3"}, {"1122", "1129"}}));
  EXPECT_THAT(Fine(upsert).out, HasSubstr("Added or replaced 2 people"));
  EXPECT_THAT(Fine({"records", "delete", "--node", "tax", "--source-id", "-"}, "p-2\np-9\n").out,
              HasSubstr("Deleted 1 of 2"));
  const auto status = Status();
  EXPECT_EQ(status["generation"], 1);
  EXPECT_GT(status["unmerged_bytes"], 0);
  Refused({"records", "delete", "--node", "tax", "--source-id", "-"}, 2, "held no id");
  // Whoever is changed without a token key for an index would not be found under it.
  std::filesystem::remove_all(Path("tax/keys/tokens"));
  Refused(upsert, 1, "no token key at hand");
}

TEST_F(VouchRecordsTest, BadRowsAreNamedByNumberWithoutTheirContents) {
  Write("people.csv",
        Read("people.csv") + "p-3,978-05-1123,1970-02-03,Ann,Lee,,12345,lots of money,single\n");
  const ProcessResult result = Vouch(Load());
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("row 3"));
  EXPECT_THAT(result.err + result.out, Not(HasSubstr("lots of money")));
  EXPECT_THAT(result.err + result.out, Not(HasSubstr("978")));
  Refused({"records", "status", "--node", "tax"}, 3, "nothing was loaded");
  const auto report = nlohmann::json::parse(Fine(Load({"--max-errors", "1", "--json"})).out);
  EXPECT_EQ(report["people"], 2);
  EXPECT_EQ(report["bad"][0]["row"], 3);
}

TEST_F(VouchRecordsTest, MappingErrorsAreShownInPlace) {
  Write("m.yaml",
        absl::StrReplaceAll(Read("tax/agreements/aid/mapping.yaml"), {{"person_id", "persn_id"}}));
  const ProcessResult result =
      Vouch({"records", "load", "--node", "tax", "--mapping", "m.yaml", "--input", "people.csv"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("m.yaml:"));
  Refused({"records", "load", "--node", "tax", "--mapping", "no.yaml", "--input", "people.csv"}, 3,
          "no.yaml");
}

TEST_F(VouchRecordsTest, AMappingThatFitsNoCatalogueIsExplained) {
  Write("tax/agreements/aid/mapping.yaml",
        absl::StrReplaceAll(Read("tax/agreements/aid/mapping.yaml"),
                            {{"fact: \"filing_status\"", "fact: \"shoe_size\""}}));
  Refused(Load(), 3, "shoe_size");
}

TEST_F(VouchRecordsTest, HoldsAndReleasesOnePerson) {
  Fine(Load());
  const ProcessResult held = Fine(
      {"records", "hold", "--node", "tax", "--source-id", "-", "--reason", "dispute"}, "p-1\n");
  EXPECT_THAT(held.out, HasSubstr("held back"));
  EXPECT_THAT(held.out + held.err, Not(HasSubstr("p-1")));
  EXPECT_EQ(Status()["held_back"], 1);
  EXPECT_THAT(Fine({"records", "hold", "--node", "tax", "--source-id", "p-1", "--release"}).out,
              HasSubstr("released"));
  EXPECT_EQ(Status()["held_back"], 0);
  Refused({"records", "hold", "--node", "tax", "--source-id", "p-1", "--reason", "whim"}, 2,
          "--reason");
}

TEST_F(VouchRecordsTest, TokensOfAnAgreementNeedOnlyTheNode) {
  Announce();
  const auto shown = nlohmann::json::parse(
      Fine({"token", "--node", "tax", "--agreement", kId, "--json"},
           R"({"social_security_number": "978-05-1121", "date_of_birth": "1990-02-03"})")
          .out);
  EXPECT_EQ(shown["epoch"], 1);
  EXPECT_EQ(shown["match_keys"].size(), 3u);
  EXPECT_EQ(shown["match_keys"][0]["tokens"][0].get<std::string>().size(), 64u);
  EXPECT_TRUE(shown["match_keys"][2]["tokens"].empty());
  Refused({"token", "--node", "tax", "--agreement", "other-1"}, 3, "no readable agreement", "{}");
}

TEST_F(VouchRecordsTest, StatementsUnderAnotherAuthorityThanTheAgreementsAreRefused) {
  MakeNode("other", "other.example");
  Fine({"keys", "create", "--node", "tax", "--agreement", kId});
  Refused({"keys", "statement", "--node", "tax", "--agreement", kId, "--epoch", "1",
           "--authority-key", "other/authority/authority.key"},
          1, "pins the key authority");
  EXPECT_FALSE(Exists(std::string("tax/keys/tokens/") + kId + "/1/statement.txt"));
}

TEST_F(VouchRecordsTest, DoctorSeesWhatIsMissingAndThenThatAllIsWell) {
  const ProcessResult before = Vouch({"doctor", "--node", "tax"});
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_THAT(before.out, HasSubstr("problem: epoch keys of studentaid-tax-2027-001"));
  EXPECT_THAT(before.out, HasSubstr("is not in force: tax.revenue.example has not signed"));
  EXPECT_THAT(before.out, Not(HasSubstr("is in force until")));
  Countersign();
  Announce();
  EXPECT_THAT(Vouch({"doctor", "--node", "tax"}).out, HasSubstr("nothing was loaded"));
  Fine(Load());
  const ProcessResult after = Vouch({"doctor", "--node", "tax"});
  EXPECT_EQ(after.exit_code, 0) << after.out;
  EXPECT_THAT(after.out, HasSubstr("bytes a person"));
  Announce(2);
  EXPECT_THAT(Vouch({"doctor", "--node", "tax"}).out, HasSubstr("epoch 2: is not built"));
}

}  // namespace
}  // namespace vouch::tests
