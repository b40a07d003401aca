#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "crypto/digest.h"
#include "nlohmann/json.hpp"
#include "server/node/agreements_standing.h"
#include "tests/client/requester/asking_world.h"
#include "tests/client/vouch_program.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPerson[] =
    R"({"social_security_number":"912-34-5678","date_of_birth":"1990-02-03","family_name":"Example"})";

// A node that asks under an agreement with consent and blind tokens, and a fake that answers it.
class VouchAskTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("fsa", requester::kAsker);
    Write("irs.pem", world_.answerer_authority.issued.certificate_pem);
    responder_ = std::make_unique<fakes::FakeResponder>(
        world_.agreement.agreement, world_.agreement.digest, requester::kAsker,
        world_.answerer_authority.Issue(requester::kAnswerer), Read("fsa/tls/authority.pem"));
    responder_->SetEpoch(world_.MakeEpoch(1));
    Write("ledger.pem", crypto::PublicKeyToPem(crypto::AsBytes(responder_->ledger_key())));
    Write("receipt.pem",
          crypto::PublicKeyToPem(crypto::AsBytes(responder_->receipt_key().PublicDer())));
    Fine({"partner", "add", "--node", "fsa", "--agency", requester::kAnswerer, "--anchors",
          "irs.pem", "--ledger-key", "ledger.pem", "--receipt-key", "receipt.pem", "--address",
          responder_->address()});
    Write("fsa/agreements/income.yaml", world_.agreement_text);
  }
  static requester::WorldOptions Blind() {
    requester::WorldOptions wish;
    wish.blind = true;
    wish.jws = true;
    return wish;
  }
  static std::vector<std::string> Ask(const std::vector<std::string>& more = {},
                                      const std::string& size = "4") {
    std::vector<std::string> arguments = {"ask",
                                          "--node",
                                          "fsa",
                                          "--agreement",
                                          "fsa-irs-2027-001",
                                          "--question",
                                          requester::kQuestion,
                                          "--purpose",
                                          requester::kPurpose,
                                          "--parameter",
                                          "household_size=" + size,
                                          "--parameter",
                                          "region=contiguous"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  requester::AskingWorld world_{Blind()};
  std::unique_ptr<fakes::FakeResponder> responder_;
};

TEST_F(VouchAskTest, SaysAnswerAndWhatToDo) {
  const std::string said = Fine(Ask(), kPerson).out;
  EXPECT_THAT(said, HasSubstr("Answer:"));
  EXPECT_THAT(said, HasSubstr("Do:"));
  EXPECT_THAT(said, HasSubstr("Consent:"));
  // Not four digits alone: the request id and the consent are random, and hold any four in time.
  for (const char* personal : {"912-34", "34-5678", "912345678", "Example"}) {
    EXPECT_THAT(said, Not(HasSubstr(personal))) << personal;
  }
}

TEST_F(VouchAskTest, TakesThePersonFromAFile) {
  Write("person.json", kPerson);
  Fine(Ask({"--person", "person.json"}));
  EXPECT_EQ(responder_->charged(), 1u);
}

TEST_F(VouchAskTest, GivesProgramsEverythingAndRepeatsForFree) {
  const auto first = nlohmann::json::parse(Fine(Ask({"--json"}), kPerson).out);
  EXPECT_FALSE(first["receipt"].get<std::string>().empty());
  const auto second = nlohmann::json::parse(
      Fine(Ask({"--json", "--request-id", first["request_id"], "--consent", first["consent"]}),
           kPerson)
          .out);
  EXPECT_EQ(second, first);
  EXPECT_EQ(responder_->charged(), 1u);
}

TEST_F(VouchAskTest, AReceiptIsVerifiedWithoutAnybodysHelp) {
  const std::string printed = Fine(Ask({"--json"}), kPerson).out;
  responder_.reset();
  Write("answer.json", printed);
  const std::string said = Fine({"receipt", "verify", "answer.json", "--node", "fsa"}).out;
  EXPECT_THAT(said, HasSubstr("This receipt verifies."));
  EXPECT_THAT(said, HasSubstr("household_size 4, region contiguous"));
  EXPECT_THAT(said,
              HasSubstr(absl::StrCat("Answer:    ",
                                     nlohmann::json::parse(printed)["answer"].get<std::string>())));
  // Somebody without a node, from standard input.
  const auto facts =
      nlohmann::json::parse(Fine({"receipt", "verify", "-", "--ledger-key", "ledger.pem",
                                  "--responder", requester::kAnswerer, "--json"},
                                 printed)
                                .out);
  EXPECT_EQ(facts["answer"], nlohmann::json::parse(printed)["answer"]);

  // Any bit of it changed: refused, with a sentence.
  const auto with = [&](const std::string& field, size_t byte) {
    auto changed = nlohmann::json::parse(printed);
    std::string bytes;
    EXPECT_TRUE(absl::Base64Unescape(changed[field].get<std::string>(), &bytes));
    bytes.at(byte) = static_cast<char>(bytes[byte] ^ 1);
    changed[field] = absl::Base64Escape(bytes);
    return changed.dump();
  };
  for (const auto& [field, byte] : std::vector<std::pair<std::string, size_t>>{
           {"details", 0}, {"details", 5}, {"request", 40}, {"request", 200}, {"receipt", 30}}) {
    Refused({"receipt", "verify", "-", "--node", "fsa"}, 1, "does not verify", with(field, byte));
  }
  Write("other.pem", crypto::PublicKeyToPem(crypto::AsBytes(
                         crypto::SigningKey::Generate(crypto::KeyKind::kEd25519).PublicDer())));
  Refused(
      {"receipt", "verify", "-", "--ledger-key", "other.pem", "--responder", requester::kAnswerer},
      1, "does not verify", printed);
  Refused({"receipt", "verify", "-", "--node", "fsa"}, 3, "is missing", "{}");
}

TEST_F(VouchAskTest, AJwsReceiptIsShownAndVerifiedWithTheAnswerAndByItself) {
  EXPECT_FALSE(nlohmann::json::parse(Fine(Ask({"--json"}), kPerson).out).contains("jws"));
  const std::string printed = Fine(Ask({"--json", "--jws"}), kPerson).out;
  const auto json = nlohmann::json::parse(printed);
  const std::string jws = json["jws"];
  EXPECT_THAT(Fine(Ask({"--jws"}), kPerson).out, HasSubstr("JWS receipt: eyJ"));
  EXPECT_THAT(Fine({"receipt", "verify", "-", "--node", "fsa"}, printed).out,
              HasSubstr("Its JWS:   verifies, and says the same"));
  // Whoever is given the text alone, with the key and without a node.
  const std::string said = Fine({"receipt", "verify", "-", "--receipt-key", "receipt.pem",
                                 "--responder", requester::kAnswerer},
                                jws + "\n")
                               .out;
  EXPECT_THAT(said, HasSubstr("This receipt's signature verifies."));
  EXPECT_THAT(said, HasSubstr("household_size 4, region contiguous"));
  EXPECT_THAT(said, HasSubstr(absl::StrCat("Answer:    ", json["answer"].get<std::string>())));
  EXPECT_THAT(said, HasSubstr("not shown by this text"));
  const auto facts =
      nlohmann::json::parse(Fine({"receipt", "verify", "-", "--node", "fsa", "--json"}, jws).out);
  EXPECT_EQ(facts["claims"]["answer"], json["answer"]);
  EXPECT_EQ(facts["claims"]["aud"], requester::kAsker);
}

TEST_F(VouchAskTest, AJwsReceiptOfAnotherKeyOrAnotherAnswerIsRefused) {
  const std::string printed = Fine(Ask({"--json", "--jws"}), kPerson).out;
  const auto json = nlohmann::json::parse(printed);
  const std::string jws = json["jws"];
  Write("other.pem", crypto::PublicKeyToPem(crypto::AsBytes(
                         crypto::SigningKey::Generate(crypto::KeyKind::kP256).PublicDer())));
  const std::vector<std::string> by_other = {"receipt", "verify",        "-",        "--node",
                                             "fsa",     "--receipt-key", "other.pem"};
  Refused(by_other, 1, "its JWS is not the responder's", printed);
  Refused(
      {"receipt", "verify", "-", "--receipt-key", "other.pem", "--responder", requester::kAnswerer},
      1, "does not verify", jws);
  Refused({"receipt", "verify", "-", "--receipt-key", "receipt.pem", "--responder", "hud.example"},
          1, "another agency", jws);
  std::string bent = jws;
  bent[jws.find('.') + 40] ^= 1;
  Refused({"receipt", "verify", "-", "--receipt-key", "receipt.pem", "--responder",
           requester::kAnswerer},
          1, "does not verify", bent);
  // A receipt whose JWS is another answer's, and one that has none.
  v1::Receipt receipt;
  std::string bytes;
  ASSERT_TRUE(absl::Base64Unescape(json["receipt"].get<std::string>(), &bytes));
  ASSERT_TRUE(receipt.ParseFromString(bytes));
  receipt.set_jws(nlohmann::json::parse(Fine(Ask({"--json", "--jws"}, "5"), kPerson).out)["jws"]);
  auto swapped = json;
  swapped["receipt"] = absl::Base64Escape(receipt.SerializeAsString());
  Refused({"receipt", "verify", "-", "--node", "fsa"}, 1, "or says something else", swapped.dump());
  receipt.clear_jws();
  swapped["receipt"] = absl::Base64Escape(receipt.SerializeAsString());
  Fine({"receipt", "verify", "-", "--node", "fsa"}, swapped.dump());
  Refused({"receipt", "verify", "-", "--node", "fsa", "--receipt-key", "receipt.pem"}, 1,
          "it has no JWS", swapped.dump());
}

TEST_F(VouchAskTest, RowsHaveTheirJwsInAColumnWhenAsked) {
  Write("people.csv",
        "social_security_number,date_of_birth,family_name\n912-34-5678,1990-02-03,Example\n");
  Fine(Ask({"--input", "people.csv", "--output", "out.csv", "--jws"}));
  const std::vector<std::string> lines = absl::StrSplit(Read("out.csv"), '\n');
  const std::vector<std::string> headings = absl::StrSplit(lines.at(0), ',');
  const std::vector<std::string> cells = absl::StrSplit(lines.at(1), ',');
  ASSERT_EQ(headings.back(), "jws");
  ASSERT_EQ(cells.size(), headings.size());
  Fine({"receipt", "verify", "-", "--node", "fsa"}, cells.back());
}

TEST_F(VouchAskTest, ARefusalHasReasonAndAdvice) {
  responder_->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::RESOURCE_EXHAUSTED, "PERSON_LIMIT")});
  Refused(Ask(), 1, "Use the stored answer", kPerson);
  responder_->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::RESOURCE_EXHAUSTED, "PERSON_LIMIT")});
  const ProcessResult result = Vouch(Ask({"--json"}), kPerson);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(result.out)["refusal"], "PERSON_LIMIT");
  Refused(Ask({}, "13"), 1, "from 1 to 12", kPerson);
}

