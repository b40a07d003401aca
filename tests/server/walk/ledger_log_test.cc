#include "server/ledger_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"
#include "crypto/tiles.h"
#include "server/ledger/tree/segment_file.h"
#include "server/ledger/tree/static_layout.h"
#include "tests/harness/process.h"

namespace vouch::server {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1795219200);

template <typename Condition>
bool Comes(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(5));
  return condition();
}

// A node's journal and log over it, begun and ended as a node does.
class LedgerLogMarkTest : public testing::Test {
 protected:
  absl::Status Start() {
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = "tax.example/ledger/2027";
    auto journal = journal::OpenFileJournal(options);
    if (!journal.ok()) return journal.status();
    journal_ = *std::move(journal);
    LedgerLogOptions log;
    log.folder = folder_.Path("journal/tree");
    log.key = key_;
    log.journal = journal_.get();
    log.high_water = Mark();
    log.marked = Marker();
    log.without_high_water = without_high_water_;
    log.also_key = also_key_;
    log.problem = [this](const absl::Status& standing) {
      if (absl::IsUnavailable(standing)) ++could_not_write_;
      if (standing.ok()) ++rounds_;
    };
    log.mark_problem = [this](const absl::Status& standing) { mark_stands_ = standing.ok(); };
    auto opened = LedgerLog::Open(std::move(log));
    if (opened.ok()) log_ = *std::move(opened);
    return opened.status();
  }
  void Stop() {
    log_.reset();
    journal_.reset();
  }
  void Append(int entries, absl::Time now = kNow) {
    for (int i = 0; i < entries; ++i) {
      const std::string entry = absl::StrCat("entry ", journal_->head().end());
      ASSERT_TRUE(journal_->Append({&entry, 1}, now).ok());
    }
  }
  std::string Mark() const { return folder_.Path("ledger.high-water"); }
  std::string Marker() const { return folder_.Path("journal/marked"); }
  uint64_t Marked() const {
    std::ifstream in(Mark(), std::ios::binary);
    const std::string note(std::istreambuf_iterator<char>(in), {});
    const auto read = crypto::ReadNote(note);
    return read.ok() ? crypto::ReadCheckpoint(read->text)->size : 0;
  }
  void PutBack(const std::string& older) const {
    fs::remove_all(folder_.Path("journal"));
    fs::copy(older, folder_.Path("journal"), fs::copy_options::recursive);
  }
  std::string Copy(const std::string& name) const {
    fs::copy(folder_.Path("journal"), folder_.Path(name), fs::copy_options::recursive);
    return folder_.Path(name);
  }

  const vouch::tests::TemporaryFolder folder_;
  const std::shared_ptr<const crypto::SigningKey> key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  std::shared_ptr<const crypto::SigningKey> also_key_;
  std::atomic<int> could_not_write_{0};
  std::atomic<int> rounds_{0};
  std::atomic<bool> mark_stands_{true};
  bool without_high_water_ = false;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<LedgerLog> log_;
};

TEST_F(LedgerLogMarkTest, TwoKeysSignEachCheckpointAndEitherIsEnough) {
  also_key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kP256));
  ASSERT_TRUE(Start().ok());
  Append(3);
  const std::string note = *log_->Checkpoint()->note;
  for (const auto& [key, type] : {std::pair(key_, crypto::NoteKeyType::kEd25519),
                                  std::pair(std::shared_ptr<const crypto::SigningKey>(also_key_),
                                            crypto::NoteKeyType::kEcdsaP256)}) {
    const std::string public_der = key->PublicDer();
    const auto verifier =
        crypto::NoteVerifier::From(log_->origin(), type, crypto::AsBytes(public_der));
    const auto opened = crypto::OpenCheckpoint(note, {*verifier});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->checkpoint.size, 3u);
  }
  EXPECT_EQ(crypto::ReadNote(note)->signatures.size(), 2u);
  // With or without the second, it is the same log and the same mark.
  Stop();
  also_key_.reset();
  EXPECT_TRUE(Start().ok());
  Stop();
  also_key_ = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  EXPECT_TRUE(absl::IsInvalidArgument(Start()));
}

