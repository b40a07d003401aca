#include "client/requester/requester.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "crypto/checkpoint.h"
#include "crypto/note.h"
#include "crypto/random.h"
#include "crypto/receipt.h"
#include "tests/client/requester/asking_world.h"

namespace vouch::requester {
namespace {

using ::testing::HasSubstr;

TEST(RequesterTest, AsksWithKeyedHashTokens) {
  AskingWorld world;
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ(given->data_as_of, absl::CivilDay(2026, 11, 20));
  EXPECT_TRUE(given->consent.has_value());
  EXPECT_FALSE(given->receipt.empty());
  EXPECT_EQ(world.responder->charged(), 1u);
}

TEST(RequesterTest, AsksWithBlindTokensThatTheResponderCannotRead) {
  WorldOptions wish;
  wish.blind = true;
  AskingWorld world(wish);
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ(world.responder->evaluations(), 3u);
}

TEST(RequesterTest, SaysWhatTheAgreementSaysToDo) {
  AskingWorld world;
  auto requester = world.Open();
  std::set<policies::Answer> seen;
  for (int number = 1; number < 40 && seen.size() < 3; ++number) {
    const auto given = requester->Ask(TestAsking(number));
    ASSERT_TRUE(given.ok()) << given.status();
    if (!seen.insert(given->answer).second) continue;
    switch (given->answer) {
      case policies::Answer::kYes:
        EXPECT_EQ(given->obligation.action, policies::Do::kAccept);
        EXPECT_TRUE(given->say.empty());
        break;
      case policies::Answer::kNo:
        EXPECT_EQ(given->obligation.action, policies::Do::kVerifyIndependently);
        EXPECT_EQ(given->obligation.notice_days, 30);
        break;
      case policies::Answer::kUndetermined:
        EXPECT_EQ(given->obligation.action, policies::Do::kAskThePerson);
        ASSERT_EQ(given->say.size(), 1u);
        EXPECT_THAT(given->say[0], HasSubstr("transcript"));
        break;
    }
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST(RequesterTest, RepeatsWithTheSameRequestIdAndIsChargedOnce) {
  AskingWorld world;
  world.responder->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::UNAVAILABLE, "BUSY", 5),
       fakes::MakeRefused(grpc::StatusCode::UNAVAILABLE, "NOT_READY"),
       fakes::MakeRefused(grpc::StatusCode::UNAVAILABLE, "LEDGER_UNAVAILABLE")});
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(given.ok()) << given.status();
  const std::vector<std::string> ids = world.responder->verify_ids();
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(world.responder->charged(), 1u);
}

TEST(RequesterTest, AnsweredAgainUnderAnEarlierRequestId) {
  AskingWorld world;
  auto requester = world.Open();
  Asking asking = TestAsking();
  const auto first = requester->Ask(asking);
  ASSERT_TRUE(first.ok()) << first.status();
  asking.request_id = first->request_id;
  asking.consent = first->consent;
  const auto second = world.Open()->Ask(asking);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->receipt, first->receipt);
  EXPECT_EQ(world.responder->charged(), 1u);
}

