#include "server/journal/commit_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/server/journal/failing_files.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

class CommitLogTest : public testing::Test {
 protected:
  // Leaves a journal of this many commits behind, in segments of three or four.
  void Make(int commits, size_t entry_size = 1000) {
    auto journal = OpenSmall();
    ASSERT_TRUE(journal.ok()) << journal.status();
    for (int i = 0; i < commits; ++i) {
      const std::string entries[] = {EntryOf((*journal)->head().commit + 1, entry_size)};
      ASSERT_TRUE((*journal)->Append(entries, At(kStart)).ok());
    }
  }
  static std::string EntryOf(uint64_t commit, size_t size = 1000) {
    std::string entry = absl::StrCat("entry ", commit, " ");
    entry.resize(size, 'e');
    return entry;
  }
  absl::StatusOr<std::unique_ptr<Journal>> OpenSmall() {
    JournalOptions options = OptionsFor(folder_, uint64_t{1} << 40);
    options.segment_bytes = 8192;
    return OpenFileJournal(options);
  }
  absl::Status Open() { return OpenSmall().status(); }
  void ExpectCommits(uint64_t last) {
    auto journal = OpenSmall();
    ASSERT_TRUE(journal.ok()) << journal.status();
    EXPECT_EQ((*journal)->head().commit, last);
    crypto::CompactRange range;
    for (uint64_t commit = 1; commit <= last; ++commit) {
      auto item = (*journal)->Read({commit, 0});
      ASSERT_TRUE(item.ok()) << commit << item.status();
      EXPECT_EQ(item->entry, EntryOf(commit, item->entry.size()));
      range.Append(crypto::LeafHash(crypto::AsBytes(item->entry)));
    }
    EXPECT_EQ((*journal)->head().range.Root(), range.Root());
  }
  std::vector<std::string> Segments() {
    std::vector<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
      if (file.path().extension() == ".log") found.push_back(file.path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  // Changes the byte this far behind the first "entry N ".
  void Bend(const std::string& path, uint64_t commit, ptrdiff_t offset = 20) {
    std::string bytes = ReadWholeFile(path);
    const size_t at = bytes.find(absl::StrCat("entry ", commit, " "));
    ASSERT_NE(at, std::string::npos);
    char& byte = bytes[static_cast<size_t>(static_cast<ptrdiff_t>(at) + offset)];
    byte = static_cast<char>(byte ^ 1);
    WriteWholeFile(path, bytes);
  }

  TemporaryFolder folder_;
};

TEST_F(CommitLogTest, SpreadsOverSegmentsAndReadsFromEach) {
  ASSERT_NO_FATAL_FAILURE(Make(40));
  EXPECT_GT(Segments().size(), 8u);
  ExpectCommits(40);
  ASSERT_NO_FATAL_FAILURE(Make(3));
  ExpectCommits(43);
}

TEST_F(CommitLogTest, FindsACommitAmongManyInOneSegment) {
  auto journal = OpenIn(folder_);
  for (int i = 1; i <= 100; ++i) {
    const std::string entries[] = {EntryOf(i, 20 + static_cast<size_t>(i))};
    ASSERT_TRUE(journal->Append(entries, At(kStart)).ok());
    ASSERT_EQ(journal->Read({static_cast<uint64_t>(i), 0})->entry, entries[0]);
  }
  ASSERT_EQ(Segments().size(), 1u);
  for (uint64_t commit : {1, 15, 16, 17, 18, 99, 100}) {
    EXPECT_EQ(journal->Read({commit, 0})->entry, EntryOf(commit, 20 + commit));
  }
}

TEST_F(CommitLogTest, GivesACommitThatIsLargerThanASegmentOneOfItsOwn) {
  ASSERT_NO_FATAL_FAILURE(Make(2));
  ASSERT_NO_FATAL_FAILURE(Make(2, 30000));
  ASSERT_NO_FATAL_FAILURE(Make(2));
  ExpectCommits(6);
}

TEST_F(CommitLogTest, TakesOffWhatACrashCutShortAtEveryByte) {
  ASSERT_NO_FATAL_FAILURE(Make(2));
  const std::string path = Segments().back();
  const std::string before = ReadWholeFile(path);
  ASSERT_NO_FATAL_FAILURE(Make(1));
  const std::string after = ReadWholeFile(path);
  ASSERT_EQ(before.size(), after.size());
  size_t begin = 0;
  while (before[begin] == after[begin]) ++begin;
  const size_t end = after.find_last_not_of('\0') + 1;
  ASSERT_GT(end, begin + 1000);
  for (size_t written = begin; written < end; written += written < begin + 64 ? 1 : 61) {
    WriteWholeFile(path, after.substr(0, written) + before.substr(written));
    ASSERT_NO_FATAL_FAILURE(ExpectCommits(2)) << written;
    // What was taken off is zeros again: nothing of it can be taken for a commit later.
    EXPECT_EQ(ReadWholeFile(path), before) << written;
  }
  WriteWholeFile(path, after);
  ExpectCommits(3);
}

TEST_F(CommitLogTest, TakesOffACommitOfWhichOnlyLaterPagesArrived) {
  ASSERT_NO_FATAL_FAILURE(Make(2));
  const std::string path = Segments().back();
  const std::string before = ReadWholeFile(path);
  ASSERT_NO_FATAL_FAILURE(Make(1));
  const std::string after = ReadWholeFile(path);
  const size_t middle = after.find("entry 3") + 500;
  WriteWholeFile(path, before.substr(0, middle) + after.substr(middle));
  ASSERT_NO_FATAL_FAILURE(ExpectCommits(2));
  EXPECT_EQ(ReadWholeFile(path), before);
}

TEST_F(CommitLogTest, RefusesADamagedCommitWithOthersBehindIt) {
  ASSERT_NO_FATAL_FAILURE(Make(3));
  ASSERT_EQ(Segments().size(), 1u);
  const std::string good = ReadWholeFile(Segments()[0]);
  for (ptrdiff_t offset : {ptrdiff_t{-150}, ptrdiff_t{-100}, ptrdiff_t{20}, ptrdiff_t{900}}) {
    ASSERT_NO_FATAL_FAILURE(Bend(Segments()[0], 2, offset));
    EXPECT_TRUE(absl::IsDataLoss(Open())) << offset << Open();
    WriteWholeFile(Segments()[0], good);
  }
  ExpectCommits(3);
}

TEST_F(CommitLogTest, RefusesADamagedCommitInAnEarlierSegment) {
  ASSERT_NO_FATAL_FAILURE(Make(9));
  ASSERT_GT(Segments().size(), 2u);
  ASSERT_NO_FATAL_FAILURE(Bend(Segments()[0], 1));
  EXPECT_TRUE(absl::IsDataLoss(Open())) << Open();
}

TEST_F(CommitLogTest, RefusesAMissingSegment) {
  ASSERT_NO_FATAL_FAILURE(Make(12));
  std::filesystem::remove(Segments()[1]);
  EXPECT_TRUE(absl::IsDataLoss(Open())) << Open();
}

TEST_F(CommitLogTest, RefusesMissingFirstCommitsWithoutAnImage) {
  ASSERT_NO_FATAL_FAILURE(Make(12));
  std::filesystem::remove(Segments()[0]);
  EXPECT_TRUE(absl::IsDataLoss(Open())) << Open();
}

TEST_F(CommitLogTest, RefusesASegmentOfAnotherJournal) {
  ASSERT_NO_FATAL_FAILURE(Make(12));
  TemporaryFolder other;
  {
    JournalOptions options = OptionsFor(other);
    options.segment_bytes = 8192;
    auto journal = OpenFileJournal(options);
    for (int i = 1; i <= 12; ++i) {
      const std::string entries[] = {EntryOf(i)};
      ASSERT_TRUE((*journal)->Append(entries, At(kStart)).ok());
    }
  }
  const std::string name = std::filesystem::path(Segments()[1]).filename().string();
  std::filesystem::copy_file(other.journal() + "/" + name, Segments()[1],
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(absl::IsDataLoss(Open())) << Open();
}

TEST_F(CommitLogTest, RefusesANewerFormat) {
  ASSERT_NO_FATAL_FAILURE(Make(1));
  std::string bytes = ReadWholeFile(Segments()[0]);
  bytes[7] = static_cast<char>(kLogVersion + 1);
  WriteWholeFile(Segments()[0], bytes);
  EXPECT_TRUE(absl::IsFailedPrecondition(Open())) << Open();
}

TEST_F(CommitLogTest, RefusesAFileThatIsSomethingElse) {
  ASSERT_NO_FATAL_FAILURE(Make(1));
  WriteWholeFile(Segments()[0], std::string(8192, 'x'));
  EXPECT_TRUE(absl::IsFailedPrecondition(Open())) << Open();
}

TEST_F(CommitLogTest, RefusesADamagedHeader) {
  ASSERT_NO_FATAL_FAILURE(Make(1));
  const std::string good = ReadWholeFile(Segments()[0]);
  for (size_t at : {8, 12, 30, 40, 60}) {
    std::string bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 4);
    WriteWholeFile(Segments()[0], bent);
    EXPECT_TRUE(absl::IsDataLoss(Open())) << at << Open();
  }
}

TEST_F(CommitLogTest, RefusesTheJournalOfAnEarlierVersion) {
  std::filesystem::create_directories(folder_.journal());
  WriteWholeFile(folder_.journal() + "/journal.sqlite", "SQLite format 3");
  EXPECT_TRUE(absl::IsFailedPrecondition(Open())) << Open();
}

TEST_F(CommitLogTest, ForgetsASegmentThatWasNotYetNamed) {
  ASSERT_NO_FATAL_FAILURE(Make(2));
  WriteWholeFile(folder_.journal() + "/commits.new", "half a header");
  ExpectCommits(2);
  EXPECT_FALSE(std::filesystem::exists(folder_.journal() + "/commits.new"));
}

TEST_F(CommitLogTest, BeginsASmallerSegmentWhereThereIsLittleRoom) {
  FailingFiles disk;
  disk.FailWrites(ENOSPC);
  EXPECT_TRUE(absl::IsUnavailable(Open())) << Open();
  disk.FailWrites(0);
  disk.RefuseReservations();
  ASSERT_NO_FATAL_FAILURE(Make(12));
  ExpectCommits(12);
}

}  // namespace
}  // namespace vouch::server::journal
