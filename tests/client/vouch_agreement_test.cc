#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid";

class VouchAgreementTest : public VouchTest {
 protected:
  void SetUp() override {
    text_ = ReadAbsolute(std::string(kTemplate) + "/agreement.yaml");
    Write("facts.yaml", ReadAbsolute(std::string(kTemplate) + "/facts.yaml"));
  }
  void Place(const std::string& from = "", const std::string& to = "") const {
    Write("agreement.yaml", from.empty() ? text_ : absl::StrReplaceAll(text_, {{from, to}}));
  }
  std::string text_;
};

TEST_F(VouchAgreementTest, WithoutArgumentsSaysWhereToBegin) {
  EXPECT_THAT(Fine({"agreement"}).out, HasSubstr("vouch agreement check"));
}

TEST_F(VouchAgreementTest, TemplatesPass) {
  Place();
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out, HasSubstr("No errors"));
}

TEST_F(VouchAgreementTest, CatalogueAndTablesAreCheckedToo) {
  Fine({"agreement", "check", "facts.yaml",
        VOUCH_SOURCE_DIR "/policies/reference/hhs-poverty-guidelines.yaml"});
  Write("facts.yaml", Read("facts.yaml") + "colour: \"red\"\n");
  EXPECT_EQ(Vouch({"agreement", "check", "facts.yaml"}).exit_code, 1);
}

TEST_F(VouchAgreementTest, FindingsHaveLineCaretAndMend) {
  Place("on_yes:", "on_yess:");
  const ProcessResult result = Vouch({"agreement", "check", "agreement.yaml"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.out, HasSubstr("agreement.yaml:"));
  EXPECT_THAT(result.out, HasSubstr("^"));
  EXPECT_THAT(result.out, HasSubstr("mend:"));
}

TEST_F(VouchAgreementTest, JsonHasTheSameFindings) {
  Place("on_yes:", "on_yess:");
  const ProcessResult result = Vouch({"agreement", "check", "agreement.yaml", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const auto findings = nlohmann::json::parse(result.out);
  ASSERT_FALSE(findings.empty());
  EXPECT_GT(findings[0]["line"], 0);
}

TEST_F(VouchAgreementTest, BrokenFormAndMissingFilesAreMalformed) {
  Write("agreement.yaml", text_ + "\tx: 1\n");
  EXPECT_EQ(Vouch({"agreement", "check", "agreement.yaml"}).exit_code, 3);
  EXPECT_EQ(Vouch({"agreement", "check", "missing.yaml"}).exit_code, 3);
  Refused({"agreement", "check"}, 2, "files");
}

TEST_F(VouchAgreementTest, PinsAreComparedWithWhatLiesBeside) {
  Place();
  Write("facts.yaml", Read("facts.yaml") + "# changed\n");
  const ProcessResult result = Vouch({"agreement", "check", "agreement.yaml"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("catalog/pin"));
}

TEST_F(VouchAgreementTest, DigestIsThePin) {
  EXPECT_THAT(text_, HasSubstr(Fine({"agreement", "digest", "facts.yaml"}).out.substr(0, 64)));
  Refused({"agreement", "digest", "missing"}, 3, "missing");
}

TEST_F(VouchAgreementTest, DespiteMismatchIsPricedAsStrangers) {
  Place("{key: [\"social_security_number\", \"family_name\"]}",
        "{key: [\"family_name\", \"date_of_birth\"], despite_mismatch: \"allow\"}");
  const std::string out = Fine({"agreement", "check", "agreement.yaml", "--people", "2400000"}).out;
  EXPECT_THAT(out, HasSubstr("disclosure/despite-mismatch"));
  // 2,400,000 people / (120 names x 20,000 birthdays).
  EXPECT_THAT(out, HasSubstr("1 strangers agree"));
}

TEST_F(VouchAgreementTest, AKeyThatMayStandAloneIsPricedAlsoUnderRefuse) {
  Place("{key: [\"given_name\", \"family_name\", \"date_of_birth\", \"postal_code\"]}",
        "{key: [\"initial:given_name\", \"family_name\", \"year:date_of_birth\"]}");
  const std::string out = Fine({"agreement", "check", "agreement.yaml", "--people", "6000"}).out;
  EXPECT_THAT(out, HasSubstr("disclosure/key-alone"));
  // 1,000 asked about x 6,000 records / (10 initials x 120 names x 50 years).
  EXPECT_THAT(out, HasSubstr("of 1000 people asked about so who have no record, about 100 agree"));
  EXPECT_THAT(out, HasSubstr("needs (social_security_number)"));
  EXPECT_THAT(out, HasSubstr("add parts until the key could stand alone"));
  EXPECT_THAT(out, HasSubstr("warning"));
  Place();
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml", "--people", "6000"}).out,
              Not(HasSubstr("disclosure/key-alone")));
}

TEST_F(VouchAgreementTest, KeyedHashTellsHowSoonATokenIsUndone) {
  Place("kind: \"blind\"", "kind: \"keyed-hash\"");
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out,
              HasSubstr("disclosure/guessable-key"));
}

TEST_F(VouchAgreementTest, WideLimitsAreSaid) {
  Place("times_asked: {count: 4, every: \"30 days\"}",
        "times_asked: {count: 400, every: \"30 days\"}");
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out,
              HasSubstr("disclosure/wide-limit"));
  Place();
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out,
              Not(HasSubstr("disclosure/wide-limit")));
}

}  // namespace
}  // namespace vouch::tests
