// An operator who tampers with its own log, with everything an operator has: the files, and the
// real key to sign with. Each way is caught by somebody, who is named in the test's name and is
// told in plain words; what nobody can catch is a test too. docs/threat_model.md, "A tampering
// operator".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/requester/witness.h"
#include "crypto/checkpoint.h"
#include "crypto/merkle.h"
#include "crypto/receipt.h"
#include "crypto/tiles.h"
#include "server/journal/journal.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/tree/high_water.h"
#include "server/ledger/tree/static_layout.h"
#include "server/ledger/tree/tile_store.h"
#include "tests/harness/process.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server {
namespace {

using crypto::Digest;
using requester::Witness;
using requester::WitnessAnswer;
using requester::WitnessFinding;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kEntries = 300;
const absl::Time kNow = absl::FromUnixSeconds(1795219200);

// A log as its entries, in this order: what the operator has in hand.
using Entries = std::vector<std::string>;

std::vector<Digest> Leaves(const Entries& entries, uint64_t size) {
  std::vector<Digest> leaves;
  for (uint64_t i = 0; i < size; ++i) {
    leaves.push_back(crypto::LeafHash(crypto::AsBytes(entries[i])));
  }
  return leaves;
}

// A requester's memory of the log, or an outside witness's.
class Party {
 public:
  Party(const std::string& folder, const crypto::NoteVerifier& log_key) {
    requester::WitnessOptions options;
    options.folder = folder;
    auto opened = Witness::Open(std::move(options));
    EXPECT_TRUE(opened.ok()) << opened.status();
    witness_ = *std::move(opened);
    EXPECT_TRUE(witness_->Follow({journal::kOrigin, {log_key}}).ok());
  }
  uint64_t known() const {
    const auto known = witness_->Latest(journal::kOrigin);
    return known.has_value() ? known->checkpoint.size : 0;
  }
  std::string note() const { return witness_->Latest(journal::kOrigin)->note; }
  Witness* operator->() { return witness_.get(); }

 private:
  std::unique_ptr<Witness> witness_;
};

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

class TamperingTest : public testing::Test {
 protected:
  TamperingTest() {
    for (uint64_t i = 0; i < kEntries; ++i) honest_.push_back(EntryAbout(PersonOf(i), i));
  }

  // ---- the agency's own history
  static std::string PersonOf(uint64_t index) { return absl::StrCat("person ", index % 20); }
  std::string EntryAbout(const std::string& person, uint64_t index) {
    ledger::EntryContent content;
    content.entry.requester = index % 2 == 0 ? "aid.example" : "loans.example";
    content.entry.agreement_id = "a-1";
    content.entry.purpose = "eligibility";
    content.entry.question = "income-small";
    content.details.request = crypto::Sha256(absl::StrCat(index));
    content.subject.found = true;
    content.subject.person = crypto::Sha256(person);
    content.inner.person = content.subject.person;
    const auto keys = writer_.KeysFor("a-1", kNow);
    EXPECT_TRUE(keys.ok());
    return ledger::EntryWriter::Write(*keys, std::move(content), 30000000).entry;
  }

