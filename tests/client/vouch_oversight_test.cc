// The oversight commands of `vouch ledger`, beside a journal that is being written.
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/merkle.h"
#include "crypto/receipt.h"
#include "crypto/voprf.h"
#include "nlohmann/json.hpp"
#include "policies/engine/values.h"
#include "server/journal/journal.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/padding_tokens.h"
#include "server/ledger/tree/static_layout.h"
#include "server/ledger/tree/tile_store.h"
#include "server/node/epoch_keys.h"
#include "server/records/manifest.h"
#include "server/records/row_maker.h"
#include "tests/client/vouch_program.h"
#include "tests/paths.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid";
constexpr char kId[] = "studentaid-tax-2027-001";
constexpr char kQuestion[] = "income-at-or-below-225-percent";
constexpr char kOrigin[] = "tax.revenue.example/ledger/2026";
constexpr int kPeople = 40;
const absl::Time kAt = absl::FromCivil(absl::CivilHour(2026, 11, 10, 15), absl::UTCTimeZone());

crypto::Digest AgreementDigest(const std::string& text) { return crypto::Sha256(text); }

// The tax agency's node with forty people, and a journal held open as a running node holds it.
class VouchOversightTest : public VouchTest {
 protected:
  void SetUp() override {
    MakeNode("tax", "tax.revenue.example");
    std::filesystem::copy(kTemplate, Path("tax/agreements/aid"));
    std::string text = Read("tax/agreements/aid/agreement.yaml");
    text = absl::StrReplaceAll(
        text,
        {{"sha256:" + std::string(64, '0') + "\"}\nquestions",
          crypto::KeyFingerprint(crypto::AsBytes(authority_.PublicDer())) + "\"}\nquestions"}});
    Write("tax/agreements/aid/agreement.yaml", text);
    digest_ = AgreementDigest(text);
    MakeEpoch();
    LoadPeople(3000000);
    server::journal::JournalOptions options;
    options.folder = Path("tax/journal");
    options.origin = kOrigin;
    auto journal = server::journal::OpenFileJournal(options);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    keys_ = std::make_unique<server::ledger::PeriodKeys>(Path("tax/keys/periods"));
    writer_ = std::make_unique<server::ledger::EntryWriter>(keys_.get());
  }

  void MakeEpoch() {
    const std::string keys = Path("tax/keys");
    const auto made = server::node::CreateEpoch(keys, kId, 1);
    ASSERT_TRUE(made.ok()) << made.status();
    secret_ = *crypto::ReadSecretFile(*made + "/secret.key");
    crypto::EpochStatement statement;
    statement.agreement_id = kId;
    statement.epoch = 1;
    statement.public_key = *server::node::PublicKeyOf(crypto::TokenKind::kBlind, kId, 1, secret_);
    statement.not_before = kAt - absl::Hours(24 * 300);
    statement.not_after = absl::Now() + absl::Hours(24 * 300);
    ASSERT_TRUE(
        server::node::KeepStatement(keys, kId, 1, crypto::SignStatement(statement, authority_))
            .ok());
  }

