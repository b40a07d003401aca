#include "server/clock_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/harness/process.h"

namespace vouch::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClockWatchTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(watch_.Begin(), absl::OkStatus()); }

  node::ClockStanding Standing() const { return *node::ReadClockStanding(folder_.path()); }
  void Acknowledge(const node::ClockStanding& seen) const {
    ASSERT_EQ(node::WriteClockAcknowledgement(folder_.path(), {seen.event, seen.ahead_seconds}),
              absl::OkStatus());
  }
  bool Waits() const {
    return !absl::IsNotFound(node::ReadClockAcknowledgement(folder_.path()).status());
  }

  tests::TemporaryFolder folder_;
  fakes::FakeClock clock_{absl::FromUnixSeconds(1800000000)};
  std::vector<absl::Duration> entered_;
  absl::Status enters_;
  ClockWatch watch_{&clock_, folder_.path(), [this](absl::Duration ahead) {
                      if (enters_.ok()) entered_.push_back(ahead);
                      return enters_;
                    }};
};

TEST_F(ClockWatchTest, ASmallStepIsNothing) {
  clock_.RunAhead(absl::Minutes(4));
  EXPECT_EQ(watch_.Tick(), absl::OkStatus());
  EXPECT_FALSE(Standing().stopped);
}

TEST_F(ClockWatchTest, ALargeStepIsToldWithAnEventOfItsOwn) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_THAT(std::string(watch_.Tick().message()), HasSubstr("acknowledge-clock"));
  const node::ClockStanding first = Standing();
  EXPECT_TRUE(first.stopped);
  EXPECT_EQ(first.ahead_seconds, 3600);
  EXPECT_FALSE(watch_.Tick().ok());
  EXPECT_EQ(Standing().event, first.event);
}

TEST_F(ClockWatchTest, TheAcknowledgementOfThatEventIsEnteredAndTaken) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  const node::ClockStanding seen = Standing();
  Acknowledge(seen);
  EXPECT_EQ(watch_.Tick(), absl::OkStatus());
  EXPECT_TRUE(clock_.Trusted());
  EXPECT_THAT(entered_, ElementsAre(absl::Hours(1)));
  EXPECT_FALSE(Standing().stopped);
  EXPECT_EQ(Standing().acknowledged, seen.event);
  EXPECT_FALSE(Waits());
}

TEST_F(ClockWatchTest, WithoutItsEntryTheStepIsNotBelieved) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  Acknowledge(Standing());
  enters_ = absl::UnavailableError("the disk is full");
  EXPECT_THAT(std::string(watch_.Tick().message()), HasSubstr("the disk is full"));
  EXPECT_FALSE(clock_.Trusted());
  EXPECT_TRUE(Standing().stopped);
  // Room was made: the same acknowledgement counts.
  enters_ = absl::OkStatus();
  EXPECT_EQ(watch_.Tick(), absl::OkStatus());
  EXPECT_TRUE(clock_.Trusted());
}

TEST_F(ClockWatchTest, AnAcknowledgementOfAnEarlierStepDoesNotCountForALaterOne) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  const node::ClockStanding first = Standing();
  clock_.RunAhead(absl::Hours(-1));
  EXPECT_EQ(watch_.Tick(), absl::OkStatus());
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  Acknowledge(first);
  EXPECT_THAT(std::string(watch_.Tick().message()), HasSubstr("earlier step"));
  EXPECT_FALSE(clock_.Trusted());
  EXPECT_THAT(entered_, IsEmpty());
  EXPECT_FALSE(Waits());
}

TEST_F(ClockWatchTest, AFurtherStepIsAnotherEvent) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  const node::ClockStanding first = Standing();
  Acknowledge(first);
  clock_.RunAhead(absl::Hours(24));
  EXPECT_FALSE(watch_.Tick().ok());
  EXPECT_NE(Standing().event, first.event);
  EXPECT_EQ(Standing().ahead_seconds, 25 * 3600);
  EXPECT_FALSE(clock_.Trusted());
}

TEST_F(ClockWatchTest, AnEmptyFileAcknowledgesNothing) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  std::ofstream(folder_.Path("acknowledge-clock")).flush();
  chmod(folder_.Path("acknowledge-clock").c_str(), 0600);
  EXPECT_FALSE(watch_.Tick().ok());
  EXPECT_FALSE(clock_.Trusted());
  EXPECT_FALSE(Waits());
}

TEST_F(ClockWatchTest, AFileThatOthersCouldWriteIsLeftAside) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  Acknowledge(Standing());
  chmod(folder_.Path("acknowledge-clock").c_str(), 0660);
  EXPECT_FALSE(watch_.Tick().ok());
  EXPECT_FALSE(clock_.Trusted());
}

TEST_F(ClockWatchTest, WhatWasMeantForAnEarlierRunIsTakenAway) {
  Acknowledge({true, std::string(32, 'a'), 3600, ""});
  ClockWatch next(&clock_, folder_.path(), [](absl::Duration) { return absl::OkStatus(); });
  EXPECT_EQ(next.Begin(), absl::OkStatus());
  EXPECT_FALSE(Waits());
}

TEST_F(ClockWatchTest, AClockThatWasSetRightNeedsNoAcknowledgement) {
  clock_.RunAhead(absl::Hours(1));
  EXPECT_FALSE(watch_.Tick().ok());
  clock_.RunAhead(absl::Hours(-1));
  EXPECT_EQ(watch_.Tick(), absl::OkStatus());
  EXPECT_FALSE(Standing().stopped);
  EXPECT_THAT(entered_, IsEmpty());
}

TEST_F(ClockWatchTest, TheNoteIsPrivateAndTheStandingIsNot) {
  Acknowledge({true, std::string(32, 'a'), 3600, ""});
  struct stat facts {};
  ASSERT_EQ(stat(folder_.Path("acknowledge-clock").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(folder_.Path("clock").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0644u);
}

}  // namespace
}  // namespace vouch::server
