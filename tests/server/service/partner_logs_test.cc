#include "server/partner_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/agreements/agreement_folder.h"
#include "tests/server/service/signed_log.h"

namespace vouch::server {
namespace {

using agreements::Noon;
using requester::WitnessFinding;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kMostLogs = 6;

class PartnerLogsTest : public ::testing::Test {
 protected:
  PartnerLogsTest() {
    log_.GrowTo(20);
    Open();
  }
  void Open() {
    logs_.reset();
    PartnerLogs::Rooms rooms;
    rooms.witness.folder = folder_.Path("witness");
    rooms.most_logs = kMostLogs;
    rooms.witness.accepted = std::make_shared<const requester::AcceptedLosses>(
        std::vector<std::string>{requester::AcceptedLosses::FolderIn(folder_.Path("witness"))});
    rooms.found = [this](const std::string& agency, const requester::WitnessAnswer&) {
      found_.push_back(agency);
    };
    logs_ = *PartnerLogs::Open(std::move(rooms));
    ASSERT_TRUE(logs_->SetKeys(Keys()).ok());
  }
  std::map<std::string, std::string> Keys() { return {{"irs.example", log_.public_der()}}; }
  WitnessFinding Observe(uint64_t since, uint64_t size, bool is_head = true) {
    return logs_
        ->Observe(log_.NoteOf(size), log_.Proof(std::min(since, size), std::max(since, size)),
                  since, is_head, Noon())
        .finding;
  }

  // The year ends after 21 entries; the next has 5.
  void BeginNext() {
    log_.EndWith(&next_);
    next_.GrowTo(5);
  }
  WitnessFinding ShowNext(uint64_t remembered) {
    return logs_
        ->Observe(next_.NoteOf(5), {}, 0, /*is_head=*/true, Noon(),
                  {log_.StepTo(next_, remembered, 5)})
        .finding;
  }

  agreements::AgreementFolder folder_;
  SignedLog log_{"irs.example/ledger/2027"};
  SignedLog next_{"irs.example/ledger/2028", log_.key()};
  std::vector<std::string> found_;
  std::unique_ptr<PartnerLogs> logs_;
};

TEST(AgencyOfLogTest, IsTheNameBeforeLedgerAndYear) {
  EXPECT_EQ(AgencyOfLog("irs.example/ledger/2027"), "irs.example");
  for (const char* other : {"irs.example/ledger/27", "irs.example/ledger/2027/x", "/ledger/2027",
                            "irs.example/ledger/2027.1", "irs.example", "irs.example/journal/2027",
                            "a/b/ledger/2027", ""}) {
    EXPECT_EQ(AgencyOfLog(other), "") << other;
  }
}

TEST_F(PartnerLogsTest, RemembersAcrossARestart) {
  EXPECT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  Open();
  ASSERT_TRUE(logs_->LatestOf("irs.example").has_value());
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.size, 7u);
  EXPECT_THAT(logs_->origins(), ElementsAre("irs.example/ledger/2027"));
  EXPECT_EQ(Observe(7, 20), WitnessFinding::kAccepted);
}

TEST_F(PartnerLogsTest, TheNewestYearIsTheLatest) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  BeginNext();
  ASSERT_EQ(ShowNext(7), WitnessFinding::kAccepted);
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.origin, next_.origin());
  EXPECT_FALSE(logs_->LatestOf("irs").has_value());
  // The one before is remembered as it ended.
  EXPECT_EQ(logs_->Latest(log_.origin())->checkpoint.size, 21u);
  EXPECT_THAT(found_, IsEmpty());
}

TEST_F(PartnerLogsTest, ALaterLogIsFollowedOverYearsThatNobodyLookedAt) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  BeginNext();
  SignedLog third("irs.example/ledger/2029", log_.key());
  next_.EndWith(&third);
  third.GrowTo(4);
  const crypto::LogSuccession steps[] = {log_.StepTo(next_, 7, next_.size()),
                                         next_.StepTo(third, 0, 4)};
  auto without_start = steps[1];
  without_start.old_size = 7;
  EXPECT_EQ(logs_->Observe(third.NoteOf(4), {}, 0, true, Noon(), {without_start}).finding,
            WitnessFinding::kBadProof);
  EXPECT_EQ(logs_->Observe(third.NoteOf(4), {}, 0, true, Noon(), steps).finding,
            WitnessFinding::kAccepted);
  Open();
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.origin, third.origin());
  EXPECT_EQ(logs_->origins().size(), 3u);
}

