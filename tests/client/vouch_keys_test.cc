#include <chrono>

#include "crypto/digest.h"
#include "nlohmann/json.hpp"
#include "server/node/epoch_keys.h"
#include "tests/client/vouch_program.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kAuthority[] = "irs/authority/authority.key";

class VouchKeysTest : public VouchTest {
 protected:
  void SetUp() override { MakeFederation(); }
  void Create(int epoch = 1) const {
    Fine({"keys", "create", "--node", "irs", "--agreement", "a-1", "--epoch",
          std::to_string(epoch)});
  }
  std::vector<std::string> Announce(const std::string& kind) const {
    std::vector<std::string> arguments = {
        "keys",    "statement", "--node", "irs", "--agreement",     "a-1",
        "--epoch", "1",         "--kind", kind,  "--authority-key", kAuthority};
    if (kind == "keyed-hash") arguments.insert(arguments.end(), {"--asker", "fsa.ed.example"});
    return arguments;
  }
  std::string Pin() const {
    return Fine({"keys", "fingerprint", "--node", "irs"}).out.substr(0, 71);
  }
  std::vector<std::string> Accept(const std::string& pin) const {
    return {"keys",  "accept",    "--node",          "fsa", "--statement", "d/statement.txt",
            "--key", "d/key.p7m", "--key-authority", pin};
  }
};

TEST_F(VouchKeysTest, CreateMakesAPrivateSecretAndPrintsNoneOfIt) {
  const ProcessResult result = Fine({"keys", "create", "--node", "irs", "--agreement", "a-1"});
  EXPECT_EQ(Mode("irs/keys/tokens/a-1/1/secret.key"), 0600u);
  EXPECT_EQ(Mode("irs/keys/tokens/a-1/1"), 0700u);
  EXPECT_THAT(result.out + result.err,
              Not(HasSubstr(Read("irs/keys/tokens/a-1/1/secret.key").substr(0, 64))));
}

TEST_F(VouchKeysTest, CreateTakesTheNextEpochAndNeverAnOldOne) {
  Create(3);
  Fine({"keys", "create", "--node", "irs", "--agreement", "a-1"});
  EXPECT_TRUE(Exists("irs/keys/tokens/a-1/4/secret.key"));
  Refused({"keys", "create", "--node", "irs", "--agreement", "a-1", "--epoch", "3"}, 1,
          "was made before");
}

TEST_F(VouchKeysTest, AgreementIdsThatLeaveTheFolderAreRefused) {
  Refused({"keys", "create", "--node", "irs", "--agreement", "../../x"}, 3, "agreement id");
}

TEST_F(VouchKeysTest, StatementVerifiesUnderTheFingerprint) {
  Create();
  Fine(Announce("blind"));
  const auto keys = server::node::ReadEpochKeys(Path("irs/keys"), "a-1", Pin());
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ((*keys)[0].statement.epoch, 1u);
  EXPECT_EQ((*keys)[0].secret.size(), 32u);
}

TEST_F(VouchKeysTest, AnEpochIsAnnouncedOnce) {
  Create();
  Fine(Announce("blind"));
  const std::string statement = Read("irs/keys/tokens/a-1/1/statement.txt");
  Refused(Announce("blind"), 1, "one statement for ever");
  EXPECT_EQ(Read("irs/keys/tokens/a-1/1/statement.txt"), statement);
}

TEST_F(VouchKeysTest, StatementNeedsAnEpochAKindAndAKey) {
  Refused(Announce("blind"), 3, "no such epoch");
  Create();
  Refused({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "1",
           "--authority-key", kAuthority},
          3, "--kind");
  Refused({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--kind",
           "blind"},
          2, "--authority-key");
  Refused({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--kind",
           "keyed-hash", "--authority-key", kAuthority},
          2, "--asker");
  Refused({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--kind",
           "blind", "--authority-key", kAuthority, "--not-after", "2000-01-01"},
          2, "--not-after");
  Refused({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--kind",
           "blind", "--authority-key", kAuthority, "--not-after", "soon"},
          2, "is no time");
}

TEST_F(VouchKeysTest, StatementsAreSignedOffline) {
  Create();
  Fine({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--kind",
        "blind", "--unsigned", "u.txt"});
  EXPECT_FALSE(Exists("irs/keys/tokens/a-1/1/statement.txt"));
  Fine(
      {"keys", "sign", "--statement", "u.txt", "--authority-key", kAuthority, "--output", "s.txt"});
  Fine({"keys", "accept", "--node", "irs", "--statement", "s.txt", "--key-authority", Pin()});
  const auto keys = server::node::ReadEpochKeys(Path("irs/keys"), "a-1", Pin());
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->size(), 1u);
  Refused(
      {"keys", "sign", "--statement", "u.txt", "--authority-key", kAuthority, "--output", "s.txt"},
      1, "exists");
  Write("u.txt", "unsigned-statement: AAAA\n");
  Refused(
      {"keys", "sign", "--statement", "u.txt", "--authority-key", kAuthority, "--output", "t.txt"},
      3, "u.txt");
  EXPECT_FALSE(Exists("t.txt"));
}

