#include "server/walkers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using ::testing::Each;

// Counts from a gate that holds every commit until it is opened.
class Gate {
 public:
  void Pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void Open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  // Until that many commits have come to the gate.
  void Await(int commits) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= commits; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

// A queued call that keeps what it was told.
class FakeCall final : public WaitingCall {
 public:
  FakeCall(std::shared_ptr<const admission::AdmittedCall> call, const std::atomic<int>* commits)
      : call_(std::move(call)), commits_(commits) {}

  const std::shared_ptr<const admission::AdmittedCall>& call() const override { return call_; }
  bool Abandoned() const override { return abandoned; }
  void Done(uint32_t first, std::vector<Recorded> outcomes, bool last) override {
    if (busy_.exchange(true)) overlapped = true;
    if (while_sent != nullptr) while_sent();
    std::lock_guard<std::mutex> lock(mutex_);
    firsts.push_back(first);
    in_order &= first == answered && !ended;
    answered += static_cast<uint32_t>(outcomes.size());
    ended = last;
    commit = commits_->load();
    for (const Recorded& outcome : outcomes) names.push_back(NameOf(outcome));
    busy_ = false;
  }
  void Dropped() override {
    std::lock_guard<std::mutex> lock(mutex_);
    ++dropped;
  }

  std::atomic<bool> abandoned{false}, overlapped{false};
  std::function<void()> while_sent;
  // Read once the walkers have stopped.
  std::vector<uint32_t> firsts;
  std::vector<std::string> names;
  uint32_t answered = 0;
  bool in_order = true, ended = false;
  int dropped = 0;
  int commit = 0;  // of the last part

 private:
  const std::shared_ptr<const admission::AdmittedCall> call_;
  const std::atomic<int>* const commits_;
  std::atomic<bool> busy_{false};
  std::mutex mutex_;
};

class WalkersTest : public ::testing::Test {
 protected:
  WalkersTest() {
    world_.journal->keeps = false;
    world_.journal->before_commit = [this] {
      gate_.Pass();
      FakeCall* const leaving = leaves_during_second_commit_;
      if (++commits_ == 2 && leaving != nullptr) leaving->abandoned = true;
    };
  }
  // Calls that are refused early walk as well as any.
  std::shared_ptr<FakeCall> Call(const std::string& requester, size_t items = 1) {
    Ask ask = world_.About("nobody");
    ask.requester = requester;
    ask.agreement_id = "unknown";
    return std::make_shared<FakeCall>(world_.AdmitBatch(std::vector<Ask>(items, ask)), &commits_);
  }
  WalkersOptions Options(int threads) const {
    WalkersOptions options;
    options.threads = threads;
    return options;
  }
  // One walker, held at its first commit.
  std::unique_ptr<Walkers> Held() {
    auto walkers = std::make_unique<Walkers>(world_.verification.get(), nullptr, Options(1));
    EXPECT_TRUE(walkers->Enqueue(Call("first.example")));
    gate_.Await(1);
    return walkers;
  }

  // Whether a second span was committed while the first one's answer was still being sent, with so
  // many single questions waiting by then; looked for so long.
  bool CommitsWhileSending(int waiting, absl::Duration look) {
    Walkers walkers(world_.verification.get(), nullptr, Options(2));
    const auto first = Call("first.example");
    bool committed = false;
    first->while_sent = [&] {
      const absl::Time until = absl::Now() + look;
      while (commits_ < 2 && absl::Now() < until) absl::SleepFor(absl::Milliseconds(1));
      committed = commits_ >= 2;
    };
    EXPECT_TRUE(walkers.Enqueue(first));
    gate_.Await(1);
    for (int i = 0; i < waiting; ++i) EXPECT_TRUE(walkers.Enqueue(Call("aid.example")));
    gate_.Open();
    walkers.Stop();
    return committed;
  }