// The log grew between the question and its answer, and what it had come to was handed in.
TEST_F(PartnerLogsTest, StepsFromWhatIsNoLongerRememberedAreNotJudged) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  ASSERT_EQ(Observe(7, 12), WitnessFinding::kAccepted);
  BeginNext();
  EXPECT_EQ(ShowNext(7), WitnessFinding::kOtherSize);
  EXPECT_EQ(logs_->evidence(), 0u);
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(ShowNext(12), WitnessFinding::kAccepted);
}

TEST_F(PartnerLogsTest, ANewLogThatFollowsNothingIsEvidence) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  next_.GrowTo(3);
  const auto answer = logs_->Observe(next_.NoteOf(3), {}, 0, true, Noon());
  EXPECT_EQ(answer.finding, WitnessFinding::kBadProof);
  EXPECT_FALSE(answer.evidence.empty());
  EXPECT_THAT(found_, ElementsAre("irs.example"));
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.origin, log_.origin());
  // Shown by others, it is looked at when its own node shows it.
  EXPECT_EQ(logs_->Observe(next_.NoteOf(3), {}, 0, false, Noon()).finding,
            WitnessFinding::kUnknownLog);
  EXPECT_EQ(logs_->evidence(), 1u);
}

TEST_F(PartnerLogsTest, ANewLogThatFollowsAnotherEndIsEvidence) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  SignedLog other(log_.origin(), log_.key());
  other.GrowTo(9, " rewritten");
  other.EndWith(&next_);
  next_.GrowTo(5);
  // The other end is shown, which does not go on from what is remembered.
  EXPECT_EQ(
      logs_->Observe(next_.NoteOf(5), {}, 0, true, Noon(), {other.StepTo(next_, 7, 5)}).finding,
      WitnessFinding::kBadProof);
  // The true end is shown, which the new log does not commit to.
  SignedLog true_next(next_.origin(), log_.key());
  log_.EndWith(&true_next);
  auto step = log_.StepTo(true_next, 7, 1);
  step.opening = other.StepTo(next_, 7, 5).opening;
  step.opening_proof = other.StepTo(next_, 7, 5).opening_proof;
  EXPECT_EQ(logs_->Observe(next_.NoteOf(5), {}, 0, true, Noon(), {step}).finding,
            WitnessFinding::kBadProof);
  EXPECT_EQ(logs_->evidence(), 2u);
}

TEST_F(PartnerLogsTest, ALogThatGoesOnAfterItsEndIsEvidence) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  BeginNext();
  ASSERT_EQ(ShowNext(7), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(21, 7, /*is_head=*/false), WitnessFinding::kOlder);
  log_.GrowTo(25);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Observe(21, 25, /*is_head=*/false), WitnessFinding::kForked);
    EXPECT_EQ(
        logs_->Add("irs.example", {21, log_.Proof(21, 25), log_.NoteOf(25), {}}, Noon()).finding,
        WitnessFinding::kForked);
    Open();
  }
  EXPECT_EQ(logs_->evidence(), 1u);
}