  void LoadPeople(int64_t income) const {
    std::string rows =
        "source_id,social_security_number,date_of_birth,given_name,family_name,"
        "former_family_name,postal_code,adjusted_gross_income,filing_status\n";
    for (int i = 0; i < kPeople; ++i) {
      absl::StrAppend(&rows, "id-", i, ",", Ssn(i), ",1990-02-03,Maximiliane,Oberhuber,,12345,",
                      income, ",single\n");
    }
    Write("people.csv", rows);
    Fine({"records", "load", "--node", "tax", "--mapping", "tax/agreements/aid/mapping.yaml",
          "--input", "people.csv"});
  }
  static std::string Ssn(int person) { return absl::StrFormat("978-05-%04d", 1000 + person); }
  static std::string Person(int person) {
    return absl::StrCat("{\"social_security_number\":\"", Ssn(person),
                        "\",\"date_of_birth\":\"1990-02-03\",\"family_name\":\"Oberhuber\"}");
  }
  crypto::Digest HandleOf(int person) const {
    const auto key = server::records::ReadPersonKey(Path("tax/keys"));
    return server::records::HandleOf(*key, absl::StrCat("id-", person));
  }
  // As the asking agency makes them: the first two keys, the third not formed.
  std::string TokensOf(int person) const {
    const auto key =
        crypto::OprfPrivateKey::Derive(secret_, crypto::AsBytes(crypto::OprfKeyInfo(kId, 1)));
    crypto::Identity identity;
    identity.Add(crypto::Attribute::kSocialSecurityNumber, Ssn(person));
    identity.Add(crypto::Attribute::kDateOfBirth, "1990-02-03");
    identity.Add(crypto::Attribute::kFamilyName, "Oberhuber");
    const auto normal =
        crypto::NormalizeIdentity(identity, *crypto::FindSpellingRules("names/1"),
                                  crypto::IdentityUse::kTest, absl::CivilDay(2026, 11, 10));
    const crypto::TokenContext context = {
        kId, crypto::TokenScope(false, "", crypto::IdentityUse::kTest), 1, "names/1"};
    const char* const parts[][2] = {{"social_security_number", "date_of_birth"},
                                    {"social_security_number", "family_name"}};
    std::string tokens;
    for (uint16_t k = 0; k < 2; ++k) {
      crypto::MatchKey match;
      for (const char* part : parts[k]) match.parts.push_back(*crypto::ParseKeyPart(part));
      const auto inputs = crypto::TokenInputs(context, k, match, normal);
      const auto token = key->Evaluate(crypto::AsBytes(inputs[0]));
      tokens.append(std::string(crypto::AsText(*token)));
    }
    return tokens + std::string(32, '\0');
  }

  struct Put {
    absl::optional<int> person;  // found; otherwise by tokens
    std::string tokens = std::string(96, 't');
    policies::Answer answer = policies::Answer::kYes;
    uint8_t refused = 0;
    absl::Time at = kAt;
  };
  // An entry as the node writes it; its receipt, as JSON.
  std::string Enter(const Put& put) {
    server::ledger::EntryContent content;
    content.entry.kind =
        put.refused == 0 ? crypto::EntryKind::kAnswered : crypto::EntryKind::kRefused;
    content.entry.reason = put.refused;
    content.entry.use = 2;
    content.entry.requester = "studentaid.example";
    content.entry.agreement_id = kId;
    std::copy_n(digest_.begin(), 8, content.entry.digest_prefix.begin());
    content.entry.question = kQuestion;
    content.entry.purpose = "student-aid-eligibility";
    if (put.refused == 0) {
      content.details.answer = static_cast<uint8_t>(put.answer);
      content.details.parameters = crypto::CanonicalParameters(
          {{"household_size", true, 4, ""}, {"region", false, 0, "contiguous"}});
    }
    content.subject.found = put.person.has_value();
    if (put.person.has_value()) {
      content.subject.person = HandleOf(*put.person);
      content.inner.person = content.subject.person;
    }
    content.subject.tokens = put.tokens;
    const auto keys = writer_->KeysFor(kId, put.at);
    EXPECT_TRUE(keys.ok());
    const auto written = server::ledger::EntryWriter::Write(
        *keys, std::move(content), static_cast<uint32_t>(absl::ToUnixSeconds(put.at) / 60));
    Commit({written.entry, written.sealed}, put.at);
    const uint64_t index = journal_->head().tree_size - 1;
    return absl::StrCat("{\"entry\":\"", absl::Base64Escape(written.entry), "\",\"index\":", index,
                        ",\"opening\":\"", absl::Base64Escape(crypto::AsText(written.opening)),
                        "\"}\n");
  }

  void Commit(server::journal::Written item, absl::Time at = kAt) {
    class Steps : public server::journal::CommitSteps {
     public:
      explicit Steps(server::journal::Written* item) : item_(*item) {}
      bool StillPermitted(size_t, uint32_t) override { return true; }
      server::journal::Written Write(size_t, uint32_t, const server::journal::Decision&) override {
        return item_;
      }

     private:
      server::journal::Written& item_;
    };
    server::journal::Proposal proposal;
    proposal.precedes_replay = true;
    Steps steps(&item);
    ASSERT_TRUE(journal_->Commit({proposal}, at, &steps).ok());
  }

