#include "server/partner_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/agreements/agreement_folder.h"
#include "tests/server/service/signed_log.h"

namespace vouch::server {
namespace {

using agreements::Noon;
using requester::WitnessFinding;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PartnerLogsTest : public ::testing::Test {
 protected:
  PartnerLogsTest() {
    log_.GrowTo(20);
    Open();
  }
  void Open() {
    logs_.reset();
    PartnerLogs::Rooms rooms;
    rooms.witness.folder = folder_.Path("witness");
    rooms.found = [this](const std::string& agency, const requester::WitnessAnswer&) {
      found_.push_back(agency);
    };
    logs_ = *PartnerLogs::Open(std::move(rooms));
    ASSERT_TRUE(logs_->SetKeys(Keys()).ok());
  }
  std::map<std::string, std::string> Keys() { return {{"irs.example", log_.public_der()}}; }
  WitnessFinding Observe(uint64_t since, uint64_t size, bool is_head = true) {
    return logs_
        ->Observe(log_.NoteOf(size), log_.Proof(std::min(since, size), std::max(since, size)),
                  since, is_head, Noon())
        .finding;
  }

  agreements::AgreementFolder folder_;
  SignedLog log_{"irs.example/ledger/2027"};
  std::vector<std::string> found_;
  std::unique_ptr<PartnerLogs> logs_;
};

TEST(AgencyOfLogTest, IsTheNameBeforeLedgerAndYear) {
  EXPECT_EQ(AgencyOfLog("irs.example/ledger/2027"), "irs.example");
  for (const char* other : {"irs.example/ledger/27", "irs.example/ledger/2027/x", "/ledger/2027",
                            "irs.example", "irs.example/journal/2027", "a/b/ledger/2027", ""}) {
    EXPECT_EQ(AgencyOfLog(other), "") << other;
  }
}

TEST_F(PartnerLogsTest, RemembersAcrossARestart) {
  EXPECT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  Open();
  ASSERT_TRUE(logs_->LatestOf("irs.example").has_value());
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.size, 7u);
  EXPECT_THAT(logs_->origins(), ElementsAre("irs.example/ledger/2027"));
  EXPECT_EQ(Observe(7, 20), WitnessFinding::kAccepted);
}

TEST_F(PartnerLogsTest, TheNewestYearIsTheLatest) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  SignedLog next("irs.example/ledger/2028", log_.key());
  next.GrowTo(2);
  ASSERT_EQ(logs_->Observe(next.NoteOf(2), {}, 0, true, Noon()).finding, WitnessFinding::kAccepted);
  EXPECT_EQ(logs_->LatestOf("irs.example")->checkpoint.origin, next.origin());
  EXPECT_FALSE(logs_->LatestOf("irs").has_value());
}

TEST_F(PartnerLogsTest, AHeadThatWentBackIsEvidence) {
  ASSERT_EQ(Observe(0, 20), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(20, 7), WitnessFinding::kRolledBack);
  EXPECT_EQ(logs_->evidence(), 1u);
  EXPECT_THAT(found_, ElementsAre("irs.example"));
}

TEST_F(PartnerLogsTest, WhatSomebodyElseRemembersMayBeOlder) {
  ASSERT_EQ(Observe(0, 20), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(20, 7, /*is_head=*/false), WitnessFinding::kOlder);
  EXPECT_THAT(found_, IsEmpty());
}

TEST_F(PartnerLogsTest, AProofForWhatIsNoLongerRememberedIsNotJudged) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  ASSERT_EQ(Observe(7, 12), WitnessFinding::kAccepted);
  EXPECT_EQ(Observe(7, 20), WitnessFinding::kOtherSize);
  EXPECT_EQ(logs_->evidence(), 0u);
}

TEST_F(PartnerLogsTest, AnotherKeyOfALogThatIsRememberedIsRefused) {
  ASSERT_EQ(Observe(0, 7), WitnessFinding::kAccepted);
  const SignedLog other(log_.origin());
  EXPECT_TRUE(absl::IsDataLoss(logs_->SetKeys({{"irs.example", other.public_der()}})));
  EXPECT_EQ(Observe(7, 12), WitnessFinding::kNotSigned);
}

TEST_F(PartnerLogsTest, AnUnknownAgencysLogTakesNoPlace) {
  ASSERT_TRUE(logs_->SetKeys({}).ok());
  EXPECT_EQ(Observe(0, 7), WitnessFinding::kUnknownLog);
  EXPECT_THAT(logs_->origins(), IsEmpty());
}

}  // namespace
}  // namespace vouch::server
