// What a question about a group charges, and whom it asks: all of its members, or none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

using testing::ElementsAre;

class GroupVerdictsTest : public testing::Test {
 protected:
  Verdict Commit(const Proposal& proposal, uint32_t now = kStart) {
    return VerdictOf(journal_.get(), proposal, now);
  }
  // A request id of its own each time.
  Proposal Group(const std::vector<std::string>& members, uint32_t value = 1, size_t slots = 4) {
    return AskGroup(limits_, members, slots, absl::StrCat("group ", ++requests_), kStart, value);
  }
  Proposal Person(const std::string& name, uint32_t value = 1) {
    return Ask(limits_, name, absl::StrCat("person ", ++requests_), kStart, value);
  }
  uint64_t Rows() const { return journal_->figures().charge_rows; }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_ = OpenIn(folder_);
  policies::Limits limits_ = WideLimits();
  int requests_ = 0;
};

TEST_F(GroupVerdictsTest, EverySlotIsChargedWhateverIsPadding) {
  EXPECT_EQ(Commit(Group({"ann"})), Verdict::kAnswer);
  EXPECT_EQ(Rows(), 4 * 3u);
  EXPECT_EQ(Commit(Group({"bob", "cid", "dan", "eve"})), Verdict::kAnswer);
  EXPECT_EQ(Rows(), 8 * 3u);
}

TEST_F(GroupVerdictsTest, AMemberUsedUpRefusesTheWholeGroupAndChargesNobody) {
  limits_.times_asked.count = 2;
  ASSERT_EQ(Commit(Group({"ann", "kid"})), Verdict::kAnswer);
  ASSERT_EQ(Commit(Group({"bob", "kid"})), Verdict::kAnswer);
  const uint64_t rows = Rows();
  EXPECT_EQ(Commit(Group({"cid", "kid"})), Verdict::kPersonLimit);
  EXPECT_EQ(Rows(), rows);
  EXPECT_EQ(Commit(Group({"cid"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"cid"})), Verdict::kAnswer) << "the refusal charged nothing";
  EXPECT_EQ(Commit(Group({"ann"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"ann"})), Verdict::kPersonLimit);
}

TEST_F(GroupVerdictsTest, QuestionsAboutAPersonAndAboutTheirGroupAddUp) {
  limits_.times_asked.count = 2;
  ASSERT_EQ(Commit(Person("kid")), Verdict::kAnswer);
  ASSERT_EQ(Commit(Group({"ann", "kid"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Person("kid")), Verdict::kPersonLimit);
  EXPECT_EQ(Commit(Group({"bob", "kid"})), Verdict::kPersonLimit);
}

TEST_F(GroupVerdictsTest, PaddingIsNeverUsedUp) {
  limits_.times_asked.count = 3;
  for (int i = 0; i < 3; ++i) {
    // The first member is another one each time; the padding's rows are the same.
    Proposal group = Group({absl::StrCat("member ", i)});
    for (SubjectCharges& other : group.charges.others) {
      other = Ask(limits_, "padding", "", kStart).charges;
    }
    ASSERT_EQ(Commit(group), Verdict::kAnswer) << i;
  }
  Proposal group = Group({"another"});
  group.charges.others[0] = Ask(limits_, "padding", "", kStart).charges;
  EXPECT_EQ(Commit(group), Verdict::kAnswer);
}

TEST_F(GroupVerdictsTest, OnlyAPersonsOwnRowUsedUpIsUndeterminedAndStillCharged) {
  limits_.times_asked.count = 1;
  Proposal before = Person("kid under another spelling");
  Proposal group = Group({"ann", "kid"});
  before.charges.people[0] = group.charges.others[0].people[0];
  ASSERT_EQ(Commit(before), Verdict::kAnswer);
  EXPECT_EQ(Commit(group), Verdict::kUndetermined);
  EXPECT_EQ(Commit(Person("ann")), Verdict::kPersonLimit);
  EXPECT_EQ(Commit(Person("kid")), Verdict::kPersonLimit);
}

TEST_F(GroupVerdictsTest, ACapOfOneMemberUsedUpIsUndetermined) {
  Proposal first = Group({"ann", "kid"}), second = Group({"bob", "kid"});
  SubjectCharges::FactRow cap;
  cap.key = KeyNamed("F of kid");
  cap.value = 1;
  cap.limit = {1, absl::Hours(24)};
  first.charges.others[0].facts.push_back(cap);
  cap.value = 2;
  second.charges.others[0].facts.push_back(cap);
  ASSERT_EQ(Commit(first), Verdict::kAnswer);
  EXPECT_EQ(Commit(second), Verdict::kUndetermined);
}

TEST_F(GroupVerdictsTest, AnotherCompositionIsAnotherValue) {
  limits_.different_values.count = 1;
  ASSERT_EQ(Commit(Group({"ann", "kid"}, 1)), Verdict::kAnswer);
  ASSERT_EQ(Commit(Group({"ann", "kid"}, 1)), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"bob", "kid"}, 2)), Verdict::kPersonLimit);
}

