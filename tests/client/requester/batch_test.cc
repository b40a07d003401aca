#include "client/requester/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "client/requester/batch_call.h"
#include "crypto/digest.h"
#include "tests/client/requester/asking_world.h"
#include "tests/client/requester/numbered_rows.h"
#include "tests/paths.h"

namespace vouch::requester {
namespace {

using ::testing::HasSubstr;

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}
bool Exists(const std::string& path) { return std::ifstream(path).good(); }

absl::StatusOr<BatchCounts> RunNumbered(AskingWorld* world, const std::string& name, int count,
                                        size_t rows_per_message = 100) {
  NumberedRows rows(count);
  auto requester = world->Open();
  return AskBatch(requester.get(), NumberedOptions(world->folder.Path(name), rows_per_message),
                  &rows);
}

// What a run that nothing disturbed writes.
std::string Expected(int count) {
  static auto* const world = new AskingWorld();
  const std::string name = "expected-" + std::to_string(count);
  if (!Exists(world->folder.Path(name))) {
    EXPECT_TRUE(RunNumbered(world, name, count).ok());
  }
  return Read(world->folder.Path(name));
}

TEST(BatchTest, AnswersEveryRowInOrder) {
  AskingWorld world;
  const auto counts = RunNumbered(&world, "out", 1234);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->rows, 1234u);
  const auto askable = static_cast<size_t>(NumberedRows::Askable(1234));
  EXPECT_EQ(counts->yes + counts->no + counts->undetermined, askable);
  EXPECT_EQ(world.responder->charged(), askable);
  EXPECT_FALSE(Exists(world.folder.Path("out.state")));
  EXPECT_FALSE(Exists(world.folder.Path("out.part")));
  std::ifstream in(world.folder.Path("out"));
  std::string line;
  std::getline(in, line);
  for (int row = 1; row <= 1234; ++row) {
    ASSERT_TRUE(std::getline(in, line));
    EXPECT_EQ(line.substr(0, line.find(',', line.find(',') + 1)),
              absl::StrCat(row, ",case-", row - 1));
  }
  EXPECT_FALSE(std::getline(in, line));
}

TEST(BatchTest, TakesAMessageInSeveralResponses) {
  AskingWorld world;
  const auto counts = RunNumbered(&world, "out", 1000, 1000);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(Read(world.folder.Path("out")), Expected(1000));
}

TEST(BatchTest, AsksWithBlindTokens) {
  WorldOptions wish;
  wish.blind = true;
  AskingWorld world(wish);
  const auto counts = RunNumbered(&world, "out", 60, 20);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(world.responder->charged(), static_cast<size_t>(NumberedRows::Askable(60)));
}

TEST(BatchTest, KilledAtAnyMomentGoesOnToTheSameOutput) {
  const std::string expected = Expected(1500);
  std::mt19937 dice(20270101);
  for (int round = 0; round < 3; ++round) {
    AskingWorld world;
    world.Save();
    world.responder->SetDelay(absl::Milliseconds(8));
    int kills = 0;
    while (!Exists(world.folder.Path("out"))) {
      tests::ProcessRun run;
      run.argv = {VOUCH_BINARY_DIR "/bin/vouch_batch_program",
                  world.folder.path(),
                  world.responder->address(),
                  world.folder.Path("out"),
                  "1500",
                  "25"};
      // Later rounds of killing let it come further.
      run.timeout = kills < 12 ? absl::Milliseconds(60 + dice() % 300) : absl::Seconds(60);
      const tests::ProcessResult result = tests::RunProcess(run);
      if (!result.timed_out) {
        ASSERT_EQ(result.exit_code, 0) << result.err;
      }
      kills += result.timed_out ? 1 : 0;
    }
    EXPECT_GT(kills, 0);
    EXPECT_EQ(Read(world.folder.Path("out")), expected);
    EXPECT_EQ(world.responder->charged(), static_cast<size_t>(NumberedRows::Askable(1500)));
    EXPECT_EQ(world.responder->charged_twice(), 0u);
    EXPECT_EQ(world.responder->reused_ids(), 0u);
  }
}