// What its own node holds of the agreement decides before anything is sent.
TEST_F(VouchAskTest, NothingIsAskedUnderADraftOrWhatAPartyStopped) {
  server::node::AgreementsStanding standing;
  server::node::AgreementStanding held;
  held.id = world_.agreement.agreement.id;
  held.revision = world_.agreement.agreement.revision;
  held.digest = crypto::Hex(world_.agreement.digest);
  held.file = "income.yaml";
  const auto ask_while = [&](const std::string& state, const std::string& why) {
    held.state = state;
    held.why = why;
    standing.held = {held};
    ASSERT_TRUE(server::node::WriteAgreementsStanding(Path("fsa/run"), standing).ok());
  };
  ask_while("unsigned", "irs.treasury.example has not signed");
  Refused(Ask(), 1, "is a draft: irs.treasury.example has not signed", kPerson);
  ask_while("stopped", "stopped by irs.treasury.example since 2027-03-04T15:16:17Z");
  Refused(Ask(), 1, "is stopped by irs.treasury.example", kPerson);
  EXPECT_EQ(responder_->charged(), 0u);
  ask_while("in_force", "");
  Fine(Ask(), kPerson);
  // Of other bytes nothing is known here: the responder says.
  held.digest = std::string(64, '0');
  ask_while("stopped", "stopped");
  Fine(Ask(), kPerson);
}