TEST_F(GroupVerdictsTest, PeopleCountUnderAValueOfTheirOwn) {
  limits_.different_values.count = 1;
  Proposal first = Group({"ann"}), second = Group({"spelt otherwise"});
  second.charges.people = first.charges.people;
  first.charges.people_value = second.charges.people_value = 77;
  first.charges.value = 1;
  second.charges.value = 2;
  ASSERT_EQ(Commit(first), Verdict::kAnswer);
  EXPECT_EQ(Commit(second), Verdict::kAnswer) << "the same people were asked about the same";
}

TEST_F(GroupVerdictsTest, WhoeverIsNamedTwiceNeedsRoomForBoth) {
  limits_.times_asked.count = 1;
  EXPECT_EQ(Commit(Group({"ann", "ann"})), Verdict::kPersonLimit);
  limits_.times_asked.count = 3;
  EXPECT_EQ(Commit(Group({"ann", "bob", "bob"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"bob", "ann", "bob"})), Verdict::kPersonLimit);
}

TEST_F(GroupVerdictsTest, EveryNewMemberIsANewPersonAndPaddingIsNone) {
  limits_.new_people.count = 3;
  EXPECT_EQ(Commit(Group({"ann", "bob"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"cid", "dan"})), Verdict::kAgreementLimit);
  EXPECT_EQ(Commit(Group({"ann", "cid", "cid"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"dan"})), Verdict::kAgreementLimit);
}

TEST_F(GroupVerdictsTest, TheWholeAgreementCountsOneAnswer) {
  limits_.whole_agreement.count = 2;
  EXPECT_EQ(Commit(Group({"ann", "bob", "cid"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Group({"dan"})), Verdict::kAnswer);
  EXPECT_EQ(Commit(Person("eve")), Verdict::kAgreementLimit);
}

TEST_F(GroupVerdictsTest, TwoGroupsOfOneCommitSeeEachOther) {
  limits_.times_asked.count = 1;
  EXPECT_THAT(VerdictsOf(journal_.get(), {Group({"ann", "kid"}), Group({"bob", "kid"})}, kStart),
              ElementsAre(Verdict::kAnswer, Verdict::kPersonLimit));
}

TEST_F(GroupVerdictsTest, ItsEntriesFollowOneAnotherAndAreFoundAgain) {
  WritingSteps steps;
  steps.slots = {1, 4, 1};
  const std::vector<Proposal> asks = {Person("ann"), Group({"bob", "cid"}), Person("dan")};
  const auto committed = journal_->Commit(asks, At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->entries, 6u);
  EXPECT_EQ(committed->decisions[1].entry_index, 1u);
  EXPECT_EQ(committed->decisions[2].entry_index, 5u);
  EXPECT_EQ(journal_->head().tree_size, 6u);
  for (int round = 0; round < 2; ++round) {
    const Decision again = DecisionOf(journal_.get(), asks[1], kStart + 1);
    ASSERT_EQ(again.verdict, Verdict::kReplay);
    for (uint32_t slot = 0; slot < 4; ++slot) {
      const auto stored = journal_->Read({again.where.commit, again.where.item + slot});
      ASSERT_TRUE(stored.ok());
      EXPECT_EQ(stored->entry_index, 1 + slot);
      EXPECT_EQ(stored->entry, absl::StrCat("entry ", 1 + slot, " at ", kStart));
    }
    const Decision person = DecisionOf(journal_.get(), asks[2], kStart + 1);
    ASSERT_EQ(person.verdict, Verdict::kReplay);
    EXPECT_EQ(journal_->Read(person.where)->entry_index, 5u);
    // The second round reads what a restart has replayed.
    journal_.reset();
    journal_ = OpenIn(folder_);
  }
}

TEST_F(GroupVerdictsTest, ChargesOfEveryMemberOutliveARestart) {
  limits_.times_asked.count = 1;
  ASSERT_EQ(Commit(Group({"ann", "bob", "cid"})), Verdict::kAnswer);
  journal_.reset();
  journal_ = OpenIn(folder_);
  for (const char* name : {"ann", "bob", "cid"}) {
    EXPECT_EQ(Commit(Person(name)), Verdict::kPersonLimit) << name;
  }
}

}  // namespace
}  // namespace vouch::server::journal
