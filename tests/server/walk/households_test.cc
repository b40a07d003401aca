// Questions about households, through the whole walk: the right answer and the right charges for
// families of every kind, and nothing that tells one from another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "crypto/receipt.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using policies::UndeterminedReason;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr int kAtMost = 4;
constexpr size_t kKeys = 3;

Terms OfHouseholds() {
  Terms terms;
  terms.household = kAtMost;
  return terms;
}

// Ten thousand is the limit. Who is who, in the records:
void Populate(World* world) {
  world->AddFiler("ann", 900000, 1);  // ann and bob file jointly
  world->AddFiler("bob", 900000, 1);
  world->AddFiler("cid", 90000, 2);  // cid and dora file apart
  world->AddFiler("dora", 900000, 3);
  world->AddFiler("eve", 200000, 4);
  world->AddFiler("clerk's slip", 800000, 1);  // another amount on ann's return
  world->AddFiler("no return", 100, 0);
  world->AddPerson("kid", -1);  // known, without any income
  world->AddFiler("held", 100, 5);
  world->records.snapshot->Hold("held");
  world->AddFiler("rich", 9000000, 6);
  const auto twins = TokensOf("twins");
  world->records.snapshot->Add("twin one", {TokensOf("t1")[0], twins[1], TokensOf("t1")[2]});
  world->records.snapshot->Add("twin two", {TokensOf("t2")[0], twins[1], TokensOf("t2")[2]});
}

struct Family {
  const char* name;
  std::vector<std::string> members;
  const char* answer;
  UndeterminedReason reason = UndeterminedReason::kNotTold;
  const char* question = "household-small";
  // Changes the tokens of the request.
  std::function<void(Ask*)> otherwise = nullptr;
};
std::ostream& operator<<(std::ostream& out, const Family& family) { return out << family.name; }

// Member `slot` named by one match key alone.
std::function<void(Ask*)> ByKeyAlone(size_t slot, size_t key) {
  return [slot, key](Ask* ask) {
    for (size_t other = 0; other < kKeys; ++other) {
      if (other != key) ask->tokens[slot * kKeys + other] = {};
    }
  };
}

const std::vector<Family>& Families() {
  using Reason = UndeterminedReason;
  static const auto* const kAll = new std::vector<Family>{
      {"JointFilersCountOnce", {"ann", "bob"}, "YES"},
      {"OneOfJointFilersAlone", {"bob"}, "YES"},
      {"FilersApartBelow", {"cid", "dora"}, "YES"},
      {"JointFilersAndAnotherExactlyAbove", {"ann", "bob", "eve"}, "NO"},
      {"FilersApartAbove", {"dora", "eve"}, "NO"},
      {"TheOrderIsNothing", {"eve", "bob", "ann"}, "NO"},
      {"FullHousehold", {"ann", "bob", "cid", "cid's child"}, "UNDETERMINED", Reason::kNoRecord},
      {"ChildWithoutRecord", {"ann", "bob", "child"}, "UNDETERMINED", Reason::kNoRecord},
      {"ChildWithoutTheFact", {"ann", "bob", "kid"}, "UNDETERMINED", Reason::kNotHeld},
      {"NobodyKnown", {"x", "y", "z"}, "UNDETERMINED", Reason::kNoRecord},
      {"TwoAmountsOnOneReturn", {"ann", "clerk's slip"}, "UNDETERMINED", Reason::kNotHeld},
      {"ReturnNotLoaded", {"no return"}, "UNDETERMINED", Reason::kNotHeld},
      {"HeldBackMember", {"cid", "held"}, "UNDETERMINED", Reason::kHeldBack},
      {"MemberWhomSeveralAre", {"cid", "twins"}, "UNDETERMINED", Reason::kSeveralFound},
      {"MemberWithAMismatch",
       {"cid", "dora"},
       "UNDETERMINED",
       Reason::kMismatch,
       "household-small",
       [](Ask* ask) { ask->tokens[kKeys] = TokensOf("stranger")[0]; }},
      {"TheSamePersonTwice", {"cid", "cid"}, "UNDETERMINED", Reason::kMismatch},
      {"TheSamePersonUnderTwoSpellings",
       {"dora", "cid", "cid"},
       "UNDETERMINED",
       Reason::kMismatch,
       "household-small",
       ByKeyAlone(2, 1)},
      {"ByOneKeyAlone",
       {"cid", "dora"},
       "YES",
       Reason::kNotTold,
       "household-small",
       ByKeyAlone(1, 2)},
      {"HeldPerPersonIsAddedForEach", {"ann", "bob"}, "NO", Reason::kNotTold, "household-earnings"},
      {"AllSmall", {"ann", "dora"}, "YES", Reason::kNotTold, "household-all-small"},
      {"NotAllSmall", {"ann", "rich"}, "NO", Reason::kNotTold, "household-all-small"},
      {"NotAllSmallWhoeverElseIs",
       {"child", "rich"},
       "NO",
       Reason::kNotTold,
       "household-all-small"},
      {"AllKnownAreSmall",
       {"ann", "child"},
       "UNDETERMINED",
       Reason::kNoRecord,
       "household-all-small"},
      {"AnySmall", {"child", "rich", "ann"}, "YES", Reason::kNotTold, "household-any-small"},
      {"NoneSmall", {"rich"}, "NO", Reason::kNotTold, "household-any-small"},
      {"NoneKnownIsSmall",
       {"rich", "held"},
       "UNDETERMINED",
       Reason::kHeldBack,
       "household-any-small"},
      {"AnySmallButTwoAreOne",
       {"ann", "ann"},
       "UNDETERMINED",
       Reason::kMismatch,
       "household-any-small"},
  };
  return *kAll;
}

