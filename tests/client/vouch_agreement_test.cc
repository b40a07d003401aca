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

class VouchAgreementTest : public VouchTest {
 protected:
  void SetUp() override {
    text_ = ReadAbsolute(std::string(kTemplate) + "/agreement.yaml");
    Write("facts.yaml", ReadAbsolute(std::string(kTemplate) + "/facts.yaml"));
  }
  void Place(const std::string& from = "", const std::string& to = "") const {
    Write("agreement.yaml", from.empty() ? text_ : absl::StrReplaceAll(text_, {{from, to}}));
  }
  // What is found wrong, on standard output.
  std::string Found(const std::vector<std::string>& arguments) const {
    const ProcessResult result = Vouch(arguments);
    EXPECT_EQ(result.exit_code, 1) << result.err << result.out;
    return result.out;
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

TEST_F(VouchAgreementTest, AStopNeverReplacesANoticeThatIsThere) {
  Place();
  MakeNode("tax", "tax.revenue.example");
  const std::vector<std::string> stop = {"agreement",
                                         "stop",
                                         "agreement.yaml",
                                         "--agency",
                                         "tax.revenue.example",
                                         "--reason",
                                         "The programme ended.",
                                         "--key",
                                         "tax/signing/officer.key",
                                         "--certificate",
                                         "tax/signing/officer.pem"};
  const auto with = [&stop](const std::vector<std::string>& more) {
    std::vector<std::string> run = stop;
    run.insert(run.end(), more.begin(), more.end());
    return run;
  };
  const std::string name = "agreement.yaml.tax.revenue.example.stop.p7s";
  Fine(stop);
  const std::string first = Read(name);
  Refused(stop, 1, "was not touched");
  Refused(with({"--output", name}), 1, "--add");
  EXPECT_EQ(Read(name), first);
  Fine(with({"--output", "second.stop.p7s"}));
  // A lift is another notice, and has a name of its own.
  Fine(with({"--lift"}));
  Refused(with({"--lift"}), 1, ".lift.p7s");
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
  Refused({"agreement", "check"}, 2, "files are required");
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
  EXPECT_THAT(out, HasSubstr("privacy/despite-mismatch"));
  // 2,400,000 people / (120 names x 20,000 birthdays).
  EXPECT_THAT(out, HasSubstr("1 strangers agree"));
}

TEST_F(VouchAgreementTest, AKeyThatMayStandAloneIsPricedAlsoUnderRefuse) {
  Place("{key: [\"given_name\", \"family_name\", \"date_of_birth\", \"postal_code\"]}",
        "{key: [\"initial:given_name\", \"family_name\", \"year:date_of_birth\"]}");
  const std::string out = Fine({"agreement", "check", "agreement.yaml", "--people", "6000"}).out;
  EXPECT_THAT(out, HasSubstr("privacy/key-alone"));
  // 1,000 asked about x 6,000 records / (10 initials x 120 names x 50 years).
  EXPECT_THAT(out, HasSubstr("of 1000 people asked about so who have no record, about 100 agree"));
  EXPECT_THAT(out, HasSubstr("needs (social_security_number)"));
  EXPECT_THAT(out, HasSubstr("add parts until the key could stand alone"));
  EXPECT_THAT(out, HasSubstr("warning"));
  Place();
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml", "--people", "6000"}).out,
              Not(HasSubstr("privacy/key-alone")));
}

TEST_F(VouchAgreementTest, KeyedHashTellsHowSoonATokenIsUndone) {
  Place("kind: \"blind\"", "kind: \"keyed-hash\"");
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out,
              HasSubstr("privacy/guessable-key"));
}

TEST_F(VouchAgreementTest, WideLimitsAreSaid) {
  Place("times_asked: {count: 4, every: \"30 days\"}",
        "times_asked: {count: 400, every: \"30 days\"}");
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out, HasSubstr("privacy/wide-limit"));
  Place();
  EXPECT_THAT(Fine({"agreement", "check", "agreement.yaml"}).out,
              Not(HasSubstr("privacy/wide-limit")));
}