  // What the requester kept of person 1, among what others were asked.
  std::vector<std::string> EnterSome() {
    std::vector<std::string> receipts;
    Put put;
    for (int i = 0; i < kPeople; ++i) {
      put.person = i;
      put.answer = i % 2 == 0 ? policies::Answer::kYes : policies::Answer::kNo;
      put.at = kAt + absl::Minutes(i);
      const std::string receipt = Enter(put);
      if (i == 1) receipts.push_back(receipt);
    }
    Put refused;
    refused.person = 1;
    refused.refused = 7;
    refused.at = kAt + absl::Hours(2);
    Enter(refused);
    Put nobody;
    nobody.tokens = TokensOf(1);
    nobody.answer = policies::Answer::kUndetermined;
    nobody.at = kAt + absl::Hours(3);
    receipts.push_back(Enter(nobody));
    return receipts;
  }

  nlohmann::json Listed(const std::vector<std::string>& more, const std::string& input) const {
    std::vector<std::string> run = {"ledger", "disclosures", "--node", "tax", "--json"};
    run.insert(run.end(), more.begin(), more.end());
    return nlohmann::json::parse(Fine(run, input).out);
  }

  // The log as an export, and its checkpoint.
  void Export() {
    server::ledger::tree::TileStoreOptions options;
    options.folder = Path("segments");
    options.origin = kOrigin;
    options.entries = [&](uint64_t first, uint32_t count) {
      return journal_->ReadEntries(first, count);
    };
    const auto range = journal_->head().range;
    const auto tiles = server::ledger::tree::TileStore::Open(options, range);
    ASSERT_TRUE(tiles.ok()) << tiles.status();
    const auto signer = crypto::NoteSigner::Make(kOrigin, log_key_);
    const crypto::NoteSigner* signers[] = {&*signer};
    const auto note = crypto::SignCheckpoint({kOrigin, range.size(), range.Root()}, signers);
    ASSERT_TRUE(note.ok());
    ASSERT_TRUE(server::ledger::tree::ExportLog(**tiles, *note, Path("exported")).ok());
  }

  const crypto::SigningKey authority_ = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  const std::shared_ptr<const crypto::SigningKey> log_key_ =
      std::make_shared<const crypto::SigningKey>(
          crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  crypto::SecretBytes secret_;
  crypto::Digest digest_{};
  std::unique_ptr<server::journal::Journal> journal_;
  std::unique_ptr<server::ledger::PeriodKeys> keys_;
  std::unique_ptr<server::ledger::EntryWriter> writer_;
};

TEST_F(VouchOversightTest, ListsWhatWasToldAboutOnePersonAndNobodyElse) {
  EnterSome();
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 3u);
  EXPECT_EQ(list["disclosures"][0]["outcome"], "NO");
  EXPECT_EQ(list["disclosures"][0]["at"], "2026-11-10T15:01:00Z");
  EXPECT_EQ(list["disclosures"][0]["parameters"]["household_size"], 4);
  EXPECT_EQ(list["disclosures"][1]["outcome"], "REFUSED");
  EXPECT_EQ(list["disclosures"][1]["reason"], "PERSON_LIMIT");
  EXPECT_EQ(list["disclosures"][2]["outcome"], "UNDETERMINED");
  EXPECT_EQ(list["disclosures"][2]["found_on_record"], false);
  // By the source's id alone, those in vain are not found, and that is said.
  const auto by_id = Listed({"--source-id", "id-1"}, "");
  EXPECT_EQ(by_id["disclosures"].size(), 2u);
  EXPECT_THAT(by_id["not_included"].dump(), HasSubstr("give --person as well"));
}

