// Evaluations over real connections: charged first, refused in order, queued within bounds.
#include "server/blinding_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "crypto/random.h"
#include "crypto/voprf.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/server/service/partner_server.h"

namespace vouch::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kKeys = 3;  // match keys of the agreement
constexpr size_t kPoint = sizeof(crypto::PointBytes);

google::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::ErrorInfo info;
  for (const auto& any : details.details()) any.UnpackTo(&info);
  return info;
}

bool SaysWhenToRetry(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::RetryInfo retry;
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&retry))
      return retry.retry_delay().seconds() + retry.retry_delay().nanos() > 0;
  }
  return false;
}

class BlindingServiceTest : public ::testing::Test {
 protected:
  BlindingServiceTest() {
    world_.journal->before_charge = [this](uint32_t elements) {
      ++charges_;
      charged_ += elements;
      hold_.Pass();
    };
  }
  ~BlindingServiceTest() override {
    hold_.Open();
    for (std::thread& caller : callers_) caller.join();
    Stop();
  }

  void Serve(const BlindingOptions& options = {}) {
    service_ = std::make_unique<BlindingService>(server_.face(), options);
    server_.Serve(service_.get());
    stub_ = v1::Blinding::NewStub(server_.Connect(server_.partner));
  }
  void Stop() {
    server_.Stop(std::chrono::milliseconds(500), [this] {
      if (service_ != nullptr) service_->Stop();
    });
  }

  // A request to which nothing is to be objected.
  v1::EvaluateRequest For(size_t people) {
    v1::EvaluateRequest request;
    request.set_request_id(world_.NewRequestId());
    request.set_agreement_id("aid-tax-001");
    request.set_agreement_digest(world_.digest);
    request.set_epoch(1);
    crypto::OprfClient client;
    const crypto::PointBytes point = *client.BlindNothing();
    for (size_t i = 0; i < people * kKeys; ++i) {
      request.mutable_elements()->append(reinterpret_cast<const char*>(point.data()), kPoint);
    }
    return request;
  }
  grpc::Status Ask(const v1::EvaluateRequest& request, v1::EvaluateResponse* response = nullptr,
                   std::chrono::milliseconds within = std::chrono::seconds(60)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + within);
    v1::EvaluateResponse unread;
    return stub_->Evaluate(&context, request, response != nullptr ? response : &unread);
  }
  // The reason of the refusal; "" when it is evaluated.
  std::string ReasonOf(const v1::EvaluateRequest& request) {
    const grpc::Status status = Ask(request);
    return status.ok() ? "" : InfoOf(status).reason();
  }
  void AskLater(size_t people) {
    callers_.emplace_back([this, request = For(people)] {
      if (Ask(request).ok()) ++evaluated_;
    });
  }
  // Another requester, which the server has to know.
  void LoansAskLater(size_t people) {
    loans_ = v1::Blinding::NewStub(server_.Connect(server_.Issue("loans.example")));
    callers_.emplace_back([this, request = For(people)] {
      grpc::ClientContext context;
      v1::EvaluateResponse response;
      if (loans_->Evaluate(&context, request, &response).ok()) ++evaluated_;
    });
  }
  // Until that many calls wait behind the one that is being charged.
  void AwaitQueued(size_t calls) {
    for (int i = 0; i < 20000 && (charges_ == 0 || service_->figures().calls != calls); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_EQ(service_->figures().calls, calls);
    ASSERT_EQ(charges_, 1);
  }
  std::vector<std::string> Counted() {
    return world_.refusals.Take(world_.clock.Now() + absl::Minutes(2), true);
  }
  std::string CountOf(policies::Reason reason) const {
    return crypto::CountedRefusalsEntry(
        static_cast<uint32_t>(absl::ToUnixSeconds(world_.clock.Now()) / 60), "aid.example",
        static_cast<uint8_t>(reason), 1);
  }
  static Terms Few(int evaluations) {
    Terms terms;
    terms.evaluations = evaluations;
    return terms;
  }
  static BlindingOptions OneWorker(size_t max_calls, size_t max_bytes) {
    BlindingOptions options;
    options.workers = 1;
    options.max_calls = max_calls;
    options.max_bytes = max_bytes;
    return options;
  }

  World world_{Few(24 * kKeys)};
  Hold hold_;
  std::atomic<int> charges_{0};
  std::atomic<uint32_t> charged_{0};
  std::atomic<int> evaluated_{0};
  PartnerServer server_{&world_};
  std::unique_ptr<BlindingService> service_;
  std::unique_ptr<v1::Blinding::Stub> stub_, loans_;
  std::vector<std::thread> callers_;
};

