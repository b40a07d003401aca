#include "server/journal/bucket_counters.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

TEST(WindowSecondsTest, RoundsUpAndKeepsInfinity) {
  EXPECT_EQ(WindowSeconds(absl::Hours(1)), 3600u);
  EXPECT_EQ(WindowSeconds(absl::Milliseconds(1500)), 2u);
  EXPECT_EQ(WindowSeconds(absl::InfiniteDuration()), kWholeLife);
}

TEST(MinuteBucketsTest, KeepsAMinuteUntilItsLastSecondHasLeft) {
  MinuteBuckets buckets;
  buckets.Add(3, 600, kStart + 10);
  EXPECT_EQ(buckets.Used(600, kStart + 10), 3u);
  EXPECT_EQ(buckets.Used(600, kStart + 658), 3u);
  EXPECT_EQ(buckets.Used(600, kStart + 659), 0u);
}

TEST(MinuteBucketsTest, SaysWhenThereIsRoom) {
  MinuteBuckets buckets;
  buckets.Add(3, 600, kStart);
  buckets.Add(3, 600, kStart + 60);
  EXPECT_EQ(buckets.UntilRoom(7, 600, 0, 1, kStart + 60), 0u);
  EXPECT_EQ(buckets.UntilRoom(6, 600, 0, 1, kStart + 60), 599u);
  EXPECT_EQ(buckets.UntilRoom(7, 600, 1, 1, kStart + 60), 599u);
  EXPECT_EQ(buckets.UntilRoom(6, 600, 0, 4, kStart + 60), 659u);
  EXPECT_EQ(buckets.UntilRoom(6, 600, 4, 3, kStart + 60), 659u);
  EXPECT_EQ(buckets.UntilRoom(6, 600, 0, 7, kStart + 60), absl::nullopt);
  EXPECT_EQ(buckets.UntilRoom(6, kWholeLife, 0, 1, kStart + 60), absl::nullopt);
  EXPECT_EQ(buckets.UntilRoom(0, 600, 0, 1, kStart + 60), absl::nullopt);
}

TEST(MinuteBucketsTest, ForgetsWhatTheLongestWindowLeftBehind) {
  MinuteBuckets buckets;
  for (uint32_t minute = 0; minute < 1000; ++minute) buckets.Add(1, 600, kStart + minute * 60);
  EXPECT_LE(buckets.size(), 11u);
  MinuteBuckets for_life;
  for (uint32_t minute = 0; minute < 1000; ++minute) {
    for_life.Add(1, kWholeLife, kStart + minute * 60);
  }
  EXPECT_EQ(for_life.size(), 1u);
  EXPECT_EQ(for_life.Used(kWholeLife, kStart + 9999999), 1000u);
}

TEST(MinuteBucketsTest, AgreesWithCountingEveryAddition) {
  std::mt19937 random(1);
  MinuteBuckets buckets;
  std::vector<std::pair<uint32_t, uint32_t>> added;
  uint32_t now = kStart;
  for (int step = 0; step < 4000; ++step) {
    now += random() % 40;
    const uint32_t count = random() % 5;
    buckets.Add(count, 900, now);
    added.push_back({now, count});
    for (uint32_t window : {60u, 333u, 900u}) {
      uint64_t used = 0;
      for (const auto& addition : added) {
        if (addition.first / 60 * 60 + 59 + window > now) used += addition.second;
      }
      ASSERT_EQ(buckets.Used(window, now), used);
    }
  }
}

TEST(BucketCountersTest, ReadBackWhatTheySaved) {
  BucketCounters counters;
  counters.Add(KeyNamed("a"), Counter::kWholeAgreement, 5, 600, kStart);
  counters.Add(KeyNamed("a"), Counter::kEvaluations, 128, kWholeLife, kStart);
  counters.Add(KeyNamed("b"), Counter::kNewPeople, 2, 3600, kStart + 60);
  crypto::ByteWriter writer;
  counters.Save(&writer);
  BucketCounters again;
  crypto::ByteReader reader(crypto::AsBytes(writer.str()));
  ASSERT_TRUE(again.Load(&reader));
  EXPECT_TRUE(reader.Finished());
  EXPECT_EQ(again.Get(KeyNamed("a"), Counter::kWholeAgreement).Used(600, kStart), 5u);
  EXPECT_EQ(again.Get(KeyNamed("a"), Counter::kEvaluations).Used(kWholeLife, kStart), 128u);
  EXPECT_EQ(again.Get(KeyNamed("b"), Counter::kNewPeople).Used(3600, kStart + 60), 2u);
  EXPECT_EQ(again.Get(KeyNamed("b"), Counter::kEvaluations).Used(3600, kStart + 60), 0u);
  EXPECT_EQ(again.Get(KeyNamed("c"), Counter::kNewPeople).Used(3600, kStart + 60), 0u);
  for (size_t size = 0; size < writer.str().size(); ++size) {
    BucketCounters cut;
    crypto::ByteReader part(crypto::AsBytes(writer.str()).subspan(0, size));
    EXPECT_FALSE(cut.Load(&part) && part.Finished());
  }
}

}  // namespace
}  // namespace vouch::server::journal