TEST_F(VouchOversightTest, ThePrintedListSaysDateNaturePurposeNameAndAddress) {
  EnterSome();
  const ProcessResult printed =
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--html", "list.html"},
           Person(1));
  const std::string text =
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-"}, Person(1)).out;
  for (const std::string& page : {text, Read("list.html")}) {
    EXPECT_THAT(page, HasSubstr("2026-11-10 15:01 UTC"));
    EXPECT_THAT(page, HasSubstr("officer@studentaid.example"));
    EXPECT_THAT(page, HasSubstr("Answered NO."));
    EXPECT_THAT(page, HasSubstr("Refused, nothing was disclosed"));
    EXPECT_THAT(page, HasSubstr("To decide whether an applicant"));
    EXPECT_THAT(page, HasSubstr("Was adjusted gross income"));
    EXPECT_THAT(page, HasSubstr("revision 1"));
    EXPECT_THAT(page, Not(HasSubstr(Ssn(1))));
  }
  EXPECT_THAT(Read("list.html"), Not(HasSubstr("<script")));
  EXPECT_EQ(Mode("list.html"), 0600u);
}

TEST_F(VouchOversightTest, DaysAndMonthsWithoutKeysAreSaid) {
  EnterSome();
  Put december;
  december.person = 1;
  december.at = kAt + absl::Hours(24 * 30);
  Enter(december);
  EXPECT_EQ(Listed({"--person", "-", "--from", "2026-12-01"}, Person(1))["disclosures"].size(), 1u);
  EXPECT_EQ(Listed({"--person", "-", "--to", "2026-11-30"}, Person(1))["disclosures"].size(), 3u);
  const std::string key = absl::StrCat("tax/keys/periods/tags/", kId, "/2026-11.0.key");
  ASSERT_EQ(unlink(Path(key).c_str()), 0);
  const auto list = Listed({"--person", "-"}, Person(1));
  EXPECT_EQ(list["disclosures"].size(), 1u);
  EXPECT_THAT(list["not_included"].dump(), HasSubstr("2026-11: the month's key is not here"));
  EXPECT_FALSE(Exists(key));
}

TEST_F(VouchOversightTest, EveryLineIsProvedUnderACheckpoint) {
  EnterSome();
  Export();
  Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--proofs", "proofs",
        "--checkpoint", "exported/checkpoint"},
       Person(1));
  const auto signer = crypto::NoteSigner::Make(kOrigin, log_key_);
  const crypto::NoteVerifier known[] = {signer->verifier()};
  for (const int index : {1, 40, 41}) {
    const std::string name = absl::StrCat("proofs/entry-", index);
    const auto proof = crypto::ReadTlogProof(Read(name + ".tlog-proof"));
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_EQ(proof->index, static_cast<uint64_t>(index));
    const std::string entry = Read(name + ".entry");
    EXPECT_TRUE(crypto::VerifyTlogProof(*proof, crypto::AsBytes(entry), known).ok());
  }
  // Another log's checkpoint is not taken for this one's.
  Write("other", absl::StrReplaceAll(Read("exported/checkpoint"), {{"\n42\n", "\n41\n"}}));
  Refused({"ledger", "disclosures", "--node", "tax", "--person", "-", "--proofs", "proofs",
           "--checkpoint", "other"},
          3, "not a checkpoint of the entries", Person(1));
}

