// Questions about a group: sums over returns, members who must all or may any, members unknown.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policies/engine/question.h"
#include "tests/fakes/fake_fact_source.h"
#include "tests/policies/conditions.h"

namespace vouch::policies {
namespace {

using fakes::FakeFactSource;
using fakes::Money;
using Standing = GroupMember::Standing;

constexpr Answer kYes = Answer::kYes;
constexpr Answer kNo = Answer::kNo;
constexpr Answer kUndetermined = Answer::kUndetermined;
constexpr char kYear[] = "tax-year-2025";

// One member as the records have it.
struct Member {
  Standing standing = Standing::kKnown;
  FakeFactSource facts;
};

// Income on a return; a return of 0 is none.
Member Filer(int64_t cents, uint64_t on_return) {
  Member member;
  member.facts.Hold("income", kYear, Money(cents));
  if (on_return != 0) member.facts.OnReturn("income", kYear, on_return);
  return member;
}
Member Wages(int64_t cents) {
  Member member;
  member.facts.Hold("wages", kYear, Money(cents));
  return member;
}
Member Unfound(Member looked_at = Member()) {
  looked_at.standing = Standing::kUnknown;
  return looked_at;
}
Member Padding(Member looked_at = Member()) {
  looked_at.standing = Standing::kPadding;
  return looked_at;
}

FactCatalogue Catalogue() {
  FactCatalogue catalogue;
  FactDefinition income;
  income.name = "income";
  income.type = FactType::kMoney;
  income.period = PeriodKind::kTaxYear;
  income.held_per = "return";
  FactDefinition wages = income;
  wages.name = "wages";
  wages.held_per = "person";
  FactDefinition children = wages;
  children.name = "children";
  children.type = FactType::kWholeNumber;
  children.period = PeriodKind::kNone;
  catalogue.facts = {income, wages, children};
  return catalogue;
}

Condition Sum(const std::string& fact, int64_t at_most) {
  Condition leaf = Leaf(fact, Fixed(kYear), Comparison::kAtMost, {Money(at_most)});
  leaf.sum_over_group = true;
  return leaf;
}
Condition Of(GroupMembers members, int64_t at_most) {
  Condition leaf = Leaf("wages", Fixed(kYear), Comparison::kAtMost, {Money(at_most)});
  leaf.members = members;
  return leaf;
}

Answer Ask(const Condition& condition, const std::vector<Member>& members) {
  Question question;
  question.group_at_most = 8;
  question.yes_when = condition;
  std::vector<GroupMember> group;
  for (const Member& member : members) group.push_back({member.standing, &member.facts});
  return EvaluateGroup(question, {}, group, Catalogue(), ReferenceTables(),
                       absl::CivilDay(2026, 11, 21));
}

TEST(GroupSumTest, AReturnCountsOnceHoweverManyShareIt) {
  EXPECT_EQ(Ask(Sum("income", 3000), {Filer(3000, 7), Filer(3000, 7)}), kYes);
  EXPECT_EQ(Ask(Sum("income", 2999), {Filer(3000, 7), Filer(3000, 7)}), kNo);
}

TEST(GroupSumTest, TwoReturnsAreAddedUp) {
  EXPECT_EQ(Ask(Sum("income", 5000), {Filer(3000, 7), Filer(2000, 8)}), kYes);
  EXPECT_EQ(Ask(Sum("income", 4999), {Filer(3000, 7), Filer(2000, 8)}), kNo);
}

TEST(GroupSumTest, EqualAmountsOnTwoReturnsAreTwoAmounts) {
  EXPECT_EQ(Ask(Sum("income", 5999), {Filer(3000, 7), Filer(3000, 8)}), kNo);
}

TEST(GroupSumTest, WhatIsHeldPerPersonIsAddedForEveryMember) {
  EXPECT_EQ(Ask(Sum("wages", 6000), {Wages(3000), Wages(3000)}), kYes);
  EXPECT_EQ(Ask(Sum("wages", 5999), {Wages(3000), Wages(3000)}), kNo);
}

TEST(GroupSumTest, TwoAmountsOnOneReturnAreUnknown) {
  EXPECT_EQ(Ask(Sum("income", 9000), {Filer(3000, 7), Filer(2000, 7)}), kUndetermined);
}

TEST(GroupSumTest, AnAmountOnAReturnThatIsNotKnownIsNeverAddedUp) {
  EXPECT_EQ(Ask(Sum("income", 9000), {Filer(3000, 7), Filer(3000, 0)}), kUndetermined);
  EXPECT_EQ(Ask(Sum("income", 9000), {Filer(3000, 0)}), kUndetermined);
}

TEST(GroupSumTest, AMemberWithoutTheFactMakesTheSumUnknown) {
  EXPECT_EQ(Ask(Sum("income", 9000), {Filer(3000, 7), Member()}), kUndetermined);
}

TEST(GroupSumTest, AMemberNotFoundMakesTheSumUnknownWhateverRowWasLookedAt) {
  EXPECT_EQ(Ask(Sum("income", 9000), {Filer(3000, 7), Unfound(Filer(1, 8))}), kUndetermined);
}

TEST(GroupSumTest, PaddingAddsNothing) {
  EXPECT_EQ(Ask(Sum("income", 3000), {Filer(3000, 7), Padding(Filer(9999, 8)), Padding()}), kYes);
}

TEST(GroupSumTest, LatestTaxYearsThatDifferHaveNoSum) {
  Condition latest = Sum("wages", 9000);
  latest.period = Rule(PeriodRule::Kind::kLatestTaxYear);
  Member older;
  older.facts.Hold("wages", "tax-year-2024", Money(100));
  EXPECT_EQ(Ask(latest, {Wages(3000), older}), kUndetermined);
  EXPECT_EQ(Ask(latest, {Wages(3000), Wages(100)}), kYes);
}

TEST(GroupSumTest, ASumThatFitsNoNumberIsUnknown) {
  EXPECT_EQ(Ask(Sum("wages", 9000), {Wages(INT64_MAX), Wages(1)}), kUndetermined);
}

TEST(GroupSumTest, LossesAreSubtracted) {
  EXPECT_EQ(Ask(Sum("wages", 1000), {Wages(3000), Wages(-2000)}), kYes);
}

TEST(GroupSumTest, WholeNumbersAreAddedUpToo) {
  Condition children = Leaf("children", Timeless(), Comparison::kAtLeast, {fakes::Whole(3)});
  children.sum_over_group = true;
  Member one, two;
  one.facts.Hold("children", "none", fakes::Whole(1));
  two.facts.Hold("children", "none", fakes::Whole(2));
  EXPECT_EQ(Ask(children, {one, two}), kYes);
  EXPECT_EQ(Ask(children, {one, one}), kNo);
}

TEST(GroupSumTest, AFactThatNoCatalogueDefinesIsUnknown) {
  Condition leaf = Sum("wealth", 9000);
  Member member;
  member.facts.Hold("wealth", kYear, Money(1));
  EXPECT_EQ(Ask(leaf, {member}), kUndetermined);
}

struct MembersCase {
  const char* name;
  std::vector<Member> members;
  Answer all, any;
};
std::ostream& operator<<(std::ostream& out, const MembersCase& c) { return out << c.name; }

class GroupMembersTest : public ::testing::TestWithParam<MembersCase> {};

TEST_P(GroupMembersTest, AllIsAndAnyIsOr) {
  EXPECT_EQ(Ask(Of(GroupMembers::kAll, 100), GetParam().members), GetParam().all);
  EXPECT_EQ(Ask(Of(GroupMembers::kAny, 100), GetParam().members), GetParam().any);
}

INSTANTIATE_TEST_SUITE_P(
    Families, GroupMembersTest,
    ::testing::Values(
        MembersCase{"Both", {Wages(100), Wages(1)}, kYes, kYes},
        MembersCase{"One", {Wages(100), Wages(101)}, kNo, kYes},
        MembersCase{"None", {Wages(101), Wages(102)}, kNo, kNo},
        MembersCase{"HoldsOfOneAndUnknown", {Wages(100), Member()}, kUndetermined, kYes},
        MembersCase{"FailsForOneAndUnknown", {Wages(101), Member()}, kNo, kUndetermined},
        MembersCase{"NotFound", {Wages(100), Unfound(Wages(1))}, kUndetermined, kYes},
        MembersCase{"NotFoundAndFails", {Wages(101), Unfound(Wages(1))}, kNo, kUndetermined},
        MembersCase{"OneAlone", {Wages(100), Padding(Wages(101))}, kYes, kYes},
        MembersCase{"NobodyAtAll", {Padding(Wages(1))}, kUndetermined, kUndetermined}),
    CaseName());

TEST(GroupTest, ALeafThatDoesNotSayHowMembersCountIsUnknown) {
  EXPECT_EQ(Ask(Of(GroupMembers::kNotSaid, 100), {Wages(1)}), kUndetermined);
}

TEST(GroupTest, ConditionsJoinAsForOnePerson) {
  Condition both;
  both.kind = Condition::Kind::kAnyOf;
  both.children = {Sum("income", 3000), Of(GroupMembers::kAny, 100)};
  Member filer = Filer(9000, 7);
  filer.facts.Hold("wages", kYear, Money(50));
  EXPECT_EQ(Ask(both, {filer}), kYes);
  EXPECT_EQ(Ask(both, {filer, Member()}), kYes) << "what is unknown does not decide";
}

TEST(GroupTest, TheWorkIsTheSameWhoeverTheSlotsAre) {
  Condition both;
  both.kind = Condition::Kind::kAllOf;
  both.children = {Sum("income", 3000), Of(GroupMembers::kAny, 100)};
  const auto work = [&](Standing first, Standing second) {
    std::vector<Member> members = {Filer(3000, 7), Filer(3000, 7)};
    members[0].standing = first;
    members[1].standing = second;
    (void)Ask(both, members);
    return std::make_pair(members[0].facts.looked_up(), members[1].facts.looked_up());
  };
  const auto expected = work(Standing::kKnown, Standing::kKnown);
  EXPECT_EQ(work(Standing::kKnown, Standing::kUnknown), expected);
  EXPECT_EQ(work(Standing::kUnknown, Standing::kPadding), expected);
}

TEST(GroupTest, OnePersonsValueNeverStandsForAGroups) {
  Question question;
  question.yes_when = Of(GroupMembers::kAny, 100);
  EXPECT_EQ(EvaluateQuestion(question, {}, Wages(1).facts, ReferenceTables(),
                             absl::CivilDay(2026, 11, 21)),
            kUndetermined);
}

TEST(GroupTest, AllAndAnyAreDifferentValues) {
  Question all, any;
  all.yes_when = Of(GroupMembers::kAll, 100);
  any.yes_when = Of(GroupMembers::kAny, 100);
  EXPECT_NE(ValueLabel(all, {}), ValueLabel(any, {}));
}

}  // namespace
}  // namespace vouch::policies
