#include "server/journal/table_image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

constexpr uint64_t kNoImages = uint64_t{1} << 40;

class TableImageTest : public testing::Test {
 protected:
  std::string image() const { return folder_.journal() + "/tables.image"; }

  void CommitSome(Journal* journal, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string name = absl::StrCat(next_++);
      ASSERT_EQ(VerdictOf(journal, Ask(limits_, name, name, kStart), kStart), Verdict::kAnswer);
    }
  }
  // Leaves a journal behind whose image lacks the last commits.
  void MakeJournalWithImage() {
    auto journal = OpenIn(folder_, 5000);
    CommitSome(journal.get(), 40);
    WaitForImage(folder_);
    journal.reset();
    journal = OpenIn(folder_, kNoImages);
    CommitSome(journal.get(), 10);
  }
  void ExpectEverything() {
    auto journal = OpenIn(folder_, kNoImages);
    ASSERT_NE(journal, nullptr);
    EXPECT_EQ(journal->figures().charge_rows, next_ * 3u);
    EXPECT_EQ(journal->figures().remembered, next_ * 1u);
    for (int i = 0; i < next_; ++i) {
      const std::string name = absl::StrCat(i);
      ASSERT_EQ(VerdictOf(journal.get(), Ask(limits_, name, name, kStart), kStart),
                Verdict::kReplay);
    }
  }

  TemporaryFolder folder_;
  policies::Limits limits_ = WideLimits();
  int next_ = 0;
};

TEST_F(TableImageTest, LeavesOnlyTheTailToReplay) {
  MakeJournalWithImage();
  uint64_t with_image = 0;
  {
    auto journal = OpenIn(folder_, kNoImages);
    with_image = journal->figures().tail_bytes;
  }
  ExpectEverything();
  std::filesystem::remove(image());
  ExpectEverything();
  auto journal = OpenIn(folder_, kNoImages);
  EXPECT_LT(with_image, journal->figures().tail_bytes);
}

// One mark too many would refuse the second answer, one too few would allow a third.
TEST_F(TableImageTest, ReplaysEachCommitOnceIntoEachSegment) {
  constexpr int kPeople = 40;
  limits_.times_asked = {2, absl::Hours(1)};
  limits_.whole_agreement = {2 * kPeople, absl::Hours(1)};
  auto journal = OpenIn(folder_, 700);
  for (int i = 0; i < kPeople; ++i) {
    const Proposal ask = Ask(limits_, absl::StrCat(i), absl::StrCat("first ", i), kStart);
    ASSERT_EQ(VerdictOf(journal.get(), ask, kStart), Verdict::kAnswer);
    while (i % 8 == 7 && journal->figures().tail_bytes > 700) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (i % 8 == 3) {
      journal.reset();
      journal = OpenIn(folder_, 700);
    }
  }
  journal.reset();
  journal = OpenIn(folder_, kNoImages);
  for (int i = 0; i < kPeople; ++i) {
    const Proposal again = Ask(limits_, absl::StrCat(i), absl::StrCat("second ", i), kStart);
    const Proposal third = Ask(limits_, absl::StrCat(i), absl::StrCat("third ", i), kStart);
    ASSERT_EQ(VerdictOf(journal.get(), again, kStart), Verdict::kAnswer) << i;
    ASSERT_EQ(VerdictOf(journal.get(), third, kStart), Verdict::kPersonLimit) << i;
  }
  EXPECT_EQ(VerdictOf(journal.get(), Ask(limits_, "eve", "eve", kStart), kStart),
            Verdict::kAgreementLimit);
}

TEST_F(TableImageTest, IsNotBelievedWhenAnythingInItChanged) {
  MakeJournalWithImage();
  const std::string good = ReadWholeFile(image());
  ASSERT_GT(good.size(), 1000u);
  for (size_t at = 0; at < good.size(); at += good.size() / 23) {
    std::string bent = good;
    bent[at] = static_cast<char>(bent[at] ^ 0x10);
    WriteWholeFile(image(), bent);
    ASSERT_NO_FATAL_FAILURE(ExpectEverything()) << at;
  }
}

TEST_F(TableImageTest, IsNotBelievedWhenItIsCut) {
  MakeJournalWithImage();
  const std::string good = ReadWholeFile(image());
  for (size_t size : {size_t{0}, size_t{10}, size_t{40}, good.size() / 2, good.size() - 1}) {
    WriteWholeFile(image(), good.substr(0, size));
    ASSERT_NO_FATAL_FAILURE(ExpectEverything()) << size;
  }
}

