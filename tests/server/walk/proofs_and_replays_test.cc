// What leaves is proved, and what was answered before is answered again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/random.h"
#include "server/verification.h"
#include "tests/fakes/unproved_log.h"
#include "tests/server/walk/walked.h"

namespace vouch::server {
namespace {

using ::testing::ElementsAre;

class ProofsAndReplaysTest : public VerificationTest {};

// Each proof under the log's own checkpoint, as a stranger checks it.
TEST_F(ProofsAndReplaysTest, EveryAnswerIsProvedUnderASignedCheckpoint) {
  for (int round = 0; round < 3; ++round) {
    const auto outcomes = world_.Walk({world_.About("low"), world_.About("nobody")});
    for (const Recorded& outcome : outcomes) {
      ASSERT_NE(outcome.answered(), nullptr);
      ExpectProved({outcome});
    }
  }
}

TEST_F(ProofsAndReplaysTest, OneProofServesWhatACallHasInASpan) {
  Ask refused = world_.About("low");
  refused.parameters = {{"household_size", int64_t{99}}};
  std::vector<Ask> asks = {refused, world_.About("low"), refused, world_.About("high"), refused};
  for (Ask& ask : asks) ask.request_id = asks[0].request_id;
  const auto call = world_.AdmitBatch(asks);
  std::vector<Subject> span;
  for (uint32_t i = 0; i < asks.size(); ++i) span.push_back({call, i});
  span.push_back({world_.Admit(world_.About("nobody")), 0});
  const auto outcomes = world_.verification->Walk(span);
  ASSERT_NE(outcomes[1].answered(), nullptr);
  ASSERT_NE(outcomes[3].answered(), nullptr);
  EXPECT_EQ(outcomes[1].answered()->proof, outcomes[3].answered()->proof);
  EXPECT_EQ(outcomes[1].answered()->proof->log.count, 3u);
  EXPECT_EQ(outcomes[1].answered()->proof->other_leaves.size(), 32u);
  ExpectProved({outcomes[1], outcomes[3]});
  ExpectProved({outcomes[5]});
}

TEST_F(ProofsAndReplaysTest, WhatCannotBeProvedIsNotReleasedAndIsAnsweredLater) {
  const Ask ask = world_.About("low");
  fakes::UnprovedLog log;
  log.failing = absl::InternalError("signing failed");
  Rooms rooms = world_.rooms;
  rooms.log = &log;
  const Verification broken(rooms);
  EXPECT_EQ(NameOf(broken.Walk(std::vector<Subject>{{world_.Admit(ask), 0}})[0]),
            "LEDGER_UNAVAILABLE");
  const uint64_t charged = world_.journal->figures().charge_rows;
  EXPECT_EQ(NameOf(broken.Walk(std::vector<Subject>{{world_.Admit(ask), 0}})[0]),
            "LEDGER_UNAVAILABLE");
  const Recorded again = world_.Walk(ask);
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(NameOf(again), "YES");
  EXPECT_EQ(world_.journal->figures().charge_rows, charged);
  ExpectProved({again});
}

TEST_F(ProofsAndReplaysTest, TheSameRequestGetsTheSameAnswerByteForByte) {
  const Ask ask = world_.About("low");
  const Recorded first = world_.Walk(ask);
  const journal::Journal::Figures before = world_.journal->figures();
  // Whatever the records say meanwhile.
  world_.records.snapshot = std::make_shared<fakes::FakeSnapshot>();
  world_.records.snapshot->loaded = Noon();
  world_.records.snapshot->as_of = absl::CivilDay(2027, 6, 1);
  world_.clock.Advance(absl::Hours(23));
  const Recorded second = world_.Walk(ask);
  ASSERT_NE(second.answered(), nullptr);
  EXPECT_TRUE(second.replayed());
  EXPECT_FALSE(first.replayed());
  EXPECT_EQ(second.answered()->answer, first.answered()->answer);
  EXPECT_EQ(second.answered()->why, first.answered()->why);
  EXPECT_EQ(second.answered()->data_as_of, first.answered()->data_as_of);
  EXPECT_EQ(second.answered()->entry, first.answered()->entry);
  EXPECT_EQ(second.answered()->opening, first.answered()->opening);
  EXPECT_EQ(second.answered()->entry_index, first.answered()->entry_index);
  EXPECT_EQ(second.answered()->question->id, first.answered()->question->id);
  EXPECT_EQ(world_.journal->figures().charge_rows, before.charge_rows);
  EXPECT_EQ(world_.journal->figures().entries, before.entries);
}

TEST_F(ProofsAndReplaysTest, ARepeatWithinOneSpanIsAReplayOfTheFirst) {
  const Ask ask = world_.About("high");
  const auto outcomes = world_.Walk({ask, ask});
  EXPECT_THAT(NamesOf(outcomes), ElementsAre("NO", "NO"));
  EXPECT_TRUE(outcomes[1].replayed());
  EXPECT_EQ(outcomes[0].answered()->entry, outcomes[1].answered()->entry);
}

TEST_F(ProofsAndReplaysTest, AReplayComesBeforeEpochIndexAndLimits) {
  World world([] {
    Terms terms;
    terms.times_asked = 1;
    return terms;
  }());
  world.AddPerson("low", kLow);
  const Ask ask = world.About("low");
  ASSERT_EQ(world.ReasonOf(ask), "");
  Ask newer = world.About("nobody");
  newer.epoch = 2;
  ASSERT_EQ(world.ReasonOf(newer), "");
  world.records.snapshot->unready = {1};
  const Recorded again = world.Walk(ask);
  EXPECT_TRUE(again.replayed());
  EXPECT_EQ(NameOf(again), "YES");
}

TEST_F(ProofsAndReplaysTest, AnIdWithOtherTokensIsReused) {
  const Ask ask = world_.About("low");
  ASSERT_EQ(world_.ReasonOf(ask), "");
  Ask other = ask;
  other.tokens = TokensOf("high");
  EXPECT_EQ(world_.ReasonOf(other), "REQUEST_ID_REUSED");
  other = ask;
  other.requester = "loans.example";
  EXPECT_EQ(world_.ReasonOf(other), "") << "ids are each requester's own";
}

TEST_F(ProofsAndReplaysTest, ARefusalIsNotRemembered) {
  Ask ask = world_.About("low");
  ask.purpose = "UNLISTED";
  ASSERT_EQ(world_.ReasonOf(ask), "NOT_IN_AGREEMENT");
  ask.purpose = "eligibility";
  EXPECT_EQ(world_.ReasonOf(ask), "");
}

TEST_F(ProofsAndReplaysTest, IdsOfAnotherTimeAreRefused) {
  const auto reason = [&](absl::Duration age) {
    Ask ask = world_.About("low");
    ask.request_id = std::string(
        crypto::AsText(crypto::NewUuidV7(absl::ToUnixMillis(world_.clock.Now() - age))));
    return world_.ReasonOf(ask);
  };
  EXPECT_EQ(reason(absl::Hours(23)), "");
  EXPECT_EQ(reason(absl::Hours(24) + absl::Seconds(1)), "BAD_REQUEST_ID");
  EXPECT_EQ(reason(-absl::Seconds(119)), "");
  EXPECT_EQ(reason(-absl::Seconds(121)), "BAD_REQUEST_ID");
}

TEST_F(ProofsAndReplaysTest, ARememberedAnswerIsGivenOnlyWhileTheAgreementIsInForce) {
  const Ask ask = world_.About("low");
  ASSERT_EQ(world_.ReasonOf(ask), "");
  // By the clock it still is, by the journal's time, which never goes back, it is over.
  ASSERT_TRUE(world_.journal->Append({"entry"}, Noon() + absl::Hours(24 * 250)).ok());
  EXPECT_NE(world_.ReasonOf(ask), "");
  World other;
  other.AddPerson("low", kLow);
  const Ask second = other.About("low");
  ASSERT_EQ(other.ReasonOf(second), "");
  other.journal->before_commit = [&] {
    other.folder.Remove("aid");
    ASSERT_TRUE(other.agreements->Reload().ok());
  };
  EXPECT_EQ(other.ReasonOf(second), "NOT_PERMITTED");
}

}  // namespace
}  // namespace vouch::server
