#include "client/requester/jws_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/requester/batch.h"
#include "crypto/base64.h"
#include "crypto/random.h"
#include "tests/client/requester/asking_world.h"
#include "tests/client/requester/numbered_rows.h"

namespace vouch::requester {
namespace {

using ::testing::HasSubstr;

WorldOptions Listed(int household = 0) {
  WorldOptions wish;
  wish.jws = true;
  wish.household = household;
  return wish;
}

Asking WithJws(int number = 1) {
  Asking asking = TestAsking(number);
  asking.jws = true;
  return asking;
}

std::string PayloadOf(const std::string& jws) {
  const std::vector<std::string> parts = absl::StrSplit(jws, '.');
  std::string payload;
  EXPECT_TRUE(parts.size() == 3 && crypto::FromBase64Url(parts[1], &payload));
  return payload;
}

TEST(JwsCheckTest, GivesOneThatSaysWhatWasAnswered) {
  AskingWorld world(Listed());
  const auto given = world.Open()->Ask(WithJws());
  ASSERT_TRUE(given.ok()) << given.status();
  const std::string payload = PayloadOf(given->jws);
  EXPECT_THAT(payload, HasSubstr(R"("aud":"fsa.ed.example")"));
  EXPECT_THAT(payload,
              HasSubstr(absl::StrCat(R"("answer":")", policies::AnswerName(given->answer), "\"")));
  EXPECT_THAT(payload, HasSubstr(R"("parameters":{"household_size":4,"region":"contiguous"})"));
  v1::Receipt receipt;
  ASSERT_TRUE(receipt.ParseFromString(given->receipt));
  EXPECT_EQ(receipt.jws(), given->jws);
}

TEST(JwsCheckTest, KeepsNoneThatNobodyAskedFor) {
  AskingWorld world(Listed());
  world.responder->SetLie(
      [](v1::Answered* answered) { answered->mutable_receipt()->set_jws("a.b.c"); });
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ(given->jws, "");
  v1::Receipt receipt;
  ASSERT_TRUE(receipt.ParseFromString(given->receipt));
  EXPECT_EQ(receipt.jws(), "");
}

TEST(JwsCheckTest, OneMayBeHadLaterForTheSameRequest) {
  AskingWorld world(Listed());
  auto requester = world.Open();
  Asking asking = TestAsking();
  asking.request_id = crypto::NewUuidV7(absl::ToUnixMillis(absl::Now()));
  asking.consent = NewConsent();
  const auto without = requester->Ask(asking);
  asking.jws = true;
  const auto with = requester->Ask(asking);
  ASSERT_TRUE(without.ok() && with.ok()) << with.status();
  EXPECT_EQ(with->answer, without->answer);
  EXPECT_NE(with->jws, "");
  EXPECT_EQ(world.responder->charged(), 1u);
}

TEST(JwsCheckTest, RefusesAnAnswerWhoseJwsIsMissingOrWrong) {
  AskingWorld world(Listed());
  auto requester = world.Open();
  const crypto::SigningKey& key = world.responder->receipt_key();
  const auto resigned = [&key](const std::string& from, const std::string& to) {
    return [&key, from, to](v1::Answered* answered) {
      const std::string before = PayloadOf(answered->receipt().jws());
      const std::string after = absl::StrReplaceAll(before, {{from, to}});
      EXPECT_NE(after, before) << from;
      answered->mutable_receipt()->set_jws(*crypto::SignJws(key, crypto::kReceiptJwsType, after));
    };
  };
  const auto other = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  std::string of_another_answer;
  world.responder->SetLie([&of_another_answer](v1::Answered* answered) {
    of_another_answer = answered->receipt().jws();
  });
  ASSERT_TRUE(requester->Ask(WithJws(5)).ok());
  const std::vector<std::pair<std::string, std::function<void(v1::Answered*)>>> lies = {
      {"missing", [](v1::Answered* answered) { answered->mutable_receipt()->clear_jws(); }},
      {"nonsense", [](v1::Answered* answered) { answered->mutable_receipt()->set_jws("a.b.c"); }},
      {"another answer's",
       [&](v1::Answered* answered) { answered->mutable_receipt()->set_jws(of_another_answer); }},
      {"another key's",
       [&](v1::Answered* answered) {
         answered->mutable_receipt()->set_jws(*crypto::SignJws(
             other, crypto::kReceiptJwsType, PayloadOf(answered->receipt().jws())));
       }},
      {"another type's",
       [&](v1::Answered* answered) {
         answered->mutable_receipt()->set_jws(
             *crypto::SignJws(key, "JWT", PayloadOf(answered->receipt().jws())));
       }},
      {"another answer", resigned("\"answer\":\"", "\"answer\":\"NOT ")},
      {"another asker", resigned("\"aud\":\"fsa", "\"aud\":\"hud")},
      {"another agency", resigned("\"iss\":\"irs", "\"iss\":\"ssa")},
      {"another subject", resigned("\"sub\":\"", "\"sub\":\"x")},
      {"another entry", resigned("\"jti\":\"", "\"jti\":\"x")},
      {"another minute", resigned("\"iat\":1", "\"iat\":2")},
      {"another log", resigned("/ledger/2026", "/ledger/2025")},
      {"another place", resigned("\"index\":", "\"index\":9")},
      {"another day", resigned("2026-11-20", "2026-11-21")},
      {"one claim more", resigned("\"pad\":", "\"exp\":1,\"pad\":")},
  };
  for (const auto& [name, lie] : lies) {
    world.responder->SetLie(lie);
    const auto given = requester->Ask(WithJws());
    EXPECT_TRUE(absl::IsDataLoss(given.status())) << name << ": " << given.status();
  }
  world.responder->SetLie(nullptr);
  EXPECT_TRUE(requester->Ask(WithJws()).ok());
}

TEST(JwsCheckTest, NothingIsSentWithoutAKeyOrWhereTheAgreementListsNone) {
  AskingWorld listed(Listed());
  RequesterOptions options = listed.Options();
  options.receipt_key.clear();
  auto without_key = Requester::Open(listed.agreement, std::move(options));
  ASSERT_TRUE(without_key.ok());
  const auto keyless = (*without_key)->Ask(WithJws());
  EXPECT_TRUE(absl::IsFailedPrecondition(keyless.status())) << keyless.status();
  EXPECT_THAT(std::string(keyless.status().message()), HasSubstr("receipt_key"));
  EXPECT_TRUE((*without_key)->Ask(TestAsking()).ok());

  AskingWorld unlisted;
  const auto refused = unlisted.Open()->Ask(WithJws());
  const auto refusal = RefusalOf(refused.status());
  ASSERT_TRUE(refusal.has_value()) << refused.status();
  EXPECT_EQ(refusal->reason, "NOT_IN_AGREEMENT");
  EXPECT_EQ(refusal->field, "jws_receipt");
  EXPECT_TRUE(unlisted.responder->verify_ids().empty());
}

TEST(JwsCheckTest, OfAGroupItIsAboutAllItsTokens) {
  AskingWorld world(Listed(4));
  Asking asking = WithJws();
  asking.members = {TestPerson(1), TestPerson(2)};
  const auto given = world.Open()->Ask(asking);
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_NE(given->jws, "");
}

absl::StatusOr<BatchCounts> RunWithJws(AskingWorld* world, const std::string& name, int count) {
  NumberedRows rows(count);
  auto requester = world->Open();
  BatchOptions options = NumberedOptions(world->folder.Path(name), 50);
  options.jws = true;
  options.format = [](uint64_t, const BatchRow&, const RowOutcome& outcome) {
    return absl::StrCat(outcome.answer.has_value() ? outcome.answer->jws : "refused", "\n");
  };
  return AskBatch(requester.get(), options, &rows);
}

TEST(JwsCheckTest, EveryRowOfABatchHasItsOwnAlsoWhenItIsRepeated) {
  AskingWorld world(Listed());
  // Recorded and never heard of: the second time these are answered again, each with its own proof.
  world.responder->BreakAfter(0);
  const auto counts = RunWithJws(&world, "out", 120);
  ASSERT_TRUE(counts.ok()) << counts.status();
  std::ifstream in(world.folder.Path("out"));
  std::string line;
  std::getline(in, line);
  std::set<std::string> all;
  int64_t refused = 0;
  while (std::getline(in, line)) {
    if (line == "refused") {
      ++refused;
    } else {
      EXPECT_TRUE(all.insert(PayloadOf(line)).second);
    }
  }
  EXPECT_EQ(all.size(), static_cast<size_t>(NumberedRows::Askable(120)));
  EXPECT_EQ(all.size() + static_cast<size_t>(refused), 120u);
  EXPECT_EQ(world.responder->charged_twice(), 0u);
}

TEST(JwsCheckTest, ABatchEndsAtAJwsThatIsWrong) {
  AskingWorld world(Listed());
  world.responder->SetLie([](v1::Answered* answered) { answered->mutable_receipt()->clear_jws(); });
  EXPECT_TRUE(absl::IsDataLoss(RunWithJws(&world, "out", 60).status()));
}

}  // namespace
}  // namespace vouch::requester