TEST_F(VouchKeysTest, KeyedHashKeyArrivesAtItsAskerUnreadableOnTheWay) {
  Create();
  Fine(Announce("keyed-hash"));
  Fine({"keys", "share", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--output", "d"});
  const std::string secret = Read("irs/keys/tokens/a-1/1/secret.key");
  EXPECT_THAT(Read("d/key.p7m") + Read("d/statement.txt"), Not(HasSubstr(secret.substr(0, 64))));
  const ProcessResult accepted = Fine(Accept(Pin()));
  EXPECT_EQ(Read("fsa/keys/tokens/a-1/1/secret.key"), secret);
  EXPECT_EQ(Mode("fsa/keys/tokens/a-1/1/secret.key"), 0600u);
  EXPECT_THAT(accepted.out + accepted.err, Not(HasSubstr(secret.substr(0, 64))));
  // Taking up the same delivery again changes nothing.
  Fine(Accept(Pin()));
}

TEST_F(VouchKeysTest, AcceptRefusesAnotherAuthority) {
  Create();
  Fine(Announce("keyed-hash"));
  Fine({"keys", "share", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--output", "d"});
  const std::string wrong = "sha256:" + std::string(64, '0');
  Refused(Accept(wrong), 1, "another key than the agreement's key authority");
  EXPECT_FALSE(Exists("fsa/keys/tokens"));
}

TEST_F(VouchKeysTest, AcceptRefusesAKeyThatIsNotTheStatements) {
  Create(1);
  Create(2);
  Fine(Announce("keyed-hash"));
  Fine({"keys", "statement", "--node", "irs", "--agreement", "a-1", "--epoch", "2", "--kind",
        "keyed-hash", "--asker", "fsa.ed.example", "--authority-key", kAuthority});
  Fine({"keys", "share", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--output", "d"});
  Fine({"keys", "share", "--node", "irs", "--agreement", "a-1", "--epoch", "2", "--output", "e"});
  Write("d/key.p7m", Read("e/key.p7m"));
  Refused(Accept(Pin()), 1, "does not belong");
  EXPECT_FALSE(Exists("fsa/keys/tokens"));
}

TEST_F(VouchKeysTest, AcceptRefusesASecondStatementForAnEpoch) {
  Create();
  Fine(Announce("keyed-hash"));
  Fine({"keys", "share", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--output", "d"});
  Fine(Accept(Pin()));
  Write("fsa/keys/tokens/a-1/1/statement.txt",
        "statement: QQ==\nsignature: QQ==\nauthority: QQ==\n");
  Refused(Accept(Pin()), 1, "another statement");
}

TEST_F(VouchKeysTest, BlindKeysAreNeverShared) {
  Create();
  Fine(Announce("blind"));
  Refused({"keys", "share", "--node", "irs", "--agreement", "a-1", "--epoch", "1", "--output", "d"},
          1, "never shared");
  EXPECT_FALSE(Exists("d"));
}

TEST_F(VouchKeysTest, RotateAnnouncesTheNextEpochWithAnOverlap) {
  Create();
  Fine(Announce("blind"));
  Fine({"keys", "rotate", "--node", "irs", "--agreement", "a-1", "--authority-key", kAuthority,
        "--overlap-days", "10"});
  const auto keys = server::node::ReadEpochKeys(Path("irs/keys"), "a-1", Pin());
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 2u);
  EXPECT_EQ((*keys)[0].statement.not_after - (*keys)[1].statement.not_before, absl::Hours(240));
  EXPECT_NE((*keys)[0].statement.public_key, (*keys)[1].statement.public_key);
}

TEST_F(VouchKeysTest, RetireDestroysTheSecretAndKeepsTheStatement) {
  Create();
  Fine(Announce("blind"));
  const std::vector<std::string> retire = {"keys",        "retire", "--node",  "irs",
                                           "--agreement", "a-1",    "--epoch", "1"};
  Refused(retire, 1, "in force until");
  std::vector<std::string> really = retire;
  really.push_back("--even-in-force");
  Refused(really, 1, "--yes");
  EXPECT_TRUE(Exists("irs/keys/tokens/a-1/1/secret.key"));
  really.push_back("--yes");
  Fine(really);
  EXPECT_FALSE(Exists("irs/keys/tokens/a-1/1/secret.key"));
  EXPECT_TRUE(Exists("irs/keys/tokens/a-1/1/statement.txt"));
  Refused(really, 1, "is not here");
  Refused({"keys", "create", "--node", "irs", "--agreement", "a-1", "--epoch", "1"}, 1,
          "was made before");
}

TEST_F(VouchKeysTest, ListTellsStatesInWordsAndJson) {
  EXPECT_THAT(Fine({"keys", "list", "--node", "irs"}).out, HasSubstr("No epoch keys yet"));
  Create(1);
  Create(2);
  Fine(Announce("blind"));
  const std::string text = Fine({"keys", "list", "--node", "irs"}).out;
  EXPECT_THAT(text, HasSubstr("in force"));
  EXPECT_THAT(text, HasSubstr("not announced"));
  const auto all = nlohmann::json::parse(Fine({"keys", "list", "--node", "irs", "--json"}).out);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["state"], "in force");
  EXPECT_EQ(all[0]["secret_held"], true);
}

TEST_F(VouchKeysTest, KeysOpenToOthersAreRefusedWithTheCommandThatMendsIt) {
  chmod(Path("irs/keys/charge.key").c_str(), 0644);
  const ProcessResult result = Vouch({"keys", "list", "--node", "irs"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("chmod 600"));
}

TEST_F(VouchKeysTest, AMissingNodeIsNamedWithTheWayToMakeIt) {
  Refused({"keys", "list", "--node", "nowhere"}, 3, "vouch init");
}

}  // namespace
}  // namespace vouch::tests