TEST_F(VouchAskTest, AnAnswerThatIsNotProvedIsRefused) {
  responder_->SetLie([](v1::Answered* answered) { answered->set_data_as_of("2026-11-21"); });
  Refused(Ask(), 1, "does not prove it", kPerson);
}

TEST_F(VouchAskTest, PeopleThatCannotBeAskedAboutAreNotEchoed) {
  const ProcessResult result =
      Vouch(Ask(), R"({"social_security_number":"123-45-6789","date_of_birth":"1990-02-30"})");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("date_of_birth"));
  EXPECT_THAT(result.err, Not(HasSubstr("6789")));
  Refused(Ask(), 3, "one JSON object", "[1]");
  Refused(Ask(), 3, "at least one person", R"({"members":[]})");
  Refused(Ask(), 3, "is about one person", absl::StrCat("[", kPerson, ",", kPerson, "]"));
  Refused(Ask(), 3, "no attribute", R"({"surname":"x"})");
  EXPECT_EQ(responder_->charged(), 0u);
}

TEST_F(VouchAskTest, UsageAndMissingFilesHaveTheirCodes) {
  Refused(Ask({"--request-id", "x"}), 2, "UUIDv7", kPerson);
  Refused(Ask({"--input", "people.csv"}), 2, "--output", kPerson);
  Refused(Ask({"--person", "nowhere.json"}), 3, "nowhere.json");
  std::vector<std::string> other = Ask();
  other[4] = "another";
  Refused(other, 3, "fsa-irs-2027-001", kPerson);
}