TEST_F(LedgerLogMarkTest, WhatWasSignedIsMarkedWhenTheNodeStops) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Append(2);
  ASSERT_TRUE(log_->Prove(6, 1).ok());
  // Never signed, so nobody was shown it.
  Append(1);
  Stop();
  EXPECT_EQ(Marked(), 7u);
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(log_->Checkpoint()->size, 8u);
}

TEST_F(LedgerLogMarkTest, ThatTheMarkCannotBeWrittenIsSaidUntilItIs) {
  ASSERT_TRUE(Start().ok());
  fs::create_directories(Mark() + "/in the way");
  Append(1);
  ASSERT_TRUE(log_->Checkpoint().ok());
  EXPECT_TRUE(Comes([&] { return !mark_stands_; }));
  const int before = rounds_;
  Append(1);
  EXPECT_TRUE(Comes([&] { return rounds_ > before; }));
  EXPECT_FALSE(mark_stands_);
  fs::remove_all(Mark());
  EXPECT_TRUE(Comes([&] { return mark_stands_.load(); }));
  EXPECT_EQ(Marked(), 1u);
}

TEST_F(LedgerLogMarkTest, AJournalThatWasPutBackStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  Stop();
  const std::string older = Copy("older");
  ASSERT_TRUE(Start().ok());
  Append(3);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  const std::string latest = Copy("latest");
  PutBack(older);
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("put back to an earlier state"));
  Stop();
  EXPECT_EQ(Marked(), 8u);
  PutBack(latest);
  EXPECT_TRUE(Start().ok());
}

TEST_F(LedgerLogMarkTest, AMarkThatIsGoneStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  EXPECT_FALSE(fs::exists(Marker())) << "nothing was signed yet";
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  // Where the mark was moved to.
  fs::rename(Mark(), folder_.Path("away"));
  // Tiles and tables may be left out of what is put back.
  fs::remove_all(folder_.Path("journal/tree"));
  for (int again = 0; again < 2; ++again) {
    const absl::Status refused = Start();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("is gone"));
    EXPECT_THAT(refused.message(), HasSubstr("--without-high-water"));
    Stop();
    EXPECT_FALSE(fs::exists(Mark())) << "nothing is marked anew by that";
  }
  fs::rename(folder_.Path("away"), Mark());
  EXPECT_TRUE(Start().ok());
}

TEST_F(LedgerLogMarkTest, WhoeverSaysSoStartsOnceWithoutTheMarkThatIsGone) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  fs::remove(Mark());
  without_high_water_ = true;
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(log_->MarkNow().ok());
  EXPECT_EQ(Marked(), 5u);
  Stop();
  // It is no way past a mark that is there.
  without_high_water_ = false;
  EXPECT_TRUE(Start().ok());
  Stop();
  without_high_water_ = true;
  const std::string older = Copy("older");
  ASSERT_TRUE(Start().ok());
  Append(1);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  PutBack(older);
  EXPECT_TRUE(absl::IsDataLoss(Start()));
}

TEST_F(LedgerLogMarkTest, AFolderOfAnOlderProgramGoesOn) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  const std::string mark = folder_.Path("mark");
  fs::copy(Mark(), mark);
  // It wrote a mark, and not that there was one.
  fs::remove(Marker());
  ASSERT_TRUE(Start().ok());
  Stop();
  EXPECT_TRUE(fs::exists(Marker())) << "from the first start on";
  EXPECT_EQ(Marked(), 5u);
  // Nothing was ever marked.
  fs::remove(Marker());
  fs::remove(Mark());
  EXPECT_TRUE(Start().ok());
}

