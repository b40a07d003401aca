// Journals that come back from a backup, with clocks that are wrong, or twice at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "server/ledger/tree/high_water.h"
#include "server/ledger/tree/tile_store.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server {
namespace {

namespace fs = std::filesystem;

using journal::At;
using journal::Journal;
using journal::kDay;
using journal::kStart;
using journal::Verdict;
using ledger::tree::HighWater;
using ::testing::HasSubstr;

// A node's journal, tree and mark, as it takes them up at start.
class RestoreTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  absl::Status Start(const std::string& journal_folder) {
    auto opened = journal::OpenFileJournal(OptionsOf(journal_folder));
    if (!opened.ok()) return opened.status();
    journal_ = *std::move(opened);
    ledger::tree::TileStoreOptions tiles;
    tiles.folder = Path("tiles");
    tiles.origin = journal::kOrigin;
    tiles.entries = [this](uint64_t first, uint32_t count) {
      return journal_->ReadEntries(first, count);
    };
    auto tree = ledger::tree::TileStore::Open(std::move(tiles), journal_->head().range);
    if (!tree.ok()) return Refused(tree.status());
    tree_ = *std::move(tree);
    ledger::tree::HighWaterOptions mark;
    mark.path = Path("ledger.high-water");
    auto high_water = HighWater::Open(std::move(mark), {signer_.verifier()});
    if (!high_water.ok()) return Refused(high_water.status());
    mark_ = *std::move(high_water);
    const absl::Status held =
        mark_->Check(tree_->size(), [this](uint64_t size) -> absl::StatusOr<crypto::Digest> {
          auto range = crypto::RangeFromTiles(*tree_, size);
          return range.ok() ? absl::StatusOr<crypto::Digest>(range->Root()) : range.status();
        });
    return held.ok() ? held : Refused(held);
  }
  void Stop() {
    mark_.reset();
    tree_.reset();
    journal_.reset();
  }
  absl::Status Refused(absl::Status why) {
    Stop();
    return why;
  }
  journal::JournalOptions OptionsOf(const std::string& folder) const {
    journal::JournalOptions options = journal::OptionsFor(folder_);
    options.folder = Path(folder);
    // An image is written when it is put down.
    options.tail_bytes = 1 << 16;
    return options;
  }
  // Answers about so many people, and signs what comes of it.
  void Answer(int from, int until, uint32_t now = kStart) {
    for (int i = from; i < until; ++i) {
      const std::string name = absl::StrCat("person ", i);
      ASSERT_EQ(journal::VerdictOf(journal_.get(), journal::Ask(limits_, name, name, now), now),
                Verdict::kAnswer);
    }
    const journal::Head head = journal_->head();
    const crypto::Checkpoint checkpoint{journal::kOrigin, head.tree_size, head.range.Root()};
    const crypto::NoteSigner* const signers[] = {&signer_};
    mark_->Raise(checkpoint,
                 std::make_shared<const std::string>(*crypto::SignCheckpoint(checkpoint, signers)));
  }
  void Copy(const std::string& from, const std::string& to) const {
    fs::copy(Path(from), Path(to), fs::copy_options::recursive);
  }

  const journal::TemporaryFolder folder_;
  const policies::Limits limits_ = journal::WideLimits();
  const crypto::NoteSigner signer_ = *crypto::NoteSigner::Make(
      journal::kOrigin, std::make_shared<const crypto::SigningKey>(
                            crypto::SigningKey::Generate(crypto::KeyKind::kEd25519)));
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<ledger::tree::TileStore> tree_;
  std::unique_ptr<HighWater> mark_;
};

TEST_F(RestoreTest, AnOlderBackupOfTheWholeJournalIsRefusedByTheMarkAlone) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 20);
  Stop();
  Copy("journal", "backup");
  ASSERT_TRUE(Start("journal").ok());
  Answer(20, 30);
  Stop();
  const absl::Status refused = Start("backup");
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("has 20 entries"));
  EXPECT_THAT(refused.message(), HasSubstr("signed a checkpoint of 30 entries"));
  // The journal by itself cannot know.
  EXPECT_TRUE(journal::OpenFileJournal(OptionsOf("backup")).ok());
  // As it was when the node stopped, it is taken up, and remembers everybody.
  ASSERT_TRUE(Start("journal").ok());
  EXPECT_EQ(journal::VerdictOf(journal_.get(),
                               journal::Ask(limits_, "person 25", "person 25", kStart), kStart),
            Verdict::kReplay);
}

