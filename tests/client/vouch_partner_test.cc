#include "tests/client/vouch_program.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VouchPartnerTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("fsa", "fsa.ed.example");
    MakeNode("irs", "irs.treasury.example");
    Fine({"partner", "export", "--node", "irs", "--output", "of-irs"});
  }
  std::vector<std::string> AddIrs(const std::string& agency = "irs.treasury.example") const {
    return {"partner",   "add",     "--node",    "fsa",
            "--agency",  agency,    "--anchors", "of-irs/anchors.pem",
            "--address", "[::1]:99"};
  }
};

TEST_F(VouchPartnerTest, ExportHoldsNothingSecret) {
  EXPECT_EQ(Read("of-irs/anchors.pem"), Read("irs/tls/authority.pem"));
  EXPECT_EQ(Read("of-irs/encryption.pem"), Read("irs/keys/encryption.pem"));
  for (const char* name :
       {"of-irs/anchors.pem", "of-irs/encryption.pem", "of-irs/ledger.pem", "of-irs/README.txt"}) {
    EXPECT_THAT(Read(name), Not(HasSubstr("PRIVATE"))) << name;
  }
}

TEST_F(VouchPartnerTest, ExportNeverReplacesAFolder) {
  Refused({"partner", "export", "--node", "fsa", "--output", "of-irs"}, 1, "exists");
  EXPECT_EQ(Read("of-irs/anchors.pem"), Read("irs/tls/authority.pem"));
}

TEST_F(VouchPartnerTest, AddKeepsEveryLineOfNodeYaml) {
  const std::string before = Read("fsa/node.yaml");
  Fine(AddIrs());
  EXPECT_EQ(Read("fsa/node.yaml"),
            before +
                "partners:\n"
                "  - agency: \"irs.treasury.example\"\n"
                "    address: \"[::1]:99\"\n"
                "    anchors: \"partners/irs.treasury.example/anchors.pem\"\n");
  EXPECT_EQ(Read("fsa/partners/irs.treasury.example/anchors.pem"), Read("of-irs/anchors.pem"));
}

TEST_F(VouchPartnerTest, AddTakesTheWitnessKeyOfThatPartnerAlone) {
  std::vector<std::string> add = AddIrs();
  add.insert(add.end(), {"--witness-key", "of-irs/ledger.pem"});
  Refused(add, 3, "witness.txt");
  Fine({"partner", "export", "--node", "fsa", "--output", "of-fsa"});
  add.back() = "of-fsa/witness.txt";
  Refused(add, 3, "the witness key of fsa.ed.example, not of irs.treasury.example");
  add.back() = "of-irs/witness.txt";
  Fine(add);
  EXPECT_THAT(Read("fsa/node.yaml"),
              HasSubstr("    witness_key: \"partners/irs.treasury.example/witness.txt\"\n"));
  EXPECT_EQ(Read("fsa/partners/irs.treasury.example/witness.txt"), Read("of-irs/witness.txt"));
  EXPECT_THAT(Read("of-irs/README.txt"), HasSubstr("--witness-key witness.txt"));
}

TEST_F(VouchPartnerTest, AddFindsItsPlaceBetweenOtherKeys) {
  Write("fsa/node.yaml", Read("fsa/node.yaml") +
                             "partners:\n"
                             "# first\n"
                             "- agency: \"a.example\"\n"
                             "  anchors: \"../of-irs/anchors.pem\"  # theirs\n"
                             "\n"
                             "# of metrics\n"
                             "metrics: \"127.0.0.1:9464\"\n");
  Fine(AddIrs());
  EXPECT_THAT(Read("fsa/node.yaml"),
              HasSubstr("  anchors: \"../of-irs/anchors.pem\"  # theirs\n"
                        "- agency: \"irs.treasury.example\"\n"
                        "  address: \"[::1]:99\"\n"
                        "  anchors: \"partners/irs.treasury.example/anchors.pem\"\n"
                        "\n"
                        "# of metrics\n"));
}

TEST_F(VouchPartnerTest, RefusesToEditPartnersOnOneLine) {
  const std::string text = Read("fsa/node.yaml") +
                           "partners: [{agency: \"a.example\", anchors: \"tls/authority.pem\"}]\n";
  Write("fsa/node.yaml", text);
  Refused(AddIrs(), 1, "write them as a list of lines");
  EXPECT_EQ(Read("fsa/node.yaml"), text);
}

TEST_F(VouchPartnerTest, RefusesAPartnerThatIsThere) {
  Fine(AddIrs());
  const std::string text = Read("fsa/node.yaml");
  Refused(AddIrs(), 1, "is a partner already");
  EXPECT_EQ(Read("fsa/node.yaml"), text);
}

TEST_F(VouchPartnerTest, RefusesTheNodesOwnAgencyAndLeavesTheFile) {
  const std::string text = Read("fsa/node.yaml");
  Refused(AddIrs("fsa.ed.example"), 1, "was left as it is");
  EXPECT_EQ(Read("fsa/node.yaml"), text);
}

TEST_F(VouchPartnerTest, RefusesAnchorsThatAreNone) {
  Write("nothing.pem", "nothing\n");
  Refused({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
           "nothing.pem"},
          3, "nothing.pem");
  Refused({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
           "missing.pem"},
          3, "missing.pem");
}

TEST_F(VouchPartnerTest, AddressThatWouldChangeTheFileIsUsage) {
  Refused({"partner", "add", "--node", "fsa", "--agency", "irs.treasury.example", "--anchors",
           "of-irs/anchors.pem", "--address", "h:1\"\nuse: \"live"},
          2, "HOST:PORT");
}

TEST_F(VouchPartnerTest, BrokenNodeYamlIsShownWithLineAndCaret) {
  Write("fsa/node.yaml", Read("fsa/node.yaml") + "patners: []\n");
  const ProcessResult result = Vouch(AddIrs());
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("fsa/node.yaml:"));
  EXPECT_THAT(result.err, HasSubstr("^"));
  EXPECT_THAT(result.err, HasSubstr("partners"));
}

}  // namespace
}  // namespace vouch::tests
