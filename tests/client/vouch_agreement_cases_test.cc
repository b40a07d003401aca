// `vouch agreement test` and `simulate`, as officers run them.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid/";

class VouchCasesTest : public VouchTest {
 protected:
  void SetUp() override {
    for (const char* name : {"agreement.yaml", "facts.yaml", "cases.yaml"}) {
      Write(name, ReadAbsolute(std::string(kTemplate) + name));
    }
  }
  void Change(const std::string& file, const std::string& from, const std::string& to) const {
    const std::string text = Read(file);
    ASSERT_THAT(text, HasSubstr(from));
    Write(file, absl::StrReplaceAll(text, {{from, to}}));
  }
  std::vector<std::string> Simulate(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"agreement", "simulate", "agreement.yaml", "--question",
                                    "income-at-or-below-225-percent"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

TEST_F(VouchCasesTest, ATemplatesCasesPass) {
  const std::string out = Fine({"agreement", "test", "agreement.yaml"}).out;
  EXPECT_THAT(out, HasSubstr("0 failed."));
  EXPECT_THAT(out, Not(HasSubstr("not tried")));
}

TEST_F(VouchCasesTest, AChangedAgreementFailsWithFourAndShowsWhy) {
  Change("agreement.yaml", "percent: 225", "percent: 226");
  const ProcessResult result = Vouch({"agreement", "test", "agreement.yaml"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out, HasSubstr("FAILED cases.yaml:"));
  EXPECT_THAT(result.out, HasSubstr("$74,250.01; required: at most $74,580.00"));
}

TEST_F(VouchCasesTest, ExitCodesTellFilesFromCases) {
  Refused({"agreement", "test", "agreement.yaml", "--cases", "missing.yaml"}, 3, "nothing was");
  Change("cases.yaml", "refused: \"person-limit\"", "refused: true");
  const ProcessResult unnamed = Vouch({"agreement", "test", "agreement.yaml"});
  EXPECT_EQ(unnamed.exit_code, 1);
  EXPECT_THAT(unnamed.out, HasSubstr("mend:"));
  Write("cases.yaml",
        "format: \"vouch-cases/1\"\nagreement: \"studentaid-tax-2027-001\"\ncases: []\n");
  const ProcessResult none = Vouch({"agreement", "test", "agreement.yaml"});
  EXPECT_EQ(none.exit_code, 4);
  EXPECT_THAT(none.out, HasSubstr("cases/none"));
  Write("cases.yaml", "cases: [\n");
  EXPECT_EQ(Vouch({"agreement", "test", "agreement.yaml"}).exit_code, 3);
  Refused({"agreement", "test", "agreement.yaml", "--write"}, 2, "--generate");
}

TEST_F(VouchCasesTest, JsonAndJUnitSayTheSame) {
  Change("agreement.yaml", "percent: 225", "percent: 226");
  const ProcessResult result =
      Vouch({"agreement", "test", "agreement.yaml", "--json", "--junit", "out.xml"});
  EXPECT_EQ(result.exit_code, 4);
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_GT(json["failed"], 0);
  EXPECT_THAT(Read("out.xml"),
              HasSubstr(absl::StrCat("failures=\"", json["failed"].get<int>(), "\"")));
}

TEST_F(VouchCasesTest, GenerateShowsAndWritesOnlyWhenTold) {
  const std::string before = Read("cases.yaml");
  EXPECT_THAT(Fine({"agreement", "test", "agreement.yaml", "--generate"}).out,
              HasSubstr("answer: \"YES\""));
  EXPECT_EQ(Read("cases.yaml"), before);
  Change("agreement.yaml", "percent: 225", "percent: 226");
  const std::string out =
      Fine({"agreement", "test", "agreement.yaml", "--generate", "--write"}).out;
  EXPECT_THAT(out, HasSubstr("Read the answers"));
  // What people wrote stays, and still says that the change is not what they meant.
  const ProcessResult result = Vouch({"agreement", "test", "agreement.yaml"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.out, HasSubstr("1 failed"));
}

TEST_F(VouchCasesTest, GenerateShowsAnswersThatChanged) {
  Change("agreement.yaml", "on_no: {do: \"verify-independently\", notice_days: 30}",
         "on_no: {do: \"ask-the-person\"}");
  Change("agreement.yaml", "at_most:", "less_than:");
  EXPECT_THAT(Fine({"agreement", "test", "agreement.yaml", "--generate", "--write"}).out,
              HasSubstr("exactly $35,910.00, household_size: 1, region: contiguous: YES -> NO"));
}

TEST_F(VouchCasesTest, GenerateBeginsAFile) {
  unlink(Path("cases.yaml").c_str());
  Fine({"agreement", "test", "agreement.yaml", "--generate", "--write"});
  EXPECT_THAT(Fine({"agreement", "test", "agreement.yaml"}).out, HasSubstr("0 failed."));
}

TEST_F(VouchCasesTest, SimulateShowsTheAnswerWithItsValues) {
  const std::string out =
      Fine(Simulate({"--signed", "--on", "2027-01-31", "--param", "household_size=4", "--param",
                     "region=contiguous", "--fact", "adjusted_gross_income=$45,000.00"}))
          .out;
  EXPECT_THAT(out, HasSubstr("ANSWER YES; the asker has to: accept"));
  EXPECT_THAT(out, HasSubstr("$45,000.00; required: at most $74,250.00"));
}

TEST_F(VouchCasesTest, SimulateSaysWhatStopsItAndWhereAndWhoCanMendIt) {
  const std::string out = Fine(Simulate({"--signed", "--on", "2027-01-31", "--param",
                                         "household_size=14", "--param", "region=contiguous"}))
                              .out;
  EXPECT_THAT(out, HasSubstr("STOPPED     parameters"));
  EXPECT_THAT(out, HasSubstr("at agreement.yaml:53:23"));
  EXPECT_THAT(out, HasSubstr("the nearest listed value is 12"));
  EXPECT_THAT(out, HasSubstr("officer@studentaid.example"));
  EXPECT_THAT(out, HasSubstr("REFUSED (parameter-not-listed)"));
}

TEST_F(VouchCasesTest, SimulateTellsAnUnsignedFileFromWhatItWouldBeOnceSigned) {
  const auto json = nlohmann::json::parse(
      Fine(Simulate({"--on", "2027-01-31", "--param", "household_size=4", "--param",
                     "region=contiguous", "--fact", "adjusted_gross_income=$80,000.00", "--json"}))
          .out);
  EXPECT_EQ(json["refused"], "not-signed");
  EXPECT_EQ(json["once_signed"]["answer"], "NO");
}

TEST_F(VouchCasesTest, SimulateRefusesAFactThatIsNoFact) {
  Refused(Simulate({"--fact", "adjusted_gros_income=$1.00"}), 2, "adjusted_gross_income");
  Refused(Simulate({"--fact", "adjusted_gross_income=1"}), 2, "$45,000.00");
  Refused(Simulate({"--on", "2027-02-30"}), 2, "--on");
}

TEST_F(VouchCasesTest, SimulateShowsHostileWordsAsText) {
  const std::string out = Fine(Simulate({"--signed", "--as", "a\x1b[31m\xe2\x80\xae.example"})).out;
  EXPECT_THAT(out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(out, HasSubstr("\\u{1B}"));
  EXPECT_THAT(out, HasSubstr("\\u{202E}"));
}

}  // namespace
}  // namespace vouch::tests