Ask AskAbout(World* world, const Family& family) {
  Ask ask = world->AboutHousehold(family.members, family.question);
  if (family.otherwise) family.otherwise(&ask);
  return ask;
}

// The rows that a household is charged under, worked out anew from who is who.
struct Expected {
  std::vector<journal::RowKey> v;
  std::set<journal::RowKey> people;  // of those found
};
Expected RowsOf(const World& world, const Ask& ask) {
  Expected expected;
  for (size_t slot = 0; slot < ask.member_count; ++slot) {
    std::string tokens;
    std::vector<crypto::Token> own;
    for (size_t key = 0; key < kKeys; ++key) {
      own.push_back(ask.tokens[slot * kKeys + key]);
      tokens.append(crypto::AsText(own.back()).data(), sizeof(crypto::Token));
    }
    expected.v.push_back(
        world.row_names.Tokens("aid.example", "aid-tax-001", crypto::AsBytes(tokens)));
    for (const char* name :
         {"ann", "bob", "cid", "dora", "eve", "clerk's slip", "no return", "kid", "held", "rich"}) {
      for (size_t key = 0; key < kKeys; ++key) {
        if (own[key] != TokensOf(name)[key]) continue;
        expected.people.insert(world.row_names.Person("aid.example", "aid-tax-001",
                                                      fakes::FakeSnapshot::HandleOf(name)));
      }
    }
  }
  return expected;
}

class FamilyTest : public ::testing::TestWithParam<size_t> {};

TEST_P(FamilyTest, HasTheRightAnswerAndTheRightCharges) {
  const Family& family = Families()[GetParam()];
  World world(OfHouseholds());
  Populate(&world);
  const uint64_t rows = world.journal->figures().charge_rows;
  const uint64_t entries = world.journal->figures().entries;
  const Ask ask = AskAbout(&world, family);
  const Recorded recorded = world.Walk(ask);
  EXPECT_EQ(NameOf(recorded), family.answer);

  // Charges: one V for each member, in order; a P for whomever a member's keys found; as many rows
  // as every other household.
  const journal::Charges& charges = world.journal->proposed[0].charges;
  const Expected expected = RowsOf(world, ask);
  ASSERT_THAT(charges.others, SizeIs(kAtMost - 1));
  EXPECT_EQ(charges.members, ask.member_count);
  std::vector<journal::RowKey> v = {charges.tokens};
  std::multiset<journal::RowKey> people(charges.people.begin(), charges.people.end());
  std::set<journal::RowKey> all(charges.people.begin(), charges.people.end());
  all.insert(charges.tokens);
  for (const journal::SubjectCharges& other : charges.others) {
    if (v.size() < charges.members) v.push_back(other.tokens);
    EXPECT_THAT(other.people, SizeIs(kKeys));
    people.insert(other.people.begin(), other.people.end());
    all.insert(other.people.begin(), other.people.end());
    all.insert(other.tokens);
  }
  EXPECT_EQ(v, expected.v);
  for (const journal::RowKey& person : expected.people) EXPECT_THAT(people, Contains(person));
  EXPECT_EQ(world.journal->figures().charge_rows - rows, all.size());
  EXPECT_EQ(world.journal->figures().entries - entries, kAtMost);
}

