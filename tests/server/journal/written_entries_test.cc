#include "server/journal/written_entries.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {
namespace {

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";

class WrittenEntriesTest : public ::testing::Test {
 protected:
  WrittenEntriesTest() {
    std::string path = "/tmp/vouch-written-XXXXXX";
    folder_ = mkdtemp(&path[0]);
    Open();
  }
  ~WrittenEntriesTest() override {
    journal_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open() {
    JournalOptions options;
    options.folder = folder_ + "/journal";
    options.origin = kOrigin;
    options.segment_bytes = 64 << 10;
    journal_ = *OpenFileJournal(options);
  }
  void Append(uint64_t count) {
    std::vector<std::string> entries;
    for (uint64_t i = 0; i < count; ++i) {
      entries.push_back(absl::StrCat("entry ", all_.size(), std::string(all_.size() % 90, 'x')));
      all_.push_back(entries.back());
    }
    second_ += 1;
    ASSERT_TRUE(journal_->Append(entries, absl::FromUnixSeconds(second_)).ok());
  }
  std::string LastSegment() const {
    std::string last;
    for (const auto& file : std::filesystem::directory_iterator(folder_ + "/journal")) {
      const std::string path = file.path().string();
      if (path.find("commits-") != std::string::npos) last = std::max(last, path);
    }
    return last;
  }

  std::string folder_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> all_;
  int64_t second_ = 1795219200;
};

TEST_F(WrittenEntriesTest, HasEveryEntryOfEverySegmentBesideTheNodeThatHoldsThem) {
  for (int i = 0; i < 200; ++i) Append(1 + static_cast<uint64_t>(i) * 7 % 23);
  const auto written = WrittenEntries::Open(folder_ + "/journal");
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ((*written)->origin(), kOrigin);
  EXPECT_EQ((*written)->range().Root(), journal_->head().range.Root());
  ASSERT_EQ((*written)->range().size(), all_.size());
  std::vector<std::string> read;
  while (read.size() < all_.size()) {
    const auto some = (*written)->Read(read.size(), 100);
    ASSERT_TRUE(some.ok()) << some.status();
    ASSERT_FALSE(some->empty());
    read.insert(read.end(), some->begin(), some->end());
  }
  EXPECT_EQ(read, all_);
  EXPECT_EQ(*(*written)->Read(3, 2), (std::vector<std::string>{all_[3], all_[4]}));
  EXPECT_TRUE(absl::IsOutOfRange((*written)->Read(all_.size(), 1).status()));
}

TEST_F(WrittenEntriesTest, ChangesNothing) {
  Append(5);
  const auto before = std::filesystem::last_write_time(LastSegment());
  ASSERT_TRUE(WrittenEntries::Open(folder_ + "/journal").ok());
  EXPECT_EQ(std::filesystem::last_write_time(LastSegment()), before);
  Append(5);
  EXPECT_EQ((*WrittenEntries::Open(folder_ + "/journal"))->range().size(), 10u);
}

TEST_F(WrittenEntriesTest, LeavesOutWhatIsOnlyHalfWritten) {
  Append(5);
  const uint64_t end = [&] {
    std::ifstream file(LastSegment(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    return bytes.find_last_not_of('\0') + 8;
  }();
  std::fstream file(LastSegment(), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(end / 8 * 8));
  file << "VJF1";
  file.close();
  const auto written = WrittenEntries::Open(folder_ + "/journal");
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ((*written)->range().size(), 5u);
}

TEST_F(WrittenEntriesTest, DamageInTheMiddleIsNoEnd) {
  for (int i = 0; i < 4; ++i) Append(2);
  std::fstream file(LastSegment(), std::ios::binary | std::ios::in | std::ios::out);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  const size_t second = bytes.find("entry 2");
  ASSERT_NE(second, std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(second));
  file << "E";
  file.close();
  EXPECT_TRUE(absl::IsDataLoss(WrittenEntries::Open(folder_ + "/journal").status()));
}

TEST_F(WrittenEntriesTest, AFolderWithoutAJournalIsNotFound) {
  std::filesystem::create_directories(folder_ + "/empty");
  EXPECT_TRUE(absl::IsNotFound(WrittenEntries::Open(folder_ + "/empty").status()));
}

}  // namespace
}  // namespace vouch::server::journal
