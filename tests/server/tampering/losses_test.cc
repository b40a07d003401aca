// An operator who declares a loss to be rid of what was signed. docs/threat_model.md, "A tampering
// operator".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/requester/accepted_losses.h"
#include "client/requester/witness.h"
#include "tests/harness/process.h"
#include "tests/server/service/signed_log.h"

namespace vouch::server {
namespace {

using requester::AcceptedLosses;
using requester::Witness;
using requester::WitnessAnswer;
using requester::WitnessFinding;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1795219200);

class TamperingLossesTest : public testing::Test {
 protected:
  TamperingLossesTest()
      : accepted_(std::make_shared<const AcceptedLosses>(
            std::vector<std::string>{AcceptedLosses::FolderIn(folder_.Path("aid"))})) {
    before_.GrowTo(250);
    restored_.GrowTo(100);
    Open();
    EXPECT_EQ(aid_->Observe(before_.NoteOf(200), {}, 0, kNow).finding, WitnessFinding::kAccepted);
  }
  // As aid.example's node starts.
  void Open() {
    aid_.reset();
    requester::WitnessOptions options;
    options.folder = folder_.Path("aid");
    options.accepted = accepted_;
    aid_ = *Witness::Open(std::move(options));
    for (const SignedLog* log : {&before_, &next_, &third_}) {
      EXPECT_TRUE(
          aid_->Follow({log->origin(),
                        {*crypto::NoteVerifier::From(log->origin(), crypto::NoteKeyType::kEd25519,
                                                     crypto::AsBytes(log->public_der()))}})
              .ok());
    }
  }
  void Accept(const SignedLog& next) {
    ASSERT_TRUE(accepted_->Accept(next.entry(0), "", kNow).ok());
  }
  // The head of the new log, with the best steps there are.
  WitnessAnswer Show(const SignedLog& restored, const SignedLog& next) {
    return aid_->Succeed(before_.origin(), {restored.LossStepTo(next, 200, next.size())},
                         next.NoteOf(next.size()), kNow);
  }