  World world_{{}, World::Disk::kMemory};
  Gate gate_;
  std::atomic<int> commits_{0};
  std::atomic<FakeCall*> leaves_during_second_commit_{nullptr};
};

TEST_F(WalkersTest, WhatWaitsIsDroppedOnceNothingMoreIsToBeWalked) {
  auto walkers = Held();
  const auto batch = Call("loans.example", 1000), single = Call("aid.example");
  ASSERT_TRUE(walkers->Enqueue(batch));
  ASSERT_TRUE(walkers->Enqueue(single));
  walkers->Refuse();
  EXPECT_FALSE(walkers->Enqueue(Call("aid.example")));
  gate_.Open();
  walkers->Stop();
  EXPECT_EQ(commits_, 1) << "what was under way";
  EXPECT_EQ(batch->dropped, 1);
  EXPECT_EQ(single->dropped, 1);
  EXPECT_EQ(walkers->figures().items, 0u);
}

TEST_F(WalkersTest, SinglesComeFirstAndAWaitingBatchGetsItsShare) {
  auto walkers = Held();
  const auto batch = Call("loans.example", 1000);
  ASSERT_TRUE(walkers->Enqueue(batch));
  std::vector<std::shared_ptr<FakeCall>> singles;
  for (int i = 0; i < 600; ++i) {
    singles.push_back(Call("aid.example"));
    ASSERT_TRUE(walkers->Enqueue(singles.back()));
  }
  gate_.Open();
  walkers->Stop();
  size_t in_first_span = 0;
  for (const auto& single : singles) in_first_span += single->commit == 2 ? 1 : 0;
  EXPECT_EQ(in_first_span, 384u);
  ASSERT_GE(batch->firsts.size(), 2u);
  EXPECT_EQ(batch->firsts[1], 128u) << "a quarter of the span was the batch's";
}

TEST_F(WalkersTest, ASingleQuestionWaitsForAtMostOneSpanOfABatch) {
  auto walkers = Held();
  const auto batch = Call("aid.example", 4096);
  ASSERT_TRUE(walkers->Enqueue(batch));
  const auto single = Call("loans.example");
  ASSERT_TRUE(walkers->Enqueue(single));
  gate_.Open();
  walkers->Stop();
  EXPECT_EQ(single->commit, 2);
  EXPECT_GT(batch->commit, 2);
}

TEST_F(WalkersTest, RequestersTakeTurns) {
  auto walkers = Held();
  std::vector<std::shared_ptr<FakeCall>> many, few;
  for (int i = 0; i < 2000; ++i) {
    many.push_back(Call("aid.example"));
    ASSERT_TRUE(walkers->Enqueue(many.back()));
  }
  for (int i = 0; i < 10; ++i) {
    few.push_back(Call("loans.example"));
    ASSERT_TRUE(walkers->Enqueue(few.back()));
  }
  gate_.Open();
  walkers->Stop();
  for (const auto& call : few) EXPECT_EQ(call->commit, 2);
}

TEST_F(WalkersTest, AFewSinglesWaitUntilTheAnswersBeforeThemAreSent) {
  EXPECT_FALSE(CommitsWhileSending(100, absl::Milliseconds(100)));
}

TEST_F(WalkersTest, AWellFilledSpanBeginsWhileAnswersAreSent) {
  EXPECT_TRUE(CommitsWhileSending(300, absl::Seconds(30)));
}

TEST_F(WalkersTest, BatchesOfRequestersTakeTurns) {
  auto walkers = Held();
  const auto one = Call("aid.example", 4096), other = Call("loans.example", 1024);
  ASSERT_TRUE(walkers->Enqueue(one));
  ASSERT_TRUE(walkers->Enqueue(other));
  gate_.Open();
  walkers->Stop();
  EXPECT_LE(other->commit, 6) << "two spans of its own, and the other's between";
  EXPECT_EQ(one->answered, 4096u);
}

TEST_F(WalkersTest, PartsOfABatchComeInOrderOneAtATime) {
  gate_.Open();
  Walkers walkers(world_.verification.get(), nullptr, Options(4));
  std::vector<std::shared_ptr<FakeCall>> calls;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(Call(i % 2 == 0 ? "aid.example" : "loans.example", 1300));
    ASSERT_TRUE(walkers.Enqueue(calls.back()));
  }
  walkers.Stop();
  for (const auto& call : calls) {
    EXPECT_TRUE(call->in_order);
    EXPECT_TRUE(call->ended);
    EXPECT_FALSE(call->overlapped);
    EXPECT_EQ(call->answered, 1300u);
  }
}