TEST(BatchTest, GoesOnWhenTheStreamBreaks) {
  AskingWorld world;
  world.responder->BreakAfter(3);
  const auto counts = RunNumbered(&world, "out", 1500);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(Read(world.folder.Path("out")), Expected(1500));
  EXPECT_EQ(world.responder->charged(), static_cast<size_t>(NumberedRows::Askable(1500)));
  EXPECT_EQ(world.responder->batch_ids().size(), 15u);
}

// Nobody takes them while the log is asked for its proofs, say.
TEST(BatchTest, WhatNobodyAskedForIsNotHeldWithoutEnd) {
  AskingWorld world;
  world.responder->SetFlood(/*responses=*/8, /*bytes=*/1 << 20);
  const auto requester = world.Open();
  BatchCall call(requester->channel(), absl::Now() + absl::Seconds(60), 4 << 20);
  v1::VerifyBatchRequest request;
  request.set_request_id("a message of 16.");
  ASSERT_TRUE(call.Send(request));
  for (int i = 0; i < 1000 && !call.ended(); ++i) absl::SleepFor(absl::Milliseconds(10));
  ASSERT_TRUE(call.ended());
  EXPECT_EQ(call.status().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  int waiting = 0;
  while (call.Next(absl::ZeroDuration()).has_value()) ++waiting;
  EXPECT_EQ(waiting, 3);
}

TEST(BatchTest, RepeatsABusyMessageUnderItsRequestId) {
  AskingWorld world;
  world.responder->RefuseNext({fakes::MakeRefused(grpc::StatusCode::UNAVAILABLE, "BUSY", 3),
                               fakes::MakeRefused(grpc::StatusCode::UNAVAILABLE, "NOT_READY", 3)});
  ASSERT_TRUE(RunNumbered(&world, "out", 300).ok());
  EXPECT_EQ(world.responder->batch_ids().size(), 3u);
  EXPECT_EQ(Read(world.folder.Path("out")), Expected(300));
}

TEST(BatchTest, MakesTokensAnewWhenTheEpochChangesUnderWay) {
  AskingWorld world;
  world.responder->SetDelay(absl::Milliseconds(5));
  NumberedRows rows(600);
  BatchOptions options = NumberedOptions(world.folder.Path("out"), 100);
  options.progress = [&world](const BatchCounts& counts) {
    if (counts.rows == 100) world.responder->SetEpoch(world.MakeEpoch(2));
  };
  auto requester = world.Open();
  const auto counts = AskBatch(requester.get(), options, &rows);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->yes + counts->no + counts->undetermined,
            static_cast<size_t>(NumberedRows::Askable(600)));
  EXPECT_EQ(world.responder->charged(), static_cast<size_t>(NumberedRows::Askable(600)));
  // Messages under way in the old epoch were followed by others in the new one.
  EXPECT_GT(world.responder->batch_ids().size(), 6u);
}

TEST(BatchTest, ARefusalOfOneRowIsItsOutcome) {
  AskingWorld world;
  auto requester = world.Open();
  const auto epoch = requester->CurrentEpoch();
  const crypto::Identity person = TestPerson(7);
  const auto tokens = requester->MakeTokens(**epoch, absl::MakeConstSpan(&person, 1));
  world.responder->RefuseTokens(
      Joined(tokens->front()),
      fakes::MakeRefused(grpc::StatusCode::RESOURCE_EXHAUSTED, "PERSON_LIMIT"));
  const auto counts = RunNumbered(&world, "out", 50);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_THAT(Read(world.folder.Path("out")), HasSubstr("8,case-7,,PERSON_LIMIT\n"));
  EXPECT_EQ(counts->refused, 4u);
}