TEST_P(FamilyTest, TellsItsReasonOnlyWhereTheAgreementSays) {
  const Family& family = Families()[GetParam()];
  if (std::string(family.question) != "household-small") return;
  World world(OfHouseholds());
  Populate(&world);
  EXPECT_EQ(world.Walk(AskAbout(&world, family)).answered()->why, 0);
  Ask telling = AskAbout(&world, family);
  telling.question = "household-small-all";
  EXPECT_EQ(world.Walk(telling).answered()->why, static_cast<int>(family.reason));
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyTest, ::testing::Range<size_t>(0, Families().size()),
                         [](const auto& one) { return Families()[one.param].name; });

class HouseholdTest : public ::testing::Test {
 protected:
  static Terms Few(int times, int values = 100) {
    Terms terms = OfHouseholds();
    terms.times_asked = times;
    terms.different_values = values;
    return terms;
  }
  static std::unique_ptr<World> WorldOf(const Terms& terms) {
    auto world = std::make_unique<World>(terms);
    Populate(world.get());
    return world;
  }
};

// Two spellings of somebody beside a person who decides: were the answer another one when both find
// one record, a household question would tell who is on record, also of whom it is held back.
TEST_F(HouseholdTest, TwoSpellingsBesideSomebodyWhoDecidesTellNothing) {
  for (const char* somebody : {"held", "rich", "kid", "nobody on record"}) {
    const auto world = WorldOf(OfHouseholds());
    Ask ask = world->AboutHousehold({"ann", somebody, somebody}, "household-any-small");
    ByKeyAlone(1, 0)(&ask);
    ByKeyAlone(2, 1)(&ask);
    EXPECT_EQ(NameOf(world->Walk(ask)), "YES") << somebody;
  }
}

// Nor does it show that somebody whose facts have no part in the answer was asked about before.
TEST_F(HouseholdTest, AUsedUpLimitOfSomebodyHeldBackTellsNothing) {
  for (const char* somebody : {"held", "nobody on record"}) {
    const auto world = WorldOf(Few(1));
    Ask before = world->About(somebody);
    before.tokens = OnlyKey(1, somebody);
    ASSERT_EQ(NameOf(world->Walk(before)), "UNDETERMINED");
    Ask ask = world->AboutHousehold({"ann", somebody}, "household-any-small");
    ByKeyAlone(1, 0)(&ask);
    EXPECT_EQ(NameOf(world->Walk(ask)), "YES") << somebody;
  }
}

TEST_F(HouseholdTest, CompanyThatIsHeldBackIsNoOtherValueToThoseWhoDecide) {
  for (const char* somebody : {"held", "nobody on record"}) {
    const auto world = WorldOf(Few(100, 1));
    Ask first = world->AboutHousehold({"ann"}, "household-any-small");
    ByKeyAlone(0, 0)(&first);
    ASSERT_EQ(NameOf(world->Walk(first)), "YES");
    Ask with = world->AboutHousehold({"ann", somebody}, "household-any-small");
    ByKeyAlone(0, 1)(&with);
    EXPECT_EQ(NameOf(world->Walk(with)), "YES") << somebody;
  }
}

TEST_F(HouseholdTest, AMemberOfTwoFamiliesIsChargedInBoth) {
  const auto world = WorldOf(Few(2));
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"ann", "bob"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"bob", "cid"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"bob", "dora"}))), "PERSON_LIMIT");
  // Nobody else of the refused household was charged.
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"dora"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"dora"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"dora"}))), "PERSON_LIMIT");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"ann"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"ann"}))), "PERSON_LIMIT");
}

TEST_F(HouseholdTest, APersonsQuestionsAndTheirHouseholdsAddUp) {
  const auto world = WorldOf(Few(2));
  EXPECT_EQ(world->ReasonOf(world->About("bob")), "");
  EXPECT_EQ(world->ReasonOf(world->AboutHousehold({"ann", "bob"})), "");
  EXPECT_EQ(world->ReasonOf(world->About("bob")), "PERSON_LIMIT");
  EXPECT_EQ(world->ReasonOf(world->AboutHousehold({"cid", "bob"})), "PERSON_LIMIT");
}

TEST_F(HouseholdTest, UsedUpUnderAnotherSpellingIsUndeterminedAndStillCharged) {
  const auto world = WorldOf(Few(1));
  Ask spelt = world->About("bob");
  spelt.tokens = OnlyKey(1, "bob");
  ASSERT_EQ(NameOf(world->Walk(spelt)), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"ann", "bob"}))), "UNDETERMINED");
  EXPECT_EQ(world->ReasonOf(world->AboutHousehold({"ann"})), "PERSON_LIMIT");
}