TEST_F(TableImageTest, OfAnotherJournalIsNotBelieved) {
  TemporaryFolder other;
  {
    auto journal = OpenIn(other, 100);
    const policies::Limits limits = WideLimits();
    ASSERT_EQ(VerdictOf(journal.get(), Ask(limits, "x", "x", kStart), kStart), Verdict::kAnswer);
    WaitForImage(other);
  }
  MakeJournalWithImage();
  std::filesystem::copy_file(other.journal() + "/tables.image", image(),
                             std::filesystem::copy_options::overwrite_existing);
  ExpectEverything();
}

TEST_F(TableImageTest, AheadOfTheLogShowsThatItWasPutBack) {
  auto journal = OpenIn(folder_, kNoImages);
  CommitSome(journal.get(), 5);
  journal.reset();
  const std::filesystem::path log = folder_.journal() + "/commits-00000000000000000001.log";
  const std::string old = ReadWholeFile(log);
  journal = OpenIn(folder_, 1000);
  CommitSome(journal.get(), 40);
  WaitForImage(folder_);
  journal.reset();
  WriteWholeFile(log, old);
  const auto refused = OpenFileJournal(OptionsFor(folder_));
  EXPECT_TRUE(absl::IsDataLoss(refused.status())) << refused.status();
}

TEST_F(TableImageTest, DamagedIsRefusedWhenTheCommitsBehindItAreGone) {
  {
    auto journal = OpenIn(folder_, 5000);
    CommitSome(journal.get(), 300);
    WaitForImage(folder_);
  }
  std::filesystem::remove(folder_.journal() + "/commits-00000000000000000001.log");
  {
    auto journal = OpenIn(folder_, kNoImages);
    ASSERT_NE(journal, nullptr);
    EXPECT_EQ(journal->figures().charge_rows, next_ * 3u);
    EXPECT_TRUE(absl::IsNotFound(journal->Read({1, 0}).status()));
    EXPECT_TRUE(journal->Read({300, 0}).ok());
  }
  std::string bent = ReadWholeFile(image());
  bent[bent.size() / 2] = static_cast<char>(bent[bent.size() / 2] ^ 1);
  WriteWholeFile(image(), bent);
  EXPECT_TRUE(absl::IsDataLoss(OpenFileJournal(OptionsFor(folder_)).status()));
}

TEST_F(TableImageTest, AloneShowsThatTheWholeLogIsGone) {
  MakeJournalWithImage();
  for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
    if (file.path().extension() == ".log") std::filesystem::remove(file.path());
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto refused = OpenFileJournal(OptionsFor(folder_));
    EXPECT_TRUE(absl::IsDataLoss(refused.status())) << refused.status();
  }
}

TEST_F(TableImageTest, IsWrittenAtACleanEndSoThatNothingIsReplayed) {
  {
    auto journal = OpenIn(folder_, 10000);
    CommitSome(journal.get(), 10);
    EXPECT_EQ(ImageStamp(folder_), "");
  }
  EXPECT_NE(ImageStamp(folder_), "");
  auto journal = OpenIn(folder_, kNoImages);
  EXPECT_EQ(journal->figures().tail_bytes, 0u);
  EXPECT_EQ(journal->figures().charge_rows, next_ * 3u);
}

TEST_F(TableImageTest, ThatCannotBeWrittenStopsNothing) {
  std::filesystem::create_directories(folder_.journal() + "/tables.image.new");
  auto journal = OpenIn(folder_, 500);
  ASSERT_NO_FATAL_FAILURE(CommitSome(journal.get(), 30));
  journal.reset();
  EXPECT_EQ(ImageStamp(folder_), "");
  std::filesystem::remove(folder_.journal() + "/tables.image.new");
  ExpectEverything();
}

TEST_F(TableImageTest, TakenWhileCommitsGoOnIsWhole) {
  auto journal = OpenIn(folder_, 200);
  std::string stamp;
  for (int round = 0; round < 5; ++round) {
    CommitSome(journal.get(), 60);
    stamp = WaitForImage(folder_, stamp);
  }
  journal.reset();
  ExpectEverything();
}

}  // namespace
}  // namespace vouch::server::journal