TEST_F(VouchAskTest, AsksAboutEveryRowOfAFile) {
  Write("people.csv",
        "\xEF\xBB\xBFreference,social_security_number,date_of_birth,family_name,household_size\r\n"
        "\"a,1\",912-34-5678,1990-02-03,Example,4\r\n"
        "b,912-34-5679,1990-02-03,\"Exam\nple\",13\r\n"
        "c,123-45-6789,,,4\r\n"
        "\r\n"
        "d,912-34-5680,1990-02-03,Example,12\r\n");
  std::vector<std::string> arguments = Ask({"--input", "people.csv", "--output", "answers.csv"});
  arguments.erase(arguments.begin() + 9, arguments.begin() + 11);
  const ProcessResult result = Fine(arguments);
  EXPECT_THAT(result.out, HasSubstr("4 rows"));
  const std::vector<std::string> lines = absl::StrSplit(Read("answers.csv"), '\n');
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_THAT(lines[1], ::testing::StartsWith("\"a,1\",1,"));
  EXPECT_THAT(lines[2], HasSubstr("b,2,,,,,ROW,"));
  EXPECT_THAT(lines[3], HasSubstr("c,3,,,,,ROW,"));
  EXPECT_THAT(lines[4], HasSubstr("d,4,"));
  EXPECT_THAT(Read("answers.csv"), Not(HasSubstr("6789")));
  EXPECT_EQ(Mode("answers.csv") & 0777, 0600u);
  EXPECT_EQ(responder_->charged(), 2u);
  Refused(arguments, 1, "exists");
}

TEST_F(VouchAskTest, AStoppedRunGoesOnWithTheSameCommand) {
  std::string people = "reference,social_security_number,date_of_birth,family_name\n";
  for (int i = 1; i <= 30; ++i) {
    absl::StrAppend(&people, i, ",912-34-", 1000 + i, ",1990-02-03,Example\n");
  }
  Write("people.csv", people);
  const auto arguments =
      Ask({"--input", "people.csv", "--output", "answers.csv", "--rows-per-message", "10"});
  responder_->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::FAILED_PRECONDITION, "AGREEMENT_NOT_IN_FORCE")});
  Refused(arguments, 1, "run the same command again");
  EXPECT_FALSE(Exists("answers.csv"));
  Fine(arguments);
  EXPECT_EQ(responder_->charged(), 30u);
  EXPECT_FALSE(Exists("answers.csv.state"));
}

TEST_F(VouchAskTest, BadInputFilesAreNamedByLineAndNotEchoed) {
  const auto arguments = Ask({"--input", "people.csv", "--output", "answers.csv"});
  Write("people.csv", "reference,sosial_security_number\n1,912-34-5678\n");
  Refused(arguments, 3, "social_security_number");
  Write("people.csv", "912-34-5678,Example\n");
  const ProcessResult result = Vouch(arguments);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, Not(HasSubstr("5678")));
  Write("people.csv", "reference,family_name\n1,\"Example\n");
  Refused(arguments, 3, "people.csv:2");
  // Nothing stays behind that would keep the mended file from being asked about.
  EXPECT_FALSE(Exists("answers.csv.state"));
}

}  // namespace
}  // namespace vouch::tests
