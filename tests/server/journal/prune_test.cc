// What is left of a journal whose older entries were pruned: its limits, its logs, and the rest.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/log_entry.h"
#include "server/journal/journal_copy.h"
#include "server/journal/written_entries.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

// 2027-01-01 and 2028-01-01, 00:00:00 UTC.
constexpr uint32_t kNewYear = 1798761600;
constexpr uint32_t kYearAfter = 1830297600;

class PruneTest : public ::testing::Test {
 protected:
  PruneTest() {
    limits_.times_asked = {1, absl::Hours(24)};
    Open();
  }
  void Open() {
    journal_.reset();
    auto opened = OpenFileJournal(OptionsFor(folder_));
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal_ = *std::move(opened);
  }
  // So much that it takes several files.
  void Fill(uint32_t second) {
    for (int i = 0; i < 40; ++i) {
      std::vector<std::string> entries;
      entries.reserve(10);
      for (int k = 0; k < 10; ++k) {
        entries.push_back(absl::StrCat("entry ", second + i, " ", k, std::string(1000, '.')));
      }
      ASSERT_TRUE(journal_->Append(entries, At(second + static_cast<uint32_t>(i))).ok());
    }
  }
  size_t Files() const {
    const std::filesystem::directory_iterator all(folder_.journal());
    return static_cast<size_t>(std::count_if(begin(all), end(all), [](const auto& file) {
      return absl::StartsWith(file.path().filename().string(), "commits-");
    }));
  }

  TemporaryFolder folder_;
  policies::Limits limits_ = WideLimits();
  std::unique_ptr<Journal> journal_;
};

TEST_F(PruneTest, LeavesLimitsRequestsAndTheRestOfTheLog) {
  const Proposal asked = Ask(limits_, "a", "first", kStart);
  ASSERT_EQ(VerdictOf(journal_.get(), asked, kStart), Verdict::kAnswer);
  ASSERT_NO_FATAL_FAILURE(Fill(kStart + 1));
  const Head before = journal_->head();
  const size_t files = Files();
  ASSERT_GT(files, 4u);
  const auto first = journal_->Prune(300);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(journal_->head().range.Root(), before.range.Root());
  EXPECT_GT(*first, 200u);
  EXPECT_LE(*first, 300u);
  EXPECT_LT(Files(), files);
  for (int opened = 0; opened < 2; ++opened) {
    EXPECT_EQ(journal_->logs().size(), 1u);
    EXPECT_EQ(journal_->logs()[0].first, 0u);
    EXPECT_TRUE(absl::IsNotFound(journal_->ReadEntries(0, 1).status()));
    EXPECT_TRUE(absl::IsNotFound(journal_->ReadEntries(*first - 1, 1).status()));
    EXPECT_TRUE(journal_->ReadEntries(*first, 1).ok());
    EXPECT_TRUE(journal_->ReadEntries(before.end() - 1, 1).ok());
    // The person was asked about, and so was that request.
    EXPECT_EQ(VerdictOf(journal_.get(), Ask(limits_, "a", "second", kStart + 100), kStart + 100),
              Verdict::kPersonLimit);
    EXPECT_EQ(VerdictOf(journal_.get(), asked, kStart + 100), Verdict::kReplay);
    const auto written = WrittenEntries::Open(folder_.journal());
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_EQ((*written)->end(), journal_->head().end());
    EXPECT_TRUE(absl::IsNotFound((*written)->Read(0, 1).status()));
    ASSERT_NO_FATAL_FAILURE(Open());
  }
}

TEST_F(PruneTest, KnowsTheLogsThatItNoLongerHolds) {
  ASSERT_NO_FATAL_FAILURE(Fill(kStart));
  ASSERT_NO_FATAL_FAILURE(Fill(kNewYear));
  ASSERT_NO_FATAL_FAILURE(Fill(kYearAfter));
  const std::vector<LogSpan> logs = journal_->logs();
  ASSERT_EQ(logs.size(), 3u);
  const auto opening = journal_->ReadEntries(logs[1].first, 1);
  ASSERT_TRUE(opening.ok());
  // Once within the second log, then within the third.
  for (const uint64_t below : {logs[1].first + 200, logs[2].first + 200}) {
    const auto first = journal_->Prune(below);
    ASSERT_TRUE(first.ok()) << first.status();
    ASSERT_GT(*first, logs[1].first);
    ASSERT_NO_FATAL_FAILURE(Open());
    const std::vector<LogSpan> known = journal_->logs();
    ASSERT_EQ(known.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(known[i].origin, logs[i].origin);
      EXPECT_EQ(known[i].first, logs[i].first);
    }
    // The entries that say what each log came to are there for good.
    const auto kept = journal_->ReadEntries(logs[1].first, 1);
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(*kept, *opening);
    EXPECT_TRUE(absl::IsNotFound(journal_->ReadEntries(logs[1].first + 1, 1).status()));
    const auto written = WrittenEntries::Open(folder_.journal());
    ASSERT_TRUE(written.ok()) << written.status();
    ASSERT_EQ((*written)->logs().size(), 3u);
    EXPECT_EQ((*written)->logs()[0].origin, logs[0].origin);
    EXPECT_EQ(*(*written)->Read(logs[1].first, 1), *opening);
  }
  EXPECT_TRUE(journal_->ReadEntries(logs[2].first, 1).ok());
}