TEST_F(PartnerLogsTest, ALossWaitsForPeopleAndIsThenFollowedOverRestarts) {
  ASSERT_EQ(Observe(0, 12), WitnessFinding::kAccepted);
  SignedLog rest(log_.origin(), log_.key());
  SignedLog second("irs.example/ledger/2027.2", log_.key());
  rest.GrowTo(8);
  rest.DeclareLoss(&second, log_.At(15));
  second.GrowTo(5);
  const auto show = [&] {
    return logs_
        ->Observe(second.NoteOf(5), {}, 0, /*is_head=*/true, Noon(),
                  {rest.LossStepTo(second, 12, 5)})
        .finding;
  };
  EXPECT_FALSE(logs_->AwaitsAcceptance("irs.example"));
  EXPECT_EQ(show(), WitnessFinding::kLost);
  EXPECT_TRUE(logs_->AwaitsAcceptance("irs.example"));
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.size, 12u);
  EXPECT_EQ(logs_->evidence(), 0u);
  EXPECT_THAT(found_, IsEmpty());
  ASSERT_TRUE(
      requester::AcceptedLosses({requester::AcceptedLosses::FolderIn(folder_.Path("witness"))})
          .Accept(second.entry(0), "", Noon())
          .ok());
  EXPECT_EQ(show(), WitnessFinding::kAccepted);
  EXPECT_FALSE(logs_->AwaitsAcceptance("irs.example"));
  // What somebody else was shown in the lost time proves nothing, either way.
  EXPECT_EQ(logs_->Observe(log_.NoteOf(14), {}, 12, /*is_head=*/false, Noon()).finding,
            WitnessFinding::kOlder);
  Open();
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.origin, second.origin());
  EXPECT_EQ(logs_->Latest(log_.origin())->checkpoint.size, 12u);
  EXPECT_EQ(logs_->Observe(second.NoteOf(5), {}, 5, /*is_head=*/true, Noon()).finding,
            WitnessFinding::kAccepted);
}

TEST_F(PartnerLogsTest, AnEarlierLogThatWasNeverSeenIsNotFollowed) {
  BeginNext();
  ASSERT_EQ(ShowNext(0), WitnessFinding::kAccepted) << "the first that is seen";
  EXPECT_EQ(Observe(0, 7), WitnessFinding::kUnknownLog);
  EXPECT_EQ(logs_->evidence(), 0u);
}

TEST_F(PartnerLogsTest, ANewLogThatIsHandedInMustShowWhatItFollows) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  BeginNext();
  requester::AddCheckpointRequest request{0, {}, next_.NoteOf(5), {}};
  EXPECT_EQ(logs_->Add("irs.example", request, Noon()).finding, WitnessFinding::kOtherSize);
  EXPECT_EQ(logs_->evidence(), 0u);
  request.successions = {log_.StepTo(next_, 7, 5)};
  EXPECT_EQ(logs_->Add("irs.example", request, Noon()).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.size, 5u);
}

// Anybody on the way can garble steps and proofs.
TEST_F(PartnerLogsTest, WhatIsHandedInWithStepsOrAProofThatDoNotHoldIsNoEvidence) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  BeginNext();
  requester::AddCheckpointRequest request{0, {}, next_.NoteOf(5), {log_.StepTo(next_, 7, 4)}};
  EXPECT_EQ(logs_->Add("irs.example", request, Noon()).finding, WitnessFinding::kBadProof);
  request.successions = {log_.StepTo(next_, 7, 5)};
  request.successions[0].closing[0] ^= 1;
  EXPECT_EQ(logs_->Add("irs.example", request, Noon()).finding, WitnessFinding::kBadProof);
  auto proof = log_.Proof(7, 12);
  proof[0][0] ^= 1;
  EXPECT_EQ(logs_->Add("irs.example", {7, proof, log_.NoteOf(12), {}}, Noon()).finding,
            WitnessFinding::kBadProof);
  EXPECT_EQ(logs_->evidence(), 0u);
  EXPECT_THAT(found_, IsEmpty());
  request.successions = {log_.StepTo(next_, 7, 5)};
  EXPECT_EQ(logs_->Add("irs.example", request, Noon()).finding, WitnessFinding::kAccepted);
}

// A partner may sign as many names of logs as it likes.
TEST_F(PartnerLogsTest, ALogThatIsRefusedTakesNoPlace) {
  for (const uint64_t remembered : {0, 7}) {
    if (remembered > 0) {
      ASSERT_EQ(Observe(0, remembered), WitnessFinding::kAccepted);
    }
    for (int part = 2; part < 6; ++part) {
      SignedLog other(absl::StrCat("irs.example/ledger/2027.", part), log_.key());
      other.GrowTo(3);
      // As if it began at another size, without steps, and with steps that do not hold.
      EXPECT_NE(logs_->Add("irs.example", {1, {}, other.NoteOf(3), {}}, Noon()).finding,
                WitnessFinding::kAccepted);
      SignedLog between(absl::StrCat("irs.example/ledger/2027.", part + 100), log_.key());
      SignedLog third(absl::StrCat("irs.example/ledger/2028.", part), log_.key());
      between.EndWith(&third);
      EXPECT_NE(logs_
                    ->Add("irs.example",
                          {1, {}, third.NoteOf(1), {between.StepTo(third, remembered, 1)}}, Noon())
                    .finding,
                WitnessFinding::kAccepted);
      EXPECT_NE(logs_->Observe(other.NoteOf(3), {}, 1, /*is_head=*/false, Noon()).finding,
                WitnessFinding::kAccepted);
    }
    EXPECT_EQ(logs_->origins().size(), remembered > 0 ? 1u : 0u);
    EXPECT_EQ(logs_->followed(), logs_->origins().size());
  }
}