// Entries are counted from the beginning of their own year's log, in lists, proofs and receipts.
TEST_F(VouchOversightTest, GoesOnAcrossYears) {
  const std::vector<std::string> receipts = EnterSome();
  Put later;
  later.person = 1;
  later.at = kAt + absl::Hours(24 * 366);
  const std::string receipt = Enter(later);
  const auto list = Listed({"--person", "-"}, Person(1));
  ASSERT_EQ(list["disclosures"].size(), 4u);
  EXPECT_EQ(list["disclosures"][0]["log"], kOrigin);
  EXPECT_EQ(list["disclosures"][3]["index"], 1);
  EXPECT_EQ(list["disclosures"][3]["log"], journal_->head().origin);
  ASSERT_NE(journal_->head().origin, kOrigin);
  Write("good.jsonl", receipts[0] + receipts[1] + receipt);
  EXPECT_THAT(
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--against", "good.jsonl"},
           Person(1))
          .out,
      HasSubstr("3 receipts, 0 of them not"));
  const auto signer = crypto::NoteSigner::Make(journal_->head().origin, log_key_);
  const crypto::NoteSigner* signers[] = {&*signer};
  const auto range = journal_->head().range;
  Write("checkpoint",
        *crypto::SignCheckpoint({journal_->head().origin, range.size(), range.Root()}, signers));
  const ProcessResult proved = Fine({"ledger", "disclosures", "--node", "tax", "--person", "-",
                                     "--proofs", "proofs", "--checkpoint", "checkpoint"},
                                    Person(1));
  EXPECT_THAT(proved.err, HasSubstr("3 lines are of other logs"));
  const auto proof = crypto::ReadTlogProof(Read("proofs/entry-1.tlog-proof"));
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_TRUE(crypto::VerifyTlogProof(*proof, crypto::AsBytes(Read("proofs/entry-1.entry")),
                                      {signer->verifier()})
                  .ok());
}

TEST_F(VouchOversightTest, ReceiptsShowWhatTheNodeDidNotTag) {
  const std::vector<std::string> receipts = EnterSome();
  Write("good.jsonl", receipts[0] + receipts[1]);
  const std::vector<std::string> run = {"ledger",   "disclosures", "--node",    "tax",
                                        "--person", "-",           "--against", "good.jsonl"};
  EXPECT_THAT(Fine(run, Person(1)).out, HasSubstr("2 receipts, 0 of them not"));
  // The same receipts against another person's list; another opening; a place that is another's.
  Refused(run, 1, "", Person(2));
  EXPECT_THAT(Vouch(run, Person(2)).out, HasSubstr("not tagged to this person"));
  Put put;
  put.person = 1;
  const std::string untagged = [&] {
    Put nobody = put;
    nobody.person.reset();
    return Enter(nobody);
  }();
  Write("good.jsonl", receipts[0] + untagged);
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("line 2 (entry 42"));
  Write("good.jsonl", absl::StrReplaceAll(receipts[0], {{"\"index\":1,", "\"index\":2,"}}));
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("stands elsewhere in the log, as entry 1"));
  Write("good.jsonl", absl::StrReplaceAll(receipts[0], {{"\"index\":1,", "\"index\":900,"}}));
  EXPECT_THAT(Vouch(run, Person(1)).out, HasSubstr("stands elsewhere in the log, as entry 1"));
  Write("good.jsonl", "{}\n");
  Refused(run, 3, "good.jsonl:1", Person(1));
}

// What `vouch ask --json` prints: the message vouch.v1.Receipt, field by field.
TEST_F(VouchOversightTest, ReceiptsAreTakenAsAskersPrintThem) {
  const auto saved = nlohmann::json::parse(EnterSome()[0]);
  std::string entry;
  std::string opening;
  ASSERT_TRUE(absl::Base64Unescape(saved["entry"].get<std::string>(), &entry));
  ASSERT_TRUE(absl::Base64Unescape(saved["opening"].get<std::string>(), &opening));
  ASSERT_GT(entry.size(), 127u);
  ASSERT_LT(entry.size(), 16384u);
  std::string message = {'\x0a', static_cast<char>((entry.size() & 0x7f) | 0x80),
                         static_cast<char>(entry.size() >> 7)};
  message +=
      entry + std::string("\x12\x20") + opening + std::string("\x19\x01") + std::string(7, '\0');
  Write("asked.jsonl",
        nlohmann::json({{"answer", "NO"}, {"receipt", absl::Base64Escape(message)}}).dump() + "\n");
  EXPECT_THAT(
      Fine({"ledger", "disclosures", "--node", "tax", "--person", "-", "--against", "asked.jsonl"},
           Person(1))
          .out,
      HasSubstr("1 receipts, 0 of them not"));
}

