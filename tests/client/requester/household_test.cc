// Asking about a household: one size for any number of members, and a receipt with an entry for
// each slot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "client/requester/batch.h"
#include "tests/client/requester/asking_world.h"

namespace vouch::requester {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kAtMost = 4;

WorldOptions Household(bool blind = false) {
  WorldOptions wish;
  wish.household = kAtMost;
  wish.blind = blind;
  return wish;
}

Asking About(const std::vector<int>& numbers) {
  Asking asking = TestAsking(0);
  asking.person = crypto::Identity();
  for (int number : numbers) asking.members.push_back(TestPerson(number));
  return asking;
}

TEST(HouseholdTest, IsAskedAboutAsOne) {
  for (bool blind : {false, true}) {
    AskingWorld world(Household(blind));
    const auto requester = world.Open();
    const auto given = requester->Ask(About({1, 2, 3}));
    ASSERT_TRUE(given.ok()) << given.status();
    EXPECT_EQ(world.responder->charged(), 1u);
    EXPECT_THAT(given->consents, SizeIs(3));
    EXPECT_FALSE(given->consent.has_value());
  }
}

TEST(HouseholdTest, TheReceiptHoldsAnEntryForEachSlot) {
  AskingWorld world(Household());
  const auto given = world.Open()->Ask(About({1}));
  ASSERT_TRUE(given.ok()) << given.status();
  v1::Receipt receipt;
  ASSERT_TRUE(receipt.ParseFromString(given->receipt));
  ASSERT_EQ(receipt.entry().size() % kAtMost, 0u);
  const size_t each = receipt.entry().size() / kAtMost;
  for (int slot = 0; slot < kAtMost; ++slot) {
    EXPECT_TRUE(crypto::ReadSubjectEntry(receipt.entry().substr(slot * each, each)).ok());
  }
}

TEST(HouseholdTest, RefusesAReceiptWhoseEntriesAreNotOneHouseholds) {
  AskingWorld world(Household());
  const auto requester = world.Open();
  // Changes the entry of the last slot.
  const auto last = [](const std::function<void(crypto::SubjectEntry*)>& change) {
    return [change](v1::Answered* answered) {
      std::string* entries = answered->mutable_receipt()->mutable_entry();
      const size_t each = entries->size() / kAtMost;
      const size_t at = (kAtMost - 1) * each;
      crypto::SubjectEntry entry = *crypto::ReadSubjectEntry(entries->substr(at, each));
      change(&entry);
      entries->replace(at, each, entry.Bytes());
    };
  };
  const std::vector<std::function<void(v1::Answered*)>> lies = {
      last([](crypto::SubjectEntry* entry) { entry->commitment[0] ^= 1; }),
      last([](crypto::SubjectEntry* entry) { ++entry->minute; }),
      last([](crypto::SubjectEntry* entry) { ++entry->tag_period; }),
      last([](crypto::SubjectEntry* entry) { entry->question[0] ^= 1; }),
      last([](crypto::SubjectEntry* entry) { entry->kind = crypto::EntryKind::kRefused; }),
      [](v1::Answered* answered) {
        std::string* entries = answered->mutable_receipt()->mutable_entry();
        const size_t each = entries->size() / kAtMost;
        entries->replace(each, each, entries->substr(0, each));
      },
      [](v1::Answered* answered) {
        std::string* entries = answered->mutable_receipt()->mutable_entry();
        entries->resize(entries->size() / kAtMost * (kAtMost - 1));
      },
      [](v1::Answered* answered) {
        std::string* entries = answered->mutable_receipt()->mutable_entry();
        entries->resize(entries->size() / kAtMost);
      },
  };
  for (size_t i = 0; i < lies.size(); ++i) {
    world.responder->SetLie(lies[i]);
    const auto given = requester->Ask(About({1, 2}));
    EXPECT_TRUE(absl::IsDataLoss(given.status())) << i << ": " << given.status();
  }
  world.responder->SetLie(nullptr);
  EXPECT_TRUE(requester->Ask(About({1, 2})).ok());
}

TEST(HouseholdTest, ARepeatedAskingIsTheSameRequest) {
  AskingWorld world(Household());
  const auto requester = world.Open();
  const auto first = requester->Ask(About({1, 2}));
  ASSERT_TRUE(first.ok()) << first.status();
  Asking again = About({1, 2});
  again.request_id = first->request_id;
  again.consents = first->consents;
  const auto second = requester->Ask(again);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->receipt, first->receipt);
  EXPECT_EQ(world.responder->charged(), 1u);
}

TEST(HouseholdTest, SaysWhatIsWrongWithAHouseholdBeforeAnythingIsSent) {
  AskingWorld world(Household());
  const auto requester = world.Open();
  const auto message = [&](const Asking& asking) {
    const auto given = requester->Ask(asking);
    EXPECT_TRUE(absl::IsInvalidArgument(given.status())) << given.status();
    return std::string(given.status().message());
  };
  EXPECT_THAT(message(About({1, 2, 3, 4, 5})), HasSubstr("at most 4"));
  EXPECT_THAT(message(About({1, 2, 1})), HasSubstr("member 3: is the same person as member 1"));
  Asking nobody = About({1});
  nobody.members.emplace_back();
  EXPECT_THAT(message(nobody), HasSubstr("member 2: no match key"));
  Asking consents = About({1, 2});
  consents.consents = {NewConsent()};
  EXPECT_THAT(message(consents), HasSubstr("expected 2 consent references"));
  EXPECT_EQ(world.responder->charged(), 0u);
}

TEST(HouseholdTest, APersonsQuestionTakesOnePerson) {
  AskingWorld world;
  const auto given = world.Open()->Ask(About({1, 2}));
  EXPECT_TRUE(absl::IsInvalidArgument(given.status())) << given.status();
  EXPECT_TRUE(world.Open()->Ask(About({1})).ok());
}

}  // namespace
}  // namespace vouch::requester