// A node whose later journal is gone, and whose operator said so.
class LedgerLogLossTest : public LedgerLogMarkTest {
 protected:
  // 20 entries of which a copy has 8; what was signed, and the copy in place with a loss declared
  // up to `lost` entries.
  void LoseUpTo(uint64_t lost) {
    ASSERT_TRUE(Start().ok());
    Append(8);
    Stop();
    const std::string older = Copy("older");
    ASSERT_TRUE(Start().ok());
    Append(12);
    for (uint64_t size = 1; size <= 20; ++size) roots_[size] = *log_->RootAt("", size);
    ASSERT_TRUE(log_->Checkpoint().ok());
    Stop();
    PutBack(older);
    const absl::Status refused = Start();
    EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("vouch ledger declare-loss"));
    Stop();
    Declare({kLog, lost, roots_[lost]});
  }
  void Declare(const crypto::Checkpoint& lost) {
    journal::JournalOptions options;
    options.folder = folder_.Path("journal");
    options.origin = kLog;
    ASSERT_TRUE(journal::DeclareLoss(options, lost, kNow).ok());
  }
  static constexpr char kLog[] = "tax.example/ledger/2027";
  std::map<uint64_t, crypto::Digest> roots_;
};

TEST_F(LedgerLogLossTest, ALossThatReachesWhatWasSignedLetsTheNodeStart) {
  LoseUpTo(20);
  for (int i = 0; i < 2; ++i) {
    const absl::Status started = Start();
    ASSERT_TRUE(started.ok()) << started;
    EXPECT_EQ(log_->origin(), "tax.example/ledger/2027.2");
    ASSERT_EQ(log_->losses().size(), 1u);
    Append(3);
    ASSERT_TRUE(log_->Checkpoint().ok());
    Stop();
  }
}

TEST_F(LedgerLogLossTest, OneThatReachesLessDoesNot) {
  LoseUpTo(19);
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  Stop();
  // Declared again, with what was signed.
  Declare({kLog, 20, roots_[20]});
  EXPECT_TRUE(Start().ok());
  EXPECT_EQ(log_->origin(), "tax.example/ledger/2027.3");
}

TEST_F(LedgerLogLossTest, OneOfAnotherRootDoesNot) {
  LoseUpTo(20);
  Stop();
  fs::remove_all(folder_.Path("journal"));
  PutBack(folder_.Path("older"));
  Declare({kLog, 20, roots_[7]});
  EXPECT_TRUE(absl::IsDataLoss(Start()));
}

TEST_F(LedgerLogLossTest, WhatIsLostGoesUpToTheLossAndNoFurther) {
  LoseUpTo(20);
  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(log_->IsLost({kLog, 15, roots_[15]}));
  EXPECT_TRUE(log_->IsLost({kLog, 20, roots_[20]}));
  EXPECT_FALSE(log_->IsLost({kLog, 20, roots_[7]}));
  EXPECT_FALSE(log_->IsLost({kLog, 21, roots_[7]}));
}

TEST_F(LedgerLogLossTest, ShowsPartnersHowItGoesOnFromWhatTheyRemember) {
  LoseUpTo(20);
  ASSERT_TRUE(Start().ok());
  Append(4);
  const auto head = log_->Checkpoint();
  ASSERT_TRUE(head.ok());
  const auto shown = *crypto::ReadCheckpoint(crypto::ReadNote(*head->note)->text);
  const auto key_of = [&](const std::string& origin) -> absl::StatusOr<crypto::NoteVerifier> {
    return crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEd25519,
                                      crypto::AsBytes(key_->PublicDer()));
  };
  const auto yes = [](absl::string_view, const crypto::LossDeclared&) { return true; };
  for (const uint64_t size : {3, 8, 15, 20}) {
    const auto steps = log_->Succession(kLog, size, *head);
    ASSERT_TRUE(steps.ok()) << size << steps.status();
    const crypto::Checkpoint remembered = {kLog, size, roots_[size]};
    EXPECT_TRUE(crypto::VerifySuccession(remembered, *steps, shown, key_of, yes).ok()) << size;
    EXPECT_TRUE(absl::IsFailedPrecondition(
        crypto::VerifySuccession(remembered, *steps, shown, key_of).status()));
  }
}

