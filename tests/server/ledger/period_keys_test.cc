#include "server/ledger/period_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/time/clock.h"
#include "tests/harness/process.h"

namespace vouch::server::ledger {
namespace {

namespace fs = std::filesystem;

mode_t ModeOf(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

class PeriodKeysTest : public ::testing::Test {
 protected:
  static crypto::Digest Print(const absl::StatusOr<std::shared_ptr<const crypto::HmacKey>>& key) {
    EXPECT_TRUE(key.ok()) << key.status();
    return key.ok() ? (*key)->Mac("print") : crypto::Digest{};
  }
  static constexpr uint32_t kJune2027 = 2027 * 12 + 5;

  tests::TemporaryFolder temporary_;
  const std::string folder_ = temporary_.Path("deep/periods");
  PeriodKeys keys_{folder_};
};

TEST_F(PeriodKeysTest, AMonthAndADayAreOfUtc) {
  const absl::Time last =
      absl::FromCivil(absl::CivilSecond(2026, 12, 31, 23, 59, 59), absl::UTCTimeZone());
  EXPECT_EQ(TagPeriodOf(last), 2026u * 12 + 11);
  EXPECT_EQ(TagPeriodOf(last + absl::Seconds(1)), 2027u * 12);
  EXPECT_EQ(DayOf(last) + 1, DayOf(last + absl::Seconds(1)));
}

TEST_F(PeriodKeysTest, AKeyIsOnDiskForItsOwnerAloneBeforeItIsHandedOut) {
  Print(keys_.Tag("a-1", kJune2027, 0));
  Print(keys_.Replay(20000));
  for (const char* name : {"tags/a-1/2027-06.0.key", "replay/20000.key"}) {
    EXPECT_EQ(ModeOf(folder_ + "/" + name), 0600u) << name;
  }
  for (const char* name : {"", "/tags", "/tags/a-1", "/replay"}) {
    EXPECT_EQ(ModeOf(folder_ + name), 0700u) << name;
  }
}

TEST_F(PeriodKeysTest, TheSameKeyComesBackAfterARestart) {
  const crypto::Digest before = Print(keys_.Tag("a-1", kJune2027, 0));
  PeriodKeys restarted(folder_);
  EXPECT_EQ(Print(restarted.Tag("a-1", kJune2027, 0)), before);
}

TEST_F(PeriodKeysTest, EveryAgreementMonthAndClassHasAKeyOfItsOwn) {
  const crypto::Digest one = Print(keys_.Tag("a-1", kJune2027, 0));
  EXPECT_NE(Print(keys_.Tag("a-2", kJune2027, 0)), one);
  EXPECT_NE(Print(keys_.Tag("a-1", kJune2027 + 1, 0)), one);
  EXPECT_NE(Print(keys_.Tag("a-1", kJune2027, 1)), one);
  EXPECT_NE(Print(keys_.Replay(20000)), Print(keys_.Replay(20001)));
}

TEST_F(PeriodKeysTest, NothingIsMadeUnlessAsked) {
  EXPECT_TRUE(absl::IsNotFound(keys_.Tag("a-1", kJune2027, 0, /*create=*/false).status()));
  EXPECT_TRUE(absl::IsNotFound(keys_.Replay(20000, /*create=*/false).status()));
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(PeriodKeysTest, AKeyThatCannotBeKeptIsNotHandedOut) {
  fs::create_directories(fs::path(folder_).parent_path());
  std::ofstream(folder_) << "a file where the folder should be";
  EXPECT_FALSE(keys_.Tag("a-1", kJune2027, 0).ok());
  EXPECT_FALSE(keys_.Replay(20000).ok());
}

TEST_F(PeriodKeysTest, ASpoiltKeyIsNotReplaced) {
  Print(keys_.Replay(20000));
  std::ofstream(folder_ + "/replay/20000.key", std::ios::trunc) << "spoilt";
  PeriodKeys restarted(folder_);
  EXPECT_FALSE(restarted.Replay(20000).ok());
}

TEST_F(PeriodKeysTest, DestroysReplayKeysBeforeADayAndNoOthers) {
  for (uint32_t day : {19998u, 19999u, 20000u}) Print(keys_.Replay(day));
  Print(keys_.Tag("a-1", kJune2027, 0));
  ASSERT_TRUE(keys_.DestroyReplayBefore(20000).ok());
  EXPECT_FALSE(fs::exists(folder_ + "/replay/19998.key"));
  EXPECT_FALSE(fs::exists(folder_ + "/replay/19999.key"));
  EXPECT_TRUE(absl::IsNotFound(keys_.Replay(19999, false).status()));
  EXPECT_TRUE(keys_.Replay(20000, false).ok());
  EXPECT_TRUE(keys_.Tag("a-1", kJune2027, 0, false).ok());
}

TEST_F(PeriodKeysTest, ADestroyedKeyIsOverwritten) {
  Print(keys_.Replay(19999));
  const std::string path = folder_ + "/replay/19999.key";
  // A second name keeps the blocks after the first is gone.
  fs::create_hard_link(path, temporary_.Path("kept"));
  ASSERT_TRUE(keys_.DestroyReplayBefore(20000).ok());
  std::ifstream in(temporary_.Path("kept"));
  const std::string left((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(left.find_first_not_of('0'), std::string::npos);
}

TEST_F(PeriodKeysTest, AKeyThatCannotBeDestroyedIsReportedAndTriedAgain) {
  Print(keys_.Replay(20000));
  fs::create_directory(folder_ + "/replay/19990.key");
  EXPECT_FALSE(keys_.DestroyReplayBefore(20000).ok());
  EXPECT_FALSE(keys_.DestroyReplayBefore(20000).ok());
  fs::remove(folder_ + "/replay/19990.key");
  EXPECT_TRUE(keys_.DestroyReplayBefore(20000).ok());
}

TEST_F(PeriodKeysTest, DestroyingBeforeAnythingWasMadeIsNoProblem) {
  EXPECT_TRUE(keys_.DestroyReplayBefore(20000).ok());
}

TEST_F(PeriodKeysTest, ADestroyedMonthIsOverwrittenNotedAndNeverHandedOutAgain) {
  Print(keys_.Tag("a-1", kJune2027, 0));
  Print(keys_.Tag("a-2", kJune2027, 0));
  const std::string path = folder_ + "/tags/a-1/2027-06.0.key";
  fs::create_hard_link(path, temporary_.Path("kept"));
  ASSERT_TRUE(keys_.DestroyTag("a-1", kJune2027, 0, absl::FromUnixSeconds(2000000000)).ok());
  std::ifstream in(temporary_.Path("kept"));
  const std::string left((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(left.find_first_not_of('0'), std::string::npos);
  EXPECT_TRUE(absl::IsNotFound(keys_.Tag("a-1", kJune2027, 0, false).status()));
  EXPECT_TRUE(keys_.Tag("a-2", kJune2027, 0, false).ok());
  std::ifstream notes(folder_ + "/erased");
  const std::string noted((std::istreambuf_iterator<char>(notes)),
                          std::istreambuf_iterator<char>());
  EXPECT_NE(noted.find("a-1 2027-06.0.key\n"), std::string::npos);
  EXPECT_TRUE(absl::IsNotFound(keys_.DestroyTag("a-1", kJune2027, 0, absl::Now())));
}

TEST_F(PeriodKeysTest, NamesEveryMonthThatHasAKey) {
  EXPECT_TRUE(keys_.TagNames()->empty());
  Print(keys_.Tag("b-1", kJune2027, 1));
  Print(keys_.Tag("a-1", kJune2027 + 7, 0));
  Print(keys_.Tag("a-1", kJune2027, 0));
  std::ofstream(folder_ + "/tags/a-1/2027-06.0.key.new") << "left by a crash";
  const auto names = keys_.TagNames();
  ASSERT_TRUE(names.ok());
  ASSERT_EQ(names->size(), 3u);
  EXPECT_EQ((*names)[0].agreement_id, "a-1");
  EXPECT_EQ((*names)[0].tag_period, kJune2027);
  EXPECT_EQ((*names)[1].tag_period, kJune2027 + 7);
  EXPECT_EQ((*names)[2].agreement_id, "b-1");
  EXPECT_EQ((*names)[2].retention_class, 1);
}

// A node that runs on must not keep in memory what is erased from its disk.
TEST_F(PeriodKeysTest, ANewMonthLetsGoOfTheLast) {
  Print(keys_.Tag("a-1", kJune2027, 0));
  Print(keys_.Tag("a-1", kJune2027 + 1, 0));
  PeriodKeys another(folder_);
  ASSERT_TRUE(another.DestroyTag("a-1", kJune2027, 0, absl::Now()).ok());
  EXPECT_TRUE(absl::IsNotFound(keys_.Tag("a-1", kJune2027, 0, false).status()));
}

// Neither of an agreement under which nothing is written any more, nor a day whose file another
// process destroyed first.
TEST_F(PeriodKeysTest, WhatMayBeErasedIsNotInMemoryAnyMore) {
  const uint32_t july = DayOf(absl::FromCivil(absl::CivilMonth(2027, 7), absl::UTCTimeZone()));
  Print(keys_.Tag("ended-1", kJune2027, 0));
  Print(keys_.Replay(july - 1));
  ASSERT_TRUE(keys_.DestroyReplayBefore(july - 1).ok());
  const crypto::Digest june = Print(keys_.Tag("ended-1", kJune2027, 0, false));
  PeriodKeys another(folder_);
  ASSERT_TRUE(another.DestroyReplayBefore(july).ok());
  ASSERT_TRUE(another.DestroyTag("ended-1", kJune2027, 0, absl::Now()).ok());
  EXPECT_EQ(Print(keys_.Tag("ended-1", kJune2027, 0, false)), june) << "nine days have not gone";
  ASSERT_TRUE(keys_.DestroyReplayBefore(july).ok());
  EXPECT_TRUE(absl::IsNotFound(keys_.Tag("ended-1", kJune2027, 0, false).status()));
  EXPECT_TRUE(absl::IsNotFound(keys_.Replay(july - 1, false).status()));
}

}  // namespace
}  // namespace vouch::server::ledger
