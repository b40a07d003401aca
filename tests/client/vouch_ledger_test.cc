#include <atomic>
#include <thread>

#include "nlohmann/json.hpp"
#include "server/clock_watch.h"
#include "tests/client/vouch_program.h"
#include "tests/fakes/fake_clock.h"

namespace vouch::tests {
namespace {

using ::testing::HasSubstr;

// A node's folder, and what its node does about its clock, on a thread.
class VouchLedgerTest : public VouchTest {
 protected:
  void SetUp() override { MakeNode("irs", "irs.treasury.example"); }
  void TearDown() override { StopNode(); }

  void StartNode(absl::Duration ahead) {
    ASSERT_EQ(watch_.Begin(), absl::OkStatus());
    clock_.RunAhead(ahead);
    (void)watch_.Tick();
    running_ = true;
    thread_ = std::thread([this] {
      while (running_) {
        (void)watch_.Tick();
        absl::SleepFor(absl::Milliseconds(50));
      }
    });
  }
  void StopNode() {
    running_ = false;
    if (thread_.joinable()) thread_.join();
  }
  ProcessResult Acknowledge(std::vector<std::string> more) const {
    more.insert(more.begin(), {"ledger", "acknowledge-clock", "--node", "irs"});
    return Vouch(more);
  }

  fakes::FakeClock clock_{absl::Now()};
  std::atomic<int64_t> entered_{0};
  server::ClockWatch watch_{&clock_, Path("irs/run"), [this](absl::Duration ahead) {
                              entered_ = absl::ToInt64Seconds(ahead);
                              return absl::OkStatus();
                            }};
  std::atomic<bool> running_{false};
  std::thread thread_;
};

TEST_F(VouchLedgerTest, SaysHowFarTheClockRanAheadAndHasTheNodeTakeIt) {
  StartNode(absl::Hours(2));
  const ProcessResult result = Acknowledge({"--yes"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("ran ahead by 7200 seconds (2h)"));
  EXPECT_THAT(result.out, HasSubstr("the node answers again"));
  StopNode();
  EXPECT_TRUE(clock_.Trusted());
  EXPECT_EQ(entered_, 7200);
  EXPECT_FALSE(Exists("irs/run/acknowledge-clock"));
}

TEST_F(VouchLedgerTest, JsonHasTheResult) {
  StartNode(absl::Hours(2));
  const ProcessResult result = Acknowledge({"--yes", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto facts = nlohmann::json::parse(result.out);
  EXPECT_EQ(facts["result"], "acknowledged");
  EXPECT_EQ(facts["ahead_seconds"], 7200);
}

TEST_F(VouchLedgerTest, WithoutATerminalOrYesNothingIsAcknowledged) {
  StartNode(absl::Hours(2));
  const ProcessResult result = Acknowledge({});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("--yes"));
  StopNode();
  EXPECT_FALSE(clock_.Trusted());
}

TEST_F(VouchLedgerTest, AClockThatIsRightNeedsNothing) {
  StartNode(absl::ZeroDuration());
  const ProcessResult result = Acknowledge({"--yes"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Nothing is to be acknowledged"));
}

TEST_F(VouchLedgerTest, WhatNoNodeTakesIsWithdrawn) {
  StartNode(absl::Hours(2));
  StopNode();
  const ProcessResult result = Acknowledge({"--yes", "--json", "--timeout-seconds", "1"});
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["result"], "not-taken");
  EXPECT_FALSE(Exists("irs/run/acknowledge-clock"));
}

TEST_F(VouchLedgerTest, AFolderInWhichNoNodeRanIsSaidSo) {
  const ProcessResult result = Acknowledge({"--yes"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no node has run"));
}

TEST_F(VouchLedgerTest, HelpShowsAnExample) {
  EXPECT_THAT(Fine({"ledger", "acknowledge-clock", "--help"}).out,
              HasSubstr("vouch ledger acknowledge-clock --node ./irs"));
}

}  // namespace
}  // namespace vouch::tests
