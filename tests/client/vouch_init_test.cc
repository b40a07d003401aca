#include <filesystem>

#include "crypto/certificate.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VouchInitTest : public VouchTest {};

TEST_F(VouchInitTest, MakesAFolderThatDoctorsReaderAccepts) {
  Fine({"init", "fsa", "--agency", "fsa.ed.example"});
  EXPECT_EQ(Fine({"keys", "list", "--node", "fsa"}).err, "");
}

TEST_F(VouchInitTest, SecretsAreClosedToGroupAndOthers) {
  Fine({"init", "fsa", "--agency", "fsa.ed.example"});
  for (const char* folder :
       {"fsa/keys", "fsa/tls", "fsa/authority", "fsa/records", "fsa/journal"}) {
    EXPECT_EQ(Mode(folder), 0700u) << folder;
  }
  for (const char* file : {"keys/charge.key", "keys/person.key", "keys/index.key",
                           "keys/identity.key", "keys/ledger.key", "keys/encryption.key",
                           "tls/node.key", "tls/authority.key", "authority/authority.key"}) {
    EXPECT_EQ(Mode(std::string("fsa/") + file), 0600u) << file;
  }
  EXPECT_EQ(Mode("fsa/node.yaml"), 0644u);
}

TEST_F(VouchInitTest, EverySecretIsDifferent) {
  Fine({"init", "fsa", "--agency", "fsa.ed.example"});
  Fine({"init", "irs", "--agency", "irs.treasury.example"});
  const std::string charge = Read("fsa/keys/charge.key");
  EXPECT_EQ(charge.size(), 65u);
  EXPECT_NE(charge, Read("fsa/keys/person.key"));
  EXPECT_NE(charge, Read("irs/keys/charge.key"));
}

TEST_F(VouchInitTest, CertificateNamesTheAgencyUnderItsOwnAuthority) {
  Fine({"init", "fsa", "--agency", "fsa.ed.example"});
  const std::string chain = Read("fsa/tls/node.pem");
  const auto facts = crypto::ReadCertificate(chain);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(crypto::AgencyOf(*facts).value(), "fsa.ed.example");
  EXPECT_THAT(facts->dns_names, ::testing::Contains("localhost"));
  const auto anchors = crypto::TrustAnchors::Load(Read("fsa/tls/authority.pem"), "");
  ASSERT_TRUE(anchors.ok());
  for (const auto purpose :
       {crypto::TrustAnchors::Purpose::kTlsServer, crypto::TrustAnchors::Purpose::kTlsClient}) {
    EXPECT_TRUE(anchors->Verify(chain, purpose, absl::Now()).ok());
  }
}

TEST_F(VouchInitTest, WritesAgencyUseAndAddressIntoNodeYaml) {
  Fine({"init", "irs", "--agency", "irs.treasury.example", "--use", "live", "--listen",
        "0.0.0.0:9000"});
  const std::string text = Read("irs/node.yaml");
  EXPECT_THAT(text, HasSubstr("agency: \"irs.treasury.example\""));
  EXPECT_THAT(text, HasSubstr("use: \"live\""));
  EXPECT_THAT(text, HasSubstr("listen: \"0.0.0.0:9000\""));
}

TEST_F(VouchInitTest, InstallsTheBuiltInTables) {
  Fine({"init", "fsa", "--agency", "fsa.ed.example"});
  EXPECT_THAT(Read("fsa/agreements/tables/hhs-poverty-guidelines.yaml"),
              HasSubstr("vouch-table/1"));
}

TEST_F(VouchInitTest, PrintsTheKeyAuthorityAndTheNextSteps) {
  const std::string out = Fine({"init", "fsa", "--agency", "fsa.ed.example"}).out;
  const std::string fingerprint = Fine({"keys", "fingerprint", "--node", "fsa"}).out;
  EXPECT_THAT(out, HasSubstr(fingerprint.substr(0, 71)));
  EXPECT_THAT(out, HasSubstr("vouch partner add"));
  EXPECT_THAT(out, HasSubstr("vouchd --node fsa"));
}

TEST_F(VouchInitTest, JsonHasTheSameFacts) {
  const auto facts =
      nlohmann::json::parse(Fine({"init", "fsa", "--agency", "fsa.ed.example", "--json"}).out);
  EXPECT_EQ(facts["agency"], "fsa.ed.example");
  EXPECT_EQ(facts["use"], "test");
  EXPECT_THAT(facts["key_authority"].get<std::string>(), ::testing::StartsWith("sha256:"));
}

