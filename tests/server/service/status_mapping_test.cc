#include "server/status_mapping.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/checkpoint.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/partner_logs.h"
#include "tests/server/walk/world.h"

namespace vouch::server {
namespace {

using policies::Reason;
using policies::Refusal;

struct Mapping {
  Reason reason;
  grpc::StatusCode code;
};

// docs/protocol.md, "Refusals".
constexpr Mapping kMappings[] = {
    {Reason::kCertificate, grpc::StatusCode::UNAUTHENTICATED},
    {Reason::kBusy, grpc::StatusCode::UNAVAILABLE},
    {Reason::kMalformed, grpc::StatusCode::INVALID_ARGUMENT},
    {Reason::kNotPermitted, grpc::StatusCode::PERMISSION_DENIED},
    {Reason::kAgreementNotInForce, grpc::StatusCode::FAILED_PRECONDITION},
    {Reason::kAgreementMismatch, grpc::StatusCode::FAILED_PRECONDITION},
    {Reason::kBadRequestId, grpc::StatusCode::INVALID_ARGUMENT},
    {Reason::kRequestIdReused, grpc::StatusCode::ALREADY_EXISTS},
    {Reason::kNotInAgreement, grpc::StatusCode::INVALID_ARGUMENT},
    {Reason::kKeyEpoch, grpc::StatusCode::FAILED_PRECONDITION},
    {Reason::kNotReady, grpc::StatusCode::UNAVAILABLE},
    {Reason::kPersonLimit, grpc::StatusCode::RESOURCE_EXHAUSTED},
    {Reason::kAgreementLimit, grpc::StatusCode::RESOURCE_EXHAUSTED},
    {Reason::kLedgerUnavailable, grpc::StatusCode::UNAVAILABLE},
};

template <typename Detail>
absl::optional<Detail> DetailOf(const google::rpc::Status& status) {
  for (const auto& any : status.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return absl::nullopt;
}

Refusal Full(Reason reason) {
  Refusal refusal;
  refusal.reason = reason;
  refusal.field = "question.epoch";
  refusal.message = "what to mend";
  refusal.retry_after = absl::Milliseconds(1500);
  refusal.expected = "2";
  refusal.received = "1";
  return refusal;
}

TEST(StatusMappingTest, EveryReasonHasItsCodeAndItsDetails) {
  for (const Mapping& mapping : kMappings) {
    const grpc::Status status = ToStatus(Full(mapping.reason));
    SCOPED_TRACE(std::string(policies::ReasonName(mapping.reason)));
    EXPECT_EQ(status.error_code(), mapping.code);
    EXPECT_EQ(status.error_message(), "what to mend");
    google::rpc::Status details;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    EXPECT_EQ(details.code(), static_cast<int>(mapping.code));
    const auto info = DetailOf<google::rpc::ErrorInfo>(details);
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->reason(), std::string(policies::ReasonName(mapping.reason)));
    EXPECT_EQ(info->domain(), "vouch");
    EXPECT_EQ(info->metadata().at("expected"), "2");
    EXPECT_EQ(info->metadata().at("received"), "1");
    const auto bad = DetailOf<google::rpc::BadRequest>(details);
    EXPECT_EQ(bad.has_value(), mapping.code == grpc::StatusCode::INVALID_ARGUMENT);
    if (bad.has_value()) {
      EXPECT_EQ(bad->field_violations(0).field(), "question.epoch");
      EXPECT_EQ(bad->field_violations(0).description(), "what to mend");
    }
    const auto failure = DetailOf<google::rpc::PreconditionFailure>(details);
    EXPECT_EQ(failure.has_value(), mapping.code == grpc::StatusCode::FAILED_PRECONDITION);
    const auto retry = DetailOf<google::rpc::RetryInfo>(details);
    ASSERT_TRUE(retry.has_value());
    EXPECT_EQ(retry->retry_delay().seconds(), 1);
    EXPECT_EQ(retry->retry_delay().nanos(), 500000000);

    v1::Refused refused;
    ToRefused(Full(mapping.reason), &refused);
    EXPECT_EQ(refused.code(), static_cast<int>(mapping.code));
    EXPECT_EQ(refused.reason(), std::string(policies::ReasonName(mapping.reason)));
    EXPECT_EQ(refused.retry_after_ms(), 1500u);
  }
}

TEST(StatusMappingTest, NothingToWaitForIsNotSaid) {
  Refusal refusal;
  refusal.reason = Reason::kPersonLimit;
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(ToStatus(refusal).error_details()));
  EXPECT_FALSE(DetailOf<google::rpc::RetryInfo>(details).has_value());
}

TEST(StatusMappingTest, ALongMessageStillFitsIntoHeaders) {
  Refusal refusal = Full(Reason::kNotInAgreement);
  refusal.message = std::string(999, 'a');
  for (int i = 0; i < 5000; ++i) refusal.message += "\xC3\xA9";
  const grpc::Status status = ToStatus(refusal);
  EXPECT_LE(status.error_message().size(), 1003u);
  EXPECT_LE(status.error_details().size() * 4 / 3 + 3 * status.error_message().size(), 8000u);
  // Cut between letters: protobuf refuses half of one.
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.message(), std::string(999, 'a') + "...");
}

