// vouch agreement diff, fmt, revise and renew, as officers run them.
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VouchRevisionsTest : public VouchTest {
 protected:
  void SetUp() override { Take("income-for-student-aid"); }
  void Take(const std::string& name) {
    const std::string folder = std::string(VOUCH_SOURCE_DIR "/policies/templates/") + name;
    text_ = ReadAbsolute(folder + "/agreement.yaml");
    Write("facts.yaml", ReadAbsolute(folder + "/facts.yaml"));
    Write("agreement.yaml", text_);
  }
  void Change(const std::string& file, const std::string& from, const std::string& to) const {
    const std::string text = Read(file);
    ASSERT_THAT(text, HasSubstr(from));
    Write(file, absl::StrReplaceAll(text, {{from, to}}));
  }
  std::string text_;
};

TEST_F(VouchRevisionsTest, RevisesAndSaysWhatAnEditDoes) {
  Fine({"agreement", "revise", "agreement.yaml"});
  Change("agreement-revision-2.yaml", "percent: 225", "percent: 226");
  const std::vector<std::string> diff = {"agreement", "diff", "agreement.yaml",
                                         "agreement-revision-2.yaml"};
  const std::string out = Fine(diff).out;
  EXPECT_THAT(out, HasSubstr("WIDENS and NARROWS"));
  EXPECT_THAT(out, HasSubstr("was NO, would be YES"));
  std::vector<std::string> failing = diff;
  failing.insert(failing.end(), {"--fail-on", "widens"});
  EXPECT_EQ(Vouch(failing).exit_code, 1);
  failing.back() = "cannot-tell";
  EXPECT_EQ(Vouch(failing).exit_code, 0);
  failing.back() = "nonsense";
  EXPECT_EQ(Vouch(failing).exit_code, 2);
  std::vector<std::string> json = diff;
  json.push_back("--json");
  EXPECT_EQ(nlohmann::json::parse(Fine(json).out)["verdict"], "WIDENS and NARROWS");
  std::vector<std::string> page = diff;
  page.insert(page.end(), {"--html", "redline.html"});
  Fine(page);
  EXPECT_THAT(Read("redline.html"), HasSubstr("<ins>"));
}

TEST_F(VouchRevisionsTest, NothingIsOverwrittenOrRevisedWithErrors) {
  Fine({"agreement", "revise", "agreement.yaml"});
  EXPECT_EQ(Vouch({"agreement", "revise", "agreement.yaml"}).exit_code, 1);
  Write("agreement.yaml", text_ + "colour: \"red\"\n");
  EXPECT_EQ(Vouch({"agreement", "revise", "agreement.yaml", "--output", "x.yaml"}).exit_code, 3);
  EXPECT_FALSE(Exists("x.yaml"));
}

TEST_F(VouchRevisionsTest, PutsInOrderAndChangesNothingWhereItCannot) {
  Write("agreement.yaml", absl::StrReplaceAll(text_, {{"\n", "\r\n"}}));
  EXPECT_EQ(Vouch({"agreement", "fmt", "agreement.yaml", "--check"}).exit_code, 1);
  EXPECT_NE(Read("agreement.yaml"), text_);
  Fine({"agreement", "fmt", "agreement.yaml"});
  EXPECT_EQ(Read("agreement.yaml"), text_);
  Fine({"agreement", "fmt", "agreement.yaml", "facts.yaml", "--check"});
  const std::string broken = text_ + "\tx: 1\n";
  Write("agreement.yaml", broken);
  EXPECT_EQ(Vouch({"agreement", "fmt", "agreement.yaml"}).exit_code, 3);
  EXPECT_EQ(Read("agreement.yaml"), broken);
}

TEST_F(VouchRevisionsTest, RenewsAMatchingAgreementOnce) {
  Take("veteran-status");
  const std::vector<std::string> renew = {"agreement",
                                          "renew",
                                          "agreement.yaml",
                                          "--until",
                                          "2028-09-30",
                                          "--certified",
                                          "housingassistance.example=2027-08-01",
                                          "--certified",
                                          "veterans.example=2027-08-02",
                                          "--on"};
  std::vector<std::string> early = renew;
  early.push_back("2027-06-30");
  EXPECT_EQ(Vouch(early).exit_code, 1);
  std::vector<std::string> in_time = renew;
  in_time.push_back("2027-08-03");
  Fine(in_time);
  Fine({"agreement", "check", "agreement-revision-2.yaml"});
  const std::string out =
      Fine({"agreement", "diff", "agreement.yaml", "agreement-revision-2.yaml"}).out;
  EXPECT_THAT(out, HasSubstr("WIDENS"));
  EXPECT_THAT(out, Not(HasSubstr("NARROWS")));
}

}  // namespace
}  // namespace vouch::tests