TEST(BatchTest, ARowThatWasRefusedBeforeItsEpochClosedHoldsUpNoRunThatGoesOn) {
  AskingWorld world;
  auto requester = world.Open();
  const auto epoch = requester->CurrentEpoch();
  const crypto::Identity person = TestPerson(7);
  const auto tokens = requester->MakeTokens(**epoch, absl::MakeConstSpan(&person, 1));
  world.responder->RefuseTokens(
      Joined(tokens->front()),
      fakes::MakeRefused(grpc::StatusCode::RESOURCE_EXHAUSTED, "PERSON_LIMIT"));
  // The epoch changes after the message's first span; what followed it was never proved.
  world.responder->SetDelay(absl::Milliseconds(400));
  std::thread changes([&world] {
    for (int i = 0; i < 4000 && world.responder->charged() == 0; ++i) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    world.responder->SetEpoch(world.MakeEpoch(2));
    world.responder->SetLie([](v1::Answered* answered) { answered->clear_data_as_of(); });
  });
  EXPECT_TRUE(absl::IsDataLoss(RunNumbered(&world, "out", 600, 600).status()));
  changes.join();
  ASSERT_EQ(world.responder->batch_ids().size(), 2u);
  world.responder->SetLie(nullptr);
  world.responder->SetDelay(absl::ZeroDuration());
  const auto counts = RunNumbered(&world, "out", 600, 600);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_THAT(Read(world.folder.Path("out")), HasSubstr("\n8,case-7,,KEY_EPOCH\n"));
  EXPECT_EQ(counts->yes + counts->no + counts->undetermined,
            static_cast<size_t>(NumberedRows::Askable(600)) - 1);
  EXPECT_EQ(world.responder->charged_twice(), 0u);
}

TEST(BatchTest, ARefusalOfTheAgreementEndsTheRunAndCanGoOn) {
  AskingWorld world;
  world.responder->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::FAILED_PRECONDITION, "AGREEMENT_NOT_IN_FORCE")});
  const auto stopped = RunNumbered(&world, "out", 300);
  ASSERT_TRUE(RefusalOf(stopped.status()).has_value());
  EXPECT_FALSE(Exists(world.folder.Path("out")));
  ASSERT_TRUE(RunNumbered(&world, "out", 300).ok());
  EXPECT_EQ(Read(world.folder.Path("out")), Expected(300));
  EXPECT_EQ(world.responder->charged_twice(), 0u);
}

TEST(BatchTest, AnUnprovedAnswerEndsTheRunAndIsNotWritten) {
  AskingWorld world;
  world.responder->SetLie([](v1::Answered* answered) {
    answered->set_answer(answered->answer() == v1::YES ? v1::NO : v1::YES);
  });
  EXPECT_TRUE(absl::IsDataLoss(RunNumbered(&world, "out", 300).status()));
  EXPECT_EQ(Read(world.folder.Path("out.part")), "row,reference,answer,refusal\n");
}

TEST(BatchTest, RefusesTheStateOfAnotherRun) {
  AskingWorld world;
  world.responder->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED")});
  ASSERT_FALSE(RunNumbered(&world, "out", 300).ok());
  NumberedRows rows(300);
  BatchOptions options = NumberedOptions(world.folder.Path("out"), 100);
  options.rows_fingerprint = "another input";
  EXPECT_TRUE(absl::IsFailedPrecondition(AskBatch(world.Open().get(), options, &rows).status()));
}

TEST(BatchTest, TakesOverTheStateOfARunThatAskedNothing) {
  AskingWorld world;
  { ASSERT_TRUE(BatchState::Open(world.folder.Path("out.state"), crypto::Sha256("other")).ok()); }
  ASSERT_TRUE(RunNumbered(&world, "out", 50).ok());
  EXPECT_EQ(Read(world.folder.Path("out")), Expected(50));
}

