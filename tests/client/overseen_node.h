// A node whose ledger is overseen: forty people, an agreement, and a journal held open as a running
// node holds it.
#ifndef VOUCH_TESTS_CLIENT_OVERSEEN_NODE_H_
#define VOUCH_TESTS_CLIENT_OVERSEEN_NODE_H_

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

constexpr char kTemplate[] = VOUCH_SOURCE_DIR "/policies/templates/income-for-student-aid";
constexpr char kId[] = "studentaid-tax-2027-001";
constexpr char kQuestion[] = "income-at-or-below-225-percent";
constexpr char kOrigin[] = "tax.revenue.example/ledger/2026";
constexpr int kPeople = 40;
inline const absl::Time kAt =
    absl::FromCivil(absl::CivilHour(2026, 11, 10, 15), absl::UTCTimeZone());

inline crypto::Digest AgreementDigest(const std::string& text) { return crypto::Sha256(text); }

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
    ASSERT_NO_FATAL_FAILURE(OpenJournal());
    keys_ = std::make_unique<server::ledger::PeriodKeys>(Path("tax/keys/periods"));
    writer_ = std::make_unique<server::ledger::EntryWriter>(keys_.get());
  }

  server::journal::JournalOptions JournalOptions() const {
    server::journal::JournalOptions options;
    options.folder = Path("tax/journal");
    options.origin = kOrigin;
    return options;
  }
  void OpenJournal() {
    auto journal = server::journal::OpenFileJournal(JournalOptions());
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
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
  // With all that the agreement's match keys take; the given name is not that of all on record.
  static std::string WholePerson(int person) {
    std::string text = Person(person);
    text.pop_back();
    return text + ",\"given_name\":\"Walburga\",\"postal_code\":\"12345\"}";
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
    policies::UndeterminedReason reason = policies::UndeterminedReason::kNotTold;
    policies::UndeterminedReason told = policies::UndeterminedReason::kNotTold;
    uint8_t refused = 0;
    absl::Time at = kAt;
    std::string question = kQuestion;
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
    content.entry.question = put.question;
    content.entry.purpose = "student-aid-eligibility";
    if (put.refused == 0) {
      content.details.answer = static_cast<uint8_t>(put.answer);
      content.details.why = static_cast<uint8_t>(put.told);
      content.details.parameters = crypto::CanonicalParameters(
          {{"household_size", true, 4, ""}, {"region", false, 0, "contiguous"}});
    }
    content.subject.found = put.person.has_value();
    if (put.person.has_value()) {
      content.subject.person = HandleOf(*put.person);
      content.inner.person = content.subject.person;
    }
    content.subject.tokens = put.tokens;
    content.inner.undetermined_reason = static_cast<uint8_t>(put.reason);
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
    nobody.reason = policies::UndeterminedReason::kNoRecord;
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

}  // namespace vouch::tests

#endif  // VOUCH_TESTS_CLIENT_OVERSEEN_NODE_H_
