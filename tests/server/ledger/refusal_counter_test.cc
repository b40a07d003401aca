#include "server/ledger/refusal_counter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/receipt.h"

namespace vouch::server::ledger {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr uint32_t kMinute = 30000000;
absl::Time At(uint32_t minute, int second = 0) {
  return absl::FromUnixSeconds(int64_t{minute} * 60 + second);
}

TEST(RefusalCounterTest, OneEntryForEachRequesterReasonAndMinute) {
  RefusalCounter counter;
  counter.Count("aid.example", 9, At(kMinute, 1));
  counter.Count("aid.example", 9, At(kMinute, 59));
  counter.Count("aid.example", 5, At(kMinute));
  counter.Count("", 14, At(kMinute));
  counter.Count("aid.example", 9, At(kMinute + 1));
  EXPECT_THAT(counter.Take(At(kMinute + 2), false),
              UnorderedElementsAre(crypto::CountedRefusalsEntry(kMinute, "aid.example", 9, 2),
                                   crypto::CountedRefusalsEntry(kMinute, "aid.example", 5, 1),
                                   crypto::CountedRefusalsEntry(kMinute, "", 14, 1),
                                   crypto::CountedRefusalsEntry(kMinute + 1, "aid.example", 9, 1)));
  EXPECT_THAT(counter.Take(At(kMinute + 9), false), IsEmpty());
}

TEST(RefusalCounterTest, TheMinuteThatIsNotOverWaitsUnlessEverythingIsTaken) {
  RefusalCounter counter;
  counter.Count("aid.example", 9, At(kMinute, 59));
  EXPECT_THAT(counter.Take(At(kMinute, 59), false), IsEmpty());
  EXPECT_EQ(counter.Take(At(kMinute, 59), true).size(), 1u);
}

TEST(RefusalCounterTest, EvaluationsAreCountedByAgreementAndEpoch) {
  RefusalCounter counter;
  counter.CountEvaluations("aid.example", "a-1", 1, At(kMinute), 24);
  counter.CountEvaluations("aid.example", "a-1", 1, At(kMinute), 3);
  counter.CountEvaluations("aid.example", "a-1", 2, At(kMinute), 1);
  EXPECT_THAT(
      counter.Take(At(kMinute + 1), false),
      UnorderedElementsAre(crypto::CountedEvaluationsEntry(kMinute, "aid.example", "a-1", 1, 27),
                           crypto::CountedEvaluationsEntry(kMinute, "aid.example", "a-1", 2, 1)));
}

}  // namespace
}  // namespace vouch::server::ledger