TEST_F(LedgerLogLossTest, OverNothingTheNodeStartsAndShowsHowItGoesOn) {
  ASSERT_TRUE(Start().ok());
  Append(12);
  for (uint64_t size = 1; size <= 12; ++size) roots_[size] = *log_->RootAt("", size);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  fs::remove_all(folder_.Path("journal"));
  EXPECT_TRUE(absl::IsDataLoss(Start()));
  Stop();
  Declare({kLog, 12, roots_[12]});
  const absl::Status started = Start();
  ASSERT_TRUE(started.ok()) << started;
  Append(4);
  EXPECT_EQ(log_->origins(), std::vector<std::string>{"tax.example/ledger/2027.2"});
  const auto head = log_->Checkpoint();
  const auto shown = *crypto::ReadCheckpoint(crypto::ReadNote(*head->note)->text);
  const auto key_of = [&](const std::string& origin) -> absl::StatusOr<crypto::NoteVerifier> {
    return crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEd25519,
                                      crypto::AsBytes(key_->PublicDer()));
  };
  const auto yes = [](absl::string_view, const crypto::LossDeclared&) { return true; };
  const auto steps = log_->Succession(kLog, 7, *head);
  ASSERT_TRUE(steps.ok()) << steps.status();
  ASSERT_EQ(steps->size(), 1u);
  EXPECT_TRUE(crypto::VerifySuccession({kLog, 7, roots_[7]}, *steps, shown, key_of, yes).ok());
  EXPECT_FALSE(crypto::VerifySuccession({kLog, 13, roots_[7]}, *steps, shown, key_of, yes).ok());
}

TEST_F(LedgerLogMarkTest, AnotherHistoryStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  fs::remove_all(folder_.Path("journal"));
  const std::string mark = folder_.Path("away");
  fs::rename(Mark(), mark);
  ASSERT_TRUE(Start().ok());
  const std::string other = "another entry";
  ASSERT_TRUE(journal_->Append({&other, 1}, kNow).ok());
  Append(9);
  Stop();
  fs::rename(mark, Mark());
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("are not those this node signed"));
}

TEST_F(LedgerLogMarkTest,
       ASegmentThatCouldNotBeWrittenIsTriedAgainWithTheNextEntriesAndByNoReader) {
  ASSERT_TRUE(Start().ok());
  const std::string segment = folder_.Path("journal/tree/entries-0000000000.segment");
  fs::create_directories(segment + "/in the way");
  std::vector<std::string> entries;
  for (int i = 0; i < 65540; ++i) entries.push_back(absl::StrCat("entry ", i));
  ASSERT_TRUE(journal_->Append(entries, kNow).ok());
  ASSERT_TRUE(Comes([&] { return could_not_write_ == 1; }));
  fs::remove_all(segment);
  EXPECT_TRUE(log_->RootAt("", 65538).ok());
  EXPECT_TRUE(log_->File("tile/0/000", /*entries=*/false).ok());
  absl::SleepFor(absl::Milliseconds(400));
  EXPECT_FALSE(fs::exists(segment));
  Append(1);
  EXPECT_TRUE(log_->RootAt("", 65541).ok()) << "taken in by a reader";
  EXPECT_TRUE(Comes([&] { return fs::exists(segment); }));
}

constexpr char kFirst[] = "tax.example/ledger/2027";
constexpr char kSecond[] = "tax.example/ledger/2028";
// 2028-01-01, 00:00:00 UTC, and a year later.
const absl::Time kNewYear = absl::FromUnixSeconds(1830297600);
const absl::Time kYearAfter = absl::FromUnixSeconds(1861920000);