TEST_F(BlindingServiceTest, ARequesterReachesTheTokenThatTheResponderMakes) {
  Serve();
  const std::string input = "an input of the requester's own";
  crypto::OprfClient client;
  v1::EvaluateRequest request = For(1);
  request.clear_elements();
  for (size_t key = 0; key < kKeys; ++key) {
    const crypto::PointBytes point =
        key == 0 ? *client.Blind(crypto::AsBytes(input)) : *client.BlindNothing();
    request.mutable_elements()->append(reinterpret_cast<const char*>(point.data()), kPoint);
  }
  v1::EvaluateResponse response;
  const grpc::Status status = Ask(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.elements().size(), request.elements().size());
  crypto::DleqProof proof;
  ASSERT_EQ(response.proof().size(), proof.size());
  std::copy(response.proof().begin(), response.proof().end(), proof.begin());
  std::vector<crypto::PointBytes> evaluated(kKeys);
  for (size_t key = 0; key < kKeys; ++key) {
    std::copy_n(response.elements().begin() + key * kPoint, kPoint, evaluated[key].begin());
  }
  const auto set = world_.agreements->Current();
  const agreements::Epoch* epoch = set->FindEpoch("aid-tax-001", 1, world_.clock.Now());
  ASSERT_NE(epoch, nullptr);
  const auto tokens = client.Finalize(evaluated, proof, epoch->blind->public_key());
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ((*tokens)[0], *epoch->blind->Evaluate(crypto::AsBytes(input)));
  EXPECT_EQ((*tokens)[1], crypto::Token{});
}

TEST_F(BlindingServiceTest, EveryElementIsChargedAndCountedPaddingToo) {
  Serve();
  ASSERT_EQ(ReasonOf(For(8)), "");
  EXPECT_EQ(charged_, 8 * kKeys);
  EXPECT_THAT(Counted(), ElementsAre(crypto::CountedEvaluationsEntry(
                             static_cast<uint32_t>(absl::ToUnixSeconds(world_.clock.Now()) / 60),
                             "aid.example", "aid-tax-001", 1, 8 * kKeys)));
}

