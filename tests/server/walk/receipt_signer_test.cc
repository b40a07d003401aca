#include "server/receipt_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "crypto/jws.h"
#include "crypto/receipt_claims.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using ::testing::HasSubstr;

Terms Listed() {
  Terms terms;
  terms.jws = true;
  terms.household = 3;
  return terms;
}

class ReceiptSignerTest : public ::testing::Test {
 protected:
  ReceiptSignerTest() {
    world_.AddPerson("low", 500000);
    world_.AddPerson("high", 5000000);
    world_.AddFiler("one", 100000, 7);
    world_.AddFiler("two", 100000, 7);
  }
  Ask WithJws(const std::string& person) {
    Ask ask = world_.About(person);
    ask.jws_receipt = true;
    return ask;
  }
  std::string Sign(const Ask& ask, const Recorded& recorded) {
    return world_.receipts.Sign(*world_.Admit(ask), 0, *recorded.answered());
  }
  std::string PayloadOf(const std::string& jws, const crypto::SigningKey& key) {
    const auto payload = crypto::JwsVerifier::From(crypto::AsBytes(key.PublicDer()))
                             ->Open(jws, crypto::kReceiptJwsType);
    EXPECT_TRUE(payload.ok()) << payload.status();
    return payload.ok() ? *payload : "";
  }
  size_t Charged() const { return world_.journal->figures().charge_rows; }

  World world_{Listed()};
};