TEST_F(VouchOversightTest, AnInspectorOpensOnePersonsEntriesOfAnExport) {
  EnterSome();
  Export();
  const ProcessResult made =
      Fine({"ledger", "open", "--node", "tax", "--person", "-", "--output", "one.keys"}, Person(1));
  EXPECT_EQ(Mode("one.keys"), 0600u);
  EXPECT_THAT(made.out, HasSubstr("3 entries"));
  for (const char* where : {"--log", "--node"}) {
    const auto list =
        nlohmann::json::parse(Fine({"ledger", "open", "--with", "one.keys", where,
                                    where == std::string("--log") ? "exported" : "tax", "--json"})
                                  .out);
    ASSERT_EQ(list["disclosures"].size(), 3u) << where;
    EXPECT_EQ(list["disclosures"][0]["outcome"], "NO");
    EXPECT_EQ(list["disclosures"][2]["outcome"], "UNDETERMINED");
  }
  Refused({"ledger", "open", "--node", "tax", "--person", "-", "--output", "one.keys"}, 1,
          "not overwritten", Person(1));
}

TEST_F(VouchOversightTest, ReportsAQuarterWithoutSmallCounts) {
  EnterSome();
  const auto report = nlohmann::json::parse(Fine({"ledger", "report", "--node", "tax", "--quarter",
                                                  "2026-Q4", "--json", "--html", "q4.html"})
                                                .out);
  const auto& rows = report["agreements"][0]["rows"];
  EXPECT_EQ(rows["answers_by_question"]["counts"][kQuestion], 41);
  EXPECT_EQ(rows["answers_by_month"]["counts"]["2026-11"], 41);
  EXPECT_EQ(rows["answers_by_month"]["counts"]["2026-12"], 0);
  // One with nobody found: it takes the next smallest with it.
  EXPECT_TRUE(rows["answers_by_kind"]["counts"]["YES"].is_null() ||
              rows["answers_by_kind"]["counts"]["NO"].is_null());
  EXPECT_TRUE(rows["refusals_by_reason"]["counts"]["PERSON_LIMIT"].is_null());
  EXPECT_TRUE(rows["refusals_by_reason"]["all"].is_null());
  EXPECT_THAT(report["agreements"][0]["says"].dump(), HasSubstr("spares tax transcript and 25"));
  const std::string page = Read("q4.html");
  EXPECT_THAT(page, HasSubstr("<svg role=\"img\""));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(Fine({"ledger", "report", "--node", "tax", "--quarter", "2026-Q3"}).out,
              HasSubstr("Nothing was asked"));
  Refused({"ledger", "report", "--node", "tax", "--quarter", "2026-4"}, 2, "2027-Q1");
}

TEST_F(VouchOversightTest, NamesThoseToTellThatAFactWasCorrected) {
  Put put;
  put.person = 1;
  Enter(put);
  put.answer = policies::Answer::kNo;
  put.at = kAt + absl::Hours(30);
  Enter(put);
  // Nobody was found, so no fact had a part in it.
  Put nobody;
  nobody.tokens = TokensOf(1);
  nobody.answer = policies::Answer::kUndetermined;
  Enter(nobody);
  const auto listed = [&] {
    return nlohmann::json::parse(
        Fine({"ledger", "corrections", "--node", "tax", "--person", "-", "--json"}, Person(1)).out);
  };
  auto list = listed();
  ASSERT_EQ(list.size(), 1u);  // what was answered NO is YES by the facts on record
  EXPECT_EQ(list[0]["at"], "2026-11-11T21:00:00Z");
  LoadPeople(90000000);
  list = listed();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["at"], "2026-11-10T15:00:00Z");
  EXPECT_EQ(list[0]["requester"], "studentaid.example");
  EXPECT_FALSE(list[0].contains("outcome"));
}

// Under an agreement whose question is about all members of a group of three.
class VouchHouseholdsTest : public VouchOversightTest {
 protected:
  void SetUp() override {
    VouchOversightTest::SetUp();
    const std::string text =
        absl::StrReplaceAll(Read("tax/agreements/aid/agreement.yaml"),
                            {{"about: \"person\"", "about: {group: {at_most: 3}}"},
                             {"      fact: \"adjusted_gross_income\"",
                              "      fact: \"adjusted_gross_income\"\n      members: \"all\""}});
    Write("tax/agreements/aid/agreement.yaml", text);
    digest_ = AgreementDigest(text);
  }