TEST(RequesterTest, DoesNotRepeatWhatIsRefusedForGood) {
  for (const auto& [code, reason] : std::vector<std::pair<grpc::StatusCode, std::string>>{
           {grpc::StatusCode::PERMISSION_DENIED, "NOT_PERMITTED"},
           {grpc::StatusCode::FAILED_PRECONDITION, "AGREEMENT_NOT_IN_FORCE"},
           {grpc::StatusCode::FAILED_PRECONDITION, "AGREEMENT_MISMATCH"},
           {grpc::StatusCode::INVALID_ARGUMENT, "BAD_REQUEST_ID"},
           {grpc::StatusCode::INVALID_ARGUMENT, "MALFORMED"},
           {grpc::StatusCode::INVALID_ARGUMENT, "NOT_IN_AGREEMENT"},
           {grpc::StatusCode::RESOURCE_EXHAUSTED, "PERSON_LIMIT"},
           {grpc::StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"},
           {grpc::StatusCode::UNAUTHENTICATED, "CERTIFICATE"}}) {
    AskingWorld world;
    world.responder->RefuseNext({fakes::MakeRefused(code, reason)});
    const auto given = world.Open()->Ask(TestAsking());
    const auto refusal = RefusalOf(given.status());
    ASSERT_TRUE(refusal.has_value()) << reason << given.status();
    EXPECT_EQ(refusal->reason, reason);
    EXPECT_FALSE(refusal->Retriable()) << reason;
    EXPECT_NE(refusal->Advice(), "See the responder's message.") << reason;
    EXPECT_EQ(world.responder->verify_ids().size(), 1u) << reason;
  }
}

TEST(RequesterTest, GivesUpAfterItsAttempts) {
  AskingWorld world;
  world.responder->RefuseNext(
      std::vector<v1::Refused>(20, fakes::MakeRefused(grpc::StatusCode::UNAVAILABLE, "BUSY", 1)));
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(RefusalOf(given.status()).has_value());
  EXPECT_EQ(RefusalOf(given.status())->reason, "BUSY");
  EXPECT_EQ(world.responder->verify_ids().size(), 6u);
}

TEST(RequesterTest, DoesNotWaitLongerThanItsPatience) {
  AskingWorld world;
  world.responder->RefuseNext(
      {fakes::MakeRefused(grpc::StatusCode::RESOURCE_EXHAUSTED, "AGREEMENT_LIMIT", 3600000)});
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(RefusalOf(given.status()).has_value());
  EXPECT_EQ(RefusalOf(given.status())->retry_after, absl::Hours(1));
  EXPECT_EQ(world.responder->verify_ids().size(), 1u);
}

TEST(RequesterTest, MakesTokensAnewWhenTheEpochChanged) {
  for (const bool blind : {false, true}) {
    WorldOptions wish;
    wish.blind = blind;
    AskingWorld world(wish);
    auto requester = world.Open();
    ASSERT_TRUE(requester->Ask(TestAsking(1)).ok());
    world.responder->SetEpoch(world.MakeEpoch(2));
    const auto given = requester->Ask(TestAsking(2));
    ASSERT_TRUE(given.ok()) << given.status();
    EXPECT_EQ(given->epoch, 2u);
  }
}

TEST(RequesterTest, RefusesAReceiptForgedInAnyField) {
  const auto in_entry = [](std::function<void(crypto::SubjectEntry*)> change) {
    return [change](v1::Answered* answered) {
      auto entry = *crypto::ReadSubjectEntry(answered->receipt().entry());
      change(&entry);
      answered->mutable_receipt()->set_entry(entry.Bytes());
    };
  };
  const std::vector<std::pair<std::string, std::function<void(v1::Answered*)>>> lies = {
      {"answer", [](v1::Answered* a) { a->set_answer(a->answer() == v1::YES ? v1::NO : v1::YES); }},
      {"no answer", [](v1::Answered* a) { a->set_answer(v1::ANSWER_UNSPECIFIED); }},
      {"why", [](v1::Answered* a) { a->set_why(v1::NO_RECORD); }},
      {"no why", [](v1::Answered* a) { a->set_why(v1::WHY_UNSPECIFIED); }},
      {"data as of", [](v1::Answered* a) { a->set_data_as_of("2026-11-21"); }},
      {"no day", [](v1::Answered* a) { a->set_data_as_of("2026-11-31"); }},
      {"day in other words", [](v1::Answered* a) { a->set_data_as_of("2026-11-2"); }},
      {"no receipt", [](v1::Answered* a) { a->clear_receipt(); }},
      {"cut entry", [](v1::Answered* a) { a->mutable_receipt()->mutable_entry()->pop_back(); }},
      {"long entry", [](v1::Answered* a) { a->mutable_receipt()->mutable_entry()->push_back(0); }},
      {"opening", [](v1::Answered* a) { (*a->mutable_receipt()->mutable_opening())[31] ^= 1; }},
      {"short opening",
       [](v1::Answered* a) { a->mutable_receipt()->mutable_opening()->pop_back(); }},
      {"long opening",
       [](v1::Answered* a) { a->mutable_receipt()->mutable_opening()->push_back('\0'); }},
      {"kind", in_entry([](auto* e) { e->kind = crypto::EntryKind::kRefused; })},
      {"use", in_entry([](auto* e) { e->use = 1; })},
      {"minute behind", in_entry([](auto* e) { e->minute -= 120; })},
      {"minute ahead", in_entry([](auto* e) { e->minute += 120; })},
      {"requester", in_entry([](auto* e) { e->requester = "ssa.example"; })},
      {"agreement", in_entry([](auto* e) { e->agreement_id = "fsa-irs-2027-002"; })},
      {"digest", in_entry([](auto* e) { e->digest_prefix[7] ^= 1; })},
      {"purpose", in_entry([](auto* e) { e->purpose = "another"; })},
      {"question", in_entry([](auto* e) { e->question = "another"; })},
      {"tag period", in_entry([](auto* e) { ++e->tag_period; })},
      {"retention class", in_entry([](auto* e) { e->retention_class = 1; })},
      {"reason", in_entry([](auto* e) { e->reason = 1; })},
      {"commitment", in_entry([](auto* e) { e->commitment[0] ^= 1; })},
  };
  AskingWorld world;
  auto requester = world.Open();
  for (const auto& [name, lie] : lies) {
    world.responder->SetLie(lie);
    const auto given = requester->Ask(TestAsking(1));
    EXPECT_TRUE(absl::IsDataLoss(given.status())) << name << ": " << given.status();
  }
  world.responder->SetLie(nullptr);
  EXPECT_TRUE(requester->Ask(TestAsking(1)).ok());
}

TEST(RequesterTest, RefusesAnAnswerThatIsNotShownToBeInTheLog) {
  const auto other_key = std::make_shared<const crypto::SigningKey>(
      crypto::SigningKey::Generate(crypto::KeyKind::kEd25519));
  // The same head, or another, signed by some key under some name.
  const auto signed_as = [](const std::string& origin,
                            const std::shared_ptr<const crypto::SigningKey>& key) {
    return [origin, key](v1::LedgerProof* proof) {
      auto head = *crypto::ReadCheckpoint(crypto::ReadNote(proof->checkpoint())->text);
      head.origin = origin;
      const auto signer = crypto::NoteSigner::Make(origin, key);
      const crypto::NoteSigner* const signers[] = {&*signer};
      proof->set_checkpoint(*crypto::SignCheckpoint(head, signers));
    };
  };
  AskingWorld world;
  const auto own_key = world.responder->shared_ledger_key();
  const std::vector<std::pair<std::string, std::function<void(v1::LedgerProof*)>>> lies = {
      {"nothing", [](v1::LedgerProof* proof) { proof->Clear(); }},
      {"no checkpoint", [](v1::LedgerProof* proof) { proof->clear_checkpoint(); }},
      {"another's key", signed_as("irs.treasury.example/ledger/2026", other_key)},
      {"another's log", signed_as("fsa.ed.example/ledger/2026", own_key)},
      {"a log of the future", signed_as("irs.treasury.example/ledger/9999", own_key)},
      {"no log's name", signed_as("irs.treasury.example/ledger/2026x", own_key)},
      {"another size", [](v1::LedgerProof* proof) { proof->set_tree_size(99); }},
      {"another place", [](v1::LedgerProof* proof) { proof->set_first(proof->first() + 1); }},
      {"more entries", [](v1::LedgerProof* proof) { proof->set_count(2); }},
      {"fewer hashes", [](v1::LedgerProof* proof) { proof->set_hash_count(0); }},
      {"more hashes", [](v1::LedgerProof* proof) { proof->set_hash_count(2); }},
      {"another hash", [](v1::LedgerProof* proof) { (*proof->mutable_hashes())[0] ^= 1; }},
      {"a leaf too many",
       [](v1::LedgerProof* proof) { proof->set_other_leaves(std::string(32, 'x')); }},
      {"an endless proof",
       [](v1::LedgerProof* proof) { proof->set_hash_count(std::numeric_limits<uint32_t>::max()); }},
  };
  auto requester = world.Open();
  // The lies are told about a log of two entries: a proof of one has a hash.
  ASSERT_TRUE(requester->Ask(TestAsking(7)).ok());
  Asking again = TestAsking(1);
  again.request_id = crypto::NewUuidV7(absl::ToUnixMillis(absl::Now()));
  again.consent = NewConsent();
  ASSERT_TRUE(requester->Ask(again).ok());
  for (const auto& [name, lie] : lies) {
    world.responder->SetProofLie(lie);
    const auto given = requester->Ask(again);
    EXPECT_TRUE(absl::IsDataLoss(given.status())) << name << ": " << given.status();
  }
  world.responder->SetProofLie(nullptr);
  EXPECT_TRUE(requester->Ask(again).ok());

  // An entry the log does not have: the log's own signature says so.
  world.responder->SetLie(
      [](v1::Answered* answered) { answered->mutable_receipt()->set_index(0); });
  EXPECT_TRUE(absl::IsDataLoss(requester->Ask(again).status()));
}

TEST(RequesterTest, UsesNothingMoreOfALogThatWasRewritten) {
  AskingWorld world;
  ASSERT_TRUE(world.Open()->Ask(TestAsking(1)).ok());
  ASSERT_TRUE(world.Open()->Ask(TestAsking(2)).ok());
  world.responder->RewriteLog();
  const auto given = world.Open()->Ask(TestAsking(3));
  EXPECT_TRUE(absl::IsDataLoss(given.status())) << given.status();
  EXPECT_TRUE(absl::IsDataLoss(world.Open()->Ask(TestAsking(4)).status()));
}

TEST(RequesterTest, WithoutTheLogsKeyNoAnswerIsUsed) {
  AskingWorld world;
  RequesterOptions options = world.Options();
  options.ledger_key.clear();
  auto requester = Requester::Open(world.agreement, std::move(options));
  ASSERT_TRUE(requester.ok());
  const auto given = (*requester)->Ask(TestAsking(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(given.status())) << given.status();
}

TEST(RequesterTest, RefusesAReceiptForAnotherPersonsQuestion) {
  AskingWorld world;
  auto requester = world.Open();
  v1::Answered kept;
  world.responder->SetLie([&kept](v1::Answered* answered) { kept = *answered; });
  ASSERT_TRUE(requester->Ask(TestAsking(1)).ok());
  world.responder->SetLie([&kept](v1::Answered* answered) { *answered = kept; });
  EXPECT_TRUE(absl::IsDataLoss(requester->Ask(TestAsking(1)).status()));
}

TEST(RequesterTest, RefusesObligationsThatAreNotTheAgreements) {
  AskingWorld world;
  v1::Obligations obligations;
  for (v1::Obligation* one : {obligations.mutable_on_yes(), obligations.mutable_on_no(),
                              obligations.mutable_on_undetermined()}) {
    one->set_do_(v1::ACCEPT);
  }
  world.responder->SetObligations(obligations);
  EXPECT_TRUE(absl::IsDataLoss(world.Open()->Ask(TestAsking()).status()));
}

TEST(RequesterTest, RefusesAStatementOfAnotherKeyAuthority) {
  AskingWorld world;
  const auto other = crypto::SigningKey::Generate(crypto::KeyKind::kP256);
  world.responder->SetEpoch(world.MakeEpoch(1, other));
  EXPECT_TRUE(absl::IsPermissionDenied(world.Open()->Ask(TestAsking()).status()));
  EXPECT_EQ(world.responder->charged(), 0u);
}

TEST(RequesterTest, RefusesAnotherKeyForTheSameEpoch) {
  WorldOptions wish;
  wish.blind = true;
  AskingWorld world(wish);
  ASSERT_TRUE(world.Open()->Ask(TestAsking()).ok());
  fakes::FakeEpoch changed = world.MakeEpoch(2);
  changed.statement.epoch = 1;
  changed.signed_statement = crypto::SignStatement(changed.statement, world.key_authority);
  world.responder->SetEpoch(changed);
  // Another process: only what is on disk can remind it.
  const auto given = world.Open()->Ask(TestAsking());
  EXPECT_TRUE(absl::IsPermissionDenied(given.status())) << given.status();
}

crypto::EpochStatement StatementOf(uint32_t epoch, char key) {
  crypto::EpochStatement statement;
  statement.agreement_id = "fsa-irs-2027-001";
  statement.epoch = epoch;
  statement.public_key = std::string(33, key);
  return statement;
}

TEST(EpochMemoryTest, OfManyWhoAreToldOfAnEpochAtOnceTheFirstSaysWhichKeyItHas) {
  const tests::TemporaryFolder folder;
  for (uint32_t epoch = 1; epoch <= 20; ++epoch) {
    std::atomic<int> accepted{0};
    std::vector<std::thread> processes;
    for (char key = 'a'; key < 'i'; ++key) {
      processes.emplace_back([&, key] {
        accepted += EpochMemory(folder.path()).Accept(StatementOf(epoch, key)).ok() ? 1 : 0;
      });
    }
    for (std::thread& process : processes) process.join();
    EXPECT_EQ(accepted, 1) << epoch;
  }
}

TEST(EpochMemoryTest, AKeyThatCannotBeReadIsNoneThatTheResponderChanged) {
  const tests::TemporaryFolder folder;
  const EpochMemory memory(folder.path());
  ASSERT_TRUE(memory.Accept(StatementOf(1, 'a')).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(memory.Accept(StatementOf(1, 'b'))));
  std::ofstream(folder.Path("fsa-irs-2027-001/1.sha256"), std::ios::trunc).close();
  const absl::Status unread = memory.Accept(StatementOf(1, 'a'));
  EXPECT_TRUE(absl::IsUnavailable(unread)) << unread;
  EXPECT_THAT(std::string(unread.message()), HasSubstr("brought back"));
}

TEST(RequesterTest, RefusesAnEvaluationUnderAnotherKeyThanAnnounced) {
  WorldOptions wish;
  wish.blind = true;
  AskingWorld world(wish);
  fakes::FakeEpoch wrong = world.MakeEpoch(1);
  wrong.blind = world.MakeEpoch(2).blind;
  world.responder->SetEpoch(wrong);
  EXPECT_TRUE(absl::IsPermissionDenied(world.Open()->Ask(TestAsking()).status()));
  EXPECT_EQ(world.responder->charged(), 0u);
}

TEST(RequesterTest, RefusesAStatementOutOfItsTime) {
  AskingWorld world;
  for (const absl::Duration shift : {absl::Hours(48), -absl::Hours(48)}) {
    fakes::FakeEpoch epoch = world.MakeEpoch(1);
    epoch.statement.not_before += shift;
    epoch.statement.not_after += shift;
    epoch.signed_statement = crypto::SignStatement(epoch.statement, world.key_authority);
    world.responder->SetEpoch(epoch);
    EXPECT_TRUE(absl::IsFailedPrecondition(world.Open()->Ask(TestAsking()).status()));
  }
}

TEST(RequesterTest, RefusesAStatementForAnotherAgreementKindOrAsker) {
  AskingWorld world;
  for (int change = 0; change < 3; ++change) {
    fakes::FakeEpoch epoch = world.MakeEpoch(1);
    if (change == 0) epoch.statement.agreement_id = "another";
    if (change == 1) epoch.statement.asker = "ssa.example";
    if (change == 2) {
      WorldOptions wish;
      wish.blind = true;
      epoch = AskingWorld(wish).MakeEpoch(1, world.key_authority);
    }
    epoch.signed_statement = crypto::SignStatement(epoch.statement, world.key_authority);
    world.responder->SetEpoch(epoch);
    EXPECT_TRUE(absl::IsPermissionDenied(world.Open()->Ask(TestAsking()).status())) << change;
  }
}

TEST(RequesterTest, RefusesAKeyThatIsNotTheOneAnnounced) {
  AskingWorld world;
  RequesterOptions options = world.Options();
  options.shared_key = [](const crypto::EpochStatement&) {
    return absl::StatusOr<crypto::SecretBytes>(SharedKey(77));
  };
  const auto given = (*Requester::Open(world.agreement, options))->Ask(TestAsking());
  EXPECT_TRUE(absl::IsFailedPrecondition(given.status()));
  EXPECT_EQ(world.responder->charged(), 0u);
}

TEST(RequesterTest, RefusesAServerThatIsAnotherAgency) {
  WorldOptions wish;
  wish.responder_name = "ssa.example";
  AskingWorld world(wish);
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_FALSE(given.ok());
  EXPECT_THAT(std::string(given.status().message()), HasSubstr(kAnswerer));
  EXPECT_EQ(world.responder->verify_ids().size(), 0u);
}

TEST(RequesterTest, RefusesTheRightNameFromAnotherAgencysAuthority) {
  WorldOptions wish;
  wish.responder_from_asker_authority = true;
  AskingWorld world(wish);
  EXPECT_FALSE(world.Open()->Ask(TestAsking()).ok());
  EXPECT_EQ(world.responder->verify_ids().size(), 0u);
}

TEST(RequesterTest, SendsNothingThatTheAgreementDoesNotList) {
  AskingWorld world;
  auto requester = world.Open();
  for (int change = 0; change < 5; ++change) {
    Asking asking = TestAsking();
    if (change == 0) asking.question = "another";
    if (change == 1) asking.purpose = "another";
    if (change == 2) asking.parameters["household_size"] = int64_t{13};
    if (change == 3) asking.parameters.erase("region");
    if (change == 4) asking.parameters["note"] = std::string("text");
    const auto refusal = RefusalOf(requester->Ask(asking).status());
    ASSERT_TRUE(refusal.has_value()) << change;
    EXPECT_EQ(refusal->reason, "NOT_IN_AGREEMENT");
    EXPECT_FALSE(refusal->field.empty());
  }
  EXPECT_EQ(world.responder->verify_ids().size(), 0u);
}

TEST(RequesterTest, NamesWhatIsWrongWithAPersonWithoutValues) {
  AskingWorld world;
  Asking asking = TestAsking();
  asking.person = crypto::Identity();
  asking.person.Add(crypto::Attribute::kSocialSecurityNumber, "123-45-6789");
  asking.person.Add(crypto::Attribute::kDateOfBirth, "1990-02-30");
  const auto given = world.Open()->Ask(asking);
  ASSERT_TRUE(absl::IsInvalidArgument(given.status()));
  const std::string message(given.status().message());
  EXPECT_THAT(message, HasSubstr("social_security_number"));
  EXPECT_THAT(message, HasSubstr("date_of_birth"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("6789")));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("1990")));
  EXPECT_EQ(world.responder->verify_ids().size(), 0u);
}