// Asking about one person with changing others would otherwise cut that person's amount finer and
// finer, under one question.
TEST_F(HouseholdTest, AnotherCompositionIsAnotherValue) {
  const auto world = WorldOf(Few(100, 2));
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"cid", "dora"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"dora", "cid"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"cid", "eve"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"cid"}))), "PERSON_LIMIT");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"dora", "cid"}))), "YES");
}

TEST_F(HouseholdTest, TheSameHouseholdInANewEpochIsTheSameValueToThosePeople) {
  const auto world = WorldOf(Few(100, 1));
  ASSERT_EQ(NameOf(world->Walk(world->AboutHousehold({"cid", "dora"}))), "YES");
  // Other tokens that find the same people, as a new epoch's would.
  Ask again = world->AboutHousehold({"cid", "dora"});
  ByKeyAlone(0, 0)(&again);
  ByKeyAlone(1, 0)(&again);
  EXPECT_EQ(NameOf(world->Walk(again)), "YES");
}

TEST_F(HouseholdTest, AtMostAsManyAsTheAgreementSays) {
  const auto world = WorldOf(OfHouseholds());
  EXPECT_EQ(world->ReasonOf(world->AboutHousehold({"ann", "bob", "cid", "rich"})), "");
  Ask five = world->AboutHousehold({"ann", "bob", "cid", "rich"});
  five.member_count = 5;
  EXPECT_EQ(world->ReasonOf(five), "MALFORMED");
  for (const crypto::Token& token : TokensOf("eve")) five.tokens.push_back(token);
  EXPECT_EQ(world->ReasonOf(five), "MALFORMED");
}

TEST_F(HouseholdTest, PaddingIsZeroAndMembersAreNot) {
  const auto world = WorldOf(OfHouseholds());
  Ask hidden = world->AboutHousehold({"ann", "bob"});
  hidden.member_count = 1;
  EXPECT_EQ(world->ReasonOf(hidden), "MALFORMED");
  Ask nobody = world->AboutHousehold({"ann", "bob"});
  nobody.member_count = 3;
  EXPECT_EQ(world->ReasonOf(nobody), "MALFORMED");
  Ask unpadded = world->AboutHousehold({"ann", "bob"});
  unpadded.tokens.resize(2 * kKeys);
  EXPECT_EQ(world->ReasonOf(unpadded), "MALFORMED");
}

TEST_F(HouseholdTest, AFactsCapUsedUpForOneMemberIsUndetermined) {
  Terms terms = OfHouseholds();
  terms.capped = "    different_values: {count: 1, every: \"1 year\"}\n";
  const auto world = WorldOf(terms);
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"cid", "dora"}))), "YES");
  EXPECT_EQ(NameOf(world->Walk(world->AboutHousehold({"cid", "eve"}))), "UNDETERMINED");
}

TEST_F(HouseholdTest, AStoppedAgreementIsNotChargedForAnybody) {
  const auto world = WorldOf(OfHouseholds());
  const uint64_t rows = world->journal->figures().charge_rows;
  world->journal->before_commit = [&] {
    world->folder.Remove("aid");
    EXPECT_TRUE(world->agreements->Reload().ok());
  };
  EXPECT_EQ(world->ReasonOf(world->AboutHousehold({"ann", "bob"})), "NOT_PERMITTED");
  EXPECT_EQ(world->journal->figures().charge_rows, rows);
}