class LedgerLogYearsTest : public LedgerLogMarkTest {
 protected:
  // That the entries at these positions are proved under the checkpoint of their own log.
  void ExpectProved(uint64_t position, uint32_t count, const std::string& origin, uint64_t index) {
    const auto proof = log_->Prove(position, count);
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_EQ(proof->first, index);
    EXPECT_EQ(proof->log_first, position - index);
    const auto key = crypto::NoteVerifier::From(origin, crypto::NoteKeyType::kEd25519,
                                                crypto::AsBytes(key_->PublicDer()));
    const auto opened = crypto::OpenCheckpoint(*proof->checkpoint, {*key});
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->checkpoint.origin, origin);
    EXPECT_EQ(opened->checkpoint.size, proof->tree_size);
    std::vector<crypto::Digest> leaves;
    const auto entries = journal_->ReadEntries(position, count);
    ASSERT_TRUE(entries.ok());
    for (const std::string& entry : *entries) {
      leaves.push_back(crypto::LeafHash(crypto::AsBytes(entry)));
    }
    EXPECT_TRUE(
        crypto::VerifyRange(leaves, index, proof->tree_size, proof->hashes, opened->checkpoint.root)
            .ok());
  }
  std::string EndFile(const std::string& folder = "") const {
    return folder_.Path("journal/tree" + folder + "/closed.checkpoint");
  }
  bool Settles(const std::string& folder = "") const {
    return Comes([&] { return fs::exists(EndFile(folder)); });
  }
};

TEST_F(LedgerLogYearsTest, EveryEntryIsProvedInItsOwnLog) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  Append(3, kNewYear);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(log_->origin(), kSecond);
    EXPECT_EQ(log_->origins(), (std::vector<std::string>{kFirst, kSecond}));
    ExpectProved(0, 5, kFirst, 0);
    ExpectProved(5, 1, kFirst, 5);
    ExpectProved(6, 1, kSecond, 0);
    ExpectProved(7, 3, kSecond, 1);
    EXPECT_TRUE(absl::IsOutOfRange(log_->Prove(10, 1).status()));
    EXPECT_TRUE(absl::IsOutOfRange(log_->Prove(4, 4).status())) << "over the end of a log";
    EXPECT_EQ(log_->Checkpoint()->size, 4u);
    EXPECT_EQ(log_->Checkpoint(kFirst)->size, 6u);
    ASSERT_TRUE(Settles());
    Stop();
    ASSERT_TRUE(Start().ok());
  }
}

TEST_F(LedgerLogYearsTest, TheEndOfALogIsKeptAndServed) {
  ASSERT_TRUE(Start().ok());
  Append(300);
  Append(3, kNewYear);
  Append(3, kYearAfter);
  ASSERT_TRUE(Settles());
  ASSERT_TRUE(Settles("/2028"));
  const std::string end = *log_->Checkpoint(kFirst)->note;
  std::ifstream in(EndFile(), std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), end);
  Stop();
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(*log_->Checkpoint(kFirst)->note, end);
  const auto reader = log_->Reader(kFirst);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto range = crypto::RecomputeLog(**reader, 301);
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_EQ(range->Root(), crypto::OpenCheckpoint(end, {*crypto::NoteVerifier::From(
                                                           kFirst, crypto::NoteKeyType::kEd25519,
                                                           crypto::AsBytes(key_->PublicDer()))})
                               ->checkpoint.root);
  EXPECT_TRUE(log_->Consistency(kFirst, 17, 301).ok());
  EXPECT_TRUE(log_->File("tile/entries/001.p/45", true, kFirst).ok());
  EXPECT_TRUE(absl::IsNotFound(log_->Checkpoint("tax.example/ledger/2030").status()));
  EXPECT_FALSE(log_->Succession(kSecond, 0, *log_->Checkpoint(kFirst)).ok());
}

TEST_F(LedgerLogYearsTest, ACrashBeforeTheEndWasKeptIsMadeUpFor) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  Append(3, kNewYear);
  ASSERT_TRUE(Settles());
  Stop();
  fs::remove_all(folder_.Path("journal/tree"));
  ASSERT_TRUE(Start().ok());
  ExpectProved(2, 1, kFirst, 2);
  EXPECT_TRUE(Settles());
}

