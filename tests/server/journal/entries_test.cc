// Reading entries back in order, from any index, also while commits go on.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "server/journal/commit_log.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

class EntriesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(Open()); }
  void Open() {
    journal_.reset();
    JournalOptions options = OptionsFor(folder_, uint64_t{1} << 40);
    options.segment_bytes = 16384;
    auto journal = OpenFileJournal(options);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  void Append(int count, size_t size = 40) {
    std::vector<std::string> entries;
    for (int i = 0; i < count; ++i) {
      std::string entry = absl::StrCat("entry ", written_.size(), " ");
      entry.resize(size, '.');
      entries.push_back(entry);
      written_.push_back(entry);
    }
    ASSERT_TRUE(journal_->Append(entries, At(kStart)).ok());
  }
  // A commit that enters nothing.
  void Charge() {
    const policies::CountLimit limit{1000000, absl::Hours(24)};
    ASSERT_TRUE(
        journal_->ChargeEvaluations(KeyNamed("row"), limit, KeyNamed("key"), 1 << 30, 1, At(kStart))
            .ok());
  }
  void ExpectFrom(uint64_t first, uint32_t count) {
    const auto entries = journal_->ReadEntries(first, count);
    if (first >= written_.size()) {
      EXPECT_TRUE(absl::IsOutOfRange(entries.status())) << entries.status();
      return;
    }
    ASSERT_TRUE(entries.ok()) << first << " " << entries.status();
    ASSERT_GT(entries->size(), 0u);
    ASSERT_LE(entries->size(), count);
    for (size_t i = 0; i < entries->size(); ++i) {
      ASSERT_EQ((*entries)[i], written_[first + i]) << first << " " << i;
    }
  }
  void ExpectAll() {
    for (uint64_t first = 0; first <= written_.size() + 2; ++first) {
      for (uint32_t count : {1u, 2u, 1000u}) ASSERT_NO_FATAL_FAILURE(ExpectFrom(first, count));
    }
  }
  std::string Segment(size_t number) const {
    std::vector<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
      if (file.path().extension() == ".log") found.push_back(file.path().string());
    }
    std::sort(found.begin(), found.end());
    return found.at(number);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> written_;
};

TEST_F(EntriesTest, AreReadFromEveryIndexAcrossCommitsAndSegments) {
  std::mt19937 random(7);
  ASSERT_NO_FATAL_FAILURE(ExpectAll());
  for (int commit = 0; commit < 150; ++commit) {
    if (random() % 3 == 0) {
      ASSERT_NO_FATAL_FAILURE(Charge());
    }
    ASSERT_NO_FATAL_FAILURE(Append(static_cast<int>(1 + random() % 9), 20 + random() % 400));
  }
  ASSERT_NO_FATAL_FAILURE(Charge());
  EXPECT_NE(Segment(3), "");
  ASSERT_NO_FATAL_FAILURE(ExpectAll());
  // And after a start, which knows nothing of what was read before.
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(ExpectAll());
  ASSERT_NO_FATAL_FAILURE(Append(5));
  ASSERT_NO_FATAL_FAILURE(ExpectAll());
}

TEST_F(EntriesTest, AreFoundBehindSegmentsThatEnteredNothing) {
  ASSERT_NO_FATAL_FAILURE(Append(2));
  for (int i = 0; i < 600; ++i) ASSERT_NO_FATAL_FAILURE(Charge());
  ASSERT_NO_FATAL_FAILURE(Append(2));
  for (int i = 0; i < 400; ++i) ASSERT_NO_FATAL_FAILURE(Charge());
  EXPECT_NE(Segment(3), "");
  ASSERT_NO_FATAL_FAILURE(ExpectAll());
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(ExpectAll());
}

TEST_F(EntriesTest, StopBeforeReadingTooMuchAtOnce) {
  for (int i = 0; i < 5; ++i) ASSERT_NO_FATAL_FAILURE(Append(300, 10000));
  uint64_t read = 0;
  int calls = 0;
  while (read < written_.size()) {
    const auto entries = journal_->ReadEntries(read, 100000);
    ASSERT_TRUE(entries.ok()) << entries.status();
    ASSERT_GT(entries->size(), 0u);
    read += entries->size();
    ++calls;
  }
  EXPECT_EQ(read, written_.size());
  EXPECT_GT(calls, 1);
}

TEST_F(EntriesTest, ArchivedAreNotFound) {
  for (int i = 0; i < 200; ++i) ASSERT_NO_FATAL_FAILURE(Append(3, 300));
  const std::string first = Segment(0);
  ASSERT_TRUE(journal_->ReadEntries(0, 1).ok());
  // Moved away under a running node, then before a start (which needs an image to go on).
  std::filesystem::remove(first);
  EXPECT_TRUE(absl::IsNotFound(journal_->ReadEntries(0, 1).status()));
  EXPECT_TRUE(journal_->ReadEntries(written_.size() - 1, 1).ok());
  auto log = [&] {
    journal_.reset();
    return CommitLog::Open(folder_.journal(), kOrigin, 16384);
  }();
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_TRUE(absl::IsNotFound((*log)->ReadEntries(0, 1).status()));
  EXPECT_TRUE((*log)->ReadEntries(written_.size() - 1, 1).ok());
}

TEST_F(EntriesTest, DamagedAreRefused) {
  for (int i = 0; i < 40; ++i) ASSERT_NO_FATAL_FAILURE(Append(1, 300));
  std::string bytes = ReadWholeFile(Segment(0));
  const size_t at = bytes.find("entry 20 ");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 50] = 'x';
  WriteWholeFile(Segment(0), bytes);
  EXPECT_TRUE(absl::IsDataLoss(journal_->ReadEntries(20, 1).status()));
  EXPECT_TRUE(journal_->ReadEntries(19, 1).ok());
  EXPECT_TRUE(journal_->ReadEntries(21, 1).ok());
}

TEST_F(EntriesTest, AreReadWhileCommitsGoOn) {
  std::atomic<bool> done{false};
  std::thread writer([&] {
    std::mt19937 random(3);
    for (int i = 0; i < 400; ++i) {
      std::vector<std::string> entries;
      for (uint32_t j = 0; j <= random() % 5; ++j) {
        entries.push_back(absl::StrCat("entry ", written_.size()));
        written_.push_back(entries.back());
      }
      ASSERT_TRUE(journal_->Append(entries, At(kStart)).ok());
    }
    done = true;
  });
  uint64_t read = 0;
  while (!done || read < journal_->head().tree_size) {
    // The log has a commit a little before the head says so.
    if (read >= journal_->head().tree_size) continue;
    const auto entries = journal_->ReadEntries(read, 7);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const std::string& entry : *entries) ASSERT_EQ(entry, absl::StrCat("entry ", read++));
  }
  writer.join();
  EXPECT_EQ(read, written_.size());
}

}  // namespace
}  // namespace vouch::server::journal
