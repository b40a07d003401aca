#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid";

class VouchExplainTest : public VouchTest {
 protected:
  void SetUp() override {
    Write("agreement.yaml", ReadAbsolute(std::string(kTemplate) + "/agreement.yaml"));
    Write("facts.yaml", ReadAbsolute(std::string(kTemplate) + "/facts.yaml"));
  }
  void OpenSsl(const std::vector<std::string>& arguments) const {
    ProcessRun run;
    run.argv = {"/usr/bin/openssl"};
    run.argv.insert(run.argv.end(), arguments.begin(), arguments.end());
    run.folder = Path("");
    const ProcessResult result = RunProcess(run);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void SignForTheAsker() const {
    OpenSsl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out",
             "certificate.pem", "-subj", "/CN=Ann Lee", "-days", "30"});
    OpenSsl({"cms", "-sign", "-binary", "-in", "agreement.yaml", "-signer", "certificate.pem",
             "-inkey", "key.pem", "-outform", "PEM", "-md", "sha256", "-out",
             "agreement.yaml.studentaid.example.p7s"});
  }
  // On one line, whatever the text's breaks.
  std::string Explained() const {
    const std::string out = Fine({"agreement", "explain", "agreement.yaml"}).out;
    const std::vector<std::string> words =
        absl::StrSplit(out, absl::ByAnyChar(" \n"), absl::SkipEmpty());
    std::string line;
    for (const std::string& word : words) line += word + " ";
    return line;
  }
};

TEST_F(VouchExplainTest, SaysTheAgreementWithItsDigest) {
  const std::string out = Explained();
  EXPECT_THAT(out, HasSubstr("studentaid.example may ask."));
  EXPECT_THAT(out, HasSubstr("$74,250.00 is YES; $74,250.01 is NO."));
  EXPECT_THAT(out, HasSubstr(Fine({"agreement", "digest", "agreement.yaml"}).out.substr(0, 64)));
}

TEST_F(VouchExplainTest, WritesOnePageAndKeepsTheTextToItself) {
  const ProcessResult result =
      Fine({"agreement", "explain", "agreement.yaml", "--html", "page.html"});
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("page.html"));
  EXPECT_THAT(Read("page.html"), HasSubstr("<!DOCTYPE html>"));
  Refused({"agreement", "explain", "agreement.yaml", "--html", "no-such-folder/page.html"}, 1,
          "no-such-folder/page.html");
}

TEST_F(VouchExplainTest, JsonHasALineForEverySentence) {
  const auto document =
      nlohmann::json::parse(Fine({"agreement", "explain", "agreement.yaml", "--json"}).out);
  EXPECT_EQ(document["agreement"], "studentaid-tax-2027-001");
  size_t sentences = 0;
  for (const auto& section : document["sections"]) {
    for (const auto& block : section["blocks"]) {
      for (const auto& sentence : block.value("sentences", nlohmann::json::array())) {
        EXPECT_GT(sentence["line"], 0) << sentence;
        ++sentences;
      }
    }
  }
  EXPECT_GT(sentences, 40u);
  EXPECT_EQ(document["signatures"].size(), 2u);
}

TEST_F(VouchExplainTest, WhatHasErrorsIsNotExplained) {
  Write("agreement.yaml", absl::StrReplaceAll(Read("agreement.yaml"), {{"on_yes:", "on_yess:"}}));
  Refused({"agreement", "explain", "agreement.yaml"}, 3, "did you mean `on_yes`?");
  Refused({"agreement", "explain", "missing.yaml"}, 3, "missing.yaml");
  Refused({"agreement", "explain"}, 2, "file");
}

TEST_F(VouchExplainTest, SaysWhoseSignaturesFit) {
  EXPECT_THAT(Explained(), HasSubstr("studentaid.example: no signature lies beside the file"));
  SignForTheAsker();
  std::string out = Explained();
  EXPECT_THAT(out, HasSubstr("studentaid.example: 1 signature fits this exact text"));
  EXPECT_THAT(out, HasSubstr("CN=Ann Lee"));
  EXPECT_THAT(out, HasSubstr("tax.revenue.example: no signature lies beside the file"));

  Write("agreement.yaml", Read("agreement.yaml") + "# one line more\n");
  out = Explained();
  EXPECT_THAT(out, HasSubstr("studentaid.example: 0 signatures fit this exact text"));
  EXPECT_THAT(out, HasSubstr("NOT VALID"));
}

TEST_F(VouchExplainTest, WhatIsNoSignatureIsSaidToBeNone) {
  Write("agreement.yaml.tax.revenue.example.p7s", "nothing of the kind\n");
  EXPECT_THAT(Explained(), HasSubstr("tax.revenue.example: its signature file is none"));
}

}  // namespace
}  // namespace vouch::tests