TEST_F(VouchAgreementTest, FoldersAreJudgedTogether) {
  Place();
  std::filesystem::create_directory(Path("other"));
  Write("other/agreement.yaml",
        absl::StrReplaceAll(text_, {{"studentaid-tax-2027-001", "studentaid-tax-2027-002"},
                                    {"percent: 225", "percent: 226"},
                                    {"at or below 225%", "at or below 226%"}}));
  Write("other/facts.yaml", Read("facts.yaml"));
  Write("other/mapping.yaml", "format: \"vouch-mapping/1\"\n");
  const std::string out = Fine({"agreement", "check", "--folder", "."}).out;
  EXPECT_THAT(out, HasSubstr("[privacy/bracket]"));
  EXPECT_THAT(out, HasSubstr("agreement.yaml:56"));
  EXPECT_THAT(out, HasSubstr("No errors in 4 file(s)"));
  Write("stray.yaml", "colour: \"red\"\n");
  EXPECT_THAT(Found({"agreement", "check", "--folder", "."}), HasSubstr("catalog/unknown-format"));
  Write("stray.yaml", "format: \"vouch-agreemnt/1\"\n");
  EXPECT_THAT(Found({"agreement", "check", "--folder", "."}), HasSubstr("did you mean"));
  Refused({"agreement", "check", "--folder", "missing"}, 3, "no folder");
}

TEST_F(VouchAgreementTest, TwoFilesOfOneRevisionAreRefused) {
  Place();
  Write("copy.yaml", text_);
  EXPECT_THAT(Found({"agreement", "check", "agreement.yaml", "copy.yaml"}),
              HasSubstr("catalog/same-revision"));
}

TEST_F(VouchAgreementTest, WaivedFindingsAreListedUntilTheirDay) {
  Place("at_least: \"5 years\"", "at_least: \"3 years\"");
  EXPECT_THAT(Found({"agreement", "check", "agreement.yaml"}),
              HasSubstr("[us-federal/accounting]"));
  Write("agreement.yaml",
        Read("agreement.yaml") +
            "waivers:\n  - {rule: \"us-federal/accounting\", granted_by: \"Jane Roe\", reason: "
            "\"State law.\", expires: \"2027-03-31\"}\n");
  const std::string waived =
      Fine({"agreement", "check", "agreement.yaml", "--on", "2027-03-31"}).out;
  EXPECT_THAT(waived, HasSubstr("waived by Jane Roe until 2027-03-31: State law."));
  EXPECT_THAT(waived, HasSubstr("1 waived."));
  const auto json = nlohmann::json::parse(
      Fine({"agreement", "check", "agreement.yaml", "--on", "2027-03-31", "--json"}).out);
  EXPECT_THAT(json.dump(), HasSubstr("\"by\":\"Jane Roe\""));
  EXPECT_THAT(Found({"agreement", "check", "agreement.yaml", "--on", "2027-04-01"}),
              HasSubstr("waivers/expired"));
  Refused({"agreement", "check", "agreement.yaml", "--on", "tomorrow"}, 2, "no day");
}

TEST_F(VouchAgreementTest, PacksCanBeChosen) {
  Place("at_least: \"5 years\"", "at_least: \"3 years\"");
  Fine({"agreement", "check", "agreement.yaml", "--pack", "privacy"});
  Found({"agreement", "check", "agreement.yaml", "--pack", "us-federal"});
  Refused({"agreement", "check", "agreement.yaml", "--pack", "feral"}, 2, "us-federal");
}

TEST_F(VouchAgreementTest, RulesAreListedAndExplained) {
  EXPECT_THAT(Fine({"agreement", "rules"}).out, HasSubstr("us-federal/term"));
  EXPECT_THAT(Fine({"agreement", "rules", "us-federal/term"}).out, HasSubstr("**Mend.**"));
  Refused({"agreement", "rules", "us-federal/trem"}, 2, "did you mean \"us-federal/term\"?");
  EXPECT_GE(nlohmann::json::parse(Fine({"agreement", "rules", "--json"}).out).size(), 40u);
}

}  // namespace
}  // namespace vouch::tests