TEST_F(RestoreTest, ABackupMadeWhenTheNodeStoppedIsTakenUp) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 20);
  Stop();
  Copy("journal", "backup");
  fs::remove_all(Path("journal"));
  ASSERT_TRUE(Start("backup").ok());
  EXPECT_EQ(journal_->head().tree_size, 20u);
}

TEST_F(RestoreTest, AnOlderLogBesideANewerImageIsRefused) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 20);
  Stop();
  Copy("journal", "backup");
  ASSERT_TRUE(Start("journal").ok());
  Answer(20, 30);
  Stop();
  ASSERT_TRUE(fs::exists(Path("journal/tables.image")));
  fs::copy_file(Path("journal/tables.image"), Path("backup/tables.image"),
                fs::copy_options::overwrite_existing);
  const absl::Status refused = Start("backup");
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("the log was put back to an earlier state"));
}

TEST_F(RestoreTest, ALogThatIsGoneIsNotBegunAnew) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 20);
  Stop();
  // With its image, the journal itself sees it; without, the mark does.
  Copy("journal", "images");
  for (const auto& file : fs::directory_iterator(Path("images"))) {
    if (file.path().extension() == ".log") fs::remove(file.path());
  }
  EXPECT_THAT(Start("images").message(), HasSubstr("a table image shows that there was one"));
  const absl::Status refused = Start("empty");
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("has 0 entries"));
}

TEST_F(RestoreTest, ADifferentFutureFromAnOlderBackupIsRefusedAlsoWhenItIsLonger) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 20);
  Stop();
  Copy("journal", "backup");
  ASSERT_TRUE(Start("journal").ok());
  Answer(20, 30);
  Stop();
  {
    auto elsewhere = journal::OpenFileJournal(OptionsOf("backup"));
    ASSERT_TRUE(elsewhere.ok());
    for (int i = 0; i < 20; ++i) {
      const std::string entry = absl::StrCat("another future ", i);
      ASSERT_TRUE((*elsewhere)->Append({&entry, 1}, At(kStart)).ok());
    }
  }
  const absl::Status refused = Start("backup");
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("are not those this node signed"));
}

TEST_F(RestoreTest, AClockSetBackNeitherTurnsBackTheLogNorBringsBackALimit) {
  policies::Limits once = journal::WideLimits();
  once.times_asked = {1, absl::Hours(24)};
  const auto ask = [&](const std::string& request, uint32_t now) {
    return journal::VerdictOf(journal_.get(), journal::Ask(once, "somebody", request, now), now);
  };
  ASSERT_TRUE(Start("journal").ok());
  ASSERT_EQ(ask("first", kStart), Verdict::kAnswer);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(ask("again", kStart - 30 * kDay), Verdict::kPersonLimit);
    EXPECT_EQ(journal_->head().second, kStart);
    Stop();
    ASSERT_TRUE(Start("journal").ok());
  }
  EXPECT_EQ(ask("later", kStart + kDay + 1), Verdict::kAnswer);
}

// The journal takes the time it is given. That a leap ahead is not believed is the clock's part
// (tests/server/walk/clock_watch_test.cc); here, that it harms neither the log nor a new start.
// Into another year: tests/server/journal/years_test.cc.
TEST_F(RestoreTest, AClockFarAheadLeavesALogThatGoesOn) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 3);
  Answer(3, 6, kStart + 30 * kDay);
  Stop();
  ASSERT_TRUE(Start("journal").ok());
  Answer(6, 9);
  EXPECT_EQ(journal_->head().second, kStart + 30 * kDay);
  EXPECT_EQ(journal_->head().tree_size, 9u);
}

TEST_F(RestoreTest, ASecondProcessOnOneJournalIsRefusedAndTheFirstGoesOn) {
  ASSERT_TRUE(Start("journal").ok());
  Answer(0, 3);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto second = journal::OpenFileJournal(OptionsOf("journal"));
    const bool told = absl::IsFailedPrecondition(second.status()) &&
                      second.status().message().find("another process holds the journal") !=
                          absl::string_view::npos;
    _exit(told ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Answer(3, 6);
  EXPECT_EQ(journal_->head().tree_size, 6u);
}

}  // namespace
}  // namespace vouch::server