  // People with an income each, as a later load has them.
  void LoadIncomes(const std::map<int, int64_t>& incomes) const {
    std::string rows =
        "source_id,social_security_number,date_of_birth,given_name,family_name,"
        "former_family_name,postal_code,adjusted_gross_income,filing_status\n";
    for (const auto& [person, income] : incomes) {
      absl::StrAppend(&rows, "id-", person, ",", Ssn(person),
                      ",1990-02-03,Maximiliane,Oberhuber,,12345,", income, ",single\n");
    }
    Write("people.csv", rows);
    Fine({"records", "load", "--node", "tax", "--mapping", "tax/agreements/aid/mapping.yaml",
          "--input", "people.csv"});
  }

  // As the walk writes it: a member who is -1 was not found; the rest of the three is padding.
  void EnterHousehold(const std::vector<int>& members, policies::Answer answer, absl::Time at) {
    server::ledger::EntryContent content;
    content.entry.use = 2;
    content.entry.requester = "studentaid.example";
    content.entry.agreement_id = kId;
    std::copy_n(digest_.begin(), 8, content.entry.digest_prefix.begin());
    content.entry.question = kQuestion;
    content.entry.purpose = "student-aid-eligibility";
    content.details.answer = static_cast<uint8_t>(answer);
    content.details.request = crypto::Sha256(absl::StrCat("request ", absl::ToUnixSeconds(at)));
    content.details.parameters = crypto::CanonicalParameters(
        {{"household_size", true, 4, ""}, {"region", false, 0, "contiguous"}});
    std::vector<server::ledger::SlotContent> slots(3);
    std::vector<std::string> tokens(3);
    for (size_t i = 0; i < slots.size(); ++i) {
      if (i >= members.size()) {
        server::ledger::AppendPaddingTokens(content.details.request, i, 3, &tokens[i]);
      } else if (members[i] < 0) {
        tokens[i] = std::string(96, 'u');
      } else {
        slots[i].subject.found = true;
        slots[i].subject.person = slots[i].inner.person = HandleOf(members[i]);
        tokens[i] = TokensOf(members[i]);
      }
      slots[i].subject.tokens = tokens[i];
    }
    const auto keys = writer_->KeysFor(kId, at);
    ASSERT_TRUE(keys.ok());
    const auto written = server::ledger::EntryWriter::WriteGroup(
        *keys, std::move(content), slots, static_cast<uint32_t>(absl::ToUnixSeconds(at) / 60));
    server::journal::Written item;
    for (const auto& slot : written.slots) {
      if (item.entry.empty()) {
        item.entry = slot.entry;
        item.sealed = slot.sealed;
      } else {
        item.others.push_back({slot.entry, slot.sealed});
      }
    }
    Commit(std::move(item));
  }

  std::vector<std::string> TimesOf(int person) const {
    const auto list = nlohmann::json::parse(
        Fine({"ledger", "corrections", "--node", "tax", "--person", "-", "--json"}, Person(person))
            .out);
    std::vector<std::string> times;
    for (const auto& line : list) times.push_back(line["at"]);
    return times;
  }
};

