#include "crypto/digest.h"
#include "nlohmann/json.hpp"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPerson[] =
    R"({"social_security_number": "978-05-1121", "date_of_birth": "1990-02-03",
        "given_name": "Mary", "family_name": ["Smith", "O'Brien"]})";

class VouchTokenTest : public VouchTest {
 protected:
  void SetUp() override {
    // The vectors' key: 00 01 ... 1f.
    Write("k", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
    chmod(Path("k").c_str(), 0600);
  }
  std::vector<std::string> WithKey(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"token",
                                          "--key",
                                          "k",
                                          "--agreement",
                                          "fsa-irs-2027-001",
                                          "--match",
                                          "social_security_number,date_of_birth,family_name",
                                          "--use",
                                          "test",
                                          "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  nlohmann::json Shown(const std::vector<std::string>& more, const std::string& person) const {
    return nlohmann::json::parse(Fine(WithKey(more), person).out);
  }
};

TEST_F(VouchTokenTest, KeyedHashTokenIsThePublishedVector) {
  // tests/vectors/identity/token_inputs.txt, "test, keyed-hash".
  const auto shown = Shown({"--asker", "fsa.ed.example"}, kPerson);
  EXPECT_EQ(shown["match_keys"][0]["tokens"][0],
            "eaa0bed9376ae2cc8f64bf16ace5033eb57f18000dab7eb9ee27c9f4e0efeced");
  EXPECT_EQ(shown["match_keys"][0]["inputs"].size(), 2u);
  EXPECT_EQ(shown["normal_form"]["family_name"][1], "obrien");
}

TEST_F(VouchTokenTest, BlindTokenIsAnotherOne) {
  const auto shown = Shown({"--kind", "blind"}, kPerson);
  EXPECT_EQ(shown["match_keys"][0]["tokens"][0].get<std::string>().size(), 64u);
  EXPECT_NE(shown["match_keys"][0]["tokens"][0],
            "eaa0bed9376ae2cc8f64bf16ace5033eb57f18000dab7eb9ee27c9f4e0efeced");
}

TEST_F(VouchTokenTest, LeavesOutWhatIsNotValidWithoutRepeatingIt) {
  const ProcessResult result = Fine({"token", "--key", "k", "--agreement", "a-1", "--asker",
                                     "fsa.ed.example", "--match", "social_security_number"},
                                    R"({"social_security_number": "000-05-1121"})");
  EXPECT_THAT(result.out, HasSubstr("left out social_security_number"));
  EXPECT_THAT(result.out, HasSubstr("cannot be formed"));
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("1121")));
}

TEST_F(VouchTokenTest, BadInputIsRefusedWithoutRepeatingIt) {
  const auto refused = [&](const std::string& input, const std::string& words) {
    Refused(WithKey({"--asker", "fsa.ed.example"}), 3, words, input);
    EXPECT_THAT(Vouch(WithKey({"--asker", "fsa.ed.example"}), input).err, Not(HasSubstr("978")));
  };
  refused("", "one JSON object");
  refused("[\"978051121\"]", "one JSON object");
  refused("{\"social_security_number\": 978051121}", "one JSON object");
  refused("{\"social_security_nmber\": \"978051121\"}", "did you mean social_security_number?");
  refused("{\"978051121\": \"x\"}", "no attribute");
}

TEST_F(VouchTokenTest, OpenKeyFilesAreRefused) {
  chmod(Path("k").c_str(), 0644);
  Refused(WithKey({"--asker", "fsa.ed.example"}), 1, "chmod 600", kPerson);
}

TEST_F(VouchTokenTest, SettingsThatAreMissingAreUsage) {
  Refused({"token"}, 2, "--node");
  Refused({"token", "--key", "k"}, 2, "--agreement");
  Refused(WithKey(), 2, "--asker", kPerson);
  Refused(WithKey({"--asker", "a.example", "--match", "shoe_size"}), 2, "shoe_size", kPerson);
  Refused(WithKey({"--asker", "a.example", "--spelling", "names/9"}), 2, "names/1", kPerson);
}

TEST_F(VouchTokenTest, PublishedVectorFilesPass) {
  for (const char* name : {"names1", "nac1", "token_inputs"}) {
    const std::string path =
        std::string(VOUCH_SOURCE_DIR "/tests/vectors/identity/") + name + ".txt";
    EXPECT_THAT(Fine({"token", "--check", path}).out, HasSubstr(" 0 failed")) << name;
  }
}

TEST_F(VouchTokenTest, WrongVectorsAreNamedByLine) {
  Write("v",
        "# names/1, as of 2026-06-30:\nlive|family_name|Smith|smith|right\n"
        "live|family_name|Smith|smyth|wrong one\n");
  Refused({"token", "--check", "v"}, 4, "v:3: failed: wrong one");
  const auto shown = nlohmann::json::parse(Vouch({"token", "--check", "v", "--json"}).out);
  EXPECT_EQ(shown["cases"], 2);
  EXPECT_EQ(shown["failures"][0]["line"], 3);
  Write("v", "# names/1, as of 2026-06-30:\n");
  EXPECT_EQ(Vouch({"token", "--check", "v"}).exit_code, 4);
  Write("v", "# names/1, as of 2026-06-30:\nnonsense\n");
  Refused({"token", "--check", "v"}, 3, "line 2");
  Write("v", "nonsense\n");
  Refused({"token", "--check", "v"}, 3, "line 1");
}

}  // namespace
}  // namespace vouch::tests