TEST_F(ReceiptSignerTest, SaysWhatTheWalkAnswered) {
  const crypto::SigningKey key = world_.MakeReceiptKey();
  const Ask ask = WithJws("low");
  const Recorded recorded = world_.Walk(ask);
  ASSERT_NE(recorded.answered(), nullptr);
  const std::string payload = PayloadOf(Sign(ask, recorded), key);
  EXPECT_THAT(payload, HasSubstr(R"({"iss":"tax.example","aud":"aid.example","sub":")"));
  EXPECT_THAT(payload, HasSubstr(R"("agreement":"aid-tax-001")"));
  EXPECT_THAT(payload, HasSubstr(crypto::Hex(crypto::AsBytes(ask.digest))));
  EXPECT_THAT(payload, HasSubstr(R"("parameters":{"household_size":1},"answer":"YES")"));
  EXPECT_THAT(payload, HasSubstr(R"("log":"tax.example/ledger/2027")"));
}

// The bytes too: nothing that a length shows may tell the answers apart.
TEST_F(ReceiptSignerTest, IsOfOneLengthForTheThreeAnswersKnownAndUnknown) {
  world_.MakeReceiptKey();
  std::set<std::string> answers;
  std::set<size_t> lengths;
  for (const char* person : {"low", "high", "nobody", "somebody else", "low", "high"}) {
    const Ask ask = WithJws(person);
    const Recorded recorded = world_.Walk(ask);
    answers.insert(NameOf(recorded));
    lengths.insert(Sign(ask, recorded).size());
  }
  EXPECT_EQ(answers, (std::set<std::string>{"YES", "NO", "UNDETERMINED"}));
  EXPECT_EQ(lengths.size(), 1u);
}

TEST_F(ReceiptSignerTest, AReplayClaimsTheSame) {
  const crypto::SigningKey key = world_.MakeReceiptKey();
  Ask ask = world_.About("low");
  const Recorded first = world_.Walk(ask);
  world_.Walk(world_.About("high"));  // the log grows, and with it the checkpoint
  world_.clock.Set(Noon() + absl::Hours(3));
  ask.jws_receipt = true;
  const Recorded again = world_.Walk(ask);
  ASSERT_TRUE(again.replayed());
  EXPECT_EQ(PayloadOf(Sign(ask, again), key), PayloadOf(Sign(ask, first), key));
}

TEST_F(ReceiptSignerTest, AGroupsIsOfItsFirstEntryAndAllItsTokens) {
  const crypto::SigningKey key = world_.MakeReceiptKey();
  Ask ask = world_.AboutHousehold({"one", "two"});
  ask.jws_receipt = true;
  const Recorded recorded = world_.Walk(ask);
  ASSERT_NE(recorded.answered(), nullptr) << NameOf(recorded);
  std::string tokens;
  for (const crypto::Token& token : ask.tokens) tokens.append(crypto::AsText(token).data(), 32);
  ASSERT_EQ(tokens.size(), 3u * 3 * 32);  // padding included
  EXPECT_THAT(
      PayloadOf(Sign(ask, recorded), key),
      HasSubstr(crypto::ReceiptSubject(recorded.answered()->opening, crypto::AsBytes(tokens))));
}

TEST_F(ReceiptSignerTest, NamesTheYearsLogAndThePlaceInIt) {
  Terms terms = Listed();
  terms.expires = "2028-12-31";
  World world(terms);
  const crypto::SigningKey key = world.MakeReceiptKey();
  world.Walk(world.About("somebody"));
  world.clock.Set(absl::FromCivil(absl::CivilDay(2028, 1, 2), absl::UTCTimeZone()));
  Ask ask = world.About("nobody");
  ask.jws_receipt = true;
  const Recorded recorded = world.Walk(ask);
  ASSERT_NE(recorded.answered(), nullptr) << NameOf(recorded);
  const uint64_t before = recorded.answered()->proof->log.log_first;
  EXPECT_GT(before, 0u);
  const std::string payload =
      PayloadOf(world.receipts.Sign(*world.Admit(ask), 0, *recorded.answered()), key);
  EXPECT_THAT(payload, HasSubstr(absl::StrCat(R"("log":"tax.example/ledger/2028","index":)",
                                              recorded.answered()->entry_index - before, ",")));
}

TEST_F(ReceiptSignerTest, WithoutAKeyItIsRefusedBeforeAnythingIsChargedOrGivenAgain) {
  Ask ask = world_.About("low");
  ASSERT_EQ(NameOf(world_.Walk(ask)), "YES");
  const size_t charged = Charged();
  ask.jws_receipt = true;
  EXPECT_EQ(world_.ReasonOf(ask), "NOT_READY");
  EXPECT_EQ(world_.ReasonOf(WithJws("high")), "NOT_READY");
  EXPECT_EQ(Charged(), charged);
  world_.MakeReceiptKey();
  EXPECT_TRUE(world_.Walk(ask).replayed());
}

TEST_F(ReceiptSignerTest, WhatTheAgreementDoesNotListIsRefusedBeforeAnythingIsCharged) {
  World unlisted;
  unlisted.AddPerson("low", 500000);
  unlisted.MakeReceiptKey();
  Ask ask = unlisted.About("low");
  ASSERT_EQ(NameOf(unlisted.Walk(ask)), "YES");
  const size_t charged = unlisted.journal->figures().charge_rows;
  ask.jws_receipt = true;
  EXPECT_EQ(unlisted.ReasonOf(ask), "NOT_IN_AGREEMENT");
  Ask fresh = unlisted.About("somebody");
  fresh.jws_receipt = true;
  const Recorded refused = unlisted.Walk(fresh);
  ASSERT_NE(refused.refused(), nullptr);
  EXPECT_EQ(refused.refused()->field, "jws_receipt");
  EXPECT_EQ(unlisted.journal->figures().charge_rows, charged);
}

TEST_F(ReceiptSignerTest, SaysThatAKeyIsMissingOnlyWhereOneIsNeeded) {
  const auto standing = [](World* world) {
    return world->receipts.Standing(*world->agreements->Current()->catalog);
  };
  world_.receipts.Refresh();
  EXPECT_THAT(std::string(standing(&world_).message()), HasSubstr("vouch keys receipt"));
  world_.MakeReceiptKey();
  EXPECT_TRUE(standing(&world_).ok());
  // One that was taken away goes on until the node is started again.
  std::remove(world_.folder.Path("receipt.key").c_str());
  world_.receipts.Refresh();
  EXPECT_TRUE(standing(&world_).ok());
  World unlisted;
  unlisted.receipts.Refresh();
  EXPECT_TRUE(standing(&unlisted).ok());
}

TEST_F(ReceiptSignerTest, AnotherKindOfKeyIsNotUsed) {
  const auto ed25519 = crypto::SigningKey::Generate(crypto::KeyKind::kEd25519);
  ASSERT_TRUE(crypto::WritePrivateFile(world_.folder.Path("receipt.key"),
                                       ed25519.ToPem(crypto::RawSecretAccess{}))
                  .ok());
  world_.receipts.Refresh();
  const absl::Status standing = world_.receipts.Standing(*world_.agreements->Current()->catalog);
  EXPECT_THAT(std::string(standing.message()), HasSubstr("expected a P-256 key"));
  EXPECT_EQ(world_.ReasonOf(WithJws("low")), "NOT_READY");
}

}  // namespace
}  // namespace vouch::server
