// The services over real connections: whole streams, streams that break, callers who do not read,
// nodes that stop.
#include "server/batch_stream.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "crypto/jws.h"
#include "crypto/receipt_claims.h"
#include "server/verification_service.h"
#include "server/walkers.h"
#include "tests/server/service/partner_server.h"

namespace vouch::server {
namespace {

class BatchStreamTest : public ::testing::Test {
 protected:
  BatchStreamTest() {
    world_.journal->keeps = false;
    world_.journal->before_commit = [this] { hold_.Pass(); };
    world_.AddPerson("low", 500000);
    world_.records.snapshot->loaded = world_.clock.Now();
    server_.Serve(&service_);
    stub_ = v1::Verification::NewStub(server_.Connect(server_.partner));
  }
  ~BatchStreamTest() override {
    hold_.Open();
    Stop(std::chrono::milliseconds(500));
  }

  void Stop(std::chrono::milliseconds drain) {
    server_.Stop(drain, [this] { walkers_.Stop(); });
  }
  // The question's part of a request, to which nothing is to be objected.
  void Fill(v1::Question* question) {
    question->set_agreement_id("aid-tax-001");
    question->set_agreement_digest(world_.digest);
    question->set_question("income-small");
    question->set_purpose("eligibility");
    question->set_epoch(1);
  }
  static void Fill(const std::string& person, v1::Subject* subject) {
    for (const crypto::Token& token : TokensOf(person)) {
      subject->mutable_tokens()->append(reinterpret_cast<const char*>(token.data()), token.size());
    }
    subject->set_member_count(1);
  }
  v1::VerifyBatchRequest Message(int items) {
    v1::VerifyBatchRequest request;
    request.set_request_id(world_.NewRequestId());
    Fill(request.mutable_question());
    static std::atomic<int> people{0};
    for (int i = 0; i < items; ++i) {
      v1::BatchItem* item = request.add_items();
      v1::Parameter* parameter = item->add_parameters();
      parameter->set_name("household_size");
      parameter->set_number(1);
      Fill("person " + std::to_string(people++), item->mutable_subject());
    }
    return request;
  }
  v1::VerifyRequest Single(const std::string& person) {
    v1::VerifyRequest request;
    request.set_request_id(world_.NewRequestId());
    Fill(request.mutable_question());
    v1::Parameter* parameter = request.add_parameters();
    parameter->set_name("household_size");
    parameter->set_number(1);
    Fill(person, request.mutable_subject());
    return request;
  }
  void AwaitEmpty() {
    for (int i = 0; i < 10000 && walkers_.figures().items > 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(walkers_.figures().items, 0u);
  }
  static Terms Wide() {
    Terms terms;
    terms.new_people = terms.whole_agreement = 1000000;
    terms.jws = true;
    return terms;
  }

  static WalkersOptions ShortQueue() {
    WalkersOptions options;
    options.max_items = 20000;
    return options;
  }

  World world_{Wide(), World::Disk::kMemory};
  Hold hold_;
  PartnerServer server_{&world_};
  Walkers walkers_{world_.verification.get(), server_.metrics(), ShortQueue()};
  VerificationService service_{server_.face(), &walkers_};
  std::unique_ptr<v1::Verification::Stub> stub_;
};

TEST_F(BatchStreamTest, AnswersASingleQuestion) {
  grpc::ClientContext context;
  v1::VerifyResponse response;
  const grpc::Status status = stub_->Verify(&context, Single("low"), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.answered().answer(), v1::YES);
  EXPECT_EQ(response.ByteSizeLong() % 512, 0u);
  EXPECT_TRUE(response.has_obligations());
}

TEST_F(BatchStreamTest, GivesAJwsToWhoAsksForOneAndToNobodyElse) {
  const crypto::SigningKey key = world_.MakeReceiptKey();
  const auto verifier = crypto::JwsVerifier::From(crypto::AsBytes(key.PublicDer()));
  v1::VerifyRequest request = Single("low");
  v1::VerifyResponse without, with;
  grpc::ClientContext first, second;
  ASSERT_TRUE(stub_->Verify(&first, request, &without).ok());
  EXPECT_EQ(without.answered().receipt().jws(), "");
  request.set_jws_receipt(true);  // of the answer that is remembered
  ASSERT_TRUE(stub_->Verify(&second, request, &with).ok());
  EXPECT_TRUE(verifier->Open(with.answered().receipt().jws(), crypto::kReceiptJwsType).ok());
  EXPECT_EQ(with.answered().receipt().entry(), without.answered().receipt().entry());
  EXPECT_EQ(with.ByteSizeLong() % 512, 0u);
}

TEST_F(BatchStreamTest, EachItemOfABatchHasAJwsOfItsOwn) {
  const crypto::SigningKey key = world_.MakeReceiptKey();
  const auto verifier = crypto::JwsVerifier::From(crypto::AsBytes(key.PublicDer()));
  v1::VerifyBatchRequest request = Message(600);  // more than one span
  request.set_jws_receipt(true);
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  ASSERT_TRUE(stream->Write(request));
  stream->WritesDone();
  std::set<std::string> payloads;
  v1::VerifyBatchResponse response;
  while (stream->Read(&response)) {
    for (int i = 0; i < response.results_size(); ++i) {
      const v1::Receipt& receipt = response.results(i).answered().receipt();
      const auto payload = verifier->Open(receipt.jws(), crypto::kReceiptJwsType);
      ASSERT_TRUE(payload.ok()) << payload.status();
      const auto& tokens = request.items(static_cast<int>(response.first()) + i).subject().tokens();
      crypto::Digest opening;
      std::copy_n(crypto::AsBytes(receipt.opening()).begin(), opening.size(), opening.begin());
      EXPECT_THAT(*payload,
                  ::testing::HasSubstr(crypto::ReceiptSubject(opening, crypto::AsBytes(tokens))));
      payloads.insert(*payload);
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(payloads.size(), 600u);
}

TEST_F(BatchStreamTest, AnswersManyMessagesEachInOrder) {
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  constexpr int kMessages = 9, kItems = 1200;
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) EXPECT_TRUE(stream->Write(Message(kItems)));
    stream->WritesDone();
  });
  std::map<std::string, uint32_t> next;
  std::set<std::string> ended;
  v1::VerifyBatchResponse response;
  while (stream->Read(&response)) {
    EXPECT_FALSE(response.has_refused());
    EXPECT_EQ(response.first(), next[response.request_id()]);
    next[response.request_id()] += static_cast<uint32_t>(response.results_size());
    EXPECT_EQ(ended.count(response.request_id()), 0u);
    if (response.last()) ended.insert(response.request_id());
    EXPECT_EQ(response.ByteSizeLong() % 512, 0u);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(ended.size(), static_cast<size_t>(kMessages));
  for (const auto& [id, items] : next) EXPECT_EQ(items, static_cast<uint32_t>(kItems));
}

TEST_F(BatchStreamTest, AMessageThatIsRefusedWholeDoesNotEndTheStream) {
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  v1::VerifyBatchRequest bad = Message(1);
  bad.mutable_items(0)->mutable_subject()->set_tokens("short");
  bad.set_request_id("an identifier in the wrong place");
  ASSERT_TRUE(stream->Write(bad));
  ASSERT_TRUE(stream->Write(Message(1)));
  stream->WritesDone();
  int refused = 0, answered = 0;
  v1::VerifyBatchResponse response;
  while (stream->Read(&response)) {
    if (response.has_refused()) {
      ++refused;
      EXPECT_EQ(response.refused().reason(), "MALFORMED");
      EXPECT_EQ(response.refused().field(), "items[0].subject.tokens");
      EXPECT_EQ(response.request_id(), "");
    } else {
      answered += response.results_size();
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(answered, 1);
}

TEST_F(BatchStreamTest, AnEmptyStreamEndsWell) {
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  stream->WritesDone();
  v1::VerifyBatchResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BatchStreamTest, StreamsThatBreakLeaveNothingBehind) {
  for (int round = 0; round < 12; ++round) {
    grpc::ClientContext context;
    auto stream = stub_->VerifyBatch(&context);
    if (round % 3 == 0) hold_.Close();
    for (int i = 0; i < 3; ++i) stream->Write(Message(700));
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(round));
    context.TryCancel();
    hold_.Open();
    v1::VerifyBatchResponse response;
    while (stream->Read(&response)) continue;
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  AwaitEmpty();
  grpc::ClientContext context;
  v1::VerifyResponse response;
  EXPECT_TRUE(stub_->Verify(&context, Single("low"), &response).ok());
}

TEST_F(BatchStreamTest, SinglesThatAreGivenUpLeaveNothingBehind) {
  hold_.Close();
  std::vector<std::thread> callers;
  for (int i = 0; i < 40; ++i) {
    callers.emplace_back([this, i] {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(20 + i));
      v1::VerifyResponse response;
      const grpc::Status status =
          stub_->Verify(&context, Single("caller " + std::to_string(i)), &response);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
      EXPECT_FALSE(response.has_answered());
    });
  }
  for (std::thread& caller : callers) caller.join();
  hold_.Open();
  AwaitEmpty();
}

TEST_F(BatchStreamTest, ARevokedCertificateEndsAStreamAtItsNextMessage) {
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  ASSERT_TRUE(stream->Write(Message(1)));
  v1::VerifyBatchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.results_size(), 1);
  server_.Configure(server_.authority.Revoke(
      {crypto::ReadCertificate(server_.partner.certificate_pem)->serial},
      world_.clock.Now() - absl::Hours(1), world_.clock.Now() + absl::Hours(1)));
  stream->Write(Message(1));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  grpc::ClientContext again;
  v1::VerifyResponse single;
  EXPECT_EQ(stub_->Verify(&again, Single("low"), &single).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(BatchStreamTest, ABusyRequesterIsCountedByName) {
  server_.Configure("", 1);
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    v1::VerifyResponse response;
    (void)stub_->Verify(&context, Single("low"), &response);
  }
  const auto entries = world_.refusals.Take(world_.clock.Now() + absl::Minutes(2), true);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_NE(entries[0].find("aid.example"), std::string::npos);
}

// A caller who sends and never reads must not fill the node's memory.
TEST_F(BatchStreamTest, ACallerWhoDoesNotReadIsNotReadFromForEver) {
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  std::atomic<int> written{0};
  std::thread writer([&] {
    // Small messages with large answers.
    for (int i = 0; i < 3000; ++i) {
      if (!stream->Write(Message(40))) break;
      ++written;
    }
  });
  int before = -1;
  // Until nothing moves any more.
  for (int i = 0; i < 100 && written != before; ++i) {
    before = written;
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
  }
  EXPECT_LT(written, 3000);
  context.TryCancel();
  writer.join();
  v1::VerifyBatchResponse response;
  while (stream->Read(&response)) continue;
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  AwaitEmpty();
}

TEST_F(BatchStreamTest, ANodeStopsWhileStreamsAreOpenAndCallsWait) {
  grpc::ClientContext open_context, busy_context;
  auto open = stub_->VerifyBatch(&open_context);
  auto busy = stub_->VerifyBatch(&busy_context);
  v1::VerifyBatchResponse response;
  ASSERT_TRUE(open->Write(Message(1)));
  ASSERT_TRUE(open->Read(&response));
  hold_.Close();
  ASSERT_TRUE(busy->Write(Message(2000)));
  std::thread caller([this] {
    grpc::ClientContext context;
    v1::VerifyResponse single;
    (void)stub_->Verify(&context, Single("low"), &single);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::thread opener([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    hold_.Open();
  });
  Stop(std::chrono::milliseconds(150));
  opener.join();
  caller.join();
  while (open->Read(&response)) continue;
  while (busy->Read(&response)) continue;
  EXPECT_FALSE(open->Finish().ok());
  (void)busy->Finish();
  EXPECT_EQ(walkers_.figures().items, 0u);
}

// Streams cost nothing to open: what one once sent must not be held for as long as it is open.
TEST_F(BatchStreamTest, AStreamThatWaitsHoldsNothingOfTheMessageBefore) {
  const auto held = [] {
    const struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
  };
  constexpr size_t kBesides = 8 << 20;
  grpc::ClientContext context;
  auto stream = stub_->VerifyBatch(&context);
  v1::VerifyBatchResponse response;
  ASSERT_TRUE(stream->Write(Message(1)));
  ASSERT_TRUE(stream->Read(&response));
  const size_t before = held();
  {
    v1::VerifyBatchRequest large;
    for (int i = 0; i < 300000; ++i) large.add_items();
    ASSERT_TRUE(stream->Write(large));
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.refused().field(), "items");
  // The refusal may arrive a moment before the responder is done with the message.
  for (int i = 0; i < 5000 && held() > before + kBesides; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_LT(held(), before + kBesides);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BatchStreamTest, ListsAgreementsToPartiesAlone) {
  grpc::ClientContext context;
  v1::ListAgreementsResponse response;
  ASSERT_TRUE(stub_->ListAgreements(&context, {}, &response).ok());
  ASSERT_EQ(response.agreements_size(), 1);
  EXPECT_EQ(response.agreements(0).digest(), world_.digest);
  EXPECT_EQ(response.ByteSizeLong() % 512, 0u);
}

TEST_F(BatchStreamTest, ShowsEachAskerTheRevisionThatItIsUnder) {
  Terms revised = Wide();
  revised.revision = 2;
  world_.folder.Write(revised, "two");
  world_.folder.Remove("two/agreement.yaml.loans.example.p7s");
  ASSERT_TRUE(world_.agreements->Reload().ok());
  server_.Configure("", 100000, {"loans.example"});
  const auto states_for = [&](const std::string& agency) {
    const auto stub = v1::Verification::NewStub(server_.Connect(server_.Issue(agency)));
    grpc::ClientContext context;
    v1::ListAgreementsResponse response;
    EXPECT_TRUE(stub->ListAgreements(&context, {}, &response).ok());
    std::map<uint64_t, v1::AgreementState> states;
    for (const v1::ListedAgreement& one : response.agreements()) {
      states[one.revision()] = one.state();
    }
    return states;
  };
  using States = std::map<uint64_t, v1::AgreementState>;
  EXPECT_EQ(states_for("aid.example"), (States{{1, v1::EXPIRED}, {2, v1::IN_FORCE}}));
  EXPECT_EQ(states_for("loans.example"), (States{{1, v1::IN_FORCE}, {2, v1::UNSIGNED}}));
}

}  // namespace
}  // namespace vouch::server
