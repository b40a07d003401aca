// An operator who tampers where one year's log follows another. docs/threat_model.md, "A tampering
// operator".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "client/requester/witness.h"
#include "tests/harness/process.h"
#include "tests/server/service/signed_log.h"

namespace vouch::server {
namespace {

using requester::Witness;
using requester::WitnessAnswer;
using requester::WitnessFinding;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1795219200);

class TamperingYearsTest : public testing::Test {
 protected:
  TamperingYearsTest() {
    requester::WitnessOptions options;
    options.folder = folder_.Path("aid");
    aid_ = *Witness::Open(std::move(options));
    for (const SignedLog* log : {&before_, &next_}) {
      EXPECT_TRUE(
          aid_->Follow({log->origin(),
                        {*crypto::NoteVerifier::From(log->origin(), crypto::NoteKeyType::kEd25519,
                                                     crypto::AsBytes(log->public_der()))}})
              .ok());
    }
    before_.GrowTo(200);
    EXPECT_EQ(aid_->Observe(before_.NoteOf(200), {}, 0, kNow).finding, WitnessFinding::kAccepted);
  }
  // Shown as the head of a new log, with the best steps there are.
  WitnessAnswer Show(const SignedLog& before, const SignedLog& next) {
    const uint64_t size = next.size();
    return aid_->Succeed(before_.origin(), {before.StepTo(next, 200, size)}, next.NoteOf(size),
                         kNow);
  }
  std::string Evidence(const WitnessAnswer& answer) const {
    std::ifstream in(answer.evidence, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  vouch::tests::TemporaryFolder folder_;
  std::unique_ptr<Witness> aid_;
  SignedLog before_{"irs.example/ledger/2027"};
  SignedLog next_{"irs.example/ledger/2028", before_.key()};
};

TEST_F(TamperingYearsTest, AYearThatGoesOnIsTaken) {
  before_.EndWith(&next_);
  next_.GrowTo(9);
  EXPECT_EQ(Show(before_, next_).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(aid_->Latest(before_.origin())->checkpoint.size, 201u);
}

TEST_F(TamperingYearsTest, ANewYearThatFollowsNothingIsCaughtByTheRequester) {
  // As if the year before had not been.
  next_.GrowTo(9);
  const WitnessAnswer caught = aid_->Succeed(before_.origin(), {}, next_.NoteOf(9), kNow);
  EXPECT_EQ(caught.finding, WitnessFinding::kBadProof);
  EXPECT_THAT(caught.says, HasSubstr("irs.example/ledger/2028 was not shown to go on from "
                                     "irs.example/ledger/2027 with 200 entries"));
  EXPECT_THAT(Evidence(caught), HasSubstr(before_.NoteOf(200)));
  EXPECT_THAT(Evidence(caught), HasSubstr(next_.NoteOf(9)));
}

TEST_F(TamperingYearsTest, AYearRewrittenBeforeItsEndIsCaughtByTheRequester) {
  SignedLog rewritten(before_.origin(), before_.key());
  rewritten.GrowTo(190);
  rewritten.GrowTo(220, " rewritten");
  rewritten.EndWith(&next_);
  EXPECT_EQ(Show(rewritten, next_).finding, WitnessFinding::kBadProof);
  EXPECT_FALSE(aid_->Latest(next_.origin()).has_value());
}

TEST_F(TamperingYearsTest, ANewYearThatFollowsAnotherEndIsCaughtByTheRequester) {
  // The end that is shown is the true one; the new log was made for another.
  SignedLog rewritten(before_.origin(), before_.key());
  rewritten.GrowTo(220, " rewritten");
  SignedLog forged(next_.origin(), before_.key());
  rewritten.EndWith(&forged);
  before_.EndWith(&next_);
  crypto::LogSuccession step = before_.StepTo(next_, 200, 1);
  step.opening = rewritten.StepTo(forged, 0, 1).opening;
  step.opening_proof = rewritten.StepTo(forged, 0, 1).opening_proof;
  const WitnessAnswer caught = aid_->Succeed(before_.origin(), {step}, forged.NoteOf(1), kNow);
  EXPECT_EQ(caught.finding, WitnessFinding::kBadProof);
  EXPECT_THAT(caught.says, HasSubstr("follows another end of irs.example/ledger/2027"));
}

TEST_F(TamperingYearsTest, AYearThatEndsWithoutSayingSoIsCaughtByTheRequester) {
  SignedLog open(before_.origin(), before_.key());
  open.GrowTo(210);
  next_.Add(crypto::LogOpenedEntry(1, {next_.origin(), open.Head()}));
  const WitnessAnswer caught = Show(open, next_);
  EXPECT_EQ(caught.finding, WitnessFinding::kBadProof);
  EXPECT_THAT(caught.says, HasSubstr("does not end with an entry that closes it"));
}

TEST_F(TamperingYearsTest, AYearThatGoesOnAfterItsEndIsCaughtByWhoeverSawTheEnd) {
  before_.EndWith(&next_);
  ASSERT_EQ(Show(before_, next_).finding, WitnessFinding::kAccepted);
  before_.GrowTo(230);
  const WitnessAnswer caught = aid_->Observe(before_.NoteOf(230), before_.Proof(201, 230), 0, kNow);
  EXPECT_EQ(caught.finding, WitnessFinding::kForked);
  EXPECT_THAT(caught.says, HasSubstr("had ended with 201 entries, and was signed with 230"));
  EXPECT_FALSE(caught.evidence.empty());
}

TEST_F(TamperingYearsTest, ASecondLogOfTheSameYearIsCaughtByTheRequester) {
  before_.EndWith(&next_);
  next_.GrowTo(9);
  ASSERT_EQ(Show(before_, next_).finding, WitnessFinding::kAccepted);
  ASSERT_EQ(aid_->Observe(next_.NoteOf(9), {}, 0, kNow).finding, WitnessFinding::kAccepted);
  SignedLog other(next_.origin(), before_.key());
  other.Add(crypto::LogOpenedEntry(1, {next_.origin(), before_.Head()}));
  other.GrowTo(9, " another");
  EXPECT_EQ(aid_->Observe(other.NoteOf(9), {}, 0, kNow).finding, WitnessFinding::kForked);
}

}  // namespace
}  // namespace vouch::server