TEST_F(VouchInitTest, PrintsNoSecret) {
  const ProcessResult result = Fine({"init", "fsa", "--agency", "fsa.ed.example"});
  for (const char* name : {"charge.key", "person.key", "index.key", "identity.key"}) {
    EXPECT_THAT(result.out + result.err,
                Not(HasSubstr(Read(std::string("fsa/keys/") + name).substr(0, 64))));
  }
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("PRIVATE KEY")));
}

TEST_F(VouchInitTest, RefusesAFolderThatExistsAndTouchesNothingInIt) {
  std::filesystem::create_directory(Path("fsa"));
  Refused({"init", "fsa", "--agency", "fsa.ed.example"}, 1, "exists already");
  EXPECT_TRUE(std::filesystem::is_empty(Path("fsa")));
}

TEST_F(VouchInitTest, LeavesNothingBehindWhenItCannotFinish) {
  Refused({"init", "missing/fsa", "--agency", "fsa.ed.example"}, 3, "cannot be created");
  EXPECT_FALSE(Exists("missing"));
}

TEST_F(VouchInitTest, RefusesBadNamesAndAddressesAsUsage) {
  Refused({"init", "fsa", "--agency", "FSA"}, 2, "is no agency name");
  Refused({"init", "fsa", "--agency", "fsa.ed.example\"\nuse: \"live"}, 2, "is no agency name");
  Refused({"init", "fsa", "--agency", "fsa.ed.example", "--listen", "nowhere"}, 2, "HOST:PORT");
  Refused({"init", "fsa", "--agency", "fsa.ed.example", "--use", "real"}, 2, "--use");
  Refused({"init", "fsa"}, 2, "--agency");
  EXPECT_FALSE(Exists("fsa"));
}

TEST_F(VouchInitTest, HelpShowsAnExampleAndExitCodesForEveryCommand) {
  const std::vector<std::vector<std::string>> commands = {
      {},
      {"init"},
      {"partner"},
      {"partner", "add"},
      {"partner", "export"},
      {"keys"},
      {"keys", "create"},
      {"keys", "statement"},
      {"keys", "sign"},
      {"keys", "share"},
      {"keys", "accept"},
      {"keys", "rotate"},
      {"keys", "retire"},
      {"keys", "list"},
      {"keys", "fingerprint"},
      {"schema"},
      {"token"},
      {"agreement"},
      {"agreement", "check"},
      {"agreement", "diff"},
      {"agreement", "digest"},
      {"agreement", "explain"},
      {"agreement", "fmt"},
      {"agreement", "simulate"},
      {"agreement", "status"},
      {"agreement", "stop"},
      {"agreement", "verify"},
      {"ask"},
      {"ledger"},
      {"ledger", "corrections"},
      {"ledger", "disclosures"},
      {"ledger", "erase"},
      {"ledger", "hold"},
      {"ledger", "open"},
      {"ledger", "report"},
      {"partner", "remembered"},
      {"receipt", "verify"},
      {"records"},
      {"records", "load"},
      {"records", "index"},
      {"records", "hold"},
      {"records", "status"},
      {"doctor"},
  };
  for (std::vector<std::string> command : commands) {
    const std::string name = command.empty() ? "vouch" : command.back();
    command.push_back("--help");
    const std::string help = Fine(command).out;
    EXPECT_THAT(help, ::testing::ContainsRegex("(Examples?:|Begin with:)\n? .*vouch ")) << name;
    EXPECT_THAT(help, ::testing::HasSubstr("Exit codes: 0 ")) << name;
  }
}

TEST_F(VouchInitTest, SaysItsVersion) {
  EXPECT_THAT(Fine({"--version"}).out, ::testing::ContainsRegex("^[0-9]+\\.[0-9]+"));
}

TEST_F(VouchInitTest, UnknownCommandsAreUsageErrors) {
  Refused({"partnr"}, 2, "did you mean partner?");
  Refused({"keys", "lst"}, 2, "did you mean list?");
  Refused({}, 2, "subcommand");
}

}  // namespace
}  // namespace vouch::tests
