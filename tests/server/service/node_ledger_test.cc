#include "server/node_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/keys.h"
#include "crypto/receipt.h"
#include "server/node/node_file.h"
#include "tests/harness/process.h"

namespace vouch::server {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1795219200);
constexpr char kAid[] = "aid.example";

class NodeLedgerTest : public ::testing::Test {
 protected:
  NodeLedgerTest() {
    using crypto::SigningKey;
    const SigningKey key = SigningKey::Generate(crypto::KeyKind::kEd25519);
    EXPECT_TRUE(
        crypto::WritePrivateFile(folder_.Path("ledger.key"), key.ToPem(crypto::RawSecretAccess{}))
            .ok());
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = "tax.example/ledger/2026";
    journal_ = *journal::OpenFileJournal(options);
    file_.agency = "tax.example";
    file_.keys = folder_.path();
    file_.journal = options.folder;
    file_.witness = folder_.Path("witness");
    file_.high_water = folder_.Path("high-water");
    file_.cosignature_lag = absl::Minutes(15);
    node::Partner aid;
    aid.agency = kAid;
    aid.witness_key = folder_.Path("aid.txt");
    file_.partners = {aid};
  }
  void WriteKey(const std::string& text) {
    ASSERT_TRUE(crypto::ReplaceFile(file_.partners[0].witness_key, text, true).ok());
  }
  void Open() {
    ledger_ = std::make_unique<NodeLedger>(*NodeLedger::Open(
        file_, journal_.get(), {}, [](const std::string&, const absl::Status&) {}));
  }
  bool Refused() {
    ledger_->cosignatures()->Look(kNow);
    return ledger_->cosignatures()->Judge(kAid).has_value();
  }

  const vouch::tests::TemporaryFolder folder_;
  node::NodeFile file_;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<NodeLedger> ledger_;
};

TEST_F(NodeLedgerTest, AWitnessKeyThatCannotBeReadLetsNobodyThroughUnbound) {
  const auto witness = *crypto::NoteSigner::MakeCosigner(
      kAid, std::make_shared<const crypto::SigningKey>(
                crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  Open();
  // At start, with no key from before.
  const absl::Status missing = ledger_->TakePartnerKeys(file_, kNow);
  EXPECT_TRUE(absl::IsInvalidArgument(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), HasSubstr("aid.txt"));
  EXPECT_TRUE(Refused());
  WriteKey(witness.verifier().ToString() + "\n");
  EXPECT_TRUE(ledger_->TakePartnerKeys(file_, kNow).ok());
  EXPECT_FALSE(Refused());
  // While it runs: the one from before counts.
  ASSERT_TRUE(journal_->Append({crypto::CountedRefusalsEntry(1, kAid, 3, 1)}, kNow).ok());
  WriteKey("half a li");
  EXPECT_TRUE(absl::IsInvalidArgument(ledger_->TakePartnerKeys(file_, kNow)));
  EXPECT_FALSE(Refused());
  EXPECT_TRUE(ledger_->cosignatures()->Wants(kAid));
  const std::string note = *ledger_->log()->Checkpoint()->note;
  EXPECT_TRUE(
      ledger_->cosignatures()
          ->Take(kAid, note, witness.CosignNote(crypto::ReadNote(note)->text, 9)->Line(), kNow)
          .ok());
}

}  // namespace
}  // namespace vouch::server