  // ---- what the operator can make of any entries, with the real key
  std::string Sign(const Entries& entries, uint64_t size) const {
    crypto::CompactRange range;
    for (const Digest& leaf : Leaves(entries, size)) range.Append(leaf);
    const crypto::NoteSigner* const signers[] = {&signer_};
    return *crypto::SignCheckpoint({journal::kOrigin, size, range.Root()}, signers);
  }
  // Shown as the log's head to somebody who remembers something, with the best proof there is.
  WitnessAnswer Show(Party* party, const Entries& entries, uint64_t size) const {
    const uint64_t known = party->known();
    const uint64_t larger = std::max(size, known);
    std::vector<Digest> proof;
    if (larger <= entries.size()) {
      proof = crypto::ConsistencyProof(Leaves(entries, larger), std::min(size, known));
    }
    return (*party)->Observe(Sign(entries, size), proof, known, kNow);
  }
  // What the requester of an answer keeps: the entry, and its place.
  struct Receipt {
    std::string entry;
    crypto::TlogProof proof;
  };
  Receipt ReceiptOf(const Entries& entries, uint64_t index, uint64_t size) const {
    Receipt receipt;
    receipt.entry = entries[index];
    receipt.proof.index = index;
    receipt.proof.hashes = crypto::InclusionProof(Leaves(entries, size), index);
    receipt.proof.checkpoint = Sign(entries, size);
    return receipt;
  }
  absl::Status Verify(const Receipt& receipt) const {
    return crypto::VerifyTlogProof(receipt.proof, crypto::AsBytes(receipt.entry), Keys()).status();
  }
  std::vector<crypto::NoteVerifier> Keys() const { return {signer_.verifier()}; }
  // As `vouch ledger export` would give it to an inspector.
  std::string Export(const Entries& entries, const std::string& name) {
    ledger::tree::TileStoreOptions options;
    options.folder = folder_.Path(name + ".tree");
    options.origin = journal::kOrigin;
    options.entries = [&](uint64_t first, uint32_t count) -> absl::StatusOr<Entries> {
      return Entries(entries.begin() + static_cast<long>(first),
                     entries.begin() + static_cast<long>(first + count));
    };
    crypto::CompactRange range;
    for (const Digest& leaf : Leaves(entries, entries.size())) range.Append(leaf);
    const auto store = ledger::tree::TileStore::Open(std::move(options), range);
    EXPECT_TRUE(store.ok()) << store.status();
    const absl::Status exported =
        ledger::tree::ExportLog(**store, Sign(entries, entries.size()), folder_.Path(name));
    EXPECT_TRUE(exported.ok()) << exported;
    return folder_.Path(name);
  }

  // ---- an inspector, who was given one person's key and the requesters' receipts
  // Which entries are tagged to the person.
  std::vector<uint64_t> Disclosures(const Entries& entries, const std::string& person) const {
    const auto keys = writer_.KeysFor("a-1", kNow);
    const Digest handle = crypto::Sha256(person);
    const crypto::SubjectKey key(*keys->tag, crypto::SubjectKey::Subject::kPerson, handle);
    std::vector<uint64_t> found;
    for (uint64_t i = 0; i < entries.size(); ++i) {
      const auto entry = crypto::ReadSubjectEntry(entries[i]);
      if (entry.ok() && key.Tag(entry->nonce) == entry->tag) found.push_back(i);
    }
    return found;
  }
  // Those of the receipts about that person that the accounting does not have, in plain words.
  std::vector<std::string> MissingFrom(const std::vector<uint64_t>& disclosures,
                                       const std::vector<Receipt>& receipts) const {
    std::vector<std::string> missing;
    for (const Receipt& receipt : receipts) {
      if (!Verify(receipt).ok()) continue;
      const uint64_t index = receipt.proof.index;
      if (std::find(disclosures.begin(), disclosures.end(), index) == disclosures.end()) {
        missing.push_back(absl::StrCat("entry ", index, " is not tagged to this person"));
      }
    }
    return missing;
  }

  Party NewParty(const std::string& name) { return Party(folder_.Path(name), signer_.verifier()); }

