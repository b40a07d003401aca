// Every verdict, and which of two comes first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/digest.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

using testing::ElementsAre;

class VerdictsTest : public testing::Test {
 protected:
  Verdict Commit(const Proposal& proposal, uint32_t now = kStart) {
    return VerdictOf(journal_.get(), proposal, now);
  }
  std::vector<Verdict> CommitAll(const std::vector<Proposal>& proposals, uint32_t now = kStart) {
    return VerdictsOf(journal_.get(), proposals, now);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_ = OpenIn(folder_);
  policies::Limits limits_ = WideLimits();
};

TEST_F(VerdictsTest, AnswersWithinAllLimits) {
  const Decision decision = DecisionOf(journal_.get(), Ask(limits_, "ann", "1", kStart), kStart);
  EXPECT_EQ(decision.verdict, Verdict::kAnswer);
  EXPECT_EQ(decision.where.commit, 1u);
  EXPECT_EQ(decision.where.item, 0u);
  EXPECT_EQ(decision.entry_index, 0u);
  EXPECT_EQ(decision.retry_after, absl::ZeroDuration());
  EXPECT_EQ(journal_->figures().charge_rows, 3u);
  EXPECT_EQ(journal_->figures().remembered, 1u);
}

TEST_F(VerdictsTest, ReplaysTheSameRequestAndWritesNothing) {
  const Proposal ask = Ask(limits_, "ann", "1", kStart);
  ASSERT_EQ(CommitAll({Ask(limits_, "bob", "0", kStart), ask}),
            (std::vector<Verdict>{Verdict::kAnswer, Verdict::kAnswer}));
  const auto before = journal_->figures();
  const Decision again = DecisionOf(journal_.get(), ask, kStart + 5);
  EXPECT_EQ(again.verdict, Verdict::kReplay);
  EXPECT_EQ(again.where.commit, 1u);
  EXPECT_EQ(again.where.item, 1u);
  const auto after = journal_->figures();
  EXPECT_EQ(after.commits, before.commits);
  EXPECT_EQ(after.entries, before.entries);
  EXPECT_EQ(after.charge_rows, before.charge_rows);
  EXPECT_EQ(after.tail_bytes, before.tail_bytes);
}

TEST_F(VerdictsTest, ReplaysWithinOneSpan) {
  const Proposal ask = Ask(limits_, "ann", "1", kStart);
  WritingSteps steps;
  const Proposal both[] = {ask, ask};
  auto committed = journal_->Commit(both, At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->decisions[0].verdict, Verdict::kAnswer);
  EXPECT_EQ(committed->decisions[1].verdict, Verdict::kReplay);
  EXPECT_EQ(committed->decisions[1].where.commit, 1u);
  EXPECT_EQ(committed->decisions[1].where.item, 0u);
  EXPECT_EQ(committed->entries, 1u);
}

TEST_F(VerdictsTest, RefusesOtherContentUnderTheSameRequestId) {
  const Proposal ask = Ask(limits_, "ann", "1", kStart);
  Proposal other = ask;
  other.content = crypto::Sha256("something else");
  EXPECT_THAT(CommitAll({ask, other}), ElementsAre(Verdict::kAnswer, Verdict::kRequestIdReused));
  EXPECT_EQ(Commit(other), Verdict::kRequestIdReused);
  EXPECT_EQ(Commit(ask), Verdict::kReplay);
}

TEST_F(VerdictsTest, ForgetsARequestAfterItsLastSecond) {
  const Proposal ask = Ask(limits_, "ann", "1", kStart);
  ASSERT_EQ(Commit(ask), Verdict::kAnswer);
  EXPECT_EQ(Commit(ask, ask.remember_until), Verdict::kReplay);
  EXPECT_EQ(Commit(ask, ask.remember_until + 1), Verdict::kAnswer);
}

TEST_F(VerdictsTest, RemembersARequestAlsoWhenTheClockWasSetBack) {
  ASSERT_TRUE(journal_->Append({"by a clock that was ahead"}, At(kStart + 3 * kDay)).ok());
  const Proposal ask = Ask(limits_, "ann", "1", kStart);
  EXPECT_EQ(Commit(ask, kStart), Verdict::kAnswer);
  EXPECT_EQ(Commit(ask, kStart + kDay), Verdict::kReplay);
  EXPECT_EQ(journal_->figures().charge_rows, 3u);
  journal_.reset();
  journal_ = OpenIn(folder_);
  EXPECT_EQ(Commit(ask, kStart + 3 * kDay), Verdict::kReplay);
}

TEST_F(VerdictsTest, RemembersNoRefusal) {
  Proposal refused = Ask(limits_, "ann", "1", kStart);
  refused.refused = true;
  EXPECT_EQ(Commit(refused), Verdict::kRefused);
  EXPECT_EQ(journal_->figures().remembered, 0u);
  EXPECT_EQ(Commit(Ask(limits_, "ann", "1", kStart)), Verdict::kAnswer);
}

TEST_F(VerdictsTest, LooksAtNothingForAProposalThatPrecedesReplay) {
  Proposal ask = Ask(limits_, "ann", "1", kStart);
  ASSERT_EQ(Commit(ask), Verdict::kAnswer);
  ask.precedes_replay = true;
  EXPECT_EQ(Commit(ask), Verdict::kRefused);
}

TEST_F(VerdictsTest, ReplaysBeforeItRefuses) {
  Proposal ask = Ask(limits_, "ann", "1", kStart);
  ASSERT_EQ(Commit(ask), Verdict::kAnswer);
  ask.refused = true;
  EXPECT_EQ(Commit(ask), Verdict::kReplay);
  ask.content = crypto::Sha256("something else");
  EXPECT_EQ(Commit(ask), Verdict::kRequestIdReused);
}

TEST_F(VerdictsTest, RefusesWhatIsNoLongerPermittedAtCommitTime) {
  WritingSteps steps;
  steps.permitted = [](size_t item) { return item != 0; };
  const Proposal both[] = {Ask(limits_, "ann", "1", kStart), Ask(limits_, "bob", "2", kStart)};
  auto committed = journal_->Commit(both, At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->decisions[0].verdict, Verdict::kRefused);
  EXPECT_EQ(committed->decisions[1].verdict, Verdict::kAnswer);
  EXPECT_THAT(steps.calls, ElementsAre("permitted 0", "write 0", "permitted 1", "write 1"));
  EXPECT_EQ(journal_->figures().charge_rows, 3u);
}

TEST_F(VerdictsTest, RefusesWithoutLimits) {
  Proposal ask = Ask(limits_, "ann", "1", kStart);
  ask.charges.limits = nullptr;
  EXPECT_EQ(Commit(ask), Verdict::kRefused);
}

TEST_F(VerdictsTest, ClosesAnEpochWithTheFirstAnswerInTheNext) {
  Proposal later = Ask(limits_, "ann", "1", kStart);
  later.epoch = 2;
  ASSERT_EQ(Commit(later), Verdict::kAnswer);
  EXPECT_EQ(Commit(Ask(limits_, "bob", "2", kStart)), Verdict::kEpochClosed);
  // Within one span as well.
  Proposal third = Ask(limits_, "eve", "3", kStart);
  third.epoch = 3;
  Proposal second = Ask(limits_, "kim", "4", kStart);
  second.epoch = 2;
  EXPECT_THAT(CommitAll({second, third, second}),
              ElementsAre(Verdict::kAnswer, Verdict::kAnswer, Verdict::kReplay));
  EXPECT_EQ(Commit(Ask(limits_, "joe", "5", kStart)), Verdict::kEpochClosed);
}

TEST_F(VerdictsTest, LeavesAnEpochOpenToOthersAndAfterARefusal) {
  Proposal later = Ask(limits_, "ann", "1", kStart);
  later.epoch = 2;
  later.refused = true;
  ASSERT_EQ(Commit(later), Verdict::kRefused);
  EXPECT_EQ(Commit(Ask(limits_, "bob", "2", kStart)), Verdict::kAnswer);
  later.refused = false;
  ASSERT_EQ(Commit(later), Verdict::kAnswer);
  Proposal other = Ask(limits_, "eve", "3", kStart);
  other.epoch_row = KeyNamed("another requester");
  EXPECT_EQ(Commit(other), Verdict::kAnswer);
}

TEST_F(VerdictsTest, ReplaysAcrossAClosedEpoch) {
  const Proposal old = Ask(limits_, "ann", "1", kStart);
  Proposal next = Ask(limits_, "bob", "2", kStart);
  next.epoch = 2;
  EXPECT_THAT(CommitAll({old, next, old}),
              ElementsAre(Verdict::kAnswer, Verdict::kAnswer, Verdict::kReplay));
}

TEST_F(VerdictsTest, RefusesTheSameTokensUsedUp) {
  limits_.times_asked = {2, absl::Hours(1)};
  EXPECT_THAT(CommitAll({Ask(limits_, "ann", "1", kStart), Ask(limits_, "ann", "2", kStart),
                         Ask(limits_, "ann", "3", kStart)}),
              ElementsAre(Verdict::kAnswer, Verdict::kAnswer, Verdict::kPersonLimit));
  EXPECT_EQ(Commit(Ask(limits_, "ann", "4", kStart)), Verdict::kPersonLimit);
}

TEST_F(VerdictsTest, CountsDifferentValuesOnce) {
  limits_.different_values = {2, absl::InfiniteDuration()};
  EXPECT_THAT(CommitAll({Ask(limits_, "ann", "1", kStart, 7), Ask(limits_, "ann", "2", kStart, 7),
                         Ask(limits_, "ann", "3", kStart, 8), Ask(limits_, "ann", "4", kStart, 9),
                         Ask(limits_, "ann", "5", kStart, 8)}),
              ElementsAre(Verdict::kAnswer, Verdict::kAnswer, Verdict::kAnswer,
                          Verdict::kPersonLimit, Verdict::kAnswer));
}

TEST_F(VerdictsTest, FreesATokenExactlyWhenItsWindowEnds) {
  limits_.times_asked = {1, absl::Seconds(600)};
  limits_.different_values = {10, absl::Seconds(600)};
  ASSERT_EQ(Commit(Ask(limits_, "ann", "1", kStart)), Verdict::kAnswer);
  EXPECT_EQ(Commit(Ask(limits_, "ann", "2", kStart), kStart + 599), Verdict::kPersonLimit);
  EXPECT_EQ(Commit(Ask(limits_, "ann", "3", kStart), kStart + 600), Verdict::kAnswer);
}

TEST_F(VerdictsTest, AnswersUndeterminedForAPersonUsedUpUnderAnotherSpelling) {
  limits_.times_asked = {1, absl::Hours(1)};
  Proposal maiden = Ask(limits_, "ann-maiden", "1", kStart);
  Proposal married = Ask(limits_, "ann-married", "2", kStart);
  married.charges.people[1] = maiden.charges.people[0];
  EXPECT_THAT(CommitAll({maiden, married}), ElementsAre(Verdict::kAnswer, Verdict::kUndetermined));
  // And it is charged like an answer.
  married.request = KeyNamed("request 3");
  EXPECT_EQ(Commit(married), Verdict::kPersonLimit);
}

TEST_F(VerdictsTest, AnswersUndeterminedForAFactUsedUpAcrossAgreements) {
  Proposal first = Ask(limits_, "ann", "1", kStart);
  Charges::FactRow fact;
  fact.key = KeyNamed("F income ann");
  fact.value = 1;
  fact.limit = {1, absl::Hours(24)};
  first.charges.facts.push_back(fact);
  Proposal second = Ask(limits_, "ann2", "2", kStart);
  second.charges.agreement = KeyNamed("another agreement");
  fact.value = 2;
  second.charges.facts.push_back(fact);
  EXPECT_EQ(Commit(first), Verdict::kAnswer);
  EXPECT_EQ(Commit(second), Verdict::kUndetermined);
  second.request = KeyNamed("request 3");
  EXPECT_EQ(Commit(second, kStart + kDay), Verdict::kAnswer);
}

TEST_F(VerdictsTest, RefusesAWholeAgreementUsedUpUntilItsMinuteLeaves) {
  limits_.whole_agreement = {2, absl::Hours(1)};
  EXPECT_THAT(CommitAll({Ask(limits_, "ann", "1", kStart), Ask(limits_, "bob", "2", kStart)}),
              ElementsAre(Verdict::kAnswer, Verdict::kAnswer));
  const Decision full = DecisionOf(journal_.get(), Ask(limits_, "eve", "3", kStart), kStart + 10);
  EXPECT_EQ(full.verdict, Verdict::kAgreementLimit);
  EXPECT_EQ(full.retry_after, absl::Seconds(59 + 3600 - 10));
  const uint32_t then = kStart + 10 + absl::ToInt64Seconds(full.retry_after);
  EXPECT_EQ(Commit(Ask(limits_, "eve", "4", kStart), then - 1), Verdict::kAgreementLimit);
  EXPECT_EQ(Commit(Ask(limits_, "eve", "5", kStart), then), Verdict::kAnswer);
}

TEST_F(VerdictsTest, CountsAnswersOfTheSameSpanAgainstTheAgreement) {
  limits_.whole_agreement = {1, absl::Hours(1)};
  EXPECT_THAT(CommitAll({Ask(limits_, "ann", "1", kStart), Ask(limits_, "bob", "2", kStart)}),
              ElementsAre(Verdict::kAnswer, Verdict::kAgreementLimit));
}

TEST_F(VerdictsTest, RefusesANewPersonOnlyWhenNewPeopleAreUsedUp) {
  limits_.new_people = {1, absl::Hours(1)};
  EXPECT_THAT(CommitAll({Ask(limits_, "ann", "1", kStart), Ask(limits_, "ann", "2", kStart),
                         Ask(limits_, "bob", "3", kStart)}),
              ElementsAre(Verdict::kAnswer, Verdict::kAnswer, Verdict::kAgreementLimit));
  EXPECT_EQ(Commit(Ask(limits_, "ann", "4", kStart)), Verdict::kAnswer);
  const Decision full = DecisionOf(journal_.get(), Ask(limits_, "bob", "5", kStart), kStart);
  EXPECT_EQ(full.verdict, Verdict::kAgreementLimit);
  EXPECT_EQ(full.retry_after, absl::Seconds(3600 + 59));
}

TEST_F(VerdictsTest, SaysNeverWithZeroWhenTheWindowNeverEnds) {
  limits_.whole_agreement = {1, absl::InfiniteDuration()};
  ASSERT_EQ(Commit(Ask(limits_, "ann", "1", kStart)), Verdict::kAnswer);
  const Decision full =
      DecisionOf(journal_.get(), Ask(limits_, "bob", "2", kStart), kStart + 100 * kDay);
  EXPECT_EQ(full.verdict, Verdict::kAgreementLimit);
  EXPECT_EQ(full.retry_after, absl::ZeroDuration());
}

TEST_F(VerdictsTest, PutsThePersonLimitBeforeTheAgreementLimit) {
  limits_.times_asked = {1, absl::Hours(1)};
  limits_.whole_agreement = {1, absl::Hours(1)};
  EXPECT_THAT(CommitAll({Ask(limits_, "ann", "1", kStart), Ask(limits_, "ann", "2", kStart),
                         Ask(limits_, "bob", "3", kStart)}),
              ElementsAre(Verdict::kAnswer, Verdict::kPersonLimit, Verdict::kAgreementLimit));
}

TEST_F(VerdictsTest, PutsTheEpochBeforeTheLimits) {
  limits_.times_asked = {1, absl::Hours(1)};
  Proposal later = Ask(limits_, "ann", "1", kStart);
  later.epoch = 2;
  ASSERT_EQ(Commit(later), Verdict::kAnswer);
  EXPECT_EQ(Commit(Ask(limits_, "ann", "2", kStart)), Verdict::kEpochClosed);
}

TEST_F(VerdictsTest, ChargesNothingForRefusals) {
  limits_.times_asked = {1, absl::Hours(1)};
  limits_.whole_agreement = {2, absl::Hours(1)};
  ASSERT_EQ(Commit(Ask(limits_, "ann", "1", kStart)), Verdict::kAnswer);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Commit(Ask(limits_, "ann", "x" + std::to_string(i), kStart)), Verdict::kPersonLimit);
  }
  EXPECT_EQ(Commit(Ask(limits_, "bob", "2", kStart)), Verdict::kAnswer);
  EXPECT_EQ(Commit(Ask(limits_, "eve", "3", kStart)), Verdict::kAgreementLimit);
  EXPECT_EQ(journal_->figures().charge_rows, 6u);
  // The refused call did not make eve known.
  limits_.whole_agreement = {100, absl::Hours(1)};
  limits_.new_people = {2, absl::Hours(1)};
  EXPECT_EQ(Commit(Ask(limits_, "eve", "4", kStart)), Verdict::kAgreementLimit);
}