// The receipt: the slots' entries, of one commitment, which the opening opens.
TEST_F(HouseholdTest, TheEntriesOfAHouseholdShareOneCommitmentAndNothingElse) {
  const auto world = WorldOf(OfHouseholds());
  ASSERT_EQ(world->ReasonOf(world->About("eve")), "");
  const Recorded recorded = world->Walk(world->AboutHousehold({"ann", "bob"}));
  const AnsweredItem& answered = *recorded.answered();
  EXPECT_EQ(answered.entry_index, 1u);
  ASSERT_EQ(answered.entry.size() % kAtMost, 0u);
  const size_t each = answered.entry.size() / kAtMost;
  std::set<std::array<uint8_t, 16>> tags, nonces;
  std::set<crypto::Digest> commitments;
  for (size_t slot = 0; slot < kAtMost; ++slot) {
    const std::string bytes = answered.entry.substr(slot * each, each);
    const auto entry = crypto::ReadSubjectEntry(bytes);
    ASSERT_TRUE(entry.ok());
    EXPECT_EQ(entry->kind, crypto::EntryKind::kAnswered);
    tags.insert(entry->tag);
    nonces.insert(entry->nonce);
    commitments.insert(entry->commitment);
    EXPECT_EQ(world->journal->Read({2, static_cast<uint32_t>(slot)})->entry, bytes);
    EXPECT_EQ(world->journal->Read({2, static_cast<uint32_t>(slot)})->entry_index, 1 + slot);
  }
  EXPECT_THAT(tags, SizeIs(kAtMost));
  EXPECT_THAT(nonces, SizeIs(kAtMost));
  EXPECT_THAT(commitments, SizeIs(1));
}

// An inspector with one member's key of the month opens that member's entry, and with it the
// commitment; no other member's.
TEST_F(HouseholdTest, AMembersKeyOpensTheirEntryAndNoOthers) {
  const auto world = WorldOf(OfHouseholds());
  ASSERT_EQ(world->ReasonOf(world->AboutHousehold({"ann", "bob"})), "");
  const auto keys = world->entries.KeysFor("aid-tax-001", world->clock.Now());
  ASSERT_TRUE(keys.ok());
  const auto opens = [&](const std::string& name, uint32_t slot) {
    const crypto::SubjectKey key(*keys->tag, crypto::SubjectKey::Subject::kPerson,
                                 fakes::FakeSnapshot::HandleOf(name));
    const auto stored = world->journal->Read({1, slot});
    const auto opened = ledger::EntryWriter::OpenWith(key, stored->entry, stored->sealed);
    if (!opened.ok()) return false;
    EXPECT_EQ(opened->details.answer, 1);
    EXPECT_EQ(opened->inner.person, fakes::FakeSnapshot::HandleOf(name));
    EXPECT_EQ(crypto::Commit(opened->opening, opened->details.Bytes()),
              crypto::ReadSubjectEntry(stored->entry)->commitment);
    return true;
  };
  EXPECT_TRUE(opens("ann", 0));
  EXPECT_TRUE(opens("bob", 1));
  EXPECT_FALSE(opens("ann", 1));
  EXPECT_FALSE(opens("bob", 0));
  EXPECT_FALSE(opens("ann", 3));
}

TEST_F(HouseholdTest, TheSameRequestAgainIsTheSameAnswerChargedOnce) {
  const auto world = WorldOf(Few(1));
  const Ask ask = world->AboutHousehold({"ann", "bob"});
  const Recorded first = world->Walk(ask);
  ASSERT_EQ(NameOf(first), "YES");
  const auto before = world->journal->figures();
  const Recorded again = world->Walk(ask);
  EXPECT_TRUE(again.replayed());
  ASSERT_NE(again.answered(), nullptr);
  EXPECT_EQ(NameOf(again), "YES");
  EXPECT_EQ(again.answered()->entry, first.answered()->entry);
  EXPECT_EQ(again.answered()->opening, first.answered()->opening);
  EXPECT_EQ(again.answered()->entry_index, first.answered()->entry_index);
  EXPECT_EQ(world->journal->figures().tail_bytes, before.tail_bytes);
  Ask other = ask;
  other.tokens[kKeys] = TokensOf("cid")[0];
  EXPECT_EQ(world->ReasonOf(other), "REQUEST_ID_REUSED");
}

TEST_F(HouseholdTest, HouseholdsAndPeopleShareASpanAndABatch) {
  const auto world = WorldOf(OfHouseholds());
  const auto outcomes = world->Walk({world->About("ann"), world->AboutHousehold({"ann", "bob"}),
                                     world->About("rich"), world->AboutHousehold({"rich"})});
  std::vector<std::string> names;
  std::vector<uint64_t> indexes;
  for (const Recorded& outcome : outcomes) {
    names.push_back(NameOf(outcome));
    indexes.push_back(outcome.answered()->entry_index);
  }
  EXPECT_THAT(names, ElementsAre("YES", "YES", "NO", "NO"));
  EXPECT_THAT(indexes, ElementsAre(0, 1, 5, 6));
  Ask first = world->AboutHousehold({"ann", "bob"}), second = world->AboutHousehold({"rich"});
  second.request_id = first.request_id;
  const auto call = world->AdmitBatch({first, second});
  const auto batch = world->verification->Walk({{call, 0}, {call, 1}});
  EXPECT_EQ(NameOf(batch[0]), "YES");
  EXPECT_EQ(NameOf(batch[1]), "NO");
}