TEST_F(BlindingServiceTest, NothingIsReleasedBeforeTheChargeIsWritten) {
  Serve();
  hold_.Close();
  v1::EvaluateResponse response;
  EXPECT_EQ(Ask(For(1), &response, std::chrono::milliseconds(300)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(charges_, 1);
  EXPECT_EQ(response.ByteSizeLong(), 0u);
}

TEST_F(BlindingServiceTest, WhatCannotBeChargedIsNotEvaluated) {
  Serve();
  world_.journal->failing = absl::UnavailableError("the disk is full");
  v1::EvaluateResponse response;
  const grpc::Status status = Ask(For(1), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(InfoOf(status).reason(), "LEDGER_UNAVAILABLE");
  EXPECT_TRUE(SaysWhenToRetry(status));
  EXPECT_EQ(response.ByteSizeLong(), 0u);
  EXPECT_THAT(Counted(), ElementsAre(CountOf(policies::Reason::kLedgerUnavailable)));
}

TEST_F(BlindingServiceTest, TheAgreementsLimitHoldsAcrossEpochs) {
  Serve();
  v1::EvaluateRequest second = For(8);
  second.set_epoch(2);
  ASSERT_EQ(ReasonOf(For(8)), "");
  ASSERT_EQ(ReasonOf(second), "");
  ASSERT_EQ(ReasonOf(For(8)), "");
  const grpc::Status status = Ask(For(1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(InfoOf(status).reason(), "AGREEMENT_LIMIT");
  EXPECT_TRUE(SaysWhenToRetry(status));
  // A window of a day.
  world_.clock.Advance(absl::Hours(25));
  EXPECT_EQ(ReasonOf(For(1)), "");
}

// The charge comes first, so a call that fails after it has used up what it asked for.
TEST_F(BlindingServiceTest, ElementsThatAreNoPointsAreChargedAndRefused) {
  Serve();
  v1::EvaluateRequest bad = For(8);
  bad.mutable_elements()->front() = '\7';
  for (int i = 0; i < 3; ++i) {
    const grpc::Status status = Ask(bad);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(InfoOf(status).reason(), "MALFORMED");
  }
  EXPECT_EQ(ReasonOf(For(1)), "AGREEMENT_LIMIT");
}

TEST_F(BlindingServiceTest, AClockThatRanAheadStopsEvaluations) {
  Serve();
  world_.clock.Distrust();
  EXPECT_EQ(ReasonOf(For(1)), "LEDGER_UNAVAILABLE");
  EXPECT_EQ(charges_, 0);
}

struct Spoilt {
  const char* name;
  const char* reason;
  void (*spoil)(v1::EvaluateRequest*);
};

class SpoiltEvaluationTest : public BlindingServiceTest,
                             public ::testing::WithParamInterface<Spoilt> {};

TEST_P(SpoiltEvaluationTest, IsRefusedUnchargedAndCounted) {
  Serve();
  v1::EvaluateRequest request = For(1);
  GetParam().spoil(&request);
  v1::EvaluateResponse response;
  const grpc::Status status = Ask(request, &response);
  EXPECT_EQ(InfoOf(status).reason(), GetParam().reason);
  EXPECT_EQ(response.ByteSizeLong(), 0u);
  EXPECT_EQ(charges_, 0);
  EXPECT_EQ(Counted().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, SpoiltEvaluationTest,
    ::testing::Values(
        Spoilt{"AnotherAgreement", "NOT_PERMITTED",
               [](v1::EvaluateRequest* r) { r->set_agreement_id("aid-tax-002"); }},
        Spoilt{"AnotherDigest", "AGREEMENT_MISMATCH",
               [](v1::EvaluateRequest* r) { r->set_agreement_digest(std::string(32, 'd')); }},
        Spoilt{"NoRequestId", "BAD_REQUEST_ID",
               [](v1::EvaluateRequest* r) { r->clear_request_id(); }},
        Spoilt{"AnotherEpoch", "KEY_EPOCH", [](v1::EvaluateRequest* r) { r->set_epoch(9); }},
        Spoilt{"NoElements", "MALFORMED", [](v1::EvaluateRequest* r) { r->clear_elements(); }},
        Spoilt{"TwoPeople", "MALFORMED",
               [](v1::EvaluateRequest* r) { r->mutable_elements()->append(r->elements()); }},
        Spoilt{"ACutElement", "MALFORMED",
               [](v1::EvaluateRequest* r) { r->mutable_elements()->pop_back(); }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_F(BlindingServiceTest, NamesTheEpochThatIsCurrent) {
  Serve();
  v1::EvaluateRequest request = For(1);
  request.set_epoch(9);
  EXPECT_EQ(InfoOf(Ask(request)).metadata().at("expected"), "2");
}

TEST_F(BlindingServiceTest, AnAgreementThatIsGonePermitsNothing) {
  Serve();
  world_.folder.Remove("aid");
  ASSERT_TRUE(world_.agreements->Reload().ok());
  EXPECT_EQ(ReasonOf(For(1)), "NOT_PERMITTED");
  EXPECT_EQ(charges_, 0);
}

TEST_F(BlindingServiceTest, ACallerWithoutAKnownCertificateIsRefused) {
  Serve();
  stub_ = v1::Blinding::NewStub(server_.Connect(server_.Issue("loans.example")));
  EXPECT_EQ(ReasonOf(For(1)), "CERTIFICATE");
  EXPECT_EQ(charges_, 0);
}

TEST_F(BlindingServiceTest, IsBusyBeyondItsCalls) {
  Serve(OneWorker(2, 1 << 20));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  AskLater(1);
  AskLater(1);
  AwaitQueued(2);
  const grpc::Status status = Ask(For(1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(InfoOf(status).reason(), "BUSY");
  EXPECT_TRUE(SaysWhenToRetry(status));
  EXPECT_THAT(Counted(), ElementsAre(CountOf(policies::Reason::kBusy)));
  hold_.Open();
  for (std::thread& caller : callers_) caller.join();
  callers_.clear();
  EXPECT_EQ(evaluated_, 3) << "what was queued is evaluated";
  EXPECT_EQ(service_->figures().calls, 0u);
  EXPECT_EQ(service_->figures().bytes, 0u);
  EXPECT_EQ(ReasonOf(For(1)), "");
}

TEST_F(BlindingServiceTest, BytesAreBoundedToo) {
  // Room for some requests of one person, beside one of 512.
  constexpr size_t kLarge = 512 * kKeys * kPoint;
  Serve(OneWorker(100, 3 * kLarge));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  AskLater(512);
  AwaitQueued(1);
  EXPECT_GT(service_->figures().bytes, 2 * kLarge) << "its response counts as well";
  EXPECT_EQ(ReasonOf(For(512)), "BUSY");
  AskLater(1);
  AwaitQueued(2);
}

TEST_F(BlindingServiceTest, OneRequesterLeavesRoomForTheOthersAndTheyTakeTurns) {
  server_.Configure("", 100000, {"loans.example"});
  std::mutex mutex;
  std::vector<uint32_t> order;
  world_.journal->before_charge = [&](uint32_t elements) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      order.push_back(elements);
    }
    ++charges_;
    hold_.Pass();
  };
  Serve(OneWorker(4, 1 << 20));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  for (int i = 0; i < 3; ++i) AskLater(1);
  AwaitQueued(3);
  EXPECT_EQ(ReasonOf(For(1)), "BUSY");
  LoansAskLater(8);
  AwaitQueued(4);
  hold_.Open();
  for (std::thread& caller : callers_) caller.join();
  callers_.clear();
  EXPECT_EQ(evaluated_, 5);
  EXPECT_THAT(order, ElementsAre(kKeys, 8 * kKeys, kKeys, kKeys, kKeys));
}

TEST_F(BlindingServiceTest, OneRequestersBytesLeaveRoomToo) {
  server_.Configure("", 100000, {"loans.example"});
  // Of requests of 64 people, each some 17,000 bytes with its response.
  Serve(OneWorker(100, 100000));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  for (size_t i = 1; i <= 4; ++i) {
    AskLater(64);
    AwaitQueued(i);
  }
  EXPECT_EQ(ReasonOf(For(64)), "BUSY");
  LoansAskLater(64);
  AwaitQueued(5);
}

TEST_F(BlindingServiceTest, WhatNoAgreementAllowsTakesNoPlaceInTheQueue) {
  Serve(OneWorker(100, 1 << 20));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  v1::EvaluateRequest request = For(1);
  request.set_elements(std::string(3 << 20, '\2'));
  const grpc::Status status = Ask(request);
  EXPECT_EQ(InfoOf(status).reason(), "MALFORMED");
  EXPECT_THAT(Counted(), ElementsAre(CountOf(policies::Reason::kMalformed)));
}

TEST_F(BlindingServiceTest, ACallThatIsGivenUpIsNotCharged) {
  Serve(OneWorker(100, 1 << 20));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  EXPECT_EQ(Ask(For(1), nullptr, std::chrono::milliseconds(200)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  // The responder has heard of it when the connection says so; the deadline is its own as well.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  hold_.Open();
  EXPECT_EQ(ReasonOf(For(1)), "");
  EXPECT_EQ(charges_, 2);
}

TEST_F(BlindingServiceTest, StopFinishesWhatIsQueuedAndRefusesWhatComesLater) {
  Serve(OneWorker(100, 1 << 20));
  hold_.Close();
  AskLater(1);
  AwaitQueued(0);
  AskLater(1);
  AwaitQueued(1);
  std::thread stopping([this] { service_->Stop(); });
  std::string late;
  for (int i = 0; i < 200 && late != "BUSY"; ++i) {
    // Until Stop has begun, what is asked waits in the queue.
    const grpc::Status status = Ask(For(1), nullptr, std::chrono::milliseconds(100));
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) late = InfoOf(status).reason();
  }
  EXPECT_EQ(late, "BUSY");
  hold_.Open();
  stopping.join();
  for (std::thread& caller : callers_) caller.join();
  callers_.clear();
  EXPECT_EQ(evaluated_, 2);
}

TEST(KeyedHashEvaluationTest, AnAgreementWithoutBlindTokensHasNoKeyToEvaluateWith) {
  Terms terms;
  terms.token_kind = "keyed-hash";
  World world(terms);
  PartnerServer server(&world);
  BlindingService service(server.face(), {});
  server.Serve(&service);
  const auto stub = v1::Blinding::NewStub(server.Connect(server.partner));
  v1::EvaluateRequest request;
  request.set_request_id(world.NewRequestId());
  request.set_agreement_id(terms.id);
  request.set_agreement_digest(world.digest);
  request.set_epoch(1);
  request.set_elements(std::string(kKeys * kPoint, '\2'));
  grpc::ClientContext context;
  v1::EvaluateResponse response;
  EXPECT_EQ(InfoOf(stub->Evaluate(&context, request, &response)).reason(), "KEY_EPOCH");
  server.Stop(std::chrono::milliseconds(500), [&service] { service.Stop(); });
}

}  // namespace
}  // namespace vouch::server