TEST_F(VerdictsTest, WritesAsMuchForUndeterminedAsForAnAnswer) {
  limits_.times_asked = {1, absl::Hours(1)};
  Proposal known = Ask(limits_, "ann", "1", kStart);
  ASSERT_EQ(Commit(known), Verdict::kAnswer);
  const auto start = journal_->figures();
  // Nobody found: two dummies. Then somebody found who is used up, and a dummy.
  ASSERT_EQ(Commit(Ask(limits_, "nobody", "2", kStart)), Verdict::kAnswer);
  const auto answer = journal_->figures();
  Proposal used_up = Ask(limits_, "ann-again", "3", kStart);
  used_up.charges.people[0] = known.charges.people[0];
  ASSERT_EQ(Commit(used_up), Verdict::kUndetermined);
  const auto undetermined = journal_->figures();
  EXPECT_EQ(undetermined.tail_bytes - answer.tail_bytes, answer.tail_bytes - start.tail_bytes);
  EXPECT_EQ(undetermined.remembered - answer.remembered, answer.remembered - start.remembered);
  EXPECT_EQ(undetermined.entries - answer.entries, answer.entries - start.entries);
}

TEST_F(VerdictsTest, KeepsALifeLongRowUntilTheAgreementsEnd) {
  limits_.different_values = {1, absl::InfiniteDuration()};
  Proposal first = Ask(limits_, "ann", "1", kStart, 1);
  first.charges.rows_die_after = kStart + 10 * kDay;
  ASSERT_EQ(Commit(first), Verdict::kAnswer);
  Proposal other = Ask(limits_, "ann", "2", kStart, 2);
  other.charges.rows_die_after = kStart + 10 * kDay;
  EXPECT_EQ(Commit(other, kStart + 10 * kDay - 1), Verdict::kPersonLimit);
  EXPECT_EQ(Commit(other, kStart + 10 * kDay), Verdict::kAnswer);
}

TEST_F(VerdictsTest, KeepsEveryRowAliveThroughARenewal) {
  limits_.different_values = {1, absl::InfiniteDuration()};
  Proposal first = Ask(limits_, "ann", "1", kStart, 1);
  first.charges.rows_die_after = kStart + 10 * kDay;
  ASSERT_EQ(Commit(first), Verdict::kAnswer);
  // The renewed agreement is used for somebody else before the old end.
  Proposal renewed = Ask(limits_, "bob", "2", kStart, 1);
  renewed.charges.rows_die_after = kStart + 20 * kDay;
  ASSERT_EQ(Commit(renewed, kStart + 5 * kDay), Verdict::kAnswer);
  Proposal other = Ask(limits_, "ann", "3", kStart, 2);
  other.charges.rows_die_after = kStart + 20 * kDay;
  EXPECT_EQ(Commit(other, kStart + 15 * kDay), Verdict::kPersonLimit);
}

}  // namespace
}  // namespace vouch::server::journal