TEST_F(WalkersTest, AnAbandonedCallIsDroppedBeforeItIsWalked) {
  auto walkers = Held();
  const auto single = Call("aid.example"), batch = Call("aid.example", 2000),
             kept = Call("aid.example");
  for (const auto& call : {single, batch, kept}) ASSERT_TRUE(walkers->Enqueue(call));
  single->abandoned = batch->abandoned = true;
  gate_.Open();
  walkers->Stop();
  EXPECT_EQ(single->dropped, 1);
  EXPECT_EQ(batch->dropped, 1);
  EXPECT_EQ(single->answered + batch->answered, 0u);
  EXPECT_EQ(kept->answered, 1u);
  EXPECT_EQ(walkers->figures().items, 0u);
  EXPECT_EQ(walkers->figures().bytes, 0u);
}

TEST_F(WalkersTest, ABatchAbandonedHalfWayLeavesNothingBehind) {
  auto walkers = Held();
  const auto batch = Call("aid.example", 2000);
  ASSERT_TRUE(walkers->Enqueue(batch));
  leaves_during_second_commit_ = batch.get();
  gate_.Open();
  walkers->Stop();
  EXPECT_EQ(batch->answered, 512u);
  EXPECT_EQ(batch->dropped, 1);
  EXPECT_EQ(walkers->figures().items, 0u);
  EXPECT_EQ(walkers->figures().bytes, 0u);
}

TEST_F(WalkersTest, IsBusyWhenFullAndKeepsNothingOfWhatItRefused) {
  WalkersOptions options = Options(1);
  options.max_items = 10;
  Walkers walkers(world_.verification.get(), nullptr, options);
  ASSERT_TRUE(walkers.Enqueue(Call("first.example")));
  gate_.Await(1);
  EXPECT_FALSE(walkers.Enqueue(Call("aid.example", 10)));
  EXPECT_TRUE(walkers.Enqueue(Call("aid.example", 9)));
  const auto refused = Call("aid.example");
  EXPECT_FALSE(walkers.Enqueue(refused));
  EXPECT_EQ(walkers.figures().items, 10u);
  gate_.Open();
  walkers.Stop();
  EXPECT_EQ(refused->answered, 0u);
  EXPECT_EQ(refused->dropped, 0);
  EXPECT_EQ(walkers.figures().items, 0u);
}

TEST_F(WalkersTest, OneRequesterLeavesRoomForTheOthers) {
  WalkersOptions options = Options(1);
  options.max_items = 1000;
  Walkers walkers(world_.verification.get(), nullptr, options);
  ASSERT_TRUE(walkers.Enqueue(Call("first.example")));
  gate_.Await(1);
  const auto leaves = Call("aid.example", 400), stays = Call("aid.example", 350);
  ASSERT_TRUE(walkers.Enqueue(leaves));
  ASSERT_TRUE(walkers.Enqueue(stays));
  EXPECT_FALSE(walkers.Enqueue(Call("aid.example")));
  EXPECT_TRUE(walkers.Enqueue(Call("loans.example", 249)));
  leaves->abandoned = true;
  gate_.Open();
  while (walkers.figures().items > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(walkers.figures().bytes, 0u);
  // What was answered or dropped is no longer held against it.
  EXPECT_TRUE(walkers.Enqueue(Call("aid.example", 900)));
}

TEST_F(WalkersTest, OneRequestersBytesLeaveRoomToo) {
  WalkersOptions options = Options(1);
  options.max_bytes = 40000;
  Walkers walkers(world_.verification.get(), nullptr, options);
  ASSERT_TRUE(walkers.Enqueue(Call("first.example")));
  gate_.Await(1);
  while (walkers.Enqueue(Call("aid.example"))) continue;
  EXPECT_GT(walkers.figures().bytes, 20000u);
  EXPECT_TRUE(walkers.Enqueue(Call("loans.example", 5)));
  gate_.Open();
}

TEST_F(WalkersTest, BytesAreBoundedToo) {
  WalkersOptions options = Options(1);
  options.max_bytes = 4000;
  Walkers walkers(world_.verification.get(), nullptr, options);
  ASSERT_TRUE(walkers.Enqueue(Call("first.example")));
  gate_.Await(1);
  EXPECT_FALSE(walkers.Enqueue(Call("aid.example", 50)));
  gate_.Open();
  walkers.Stop();
  EXPECT_EQ(walkers.figures().bytes, 0u);
}

TEST_F(WalkersTest, StopFinishesWhatIsQueuedAndRefusesWhatComesLater) {
  auto walkers = Held();
  std::vector<std::shared_ptr<FakeCall>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(Call("aid.example", 1 + static_cast<size_t>(i) * 40));
    ASSERT_TRUE(walkers->Enqueue(calls.back()));
  }
  std::thread opener([this] { gate_.Open(); });
  walkers->Stop();
  opener.join();
  for (const auto& call : calls) EXPECT_TRUE(call->ended);
  EXPECT_FALSE(walkers->Enqueue(Call("aid.example")));
  walkers->Stop();  // again is no harm
}