TEST_F(LedgerLogYearsTest, AnEndThatCouldNotBeKeptIsTriedAgainWithTheNextEntries) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  const std::string segment = folder_.Path("journal/tree/entries-0000000000.segment");
  for (const std::string& in_the_way : {segment, EndFile()}) {
    could_not_write_ = 0;
    fs::create_directories(in_the_way + "/in the way");
    Append(1, kNewYear);
    for (int i = 0; i < 1000 && could_not_write_ == 0; ++i) absl::SleepFor(absl::Milliseconds(5));
    EXPECT_GT(could_not_write_, 0) << in_the_way;
    fs::remove_all(in_the_way);
  }
  EXPECT_TRUE(fs::is_regular_file(segment));
  Append(1, kNewYear);
  EXPECT_TRUE(Settles());
}

TEST_F(LedgerLogYearsTest, KeepingTheEndOfALogFromBeforeTheStartMarksNothing) {
  ASSERT_TRUE(Start().ok());
  Append(3, kNewYear);
  ASSERT_TRUE(Settles());
  Stop();
  for (const std::string& gone : {Mark(), Marker(), folder_.Path("journal/tree")}) {
    EXPECT_GT(fs::remove_all(gone), 0u) << gone;
  }
  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(Settles());
  Stop();
  EXPECT_FALSE(fs::exists(Mark()));
}

TEST_F(LedgerLogYearsTest, AnEndThatIsNotTheJournalsStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  const std::string note = *log_->Checkpoint()->note;
  Append(3, kNewYear);
  ASSERT_TRUE(Settles());
  Stop();
  std::ofstream(EndFile(), std::ios::binary | std::ios::trunc) << note;
  const absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("is not the last checkpoint"));
}

TEST_F(LedgerLogYearsTest, AJournalFromBeforeTheEndStopsTheNode) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  Stop();
  const std::string older = Copy("older");
  ASSERT_TRUE(Start().ok());
  Append(1, kNewYear);
  ASSERT_TRUE(Settles());
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  const std::string latest = Copy("latest");
  // All of it: the mark is of a log that this journal does not know.
  PutBack(older);
  absl::Status refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("put back to before that log began"));
  // The commits alone: the tree says that the log had ended.
  Stop();
  fs::remove(Mark());
  fs::copy(latest + "/tree", folder_.Path("journal/tree"),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  refused = Start();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
}

TEST_F(LedgerLogYearsTest, ALossOfAllThereWasStaysKnownWhereItWasPruned) {
  journal::JournalOptions options;
  options.folder = folder_.Path("journal");
  options.origin = kFirst;
  const crypto::Checkpoint lost = {kFirst, 12, crypto::Sha256("what there was")};
  ASSERT_TRUE(journal::DeclareLoss(options, lost, kNow).ok());
  ASSERT_TRUE(Start().ok());
  Append(5);
  Append(3, kNewYear);
  ASSERT_TRUE(Settles());
  Stop();
  const auto segment = ledger::tree::SegmentFile::Open(
      ledger::tree::SegmentPath(folder_.Path("journal/tree"), 0), "tax.example/ledger/2027.2", 0);
  ASSERT_TRUE(segment.ok()) << segment.status();
  ASSERT_TRUE(segment->Prune(crypto::IsAboutLog).ok());
  ASSERT_TRUE((*journal::OpenFileJournal(options))->Prune(segment->entries()).ok());
  ASSERT_TRUE(Start().ok());
  EXPECT_TRUE(absl::IsNotFound(journal_->ReadEntries(0, 1).status()));
  ASSERT_EQ(log_->losses().size(), 1u);
  EXPECT_TRUE(log_->IsLost(lost));
}

TEST_F(LedgerLogYearsTest, AMarkOfALogThatEndedIsNoMarkOfAJournalPutBack) {
  ASSERT_TRUE(Start().ok());
  Append(5);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  EXPECT_EQ(Marked(), 5u);
  const std::string mark = folder_.Path("mark");
  fs::copy(Mark(), mark);
  ASSERT_TRUE(Start().ok());
  Append(1, kNewYear);
  ASSERT_TRUE(log_->Checkpoint().ok());
  Stop();
  EXPECT_EQ(Marked(), 2u) << "of the new log";
  fs::remove(Mark());
  fs::copy(mark, Mark());
  EXPECT_TRUE(Start().ok());
}

}  // namespace
}  // namespace vouch::server
