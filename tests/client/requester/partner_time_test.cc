#include "client/requester/partner_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/requester/asking_world.h"

namespace vouch::requester {
namespace {

absl::StatusOr<PartnerTime> TimeAt(const AskingWorld& world, const std::string& address) {
  ConnectionOptions options = world.Options().connection;
  options.address = address;
  const auto channel = Connect(options);
  if (!channel.ok()) return channel.status();
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
  return AskTime(*channel, &context, [] { return absl::Now(); });
}

class PartnerTimeTest : public ::testing::Test {
 protected:
  absl::StatusOr<PartnerTime> Ahead(absl::Duration ahead) {
    world_.responder->SetAhead(ahead);
    return TimeAt(world_, world_.responder->address());
  }
  AskingWorld world_;
};

TEST_F(PartnerTimeTest, AClockThatIsRightAgrees) {
  const auto time = Ahead(absl::ZeroDuration());
  ASSERT_TRUE(time.ok()) << time.status();
  EXPECT_LT(absl::AbsDuration(time->ahead), absl::Seconds(2));
  EXPECT_FALSE(time->TooFarApart());
}

TEST_F(PartnerTimeTest, MoreThanTwoMinutesEitherWayIsTooFar) {
  for (const absl::Duration far : {absl::Seconds(180), absl::Seconds(-180)}) {
    const auto time = Ahead(far);
    ASSERT_TRUE(time.ok()) << time.status();
    EXPECT_TRUE(time->TooFarApart());
    EXPECT_THAT(time->InWords(),
                ::testing::EndsWith(far > absl::ZeroDuration() ? " seconds ahead of ours"
                                                               : " seconds behind ours"));
  }
  const auto near = Ahead(absl::Seconds(100));
  ASSERT_TRUE(near.ok()) << near.status();
  EXPECT_FALSE(near->TooFarApart());
}

TEST_F(PartnerTimeTest, ASlowCallIsNotTakenForAWrongClock) {
  PartnerTime time;
  time.ahead = absl::Seconds(125);
  time.uncertain = absl::Seconds(10);
  EXPECT_FALSE(time.TooFarApart());
  time.uncertain = absl::Seconds(1);
  EXPECT_TRUE(time.TooFarApart());
}

TEST_F(PartnerTimeTest, ANodeThatTellsNoTimeIsNotTakenForTheYear1970) {
  world_.responder->SetAhead(absl::nullopt);
  EXPECT_TRUE(absl::IsUnimplemented(TimeAt(world_, world_.responder->address()).status()));
}

TEST_F(PartnerTimeTest, WhereNobodyAnswersThereIsNoTime) {
  EXPECT_TRUE(absl::IsUnavailable(TimeAt(world_, "127.0.0.1:1").status()));
}

}  // namespace
}  // namespace vouch::requester
