// Whose call is answered next.
#include "server/call_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace vouch::server {
namespace {

using ::testing::ElementsAre;

class CallQueueTest : public ::testing::Test {
 protected:
  // Holds the worker until Go().
  CallQueueTest() {
    EXPECT_TRUE(queue_.Add("flood", [this] {
      begun_.set_value();
      go_.get_future().wait();
    }));
    begun_.get_future().wait();
  }
  bool Add(const std::string& caller) {
    return queue_.Add(caller, [this, caller] { served_.push_back(caller); });
  }
  void Go() {
    go_.set_value();
    queue_.Stop();
  }

  std::promise<void> begun_, go_;
  std::vector<std::string> served_;
  CallQueue queue_{1, 4, 3};
};

TEST_F(CallQueueTest, CallersTakeTurns) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Add("flood"));
  EXPECT_TRUE(Add("other"));
  Go();
  EXPECT_THAT(served_, ElementsAre("other", "flood", "flood", "flood"));
}

TEST_F(CallQueueTest, OneCallerHasABoundOfItsOwn) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Add("flood"));
  EXPECT_FALSE(Add("flood"));
  EXPECT_TRUE(Add("other"));
  Go();
}

TEST_F(CallQueueTest, WhoHasNoneWaitingIsTakenAlsoByAFullQueue) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Add("flood"));
  EXPECT_TRUE(Add("another"));
  EXPECT_TRUE(Add("other"));
  EXPECT_FALSE(Add("other"));
  Go();
}

TEST_F(CallQueueTest, WhatIsQueuedIsFinishedAndNothingTakenAfter) {
  EXPECT_TRUE(Add("flood"));
  Go();
  EXPECT_THAT(served_, ElementsAre("flood"));
  EXPECT_FALSE(Add("other"));
}

}  // namespace
}  // namespace vouch::server