TEST_F(VouchHouseholdsTest, EachMembersCorrectionListsTheAnswersItPlayedAPartIn) {
  constexpr int64_t kLow = 3000000, kHigh = 90000000;
  EnterHousehold({1, 2}, policies::Answer::kYes, kAt);                   // true, once
  EnterHousehold({3, 1}, policies::Answer::kYes, kAt + absl::Hours(1));  // still true
  EnterHousehold({2, -1}, policies::Answer::kUndetermined, kAt + absl::Hours(2));
  EnterHousehold({-1, 2}, policies::Answer::kNo, kAt + absl::Hours(3));  // without the other
  EnterHousehold({3, 4}, policies::Answer::kYes, kAt + absl::Hours(4));  // without 1 and 2
  LoadIncomes({{1, kLow}, {2, kLow}, {3, kLow}, {4, kLow}});
  using Times = std::vector<std::string>;
  // One who was never found stays unknown, and unknown it is now what 2 alone decided as NO.
  EXPECT_EQ(TimesOf(1), Times());
  EXPECT_EQ(TimesOf(2), Times({"2026-11-10T18:00:00Z"}));
  // The income of 2 was corrected: whoever was in it with 2 finds the answer, and nobody else.
  LoadIncomes({{1, kLow}, {2, kHigh}, {3, kLow}, {4, kLow}});
  EXPECT_EQ(TimesOf(1), Times({"2026-11-10T15:00:00Z"}));
  EXPECT_EQ(TimesOf(2), Times({"2026-11-10T15:00:00Z"}));
  EXPECT_EQ(TimesOf(3), Times());
  // Gone from the records, 4 is unknown, and what was YES would be UNDETERMINED.
  LoadIncomes({{1, kLow}, {2, kHigh}, {3, kLow}});
  EXPECT_EQ(TimesOf(3), Times({"2026-11-10T19:00:00Z"}));
}

TEST_F(VouchHouseholdsTest, OneRecordInTwoPlacesIsNobodysAndOneLine) {
  EnterHousehold({1, 1}, policies::Answer::kYes, kAt);
  EXPECT_EQ(TimesOf(1), std::vector<std::string>({"2026-11-10T15:00:00Z"}));
}

TEST_F(VouchOversightTest, ErasesAMonthWhoseTimeIsOverAndNoOther) {
  Put old;
  old.person = 1;
  old.at = absl::FromCivil(absl::CivilDay(2019, 3, 5), absl::UTCTimeZone());
  Enter(old);
  EnterSome();
  const std::vector<std::string> march = {"ledger", "erase",   "--node",  "tax",  "--agreement",
                                          kId,      "--month", "2019-03", "--yes"};
  // Kept for the life of the record, and the person is on record.
  Refused(march, 1, "life of the record");
  Fine({"records", "delete", "--node", "tax", "--source-id", "id-1"});
  Fine({"ledger", "hold", "--node", "tax", "--source-id", "id-1", "--name", "case-14"});
  Refused(march, 1, "the hold case-14");
  EXPECT_THAT(Fine({"ledger", "hold", "--node", "tax"}).out, HasSubstr("case-14"));
  Fine({"ledger", "hold", "--node", "tax", "--name", "case-14", "--release"});
  std::vector<std::string> dry = march;
  dry.pop_back();
  EXPECT_THAT(Fine(dry).out, HasSubstr("may be erased"));
  EXPECT_EQ(Listed({"--source-id", "id-1"}, "")["disclosures"].size(), 3u);
  Fine(march);
  EXPECT_EQ(Listed({"--source-id", "id-1"}, "")["disclosures"].size(), 2u);
  Refused(march, 3, "no key here");
  std::vector<std::string> young = march;
  young[7] = "2026-11";
  Refused(young, 1, "the agreement keeps it until");
  Fine({"ledger", "erase", "--node", "tax", "--retention-over", "--yes"});
  EXPECT_EQ(Listed({"--source-id", "id-1"}, "")["disclosures"].size(), 2u);
}

TEST_F(VouchOversightTest, SaysWhenItDoesNotKnowWhomItIsAsked) {
  EnterSome();
  Refused({"ledger", "disclosures", "--node", "tax"}, 2, "--person");
  const auto nobody =
      Listed({"--person", "-"}, absl::StrReplaceAll(Person(1), {{"-1001", "-9999"}}));
  EXPECT_TRUE(nobody["disclosures"].empty());
  EXPECT_THAT(nobody["not_included"].dump(), HasSubstr("nobody on record"));
  // The number of one, the birthday of nobody: it does not fit wholly.
  Refused({"ledger", "disclosures", "--node", "tax", "--person", "-"}, 1, "does not fit wholly",
          absl::StrReplaceAll(Person(1), {{"1990-02-03", "1991-02-03"}}));
}

}  // namespace
}  // namespace vouch::tests