TEST_F(HouseholdTest, ARefusalIsOneEntryTaggedToNobody) {
  const auto world = WorldOf(Few(1));
  ASSERT_EQ(world->ReasonOf(world->AboutHousehold({"ann", "bob"})), "");
  const uint64_t entries = world->journal->figures().entries;
  EXPECT_EQ(world->ReasonOf(world->AboutHousehold({"ann"})), "PERSON_LIMIT");
  EXPECT_EQ(world->journal->figures().entries, entries + 1);
}

// Promise 4: whether a call is refused depends on the requester's own calls, never on whom they
// find.
TEST_F(HouseholdTest, TheSameScriptIsRefusedAlikeWithAndWithoutPeople) {
  Terms terms = Few(3, 3);
  terms.new_people = 9;
  terms.whole_agreement = 16;
  World empty(terms);
  const auto full = WorldOf(terms);
  const auto refusals = [](World* world) {
    std::vector<std::string> reasons;
    const std::vector<std::vector<std::string>> households = {
        {"ann", "bob"},    {"bob"},        {"bob", "kid", "cid"},
        {"held", "twins"}, {"cid", "cid"}, {"nobody"},
        {"ann", "rich"},   {"kid"},        {"x", "y", "dora"}};
    for (int round = 0; round < 3; ++round) {
      for (const auto& household : households) {
        Ask ask = world->AboutHousehold(household);
        if (round == 1) ByKeyAlone(0, 1)(&ask);
        if (round == 2) ask.question = "household-any-small";
        reasons.push_back(world->ReasonOf(ask));
        reasons.push_back(world->ReasonOf(world->About(household[0])));
      }
    }
    return reasons;
  };
  const auto with = refusals(full.get());
  EXPECT_EQ(refusals(&empty), with);
  EXPECT_THAT(with, Contains("PERSON_LIMIT"));
  EXPECT_THAT(with, Contains("AGREEMENT_LIMIT"));
  EXPECT_THAT(with, Contains(""));
}

// Promise 5: every household writes as much and gets as much back, whoever and however many they
// are, row for row and byte for byte.
TEST_F(HouseholdTest, EveryAnswerWritesTheSame) {
  Terms terms = OfHouseholds();
  terms.capped = "    different_values: {count: 50, every: \"1 year\"}\n";
  terms.times_asked = terms.different_values = 100;
  std::map<std::string, std::set<std::vector<size_t>>> written;
  std::set<std::string> answers;
  for (const Family& family : Families()) {
    const auto world = WorldOf(terms);
    const Recorded recorded = world->Walk(AskAbout(world.get(), family));
    answers.insert(NameOf(recorded));
    ASSERT_NE(recorded.answered(), nullptr) << family;
    const journal::Written& made = world->journal->written[0];
    std::vector<size_t> sizes = {world->journal->figures().tail_bytes,
                                 recorded.answered()->entry.size(), made.entry.size(),
                                 made.sealed.size()};
    for (const auto& slot : made.others) {
      sizes.push_back(slot.entry.size());
      sizes.push_back(slot.sealed.size());
    }
    const journal::Charges& charges = world->journal->proposed[0].charges;
    sizes.push_back(charges.people.size());
    sizes.push_back(charges.facts.size());
    for (const auto& other : charges.others) {
      sizes.push_back(other.people.size());
      sizes.push_back(other.facts.size());
    }
    written[family.question].insert(sizes);
  }
  EXPECT_THAT(answers, SizeIs(3));
  for (const auto& [question, sizes] : written) {
    EXPECT_THAT(sizes, SizeIs(1)) << question;
  }
}

TEST_F(HouseholdTest, AGroupWeighsAsItsSlots) {
  const auto world = WorldOf(OfHouseholds());
  EXPECT_EQ(world->verification->SlotsEach(*world->Admit(world->About("ann"))), 1u);
  EXPECT_EQ(world->verification->SlotsEach(*world->Admit(world->AboutHousehold({"ann"}))),
            static_cast<size_t>(kAtMost));
  Ask unknown = world->AboutHousehold({"ann"});
  unknown.question = "no-such-question";
  EXPECT_EQ(world->verification->SlotsEach(*world->Admit(unknown)), 1u);
}

}  // namespace
}  // namespace vouch::server