  vouch::tests::TemporaryFolder folder_;
  const crypto::NoteSigner signer_ = *crypto::NoteSigner::Make(
      journal::kOrigin, std::make_shared<const crypto::SigningKey>(
                            crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  ledger::PeriodKeys periods_{folder_.Path("periods")};
  ledger::EntryWriter writer_{&periods_};
  Entries honest_;
};

// ---- the past is changed, everything behind it recomputed, and the new head signed with the real
// key

struct Rewriting {
  std::string name;
  std::function<void(Entries*)> act;
};
void PrintTo(const Rewriting& rewriting, std::ostream* out) { *out << rewriting.name; }

std::vector<Rewriting> Rewritings() {
  return {
      {"Edited", [](Entries* log) { (*log)[77][20] = static_cast<char>((*log)[77][20] ^ 1); }},
      {"Dropped", [](Entries* log) { log->erase(log->begin() + 77); }},
      {"Inserted", [](Entries* log) { log->insert(log->begin() + 77, "an entry of last month"); }},
      {"Reordered", [](Entries* log) { std::swap((*log)[77], (*log)[78]); }},
      {"EditedLast", [](Entries* log) { (*log)[199] = (*log)[198]; }},
  };
}

class RewritingTest : public TamperingTest, public testing::WithParamInterface<Rewriting> {};
INSTANTIATE_TEST_SUITE_P(TamperingTest, RewritingTest, testing::ValuesIn(Rewritings()),
                         [](const auto& one) { return one.param.name; });

TEST_P(RewritingTest, IsCaughtByTheRequesterWhoRemembersAnEarlierHead) {
  Party aid = NewParty("aid");
  ASSERT_EQ(Show(&aid, honest_, 200).finding, WitnessFinding::kAccepted);
  Entries log = honest_;
  GetParam().act(&log);
  // Later, with more entries behind.
  const WitnessAnswer later = Show(&aid, log, 290);
  EXPECT_EQ(later.finding, WitnessFinding::kBadProof);
  EXPECT_THAT(later.says, HasSubstr("did not prove that its log of 290 entries goes on from its "
                                    "log of 200 entries"));
  // At once: the same number of entries under another root.
  const WitnessAnswer same = Show(&aid, log, 200);
  EXPECT_EQ(same.finding, WitnessFinding::kForked);
  EXPECT_THAT(same.says, HasSubstr("signed two different roots for 200 entries"));
  // What is kept convinces anybody who has the log's key: both notes are signed with it.
  const std::string evidence = ReadFile(same.evidence);
  for (const Entries* one : {&std::as_const(honest_), &std::as_const(log)}) {
    EXPECT_THAT(evidence, HasSubstr(Sign(*one, 200)));
    EXPECT_TRUE(crypto::OpenCheckpoint(Sign(*one, 200), Keys()).ok());
  }
  // Nothing of it is believed.
  EXPECT_EQ(aid.note(), Sign(honest_, 200));
}

TEST_P(RewritingTest, IsCaughtByAnOutsideWitnessThatCosignsNothing) {
  Party witness = NewParty("witness");
  ASSERT_EQ(witness->AddCheckpoint({0, {}, Sign(honest_, 200)}, kNow).finding,
            WitnessFinding::kAccepted);
  Entries log = honest_;
  GetParam().act(&log);
  const WitnessAnswer later = witness->AddCheckpoint(
      {200, crypto::ConsistencyProof(Leaves(log, 290), 200), Sign(log, 290)}, kNow);
  EXPECT_EQ(requester::HttpStatusOf(later.finding), 422);
  const WitnessAnswer same = witness->AddCheckpoint({200, {}, Sign(log, 200)}, kNow);
  EXPECT_EQ(requester::HttpStatusOf(same.finding), 409);
  EXPECT_FALSE(same.evidence.empty());
}

TEST_P(RewritingTest, IsCaughtByTheHolderOfAReceipt) {
  const uint64_t index = GetParam().name == "EditedLast" ? 199 : 77;
  const Receipt receipt = ReceiptOf(honest_, index, 200);
  ASSERT_TRUE(Verify(receipt).ok());
  Entries log = honest_;
  GetParam().act(&log);
  // The new log has another entry there, so no proof makes the receipt's one fit.
  Receipt now = ReceiptOf(log, index, 290);
  now.entry = receipt.entry;
  const absl::Status refused = Verify(now);
  EXPECT_FALSE(refused.ok());
  // The inspector's copy of the rewritten log is whole in itself ...
  const std::string folder = Export(log, "export");
  const auto whole = ledger::tree::VerifyFolder(ledger::tree::FolderLog(folder), Keys());
  ASSERT_TRUE(whole.ok()) << whole.status();
  // ... but the receipt's checkpoint, signed with the same key, is not one of that log's.
  const auto bundle = ledger::tree::FolderLog(folder).ReadBundle(0, 256);
  ASSERT_TRUE(bundle.ok());
  EXPECT_NE((*bundle)[index], receipt.entry);
  crypto::CompactRange range;
  for (const Digest& leaf : Leaves(*bundle, 200)) range.Append(leaf);
  EXPECT_NE(range.Root(),
            crypto::OpenCheckpoint(receipt.proof.checkpoint, Keys())->checkpoint.root);
}

TEST_P(RewritingTest, IsCaughtByTheNodeItselfWhenItStarts) {
  // Over the mark on another path: whoever rewrites the journal only, or puts back a copy.
  ledger::tree::HighWaterOptions options;
  options.path = folder_.Path("ledger.high-water");
  {
    auto mark = ledger::tree::HighWater::Open(options, {signer_.verifier()});
    ASSERT_TRUE(mark.ok());
    const std::string note = Sign(honest_, 200);
    (*mark)->Raise(crypto::OpenCheckpoint(note, Keys())->checkpoint,
                   std::make_shared<const std::string>(note));
  }
  Entries log = honest_;
  GetParam().act(&log);
  const auto mark = ledger::tree::HighWater::Open(options, {signer_.verifier()});
  ASSERT_TRUE(mark.ok());
  const auto root_of = [](const Entries& of) {
    return [&of](uint64_t size) -> absl::StatusOr<Digest> {
      crypto::CompactRange range;
      for (const Digest& leaf : Leaves(of, size)) range.Append(leaf);
      return range.Root();
    };
  };
  EXPECT_TRUE((*mark)->Check(honest_.size(), root_of(honest_)).ok());
  const absl::Status refused = (*mark)->Check(log.size(), root_of(log));
  EXPECT_TRUE(absl::IsDataLoss(refused));
  EXPECT_THAT(refused.message(), HasSubstr("are not those this node signed"));
}

// ---- bytes of the files

TEST_F(TamperingTest, AnEntryEditedInTheFilesIsCaughtByTheNodeWhenItReadsIt) {
  journal::JournalOptions options;
  options.folder = folder_.Path("journal");
  options.origin = journal::kOrigin;
  {
    auto journal = journal::OpenFileJournal(options);
    ASSERT_TRUE(journal.ok());
    for (const std::string& entry : {honest_[0], honest_[1], honest_[2]}) {
      ASSERT_TRUE((*journal)->Append({&entry, 1}, kNow).ok());
    }
  }
  for (const auto& file : std::filesystem::directory_iterator(options.folder)) {
    if (file.path().extension() != ".log") continue;
    std::string bytes = ReadFile(file.path().string());
    const size_t at = bytes.find(honest_[1]);
    ASSERT_NE(at, std::string::npos);
    bytes[at + 20] = static_cast<char>(bytes[at + 20] ^ 1);
    std::ofstream(file.path(), std::ios::binary | std::ios::trunc) << bytes;
  }
  const auto journal = journal::OpenFileJournal(options);
  EXPECT_TRUE(absl::IsDataLoss(journal.status())) << journal.status();
  EXPECT_THAT(journal.status().message(), HasSubstr("commit 2 is damaged"));
}

TEST_F(TamperingTest, AnExportedFileThatWasEditedIsCaughtByWhoeverVerifiesTheFolder) {
  const std::string folder = Export(honest_, "export");
  ASSERT_TRUE(ledger::tree::VerifyFolder(ledger::tree::FolderLog(folder), Keys()).ok());
  const std::string path = folder + "/tile/entries/000";
  std::string bytes = ReadFile(path);
  bytes[30] = static_cast<char>(bytes[30] ^ 1);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const auto whole = ledger::tree::VerifyFolder(ledger::tree::FolderLog(folder), Keys());
  EXPECT_TRUE(absl::IsDataLoss(whole.status())) << whole.status();
}

// ---- back to an earlier state

TEST_F(TamperingTest, ARollbackIsCaughtByTheRequesterWhoSawTheLaterHead) {
  Party aid = NewParty("aid");
  ASSERT_EQ(Show(&aid, honest_, 290).finding, WitnessFinding::kAccepted);
  const WitnessAnswer answer = Show(&aid, honest_, 200);
  EXPECT_EQ(answer.finding, WitnessFinding::kRolledBack);
  EXPECT_THAT(answer.says, HasSubstr("shows a head of 200 entries after it had signed one of 290 "
                                     "entries: it was put back to an earlier state"));
  // Gone on differently from there, to more than there was.
  Entries log(honest_.begin(), honest_.begin() + 200);
  for (uint64_t i = 0; i < 100; ++i) log.push_back(EntryAbout("somebody else", i));
  EXPECT_EQ(Show(&aid, log, 300).finding, WitnessFinding::kBadProof);
}

// ---- one log for each requester

TEST_F(TamperingTest, TwoLogsForTwoRequestersAreCaughtByEitherWhenTheyExchangeCheckpoints) {
  Entries for_loans = honest_;
  for_loans[150] = EntryAbout("somebody else", 150);
  Party aid = NewParty("aid"), loans = NewParty("loans");
  // Each is shown a log that is whole, and goes on.
  for (const uint64_t size : {100u, 200u, 290u}) {
    ASSERT_EQ(Show(&aid, honest_, size).finding, WitnessFinding::kAccepted);
    ASSERT_EQ(Show(&loans, for_loans, size).finding, WitnessFinding::kAccepted);
  }
  const WitnessAnswer at_aid = aid->Observe(loans.note(), {}, 0, kNow);
  const WitnessAnswer at_loans = loans->Observe(aid.note(), {}, 0, kNow);
  for (const WitnessAnswer& answer : {at_aid, at_loans}) {
    EXPECT_EQ(answer.finding, WitnessFinding::kForked);
    EXPECT_THAT(answer.says, HasSubstr("it shows different people different logs"));
    EXPECT_THAT(ReadFile(answer.evidence), HasSubstr(Sign(honest_, 290)));
    EXPECT_THAT(ReadFile(answer.evidence), HasSubstr(Sign(for_loans, 290)));
  }
}

TEST_F(TamperingTest, TwoLogsOfDifferentSizesAreCaughtForWantOfAProofBetweenThem) {
  Entries for_loans = honest_;
  for_loans[150] = EntryAbout("somebody else", 150);
  Party aid = NewParty("aid"), loans = NewParty("loans");
  ASSERT_EQ(Show(&aid, honest_, 200).finding, WitnessFinding::kAccepted);
  ASSERT_EQ(Show(&loans, for_loans, 290).finding, WitnessFinding::kAccepted);
  // The log is asked for the proof between the two, and has none, whichever log it makes it of.
  for (const Entries* log : {&std::as_const(honest_), &std::as_const(for_loans)}) {
    const WitnessAnswer answer =
        aid->Observe(loans.note(), crypto::ConsistencyProof(Leaves(*log, 290), 200), 0, kNow);
    EXPECT_EQ(answer.finding, WitnessFinding::kBadProof);
    EXPECT_THAT(answer.says, HasSubstr("did not prove"));
  }
  // Before they part, the two are one log.
  Party early = NewParty("early");
  ASSERT_EQ(Show(&early, honest_, 100).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(
      early->Observe(loans.note(), crypto::ConsistencyProof(Leaves(for_loans, 290), 100), 0, kNow)
          .finding,
      WitnessFinding::kAccepted);
}

// What cannot be caught: somebody who compares with nobody is shown any log that goes on by itself.
TEST_F(TamperingTest, ASplitViewForTheOnlyRequesterIsCaughtByNobody) {
  Entries for_inspectors = honest_;
  for_inspectors[150] = EntryAbout("somebody else", 150);
  Party only = NewParty("only");
  for (const uint64_t size : {100u, 151u, 200u, 290u}) {
    EXPECT_EQ(Show(&only, honest_, size).finding, WitnessFinding::kAccepted);
  }
  EXPECT_THAT(only->Evidence(), IsEmpty());
  const std::string folder = Export(for_inspectors, "export");
  EXPECT_TRUE(ledger::tree::VerifyFolder(ledger::tree::FolderLog(folder), Keys()).ok());
  // One checkpoint or receipt that finds its way from one to the other is enough.
  Party inspector = NewParty("inspector");
  ASSERT_EQ(Show(&inspector, for_inspectors, 290).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(inspector->Observe(only.note(), {}, 0, kNow).finding, WitnessFinding::kForked);
}

// ---- answers that are not in the log, and entries that are about nobody

TEST_F(TamperingTest, AnAnswerWithoutItsEntryIsCaughtByItsRequesterBeforeUse) {
  Entries log = honest_;
  const std::string unlogged = EntryAbout("person 3", 999);
  // The proof of another entry, or of none.
  Receipt receipt = ReceiptOf(log, 290, kEntries);
  receipt.entry = unlogged;
  EXPECT_FALSE(Verify(receipt).ok());
  receipt.proof.hashes.clear();
  EXPECT_FALSE(Verify(receipt).ok());
  // Signed by a key that is not the log's.
  const crypto::NoteSigner stranger = *crypto::NoteSigner::Make(
      journal::kOrigin, std::make_shared<const crypto::SigningKey>(
                            crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  log.push_back(unlogged);
  receipt = ReceiptOf(log, kEntries, kEntries + 1);
  const crypto::NoteSigner* const signers[] = {&stranger};
  crypto::Checkpoint checkpoint =
      crypto::OpenCheckpoint(receipt.proof.checkpoint, Keys())->checkpoint;
  ASSERT_TRUE(Verify(receipt).ok());
  receipt.proof.checkpoint = *crypto::SignCheckpoint(checkpoint, signers);
  EXPECT_FALSE(Verify(receipt).ok());
}

TEST_F(TamperingTest, AnEntryTaggedToNobodyIsCaughtByTheInspectorWithTheRequestersReceipts) {
  // Person 3 was asked about at 3, 23, 43, ...; of these, entry 43 is made about nobody.
  Entries log = honest_;
  log[43] = EntryAbout("nobody on record", 43);
  std::vector<Receipt> receipts;
  for (uint64_t index = 3; index < kEntries; index += 20) {
    receipts.push_back(ReceiptOf(log, index, kEntries));
    ASSERT_TRUE(Verify(receipts.back()).ok()) << "the requester sees nothing wrong";
  }
  const std::vector<uint64_t> disclosures = Disclosures(log, "person 3");
  EXPECT_EQ(disclosures.size(), receipts.size() - 1);
  EXPECT_THAT(MissingFrom(disclosures, receipts),
              ElementsAre("entry 43 is not tagged to this person"));
  EXPECT_THAT(MissingFrom(Disclosures(honest_, "person 3"), receipts), testing::SizeIs(0));
}

// What cannot be caught: without the receipt nobody knows that the entry was about the person.
TEST_F(TamperingTest, AnEntryTaggedToNobodyIsNotMissedByTheAccountingAlone) {
  Entries log = honest_;
  log[43] = EntryAbout("nobody on record", 43);
  const std::string folder = Export(log, "export");
  EXPECT_TRUE(ledger::tree::VerifyFolder(ledger::tree::FolderLog(folder), Keys()).ok());
  EXPECT_THAT(MissingFrom(Disclosures(log, "person 3"), {}), IsEmpty());
}

}  // namespace
}  // namespace vouch::server