TEST(StatusMappingTest, EverySizeIsPaddedToAPublishedOne) {
  const std::set<size_t> published = {512, 1024, 2048, 4096, 8192, 12288};
  for (size_t bare = 0; bare <= 9000; ++bare) {
    v1::VerifyBatchResponse response;
    // request_id: tag, length, bytes.
    const size_t overhead = bare < 2 ? 0 : bare < 130 ? 2 : 3;
    response.set_request_id(std::string(bare - std::min(bare, overhead), 'x'));
    const size_t before = response.ByteSizeLong();
    Pad(&response);
    const size_t after = response.ByteSizeLong();
    ASSERT_EQ(published.count(after), 1u) << before << " became " << after;
    ASSERT_GE(after, before);
    const size_t least = PaddedSize(before);
    ASSERT_LE(after, PaddedSize(least + 1)) << before;
    ASSERT_EQ(response.SerializeAsString().size(), after);
    // Padding twice changes nothing.
    Pad(&response);
    ASSERT_EQ(response.ByteSizeLong(), after);
  }
}

TEST(StatusMappingTest, PaddingTellsNothingOfWhatItCovers) {
  v1::VerifyResponse response;
  response.set_padding("something");
  Pad(&response);
  EXPECT_EQ(response.padding().find_first_not_of('\0'), std::string::npos);
}

// The three answers look alike on the wire, whatever they rest on.
TEST(StatusMappingTest, EveryAnswerHasTheSameSize) {
  for (const char* question : {"income-small", "income-small-safe", "income-small-all"}) {
    Terms terms;
    terms.times_asked = 1;
    World world(terms);
    world.AddPerson("low", 500000);
    world.AddPerson("high", 5000000);
    world.AddPerson("without", -1);
    world.AddPerson("held", 1);
    world.AddPerson("spelt", 1);
    world.records.snapshot->Hold("held");
    world.records.snapshot->Add("twin one", {TokensOf("t1")[0], TokensOf("twins")[1], {}});
    world.records.snapshot->Add("twin two", {TokensOf("t2")[0], TokensOf("twins")[1], {}});
    ASSERT_EQ(world.ReasonOf(world.About("spelt")), "");
    std::vector<Ask> asks;
    for (const char* person : {"low", "high", "without", "held", "twins", "nobody"}) {
      asks.push_back(world.About(person));
    }
    asks.push_back(world.About("spelt"));
    asks.back().tokens = OnlyKey(2, "spelt");
    std::set<size_t> bare, padded, results, reasons;
    std::set<policies::Answer> answers;
    for (Ask& ask : asks) {
      ask.question = question;
      const Recorded recorded = world.Walk(ask);
      ASSERT_NE(recorded.answered(), nullptr);
      answers.insert(recorded.answered()->answer);
      reasons.insert(recorded.answered()->why);
      v1::VerifyResponse response;
      ToAnswered(*recorded.answered(), response.mutable_answered());
      ToObligations(*recorded.answered()->question, response.mutable_obligations());
      bare.insert(response.ByteSizeLong());
      Pad(&response);
      padded.insert(response.ByteSizeLong());
      v1::BatchResult result;
      ToAnswered(*recorded.answered(), result.mutable_answered());
      results.insert(result.ByteSizeLong());
      EXPECT_EQ(response.answered().why() == v1::NOT_TOLD, recorded.answered()->why == 0);
    }
    EXPECT_EQ(bare.size(), 1u);
    EXPECT_EQ(padded.size(), 1u);
    EXPECT_EQ(results.size(), 1u);
    EXPECT_EQ(answers.size(), 3u);
    EXPECT_EQ(reasons.size(), question == std::string("income-small-all") ? 6u : 1u);
  }
}