TEST(RequesterTest, LeavesConsentOutWhereNoneIsRequired) {
  WorldOptions wish;
  wish.consent = false;
  AskingWorld world(wish);
  const auto given = world.Open()->Ask(TestAsking());
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_FALSE(given->consent.has_value());
}

TEST(RequesterTest, OpensOnlyForTheAgreementsParties) {
  AskingWorld world;
  RequesterOptions options = world.Options();
  options.connection.agency = "ssa.example";
  EXPECT_TRUE(absl::IsFailedPrecondition(Requester::Open(world.agreement, options).status()));
  options = world.Options();
  options.connection.responder = "ssa.example";
  EXPECT_TRUE(absl::IsFailedPrecondition(Requester::Open(world.agreement, options).status()));
}

TEST(RefusalTest, EveryReasonHasAdviceAndSurvivesAStatus) {
  for (const std::string reason :
       {"NOT_PERMITTED", "AGREEMENT_NOT_IN_FORCE", "AGREEMENT_MISMATCH", "BAD_REQUEST_ID",
        "MALFORMED", "NOT_IN_AGREEMENT", "PERSON_LIMIT", "AGREEMENT_LIMIT", "BUSY", "KEY_EPOCH",
        "NOT_READY", "REQUEST_ID_REUSED", "LEDGER_UNAVAILABLE", "CERTIFICATE", "TRANSPORT"}) {
    Refusal refusal;
    refusal.code = absl::StatusCode::kUnavailable;
    refusal.reason = reason;
    refusal.message = "message";
    refusal.retry_after = absl::Seconds(2);
    EXPECT_NE(refusal.Advice(), "See the responder's message.") << reason;
    const auto back = RefusalOf(RefusalStatus(refusal));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->reason, reason);
    EXPECT_EQ(back->retry_after, refusal.retry_after);
  }
}

TEST(RetriesTest, WaitsAtLeastAsLongAsTheResponderAsks) {
  RetryRules rules;
  Refusal refusal;
  for (int attempt = 1; attempt < 12; ++attempt) {
    const absl::Duration wait = WaitBefore(attempt, refusal, rules);
    EXPECT_GE(wait, rules.first_wait / 2);
    EXPECT_LE(wait, rules.longest_wait);
  }
  refusal.retry_after = absl::Seconds(25);
  EXPECT_EQ(WaitBefore(1, refusal, rules), absl::Seconds(25));
}

}  // namespace
}  // namespace vouch::requester