TEST_F(WalkersTest, ACallIsForgottenOnceItIsDone) {
  gate_.Open();
  Walkers walkers(world_.verification.get(), nullptr, Options(2));
  auto call = Call("aid.example", 700);
  const std::weak_ptr<FakeCall> left = call;
  ASSERT_TRUE(walkers.Enqueue(std::move(call)));
  for (int i = 0; i < 5000 && !left.expired(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(left.expired());
}

TEST(WalkersGroupTest, AGroupCountsAsItsSlots) {
  Terms terms;
  terms.household = 4;
  World world(terms);
  const std::atomic<int> commits{0};
  const Ask ask = world.AboutHousehold({"ann", "bob"});
  const auto call =
      std::make_shared<FakeCall>(world.AdmitBatch(std::vector<Ask>(300, ask)), &commits);
  WalkersOptions options;
  options.threads = 1;
  Walkers walkers(world.verification.get(), nullptr, options);
  ASSERT_TRUE(walkers.Enqueue(call));
  walkers.Stop();
  EXPECT_EQ(call->firsts, (std::vector<uint32_t>{0, kSpan / 4, kSpan / 2}));
  EXPECT_EQ(call->answered, 300u);
  EXPECT_EQ(walkers.figures().items, 0u);
}

// Many threads, real questions, callers who go away: everything is answered or dropped once, and
// nothing is left.
TEST_F(WalkersTest, ManyThreadsLeaveNothingBehind) {
  gate_.Open();
  world_.journal->before_commit = nullptr;
  world_.AddPerson("low", 100);
  Walkers walkers(world_.verification.get(), nullptr, Options(3));
  constexpr int kThreads = 6, kCalls = 60;
  std::mutex mutex;
  std::vector<std::shared_ptr<FakeCall>> all;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(static_cast<uint32_t>(thread));
      for (int i = 0; i < kCalls; ++i) {
        Ask ask = world_.About(random() % 3 == 0 ? "low" : "nobody");
        ask.requester = thread % 2 == 0 ? "aid.example" : "loans.example";
        const size_t items = random() % 4 == 0 ? 1 + random() % 900 : 1;
        auto call =
            std::make_shared<FakeCall>(world_.AdmitBatch(std::vector<Ask>(items, ask)), &commits_);
        if (random() % 5 == 0) call->abandoned = true;
        if (!walkers.Enqueue(call)) continue;
        if (random() % 7 == 0) call->abandoned = true;
        const std::lock_guard<std::mutex> lock(mutex);
        all.push_back(std::move(call));
      }
    });
  }
  std::thread reloader([&] {
    for (int i = 0; i < 5; ++i) (void)world_.agreements->Reload();
  });
  for (std::thread& thread : threads) thread.join();
  reloader.join();
  walkers.Stop();
  EXPECT_EQ(walkers.figures().items, 0u);
  EXPECT_EQ(walkers.figures().bytes, 0u);
  for (const auto& call : all) {
    EXPECT_TRUE(call->in_order);
    EXPECT_FALSE(call->overlapped);
    EXPECT_EQ(call->ended ? 1 : 0, 1 - call->dropped);
    if (call->ended) {
      EXPECT_EQ(call->answered, call->call()->request().items.size());
    }
  }
}

}  // namespace
}  // namespace vouch::server
