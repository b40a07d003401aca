// What a requester makes of a partner that declared a loss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/requester/accepted_losses.h"
#include "tests/client/requester/followed_log_fixture.h"

namespace vouch::requester {
namespace {

using ::testing::HasSubstr;

// A responder that declared that it lost what was remembered of it.
class FollowedLossTest : public FollowedLogTest {
 protected:
  FollowedLossTest() {
    rest_.GrowTo(40);
    rest_.DeclareLoss(&next_, log_.At(120));
    next_.GrowTo(9);
    steps_ = {rest_.LossStepTo(next_, 90, 9)};
    EXPECT_TRUE(Use(Open().get(), log_, 90).ok());
    head_ = 40;
  }
  void Accept() {
    ASSERT_TRUE(AcceptedLosses({AcceptedLosses::FolderIn(folder_ + "/witness")})
                    .Accept(next_.entry(0), "evidence", absl::Now())
                    .ok());
  }
  SignedLog rest_{kOrigin, log_.key()};
};

TEST_F(FollowedLossTest, NothingUnderTheNewLogIsUsedBeforeItIsAcceptedAndAllAfter) {
  const auto followed = Open();
  const absl::Status refused = Use(followed.get(), next_, 9);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("declared that it lost entries 41 to 120"));
  EXPECT_THAT(refused.message(), HasSubstr("vouch partner accept-loss irs.treasury.example"));
  Accept();
  EXPECT_TRUE(Use(followed.get(), next_, 9).ok()) << "in the same process";
  EXPECT_TRUE(Use(Open().get(), next_, 9).ok());
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(90)) << "what it saw is kept";
  EXPECT_EQ(Evidence(), 0u);
}

TEST_F(FollowedLossTest, WhatTheOldLogStillProvesIsUsedOnlyThen) {
  // A repeated question: its entry is in the rest, under the rest's own checkpoint.
  EXPECT_TRUE(absl::IsFailedPrecondition(Use(Open().get(), rest_, 40)));
  Accept();
  EXPECT_TRUE(Use(Open().get(), rest_, 40).ok());
  EXPECT_EQ(Evidence(), 0u);
}

TEST_F(FollowedLossTest, WhatTheOldLogStillProvesIsUsedBesideWhatIsLost) {
  Accept();
  const auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), rest_, 30).ok());
  EXPECT_TRUE(Use(followed.get(), rest_, 35).ok());
  // Both of these in one call, and what was seen of the part that is lost.
  const absl::Status used = Use(followed.get(), rest_, 40, 11);
  EXPECT_TRUE(used.ok()) << used;
  EXPECT_EQ(Evidence(), 0u);
}

TEST_F(FollowedLossTest, WhoCouldNotBeAskedWhetherItLostAnythingIsNotAccused) {
  tells_ = false;
  const absl::Status used = Use(Open().get(), rest_, 40);
  EXPECT_TRUE(absl::IsUnavailable(used)) << used;
  EXPECT_FALSE(std::filesystem::exists(File(".refused")));
  EXPECT_EQ(Evidence(), 0u);
  tells_ = true;
  EXPECT_TRUE(absl::IsFailedPrecondition(Use(Open().get(), rest_, 40)));
  Accept();
  EXPECT_TRUE(Use(Open().get(), rest_, 40).ok());
}

TEST_F(FollowedLossTest, WhatLeadsToTheLogAfterTheLossIsUsedAlsoByWhoNeverSawTheOldLog) {
  Accept();
  EXPECT_TRUE(Use(Open().get(), next_, 9).ok());
  std::filesystem::remove(File(".checkpoint"));
  steps_ = {rest_.LossStepTo(next_, 30, 9)};
  EXPECT_TRUE(Use(Open().get(), rest_, 30).ok());
  EXPECT_EQ(Evidence(), 0u);
  SignedLog lost("irs.treasury.example/ledger/2027.2", log_.key());
  lost.GrowTo(5);
  EXPECT_FALSE(Use(Open().get(), lost, 5).ok()) << "a log that nothing leads from";
  EXPECT_EQ(Evidence(), 1u);
}

TEST_F(FollowedLossTest, OneThatLeavesOutWhatWasSeenIsNeverUsed) {
  SignedLog other("irs.treasury.example/ledger/2028", log_.key());
  rest_.DeclareLoss(&other, log_.At(89));
  steps_ = {rest_.LossStepTo(other, 90, 1)};
  next_.GrowTo(9);
  ASSERT_TRUE(AcceptedLosses({AcceptedLosses::FolderIn(folder_ + "/witness")})
                  .Accept(other.entry(0), "", absl::Now())
                  .ok());
  head_note_ = other.NoteOf(1);
  const absl::Status refused = Use(Open().get(), other, 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("leaves out what is remembered"));
}

}  // namespace
}  // namespace vouch::requester