TEST_F(PartnerLogsTest, AnAgencyHasSoManyLogsAndNoMore) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  uint64_t remembered = 7;
  auto last = std::make_unique<SignedLog>(log_.origin(), log_.key());
  last->GrowTo(7);
  for (uint32_t year = 2028; year < 2027 + kMostLogs + 1; ++year) {
    auto next = std::make_unique<SignedLog>(absl::StrCat("irs.example/ledger/", year), log_.key());
    last->EndWith(next.get());
    const WitnessFinding finding =
        logs_
            ->Add("irs.example", {0, {}, next->NoteOf(1), {last->StepTo(*next, remembered, 1)}},
                  Noon())
            .finding;
    const bool fits = year < 2027 + kMostLogs;
    ASSERT_EQ(finding, fits ? WitnessFinding::kAccepted : WitnessFinding::kNotStored) << year;
    last = std::move(next);
    remembered = 1;
  }
  EXPECT_EQ(logs_->origins().size(), kMostLogs);
}

TEST_F(PartnerLogsTest, TheNewestLogOfEachAgencyIsNamed) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  BeginNext();
  ASSERT_EQ(ShowNext(7), WitnessFinding::kAccepted);
  EXPECT_THAT(logs_->newest(), ElementsAre(next_.origin()));
}

TEST_F(PartnerLogsTest, WhoSignedANoteIsSaidBeforeAnythingIsMadeOfIt) {
  EXPECT_TRUE(logs_->Signed(log_.NoteOf(7)).ok());
  SignedLog forged(log_.origin());
  forged.GrowTo(3);
  EXPECT_TRUE(absl::IsPermissionDenied(logs_->Signed(forged.NoteOf(3))));
  SignedLog other("aid.example/ledger/2027", log_.key());
  EXPECT_TRUE(absl::IsNotFound(logs_->Signed(other.NoteOf(0))));
  EXPECT_TRUE(absl::IsInvalidArgument(logs_->Signed("no note")));
}

TEST_F(PartnerLogsTest, AHeadThatWentBackIsEvidence) {
  ASSERT_EQ(Observe(0, 20), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(20, 7), WitnessFinding::kRolledBack);
  EXPECT_EQ(logs_->evidence(), 1u);
  EXPECT_THAT(found_, ElementsAre("irs.example"));
}

TEST_F(PartnerLogsTest, WhatSomebodyElseRemembersMayBeOlder) {
  ASSERT_EQ(Observe(0, 20), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(20, 7, /*is_head=*/false), WitnessFinding::kOlder);
  EXPECT_THAT(found_, IsEmpty());
}

TEST_F(PartnerLogsTest, AProofForWhatIsNoLongerRememberedIsNotJudged) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  ASSERT_EQ(Observe(7, 12), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(7, 20), WitnessFinding::kOtherSize);
  EXPECT_EQ(logs_->evidence(), 0u);
}

TEST_F(PartnerLogsTest, AnotherKeyOfALogThatIsRememberedIsRefused) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  const SignedLog other(log_.origin());
  EXPECT_TRUE(absl::IsDataLoss(logs_->SetKeys({{"irs.example", other.public_der()}})));
  EXPECT_EQ(Observe(7, 12), WitnessFinding::kNotSigned);
}

TEST_F(PartnerLogsTest, AnUnknownAgencysLogTakesNoPlace) {
  ASSERT_TRUE(logs_->SetKeys({}).ok());
  EXPECT_EQ(Observe(0, 7), WitnessFinding::kUnknownLog);
  EXPECT_THAT(logs_->origins(), IsEmpty());
}

}  // namespace
}  // namespace vouch::server