TEST(BatchTest, NeverReplacesAnOutput) {
  AskingWorld world;
  std::ofstream(world.folder.Path("out")) << "precious";
  EXPECT_TRUE(absl::IsAlreadyExists(RunNumbered(&world, "out", 10).status()));
  EXPECT_EQ(Read(world.folder.Path("out")), "precious");
  EXPECT_EQ(world.responder->charged(), 0u);
}

TEST(BatchTest, AMessageTooOldToRepeatIsAskedAgainOnlyOnDemand) {
  AskingWorld world;
  world.responder->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED")});
  NumberedRows rows(50);
  RequesterOptions past = world.Options();
  past.clock = [] { return absl::Now() - absl::Hours(24 * 9); };
  fakes::FakeEpoch epoch = world.MakeEpoch(1);
  epoch.statement.not_before -= absl::Hours(24 * 20);
  epoch.signed_statement = crypto::SignStatement(epoch.statement, world.key_authority);
  world.responder->SetEpoch(epoch);
  BatchOptions options = NumberedOptions(world.folder.Path("out"), 100);
  auto nine_days_ago = Requester::Open(world.agreement, past);
  ASSERT_TRUE(RefusalOf(AskBatch(nine_days_ago->get(), options, &rows).status()).has_value());

  NumberedRows again(50);
  EXPECT_TRUE(absl::IsFailedPrecondition(AskBatch(world.Open().get(), options, &again).status()));
  options.ask_again = true;
  NumberedRows anew(50);
  const auto counts = AskBatch(world.Open().get(), options, &anew);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(Read(world.folder.Path("out")), Expected(50));
}

TEST(BatchStateTest, ARecordCutAnywhereNeverHappened) {
  tests::TemporaryFolder folder;
  const std::string path = folder.Path("state");
  const crypto::Digest run = crypto::Sha256("run");
  size_t before = 0;
  {
    auto state = BatchState::Open(path, run);
    ASSERT_TRUE(state.ok());
    ASSERT_TRUE(state->AddMessage({0, 3, {0, 2}, "first"}).ok());
    before = Read(path).size();
    ASSERT_TRUE(state->AddMessage({3, 3, {1}, "second"}).ok());
  }
  const std::string whole = Read(path);
  for (size_t cut = before; cut < whole.size(); ++cut) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    auto state = BatchState::Open(path, run);
    ASSERT_TRUE(state.ok());
    ASSERT_EQ(state->open_messages().size(), 1u);
    EXPECT_EQ(state->open_messages().front().request, "first");
    ASSERT_TRUE(state->AddMessage({3, 3, {1}, "third"}).ok());
  }
  auto state = BatchState::Open(path, run);
  ASSERT_EQ(state->open_messages().size(), 2u);
  EXPECT_EQ(state->open_messages().back().request, "third");
}

TEST(BatchStateTest, IsHeldByOneRunAtATime) {
  tests::TemporaryFolder folder;
  const auto first = BatchState::Open(folder.Path("state"), crypto::Sha256("run"));
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      BatchState::Open(folder.Path("state"), crypto::Sha256("run")).status()));
}

TEST(BatchStateTest, ForgetsMessagesThatAreWrittenAndStaysSmall) {
  tests::TemporaryFolder folder;
  const std::string path = folder.Path("state");
  auto state = BatchState::Open(path, crypto::Sha256("run"));
  BatchCounts counts;
  for (uint64_t i = 0; i < 90; ++i) {
    ASSERT_TRUE(state->AddMessage({i, 1, {0}, std::string(1 << 20, 'x')}).ok());
    counts.rows = i;
    ASSERT_TRUE(state->SetWritten(counts).ok());
  }
  EXPECT_EQ(state->open_messages().size(), 1u);
  EXPECT_LT(Read(path).size(), size_t{65} << 20);
  EXPECT_TRUE(absl::IsFailedPrecondition(BatchState::Open(path, crypto::Sha256("run")).status()));
}

}  // namespace
}  // namespace vouch::requester
