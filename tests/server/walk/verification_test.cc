#include "server/verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "crypto/receipt.h"
#include "tests/server/walk/walked.h"

namespace vouch::server {
namespace {

using policies::Answer;
using policies::UndeterminedReason;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(VerificationTest, AnswersYesAndNo) {
  EXPECT_THAT(NamesOf(world_.Walk({world_.About("low"), world_.About("high")})),
              ElementsAre("YES", "NO"));
}

TEST_F(VerificationTest, TheThresholdIsTheAgreementsForTheListedValue) {
  world_.AddPerson("between", 1100000);
  Ask two = world_.About("between");
  two.parameters["household_size"] = int64_t{2};
  EXPECT_THAT(NamesOf(world_.Walk({world_.About("between"), two})), ElementsAre("NO", "YES"));
}

// Every way to be UNDETERMINED, with the reason it is.
struct Undetermined {
  const char* name;
  UndeterminedReason reason;
  std::function<Ask(World*)> ask;
};
const std::vector<Undetermined>& Undetermineds() {
  static const auto* const kAll = new std::vector<Undetermined>{
      {"Unknown", UndeterminedReason::kNoRecord, [](World* w) { return w->About("nobody"); }},
      {"Several", UndeterminedReason::kSeveralFound, [](World* w) { return w->About("twins"); }},
      {"TwoPeople", UndeterminedReason::kSeveralFound,
       [](World* w) {
         Ask ask = w->About("low");
         ask.tokens[1] = TokensOf("high")[1];
         return ask;
       }},
      {"Mismatch", UndeterminedReason::kMismatch,
       [](World* w) {
         Ask ask = w->About("low");
         ask.tokens[0] = TokensOf("nobody")[0];
         return ask;
       }},
      {"NotHeld", UndeterminedReason::kNotHeld, [](World* w) { return w->About("without"); }},
      {"HeldBack", UndeterminedReason::kHeldBack, [](World* w) { return w->About("held"); }},
      {"TooOld", UndeterminedReason::kTooOld,
       [](World* w) {
         w->records.snapshot->loaded = Noon() - absl::Hours(24 * 31);
         return w->About("low");
       }},
  };
  return *kAll;
}

class UndeterminedTest : public ::testing::TestWithParam<size_t> {};

TEST_P(UndeterminedTest, IsNeverNoAndIsToldAsFarAsTheAgreementSays) {
  const Undetermined& way = Undetermineds()[GetParam()];
  World world;
  world.AddPerson("low", kLow);
  world.AddPerson("high", kHigh);
  world.AddPerson("without", -1);
  world.AddPerson("held", kLow);
  world.records.snapshot->Hold("held");
  world.records.snapshot->Add("twin one", {TokensOf("t1")[0], TokensOf("twins")[1], {}});
  world.records.snapshot->Add("twin two", {TokensOf("t2")[0], TokensOf("twins")[1], {}});
  const auto why = [&](const char* question) {
    Ask ask = way.ask(&world);
    ask.question = question;
    const Recorded recorded = world.Walk(ask);
    EXPECT_EQ(NameOf(recorded), "UNDETERMINED");
    return recorded.answered() == nullptr ? 255 : recorded.answered()->why;
  };
  const int safe = way.reason == UndeterminedReason::kTooOld ? static_cast<int>(way.reason) : 0;
  EXPECT_EQ(why("income-small"), 0);
  EXPECT_EQ(why("income-small-safe"), safe);
  EXPECT_EQ(why("income-small-all"), static_cast<int>(way.reason));
}

INSTANTIATE_TEST_SUITE_P(Ways, UndeterminedTest,
                         ::testing::Range<size_t>(0, Undetermineds().size()),
                         [](const auto& one) { return Undetermineds()[one.param].name; });

TEST_F(VerificationTest, YesAndNoAreToldNoReason) {
  for (const char* person : {"low", "high"}) {
    Ask ask = world_.About(person);
    ask.question = "income-small-all";
    EXPECT_EQ(world_.Walk(ask).answered()->why, 0);
  }
}

TEST_F(VerificationTest, TheReceiptCommitsToTheAnswerAndTheRequest) {
  const Ask ask = world_.About("low");
  const Recorded recorded = world_.Walk(ask);
  const crypto::SubjectEntry entry = EntryOf(recorded);
  EXPECT_EQ(entry.kind, crypto::EntryKind::kAnswered);
  EXPECT_EQ(entry.requester, "aid.example");
  EXPECT_EQ(entry.question, "income-small");
  EXPECT_EQ(entry.purpose, "eligibility");
  EXPECT_EQ(entry.use, 2);
  crypto::Details details;
  details.answer = 1;
  details.data_as_of =
      static_cast<int32_t>(absl::CivilDay(2027, 5, 20) - absl::CivilDay(1970, 1, 1));
  const auto call = world_.Admit(ask);
  crypto::CanonicalRequest canonical;
  canonical.request_id = crypto::AsBytes(ask.request_id);
  canonical.requester = ask.requester;
  canonical.agreement_id = ask.agreement_id;
  canonical.agreement_digest = crypto::AsBytes(ask.digest);
  canonical.question = ask.question;
  canonical.purpose = ask.purpose;
  canonical.epoch = ask.epoch;
  canonical.parameters = call->request().items[0].canonical_parameters;
  canonical.tokens = crypto::AsBytes(call->request().items[0].tokens);
  crypto::ByteWriter scratch;
  details.request = canonical.Hash(&scratch);
  std::copy(ask.request_id.begin(), ask.request_id.end(), details.request_id.begin());
  details.parameters = call->request().items[0].canonical_parameters;
  EXPECT_EQ(entry.commitment, crypto::Commit(recorded.answered()->opening, details.Bytes()));
  details.answer = 2;
  EXPECT_NE(entry.commitment, crypto::Commit(recorded.answered()->opening, details.Bytes()));
}

TEST_F(VerificationTest, EntriesAreNumberedAsTheyLieInTheLedger) {
  const uint64_t before = world_.journal->head().tree_size;
  const auto outcomes = world_.Walk({world_.About("low"), world_.About("high")});
  EXPECT_EQ(outcomes[0].answered()->entry_index, before);
  EXPECT_EQ(outcomes[1].answered()->entry_index, before + 1);
  EXPECT_EQ(world_.journal->head().tree_size, before + 2);
}

// What the caller wrote stands in no entry unless the agreement lists it.
TEST_F(VerificationTest, NamesThatAreNotListedReachNoEntry) {
  const std::vector<std::function<void(Ask*)>> spoils = {
      [](Ask* a) { a->question = "UNLISTED"; },
      [](Ask* a) { a->purpose = "UNLISTED"; },
      [](Ask* a) { a->parameters["UNLISTED"] = std::string("UNLISTED"); },
      [](Ask* a) { a->parameters["household_size"] = std::string("UNLISTED"); },
      [](Ask* a) { a->agreement_id = "UNLISTED"; },
      [](Ask* a) { a->digest = "UNLISTED"; },
      [](Ask* a) { a->request_id = "UNLISTED"; },
      [](Ask* a) { a->request_id = "UNLISTED-16-long"; },
      [](Ask* a) {
        a->question = a->purpose = "UNLISTED";
        a->digest = std::string(32, 'U');
      },
      [](Ask* a) { a->requester = "unlisted.example", a->question = "UNLISTED"; },
  };
  for (size_t i = 0; i < spoils.size(); ++i) {
    Ask ask = world_.About("low");
    spoils[i](&ask);
    world_.journal->written.clear();
    const Recorded recorded = world_.Walk(ask);
    ASSERT_NE(recorded.refused(), nullptr) << i;
    EXPECT_THAT(recorded.refused()->message, Not(HasSubstr("UNLISTED"))) << i;
    EXPECT_THAT(recorded.refused()->received, Not(HasSubstr("UNLISTED"))) << i;
    for (const journal::Written& written : world_.journal->written) {
      EXPECT_THAT(written.entry, Not(HasSubstr("UNLISTED"))) << i;
      EXPECT_THAT(written.sealed, Not(HasSubstr("UNLISTED"))) << i;
    }
  }
  for (const std::string& entry : world_.refusals.Take(Noon() + absl::Hours(1), true)) {
    EXPECT_THAT(entry, Not(HasSubstr("UNLISTED")));
  }
}

TEST_F(VerificationTest, ARefusalOfAPartyIsEnteredWithItsReason) {
  Ask ask = world_.About("low");
  ask.question = "UNLISTED";
  world_.journal->written.clear();
  world_.Walk(ask);
  ASSERT_THAT(world_.journal->written, SizeIs(1));
  const auto entry = crypto::ReadSubjectEntry(world_.journal->written[0].entry);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->kind, crypto::EntryKind::kRefused);
  EXPECT_EQ(entry->reason, static_cast<uint8_t>(policies::Reason::kNotInAgreement));
  EXPECT_EQ(entry->purpose, "eligibility");
  EXPECT_EQ(entry->question, "");
}

TEST_F(VerificationTest, ARefusalOfAStrangerIsCountedAndMakesNoFiles) {
  Ask ask = world_.About("low");
  ask.requester = "other.example";
  ask.agreement_id = "../../elsewhere";
  world_.journal->written.clear();
  EXPECT_EQ(world_.ReasonOf(ask), "NOT_PERMITTED");
  EXPECT_THAT(world_.journal->written, Each(::testing::Field(&journal::Written::entry, "")));
  EXPECT_THAT(world_.refusals.Take(Noon() + absl::Minutes(2), false), SizeIs(1));
}

TEST_F(VerificationTest, WithoutADurableCommitNothingIsReleased) {
  std::vector<Ask> asks = {world_.About("low"), world_.About("high"), world_.About("nobody")};
  Ask refused = world_.About("low");
  refused.question = "UNLISTED";
  asks.push_back(refused);
  const journal::Journal::Figures before = world_.journal->figures();
  world_.journal->failing = absl::UnavailableError("the disk is full");
  const auto outcomes = world_.Walk(asks);
  EXPECT_THAT(NamesOf(outcomes), Each(std::string("LEDGER_UNAVAILABLE")));
  for (const Recorded& outcome : outcomes) {
    EXPECT_EQ(outcome.answered(), nullptr);
    ASSERT_NE(outcome.refused(), nullptr);
    EXPECT_GT(outcome.refused()->retry_after, absl::ZeroDuration());
  }
  EXPECT_EQ(world_.journal->figures().charge_rows, before.charge_rows);
  // The same ids again: answered, and charged once.
  world_.journal->failing = absl::OkStatus();
  EXPECT_THAT(NamesOf(world_.Walk(asks)),
              ElementsAre("YES", "NO", "UNDETERMINED", "NOT_IN_AGREEMENT"));
  const uint64_t charged = world_.journal->figures().charge_rows;
  const auto again = world_.Walk(asks);
  EXPECT_TRUE(again[0].replayed());
  EXPECT_EQ(world_.journal->figures().charge_rows, charged);
}

TEST_F(VerificationTest, AKeyThatCannotBeKeptMeansNoAnswer) {
  std::filesystem::create_directories(world_.folder.Path(""));
  std::ofstream(world_.folder.Path("periods")) << "in the way";
  EXPECT_EQ(world_.ReasonOf(world_.About("low")), "LEDGER_UNAVAILABLE");
}

TEST_F(VerificationTest, AClockThatIsNotTrustedMeansNoAnswer) {
  const Ask ask = world_.About("low");
  world_.clock.Distrust();
  EXPECT_EQ(world_.ReasonOf(ask), "LEDGER_UNAVAILABLE");
  world_.clock.Acknowledge();
  EXPECT_EQ(world_.ReasonOf(ask), "");
}

TEST_F(VerificationTest, AnAgreementThatEndsBetweenPermitAndCommitAnswersNothing) {
  const Ask ask = world_.About("low");
  // The journal has already committed at a time after the last day.
  ASSERT_TRUE(world_.journal->Append({"entry"}, Noon() + absl::Hours(24 * 250)).ok());
  EXPECT_EQ(world_.ReasonOf(ask), "AGREEMENT_NOT_IN_FORCE");
}

TEST_F(VerificationTest, AnAgreementTakenAwayBeforeTheCommitAnswersNothing) {
  const Ask ask = world_.About("low");
  world_.journal->before_commit = [&] {
    world_.folder.Remove("aid");
    ASSERT_TRUE(world_.agreements->Reload().ok());
  };
  EXPECT_EQ(world_.ReasonOf(ask), "NOT_PERMITTED");
}

class LimitedTest : public ::testing::Test {
 protected:
  static Terms Few(int times_asked, int different_values = 4) {
    Terms terms;
    terms.times_asked = times_asked;
    terms.different_values = different_values;
    return terms;
  }
};

TEST_F(LimitedTest, TheSameTokensAreRefusedAndAnotherSpellingIsUndetermined) {
  World world(Few(1));
  world.AddPerson("low", kLow);
  ASSERT_EQ(NameOf(world.Walk(world.About("low"))), "YES");
  EXPECT_EQ(NameOf(world.Walk(world.About("low"))), "PERSON_LIMIT");
  Ask spelt = world.About("low");
  spelt.tokens = OnlyKey(0, "low");
  spelt.question = "income-small-all";
  const Recorded recorded = world.Walk(spelt);
  EXPECT_EQ(NameOf(recorded), "UNDETERMINED");
  EXPECT_EQ(recorded.answered()->why, static_cast<int>(UndeterminedReason::kLimitUsedUp));
}

TEST_F(VerificationTest, ALoadThatIsDatedFarAheadHasAnAgeThatNobodyKnows) {
  world_.records.snapshot->loaded = Noon() + absl::Hours(24 * 30);
  EXPECT_EQ(NameOf(world_.Walk(world_.About("low"))), "YES");
  world_.records.snapshot->loaded = Noon() + absl::Hours(24 * 31);
  Ask ask = world_.About("low");
  ask.question = "income-small-safe";
  const Recorded recorded = world_.Walk(ask);
  EXPECT_EQ(NameOf(recorded), "UNDETERMINED");
  EXPECT_EQ(recorded.answered()->why, static_cast<int>(UndeterminedReason::kTooOld));
}

TEST_F(LimitedTest, DataTooOldStaysTheReasonWhenALimitIsUsedUpToo) {
  World world(Few(1));
  world.AddPerson("low", kLow);
  world.records.snapshot->loaded = Noon() - absl::Hours(24 * 31);
  ASSERT_EQ(NameOf(world.Walk(world.About("low"))), "UNDETERMINED");
  const auto why = [&](const std::string& person) {
    Ask ask = world.About(person);
    ask.tokens = OnlyKey(0, person);
    ask.question = "income-small-safe";
    return world.Walk(ask).answered()->why;
  };
  EXPECT_EQ(why("low"), why("nobody")) << "else its absence tells who is known";
}

TEST_F(LimitedTest, AContractorHasNoLimitsOfItsOwn) {
  World world(Few(1));
  world.AddPerson("low", kLow);
  ASSERT_EQ(world.ReasonOf(world.About("low")), "");
  Ask contractor = world.About("low");
  contractor.requester = "contractor.example";
  EXPECT_EQ(world.ReasonOf(contractor), "PERSON_LIMIT");
  Ask other = world.About("low");
  other.requester = "loans.example";
  EXPECT_EQ(world.ReasonOf(other), "") << "limits apply to each asking party";
}

TEST_F(LimitedTest, AnAgeUsesUpTheCapOfTheDateOfBirth) {
  Terms terms;
  terms.capped = "    different_values: {count: 1, every: \"1 year\"}\n";
  World world(terms);
  world.AddPerson("low", kLow);
  Ask ask = world.About("low");
  ask.question = "is-adult";
  ask.parameters.clear();
  ASSERT_EQ(NameOf(world.Walk(ask)), "YES");
  ASSERT_THAT(world.journal->proposed, SizeIs(1));
  EXPECT_THAT(world.journal->proposed[0].charges.facts, SizeIs(1));
}

TEST_F(LimitedTest, AFactsCapAcrossAgreementsIsUndeterminedWhenUsedUp) {
  Terms terms;
  terms.capped = "    different_values: {count: 1, every: \"1 year\"}\n";
  World world(terms);
  world.AddPerson("low", kLow);
  ASSERT_EQ(NameOf(world.Walk(world.About("low"))), "YES");
  Ask other = world.About("low");
  other.parameters["household_size"] = int64_t{2};
  EXPECT_EQ(NameOf(world.Walk(other)), "UNDETERMINED");
}

// Whether a call is refused depends on the requester's own calls, never on whom they find.
TEST_F(LimitedTest, TheSameScriptIsRefusedAlikeWithAndWithoutPeople) {
  Terms terms = Few(2, 1);
  terms.new_people = 6;
  terms.whole_agreement = 14;
  World empty(terms), full(terms);
  for (const char* name : {"a", "b", "c", "d"}) full.AddPerson(name, kLow);
  const auto refusals = [](World* world) {
    std::vector<std::string> reasons;
    for (int round = 0; round < 3; ++round) {
      for (const char* name : {"a", "b", "c", "d", "e"}) {
        for (int spelling = 0; spelling < 3; ++spelling) {
          Ask ask = world->About(name);
          if (spelling > 0) ask.tokens = OnlyKey(static_cast<size_t>(spelling), name);
          if (round == 1) ask.parameters["household_size"] = int64_t{2};
          reasons.push_back(world->ReasonOf(ask));
        }
      }
    }
    return reasons;
  };
  const auto with = refusals(&full);
  EXPECT_EQ(refusals(&empty), with);
  EXPECT_THAT(with, ::testing::Contains("PERSON_LIMIT"));
  EXPECT_THAT(with, ::testing::Contains("AGREEMENT_LIMIT"));
}

// Every way to be answered writes as much, row for row and byte for byte.
TEST_F(LimitedTest, EveryAnswerWritesTheSame) {
  Terms terms = Few(1);
  terms.capped = "    different_values: {count: 1, every: \"1 year\"}\n";
  World world(terms);
  world.AddPerson("low", kLow);
  world.AddPerson("high", kHigh);
  world.AddPerson("spelt", kLow);
  world.AddPerson("without", -1);
  world.AddPerson("held", kLow);
  world.AddPerson("mismatch", kLow);
  world.records.snapshot->Hold("held");
  world.records.snapshot->Add("twin one", {TokensOf("t1")[0], TokensOf("twins")[1], {}});
  world.records.snapshot->Add("twin two", {TokensOf("t2")[0], TokensOf("twins")[1], {}});
  // What is written once for an agreement is written before.
  ASSERT_EQ(world.ReasonOf(world.About("first")), "");
  ASSERT_EQ(world.ReasonOf(world.About("spelt")), "");
  Ask spelt = world.About("spelt");
  spelt.tokens[2] = {};
  Ask mismatch = world.About("mismatch");
  mismatch.tokens[0] = TokensOf("other")[0];
  Ask twice = world.About("twice");
  twice.tokens[1] = twice.tokens[0];
  const std::vector<std::pair<std::string, Ask>> asks = {{"YES", world.About("low")},
                                                         {"NO", world.About("high")},
                                                         {"UNDETERMINED", world.About("nobody")},
                                                         {"UNDETERMINED", world.About("twins")},
                                                         {"UNDETERMINED", world.About("without")},
                                                         {"UNDETERMINED", world.About("held")},
                                                         {"UNDETERMINED", spelt},
                                                         {"UNDETERMINED", mismatch},
                                                         {"UNDETERMINED", twice}};
  std::set<uint64_t> commits;
  std::set<std::pair<size_t, size_t>> written;
  for (const auto& [answer, ask] : asks) {
    const uint64_t before = world.journal->figures().tail_bytes;
    world.journal->written.clear();
    EXPECT_EQ(NameOf(world.Walk(ask)), answer);
    commits.insert(world.journal->figures().tail_bytes - before);
    written.insert(
        {world.journal->written[0].entry.size(), world.journal->written[0].sealed.size()});
    const journal::Charges& charges = world.journal->proposed[0].charges;
    EXPECT_THAT(charges.people, SizeIs(3));
    EXPECT_THAT(charges.facts, SizeIs(1));
    EXPECT_THAT(std::set<journal::RowKey>(charges.people.begin(), charges.people.end()), SizeIs(3))
        << "a row is charged once";
  }
  EXPECT_THAT(commits, SizeIs(1));
  EXPECT_THAT(written, SizeIs(1));
}

TEST_F(VerificationTest, EntriesAboutOnePersonShareNothing) {
  World world;
  world.AddPerson("low", kLow);
  std::set<std::array<uint8_t, 16>> tags;
  for (int i = 0; i < 4; ++i) tags.insert(EntryOf(world.Walk(world.About("low"))).tag);
  EXPECT_THAT(tags, SizeIs(4));
}

TEST_F(VerificationTest, ItemsOfABatchHavePositionsOfTheirOwn) {
  Ask first = world_.About("low"), second = world_.About("low");
  second.request_id = first.request_id;
  const auto call = world_.AdmitBatch({first, second});
  const auto outcomes = world_.verification->Walk({{call, 0}, {call, 1}});
  EXPECT_THAT(NamesOf(outcomes), ElementsAre("YES", "YES"));
  EXPECT_FALSE(outcomes[1].replayed());
  EXPECT_NE(outcomes[0].answered()->entry, outcomes[1].answered()->entry);
}

TEST_F(VerificationTest, AnEpochThatIsClosedOrUnknownIsRefusedWithTheOneToUse) {
  Ask newer = world_.About("low"), closed = world_.About("low"), unknown = world_.About("low");
  newer.epoch = 2;
  unknown.epoch = 9;
  ASSERT_EQ(NameOf(world_.Walk(newer)), "YES");
  for (const Ask& ask : {closed, unknown}) {
    const Recorded outcome = world_.Walk(ask);
    ASSERT_NE(outcome.refused(), nullptr);
    EXPECT_EQ(outcome.refused()->reason, policies::Reason::kKeyEpoch);
    EXPECT_EQ(outcome.refused()->expected, "2");
  }
}

TEST_F(VerificationTest, WithoutRecordsThereIsNoAnswerYet) {
  World world;
  world.records.snapshot = nullptr;
  EXPECT_EQ(world.ReasonOf(world.About("low")), "NOT_READY");
}

}  // namespace
}  // namespace vouch::server