TEST(StatusMappingTest, ReadsARequestAsItWasSent) {
  v1::VerifyBatchRequest request;
  request.set_request_id("0123456789abcdef");
  request.mutable_question()->set_agreement_id("a");
  request.mutable_question()->set_epoch(7);
  for (int i = 0; i < 2; ++i) {
    v1::BatchItem* item = request.add_items();
    item->mutable_subject()->set_tokens(std::string(64, static_cast<char>('a' + i)));
    item->mutable_subject()->set_member_count(1);
    v1::Parameter* number = item->add_parameters();
    number->set_name("household_size");
    number->set_number(-3);
    v1::Parameter* code = item->add_parameters();
    code->set_name("region");
    code->set_code("north");
  }
  const admission::Request read = FromBatch(request);
  EXPECT_TRUE(read.is_batch);
  EXPECT_EQ(read.epoch, 7u);
  ASSERT_EQ(read.items.size(), 2u);
  EXPECT_EQ(read.items[1].tokens, std::string(64, 'b'));
  EXPECT_EQ(absl::get<int64_t>(read.items[0].parameters.at("household_size")), -3);
  EXPECT_EQ(absl::get<std::string>(read.items[0].parameters.at("region")), "north");
  EXPECT_FALSE(read.items[0].repeats_a_parameter);
}

TEST(StatusMappingTest, ARepeatedParameterIsSeen) {
  v1::VerifyRequest request;
  for (int i = 0; i < 2; ++i) {
    v1::Parameter* parameter = request.add_parameters();
    parameter->set_name("household_size");
    parameter->set_number(i);
  }
  EXPECT_TRUE(FromVerify(request).items[0].repeats_a_parameter);
}

TEST(StatusMappingTest, OfTooManyNoMoreAreReadThanItTakesToRefuseThem) {
  const admission::Admission admission(std::make_shared<admission::Peers>());
  const auto field_refused = [&](admission::Request request) {
    auto admitted = admission.Admit("aid.example", std::move(request));
    const auto* refusal = absl::get_if<policies::Refusal>(&admitted);
    return refusal == nullptr ? "" : refusal->field;
  };
  v1::VerifyBatchRequest batch;
  for (int i = 0; i < 100000; ++i) batch.add_items();
  admission::Request read = FromBatch(batch);
  EXPECT_EQ(read.items.size(), admission::kMaxBatchItems + 1);
  EXPECT_EQ(field_refused(std::move(read)), "items");

  v1::VerifyRequest single;
  for (int i = 0; i < 100000; ++i) single.add_parameters()->set_name(std::to_string(i));
  single.mutable_subject()->set_tokens(std::string(32, 't'));
  single.mutable_subject()->set_member_count(1);
  read = FromVerify(single);
  EXPECT_EQ(read.items[0].parameters.size(), admission::kMaxParameters + 1);
  EXPECT_EQ(field_refused(std::move(read)), "parameters");
}

// A year ends between two answers; the first is asked for again after it.
TEST(ReceiptOverYearsTest, EachIsProvedInItsOwnYearsLogAndCountedFromItsBeginning) {
  Terms terms;
  terms.expires = "2028-06-30";
  World world(terms);
  world.AddPerson("ann", 100);
  world.AddPerson("bob", 100);
  const absl::Time new_year = absl::FromUnixSeconds(1830297600);  // 2028-01-01
  world.clock.Set(new_year - absl::Minutes(10));
  const Ask ask = world.About("ann");
  ASSERT_NE(world.Walk(ask).answered(), nullptr);
  world.clock.Set(new_year + absl::Minutes(10));
  const Recorded later = world.Walk(world.About("bob"));
  const Recorded again = world.Walk(ask);
  ASSERT_TRUE(again.replayed());
  const auto expect = [&](const Recorded& recorded, const std::string& origin, uint64_t index) {
    ASSERT_NE(recorded.answered(), nullptr);
    v1::Answered answered;
    ToAnswered(*recorded.answered(), &answered);
    ToProof(*recorded.answered()->proof, answered.mutable_receipt()->mutable_proof());
    const v1::Receipt& receipt = answered.receipt();
    EXPECT_EQ(receipt.index(), index);
    const auto key = LogVerifier(origin, world.ledger_key->PublicDer());
    const auto opened = crypto::OpenCheckpoint(receipt.proof().checkpoint(), {*key});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const crypto::Digest leaf = crypto::LeafHash(crypto::AsBytes(receipt.entry()));
    EXPECT_TRUE(crypto::VerifyRange({&leaf, 1}, receipt.index(), opened->checkpoint.size,
                                    *crypto::ReadPaddedHashes(receipt.proof().hashes(),
                                                              receipt.proof().hash_count()),
                                    opened->checkpoint.root)
                    .ok());
  };
  expect(again, "tax.example/ledger/2027", 0);
  expect(later, "tax.example/ledger/2028", 1);
}

}  // namespace
}  // namespace vouch::server
