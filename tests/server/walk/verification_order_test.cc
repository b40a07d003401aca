// The order of refusals, docs/protocol.md: for every pair of simultaneous failures the earlier one
// wins.
#include <gtest/gtest.h>

#include <set>

#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

// What a fault needs to have happened before, and what it spoils.
struct Scene {
  Terms terms;
  bool asked_before = false;      // the same tokens, in epoch 1, under `used_id`
  bool newer_epoch_used = false;  // a call in epoch 2
  bool nothing_left = false;      // the agreement's limit is what was asked before
  bool reuses_id = false;
  bool unready = false;
  absl::Duration later = absl::ZeroDuration();
  std::vector<void (*)(Ask*)> spoil;
};

struct Fault {
  const char* name;
  const char* part;  // two with the same part exclude each other
  const char* reason;
  const char* field;
  void (*stage)(Scene*);
};

// In the order in which they must be found.
const std::vector<Fault>& Faults() {
  static const auto* const kFaults = new std::vector<Fault>{
      {"NoParty", "requester", "NOT_PERMITTED", "",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->requester = "other.example"; }); }},
      {"UnknownAgreement", "agreement", "NOT_PERMITTED", "",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->agreement_id = "MARKER"; }); }},
      {"Expired", "time", "AGREEMENT_NOT_IN_FORCE", "question.agreement_id",
       [](Scene* s) { s->later = absl::Hours(24 * 300); }},
      {"OtherDigest", "digest", "AGREEMENT_MISMATCH", "question.agreement_digest",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->digest[0] ^= 1; }); }},
      {"NoUuid", "id", "BAD_REQUEST_ID", "request_id",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->request_id = "MARKER"; }); }},
      {"ReusedId", "id", "REQUEST_ID_REUSED", "request_id",
       [](Scene* s) {
         s->asked_before = s->reuses_id = true;
         s->spoil.push_back([](Ask* a) { a->parameters["household_size"] = int64_t{2}; });
       }},
      {"UnknownQuestion", "question", "NOT_IN_AGREEMENT", "question.question",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->question = "MARKER"; }); }},
      {"UnknownPurpose", "purpose", "NOT_IN_AGREEMENT", "question.purpose",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->purpose = "MARKER"; }); }},
      {"UnlistedValue", "parameter", "NOT_IN_AGREEMENT", "parameters.household_size",
       [](Scene* s) {
         s->spoil.push_back([](Ask* a) { a->parameters["household_size"] = int64_t{9}; });
       }},
      {"TooFewTokens", "tokens", "MALFORMED", "subject.tokens",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->tokens.pop_back(); }); }},
      {"NoKeyFormed", "tokens", "MALFORMED", "subject.tokens",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->tokens.assign(3, {}); }); }},
      {"UnknownEpoch", "epoch", "KEY_EPOCH", "question.epoch",
       [](Scene* s) { s->spoil.push_back([](Ask* a) { a->epoch = 9; }); }},
      {"IndexNotBuilt", "index", "NOT_READY", "", [](Scene* s) { s->unready = true; }},
      {"EpochClosed", "epoch", "KEY_EPOCH", "question.epoch",
       [](Scene* s) { s->newer_epoch_used = true; }},
      {"PersonUsedUp", "person", "PERSON_LIMIT", "",
       [](Scene* s) {
         s->asked_before = true;
         s->terms.times_asked = 1;
       }},
      {"AgreementUsedUp", "agreement limit", "AGREEMENT_LIMIT", "",
       [](Scene* s) { s->asked_before = s->nothing_left = true; }},
  };
  return *kFaults;
}

// The reason and field that a scene ends in.
std::pair<std::string, std::string> Play(Scene scene) {
  if (scene.nothing_left) scene.terms.whole_agreement = 1 + (scene.newer_epoch_used ? 1 : 0);
  World world(scene.terms);
  world.AddPerson("anna", 500000);
  Ask before = world.About("anna");
  if (scene.asked_before) {
    EXPECT_EQ(world.ReasonOf(before), "");
  }
  if (scene.newer_epoch_used) {
    Ask newer = world.About("ben");
    newer.epoch = 2;
    EXPECT_EQ(world.ReasonOf(newer), "");
  }
  Ask ask = world.About("anna");
  if (scene.reuses_id) ask.request_id = before.request_id;
  world.clock.Advance(scene.later);
  if (scene.unready) world.records.snapshot->unready = {1, 9};
  for (auto* spoil : scene.spoil) spoil(&ask);
  const Recorded recorded = world.Walk(ask);
  const policies::Refusal* refusal = recorded.refused();
  return refusal == nullptr ? std::make_pair(std::string(), std::string())
                            : std::make_pair(NameOf(recorded), refusal->field);
}

TEST(VerificationOrderTest, WithoutAFaultThereIsAnAnswer) {
  EXPECT_EQ(Play({}), std::make_pair(std::string(), std::string()));
}

class EveryPairTest : public ::testing::TestWithParam<size_t> {};

TEST_P(EveryPairTest, TheEarlierFaultWins) {
  const Fault& first = Faults()[GetParam()];
  const auto expected = std::make_pair(std::string(first.reason), std::string(first.field));
  Scene alone;
  first.stage(&alone);
  EXPECT_EQ(Play(alone), expected);
  for (size_t i = GetParam() + 1; i < Faults().size(); ++i) {
    const Fault& second = Faults()[i];
    if (std::string(first.part) == second.part) continue;
    Scene both;
    // The later one first, so that a shared part is spoilt as the earlier one wants it.
    second.stage(&both);
    first.stage(&both);
    EXPECT_EQ(Play(both), expected) << first.name << " with " << second.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryPairTest, ::testing::Range<size_t>(0, Faults().size()),
                         [](const auto& one) { return Faults()[one.param].name; });

}  // namespace
}  // namespace vouch::server
