// What processes leave to those that come after them, and to those beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "client/requester/followed_folder.h"
#include "tests/client/requester/followed_log_fixture.h"

namespace vouch::requester {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FollowedLeftTest : public FollowedLogTest {
 protected:
  // A run that had written its last rows under another log, and was killed before it asked.
  void KilledAtItsEnd() {
    ASSERT_TRUE(Use(Open().get(), log_, 70).ok());
    Killed([this](FollowedLog* followed) {
      (void)Use(followed, log_, 75);
      (void)Use(followed, other_, 80);
    });
    ASSERT_EQ(UsedFiles(), 1u);
  }
};

TEST_F(FollowedLeftTest, WhoHasNothingMoreToAskSettlesWhatTheOneBeforeHadUsed) {
  ASSERT_NO_FATAL_FAILURE(KilledAtItsEnd());
  const absl::Status settled = Open()->Settle();
  EXPECT_TRUE(absl::IsDataLoss(settled)) << settled;
  EXPECT_THAT(Text(File(".refused")), HasSubstr(other_.NoteOf(80)));
}

TEST_F(FollowedLeftTest, NothingIsSettledWhileWhatWasUsedCannotBeChecked) {
  EXPECT_TRUE(Use(Open().get(), log_, 70).ok());
  Killed([this](FollowedLog* followed) {
    (void)Use(followed, log_, 75);
    (void)Use(followed, log_, 120);
  });
  reachable_ = false;
  EXPECT_TRUE(absl::IsUnavailable(Open()->Settle()));
  EXPECT_EQ(UsedFiles(), 1u);
  reachable_ = true;
  EXPECT_TRUE(Open()->Settle().ok());
  EXPECT_THAT(proved_, ElementsAre(75u, 120u));
  EXPECT_EQ(UsedFiles(), 0u);
  asked_ = 0;
  EXPECT_TRUE(Open()->Settle().ok());
  EXPECT_EQ(asked_, 0) << "there is nothing to ask";
}

TEST_F(FollowedLeftTest, WhatAnotherProcessTookOverIsNotSettledByThat) {
  ASSERT_NO_FATAL_FAILURE(KilledAtItsEnd());
  reachable_ = false;
  const auto beside = Open();
  EXPECT_TRUE(absl::IsUnavailable(Use(beside.get(), log_, 90)));
  reachable_ = true;
  EXPECT_TRUE(absl::IsDataLoss(Open()->Settle()));
}

TEST_F(FollowedLeftTest, WhatAnotherProcessFoundOutIsNotSettled) {
  ASSERT_NO_FATAL_FAILURE(KilledAtItsEnd());
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), log_, 90)));
  ASSERT_EQ(UsedFiles(), 0u);
  const absl::Status settled = Open()->Settle();
  EXPECT_TRUE(absl::IsDataLoss(settled)) << settled;
  EXPECT_THAT(std::string(settled.message()), HasSubstr(File(".refused")));
  std::filesystem::remove(File(".refused"));
  EXPECT_TRUE(Open()->Settle().ok());
}

TEST_F(FollowedLeftTest, WhatIsShownAgainAndCannotBeCheckedIsStillWaited) {
  ASSERT_NO_FATAL_FAILURE(KilledAtItsEnd());
  const auto followed = Open();
  reachable_ = false;
  EXPECT_TRUE(absl::IsUnavailable(Use(followed.get(), other_, 80))) << "the very same";
  reachable_ = true;
  EXPECT_TRUE(absl::IsDataLoss(Use(followed.get(), log_, 90)));
}

TEST_F(FollowedLeftTest, WhoseLogWasRefusedIsNotBelievedInTheNextOneEither) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), other_, 95)));
  log_.EndWith(&next_);
  next_.GrowTo(9);
  steps_ = {log_.StepTo(next_, 20, 9)};
  const absl::Status next_year = Use(Open().get(), next_, 9);
  EXPECT_TRUE(absl::IsDataLoss(next_year)) << next_year;
  EXPECT_THAT(std::string(next_year.message()), HasSubstr(File(".refused")));
  std::filesystem::remove(File(".refused"));
  EXPECT_TRUE(Use(Open().get(), next_, 9).ok());
}

TEST_F(FollowedLeftTest, WhatWasFoundOutAboutOneAgencyStopsNoOther) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  const std::string refused = folder_ + "/asked/other.refused";
  std::ofstream(refused) << "Vouch: evidence about ssa.example/ledger/2027\n";
  EXPECT_TRUE(Use(Open().get(), log_, 30).ok());
  // Of which nobody can tell whom it is about.
  std::ofstream(refused, std::ios::trunc) << "nonsense";
  const absl::Status unknown = Use(Open().get(), log_, 40);
  EXPECT_TRUE(absl::IsUnavailable(unknown)) << unknown;
  EXPECT_THAT(std::string(unknown.message()), HasSubstr(refused));
}

TEST_F(FollowedLeftTest, WhoWaitsForOneAgencyHoldsUpNobodyWhoAsksAnother) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  const FollowedLock slow(folder_ + "/asked", "ssa.example");
  ASSERT_TRUE(slow.status().ok());
  const absl::Time began = absl::Now();
  EXPECT_TRUE(Use(Open().get(), log_, 30).ok());
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
}

TEST_F(FollowedLeftTest, ANewLogIsNotTakenForTheFirstWhileWhatIsRememberedCannotBeRead) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  std::ofstream(File(".checkpoint"), std::ios::trunc) << "nothing";
  next_.GrowTo(9, " of another history");
  const absl::Status used = Use(Open().get(), next_, 9);
  EXPECT_TRUE(absl::IsUnavailable(used)) << used;
  EXPECT_THAT(std::string(used.message()), HasSubstr("bring the file back"));
}

TEST_F(FollowedLeftTest, OnlyTheTwoThatDoNotGoTogetherAreHeldAgainstALog) {
  const auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 70).ok());
  EXPECT_TRUE(Use(followed.get(), log_, 80).ok());
  // More than it has: it can prove none of this in one call.
  SignedLog secret(kOrigin, log_.key());
  secret.GrowTo(210);
  EXPECT_TRUE(Use(followed.get(), secret, 210).ok()) << "used ahead";
  EXPECT_TRUE(absl::IsDataLoss(followed->Settle()));
  EXPECT_THAT(Text(File(".refused")), HasSubstr(log_.NoteOf(80)));
  EXPECT_THAT(Text(File(".refused")), HasSubstr(secret.NoteOf(210)));
  EXPECT_THAT(Text(File(".refused")), ::testing::Not(HasSubstr(log_.NoteOf(70))));
}

}  // namespace
}  // namespace vouch::requester