  vouch::tests::TemporaryFolder folder_;
  std::shared_ptr<const AcceptedLosses> accepted_;
  std::unique_ptr<Witness> aid_;
  // What was; what there is after a backup of 100 entries was put back; what begins then.
  SignedLog before_{"irs.example/ledger/2027"};
  SignedLog restored_{before_.origin(), before_.key()};
  SignedLog next_{"irs.example/ledger/2027.2", before_.key()};
  SignedLog third_{"irs.example/ledger/2027.3", before_.key()};
};

TEST_F(TamperingLossesTest, ALossIsTakenOnceItWasAcceptedAndNotBefore) {
  restored_.DeclareLoss(&next_, before_.At(230));
  next_.GrowTo(9);
  const WitnessAnswer refused = Show(restored_, next_);
  EXPECT_EQ(refused.finding, WitnessFinding::kLost);
  EXPECT_THAT(refused.says, HasSubstr("irs.example declared that it lost entries 101 to 230 of "
                                      "irs.example/ledger/2027"));
  EXPECT_THAT(refused.says, HasSubstr("vouch partner accept-loss irs.example"));
  EXPECT_TRUE(refused.evidence.empty());
  Accept(next_);
  EXPECT_EQ(Show(restored_, next_).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(aid_->Observe(next_.NoteOf(9), {}, 0, kNow).finding, WitnessFinding::kAccepted);
  // What it saw before stays: more of it is evidence, and another root of it.
  EXPECT_EQ(aid_->Latest(before_.origin())->checkpoint.size, 200u);
  EXPECT_EQ(aid_->Observe(before_.NoteOf(240), before_.Proof(200, 240), 0, kNow).finding,
            WitnessFinding::kForked);
}

TEST_F(TamperingLossesTest, ALossThatCommitsToLessThanWasSeenIsNotTakenAtAll) {
  restored_.DeclareLoss(&next_, before_.At(199));
  Accept(next_);
  const WitnessAnswer refused = Show(restored_, next_);
  EXPECT_EQ(refused.finding, WitnessFinding::kLost);
  EXPECT_THAT(refused.says, HasSubstr("leaves out what is remembered"));
  EXPECT_THAT(refused.says, HasSubstr("declare-loss --checkpoint"));
}

TEST_F(TamperingLossesTest, ALossOfWhatIsNoLogOfTheAgencyIsNone) {
  // What people would be asked to accept, in words of the operator's own.
  for (const char* name : {"irs.example/ledger/2027\x1b[2Jnothing at all", "a.example/ledger/2027",
                           "irs.example/ledger", ""}) {
    crypto::Checkpoint lost = before_.At(230);
    lost.origin = name;
    SignedLog next(next_.origin(), before_.key());
    restored_.DeclareLoss(&next, lost);
    const WitnessAnswer refused = Show(restored_, next);
    EXPECT_EQ(refused.finding, WitnessFinding::kBadProof) << refused.says;
    EXPECT_THAT(refused.says, HasSubstr("the loss of what is no log of its agency"));
  }
}

TEST_F(TamperingLossesTest, ALossOfAnotherRootThanWasSeenIsNotTakenAtAll) {
  SignedLog rewritten(before_.origin(), before_.key());
  rewritten.GrowTo(200, " rewritten");
  restored_.DeclareLoss(&next_, rewritten.At(200));
  Accept(next_);
  const WitnessAnswer refused = Show(restored_, next_);
  EXPECT_EQ(refused.finding, WitnessFinding::kLost);
  EXPECT_THAT(refused.says, HasSubstr("with another root"));
}

TEST_F(TamperingLossesTest, ASecondDeclarationMayReachWhatTheFirstLeftOut) {
  restored_.DeclareLoss(&next_, before_.At(150));
  next_.GrowTo(5);
  next_.DeclareLoss(&third_, before_.At(200));
  const auto show = [&] {
    return aid_->Succeed(before_.origin(),
                         {restored_.LossStepTo(next_, 200, 5), next_.LossStepTo(third_, 0, 1)},
                         third_.NoteOf(1), kNow);
  };
  Accept(third_);
  EXPECT_EQ(show().finding, WitnessFinding::kLost) << "the first is not accepted";
  Accept(next_);
  EXPECT_EQ(show().finding, WitnessFinding::kAccepted);
}

TEST_F(TamperingLossesTest, ALossThatDoesNotStandFirstIsCaughtByTheRequester) {
  next_.GrowTo(1);
  restored_.DeclareLoss(&next_, before_.At(230));
  SignedLog honest(next_.origin(), before_.key());
  restored_.DeclareLoss(&honest, before_.At(230));
  Accept(honest);
  crypto::LogSuccession step = restored_.LossStepTo(next_, 200, 2);
  step.opening = honest.entry(0);
  const WitnessAnswer caught = aid_->Succeed(before_.origin(), {step}, next_.NoteOf(2), kNow);
  EXPECT_EQ(caught.finding, WitnessFinding::kBadProof);
  EXPECT_FALSE(caught.evidence.empty());
}

TEST_F(TamperingLossesTest, ARewrittenRestIsCaughtWhereItReachesWhatWasSeen) {
  // Of a log of which more is there than was seen, no loss excuses from the proof.
  SignedLog rewritten(before_.origin(), before_.key());
  rewritten.GrowTo(210, " rewritten");
  rewritten.DeclareLoss(&next_, before_.At(230));
  Accept(next_);
  const WitnessAnswer caught = Show(rewritten, next_);
  EXPECT_EQ(caught.finding, WitnessFinding::kBadProof);
  EXPECT_FALSE(caught.evidence.empty());
}

TEST_F(TamperingLossesTest, ALossAfterAnotherRestThanTheSignedOneIsCaught) {
  SignedLog shorter(before_.origin(), before_.key());
  shorter.GrowTo(90);
  restored_.DeclareLoss(&next_, before_.At(230));
  Accept(next_);
  EXPECT_EQ(Show(shorter, next_).finding, WitnessFinding::kBadProof);
}

TEST_F(TamperingLossesTest, WhatIsLostIsNotHeldAgainstItsLogOnceThatWasAccepted) {
  restored_.DeclareLoss(&next_, before_.At(230));
  // Somebody else was shown 180 entries; nothing can prove that 200 go on from there any more.
  Accept(next_);
  ASSERT_EQ(Show(restored_, next_).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(aid_->Observe(before_.NoteOf(180), {}, 0, kNow).finding, WitnessFinding::kOlder);
  EXPECT_EQ(aid_->Observe(before_.NoteOf(220), {}, 0, kNow).finding, WitnessFinding::kOlder);
  EXPECT_EQ(aid_->Latest(before_.origin())->checkpoint.size, 200u);
  SignedLog forked(before_.origin(), before_.key());
  forked.GrowTo(200, " otherwise");
  EXPECT_EQ(aid_->Observe(forked.NoteOf(200), {}, 0, kNow).finding, WitnessFinding::kForked);
}

TEST_F(TamperingLossesTest, BeforeItWasAcceptedItIs) {
  EXPECT_EQ(aid_->Observe(before_.NoteOf(180), {}, 0, kNow).finding, WitnessFinding::kBadProof);
}

TEST_F(TamperingLossesTest, AnAcceptanceOutlivesARestart) {
  restored_.DeclareLoss(&next_, before_.At(230));
  Accept(next_);
  Open();
  EXPECT_EQ(Show(restored_, next_).finding, WitnessFinding::kAccepted);
}

}  // namespace
}  // namespace vouch::server