TEST_F(PruneTest, ACopyHasAllThatIsLeft) {
  ASSERT_NO_FATAL_FAILURE(Fill(kStart));
  ASSERT_NO_FATAL_FAILURE(Fill(kNewYear));
  const Proposal asked = Ask(limits_, "a", "first", kYearAfter);
  ASSERT_EQ(VerdictOf(journal_.get(), asked, kYearAfter), Verdict::kAnswer);
  ASSERT_NO_FATAL_FAILURE(Fill(kYearAfter + 1));
  const std::vector<LogSpan> logs = journal_->logs();
  const auto opening = journal_->ReadEntries(logs[1].first, 1);
  const auto first = journal_->Prune(logs[2].first + 200);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_GT(*first, logs[2].first);
  // Beside the journal that is open, and written on.
  ASSERT_NO_FATAL_FAILURE(Fill(kYearAfter + 100));
  const std::string to = folder_.path() + "/copied";
  std::filesystem::create_directory(to);
  const auto copy = CopyJournal(folder_.journal(), to, [](uint64_t, uint64_t) {});
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->last_commit, journal_->head().commit);
  const Head head = journal_->head();
  journal_.reset();
  std::filesystem::remove_all(folder_.journal());
  std::filesystem::rename(to, folder_.journal());
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(journal_->head().range.Root(), head.range.Root());
  EXPECT_EQ(journal_->logs().size(), 3u);
  EXPECT_EQ(*journal_->ReadEntries(logs[1].first, 1), *opening);
  EXPECT_EQ(VerdictOf(journal_.get(), asked, kYearAfter + 200), Verdict::kReplay);
  // Without the image the commits that are left say too little.
  journal_.reset();
  std::filesystem::remove(folder_.journal() + "/tables.image");
  std::filesystem::create_directory(to);
  const auto without = CopyJournal(folder_.journal(), to, [](uint64_t, uint64_t) {});
  EXPECT_TRUE(absl::IsDataLoss(without.status())) << without.status();
}

// Killed between what is kept and the first file that goes.
TEST_F(PruneTest, OpeningsThatAreKeptTwiceAreOneLogEach) {
  ASSERT_NO_FATAL_FAILURE(Fill(kStart));
  ASSERT_NO_FATAL_FAILURE(Fill(kNewYear));
  const std::vector<LogSpan> logs = journal_->logs();
  journal_.reset();
  const std::string copy = folder_.path() + "/copy";
  std::filesystem::copy(folder_.journal(), copy);
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_TRUE(journal_->Prune(logs[1].first + 200).ok());
  journal_.reset();
  std::filesystem::copy(
      copy, folder_.journal(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  ASSERT_NO_FATAL_FAILURE(Open());
  const auto written = WrittenEntries::Open(folder_.journal());
  ASSERT_TRUE(written.ok()) << written.status();
  for (const std::vector<LogSpan>& known : {journal_->logs(), (*written)->logs()}) {
    ASSERT_EQ(known.size(), 2u);
    EXPECT_EQ(known[0].origin, logs[0].origin);
    EXPECT_EQ(known[1].first, logs[1].first);
  }
  EXPECT_TRUE(journal_->ReadEntries(0, 1).ok()) << journal_->ReadEntries(0, 1).status();
}

TEST_F(PruneTest, TakesNothingThatIsStillAskedFor) {
  ASSERT_NO_FATAL_FAILURE(Fill(kStart));
  const size_t files = Files();
  EXPECT_EQ(*journal_->Prune(0), 0u);
  EXPECT_EQ(*journal_->Prune(1), 0u);
  EXPECT_EQ(Files(), files);
  // Never the file that is being written.
  EXPECT_LT(*journal_->Prune(UINT64_MAX), journal_->head().end());
  EXPECT_EQ(Files(), 1u);
  EXPECT_TRUE(journal_->Append({"more"}, At(kStart + 1000)).ok());
}

TEST_F(PruneTest, WithoutItsTablesItIsRefusedPlainly) {
  ASSERT_NO_FATAL_FAILURE(Fill(kStart));
  ASSERT_GT(*journal_->Prune(300), 0u);
  journal_.reset();
  std::filesystem::remove(folder_.journal() + "/tables.image");
  JournalOptions options = OptionsFor(folder_);
  EXPECT_TRUE(absl::IsDataLoss(OpenFileJournal(options).status()));
}

TEST_F(PruneTest, ADamagedListOfOpeningsStopsTheNode) {
  ASSERT_NO_FATAL_FAILURE(Fill(kStart));
  ASSERT_NO_FATAL_FAILURE(Fill(kNewYear));
  ASSERT_TRUE(journal_->Prune(journal_->head().first + 200).ok());
  journal_.reset();
  const std::string path = folder_.journal() + "/openings";
  std::string bytes = ReadWholeFile(path);
  ASSERT_GT(bytes.size(), 60u);
  bytes[50] = static_cast<char>(bytes[50] ^ 1);
  WriteWholeFile(path, bytes);
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_TRUE(absl::IsDataLoss(OpenFileJournal(OptionsFor(folder_)).status()));
}

}  // namespace
}  // namespace vouch::server::journal
