#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"
#include "crypto/tiles.h"
#include "server/ledger/tree/segment_file.h"
#include "server/ledger/tree/static_layout.h"
#include "tests/server/walk/marked_log.h"

namespace vouch::server {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

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
