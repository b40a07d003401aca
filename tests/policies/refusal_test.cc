#include "policies/engine/refusal.h"

#include <set>

#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

TEST(ReasonNameTest, NamesEveryReasonDifferently) {
  std::set<std::string> names;
  for (int reason = 1; reason <= 14; ++reason) {
    const absl::string_view name = ReasonName(static_cast<Reason>(reason));
    EXPECT_FALSE(name.empty()) << reason;
    names.insert(std::string(name));
  }
  EXPECT_EQ(names.size(), 14u);
}

TEST(ReasonNameTest, KeepsThePublishedSpelling) {
  EXPECT_EQ(ReasonName(Reason::kNotPermitted), "NOT_PERMITTED");
  EXPECT_EQ(ReasonName(Reason::kAgreementNotInForce), "AGREEMENT_NOT_IN_FORCE");
  EXPECT_EQ(ReasonName(Reason::kAgreementMismatch), "AGREEMENT_MISMATCH");
  EXPECT_EQ(ReasonName(Reason::kBadRequestId), "BAD_REQUEST_ID");
  EXPECT_EQ(ReasonName(Reason::kNotInAgreement), "NOT_IN_AGREEMENT");
  EXPECT_EQ(ReasonName(Reason::kPersonLimit), "PERSON_LIMIT");
  EXPECT_EQ(ReasonName(Reason::kAgreementLimit), "AGREEMENT_LIMIT");
  EXPECT_EQ(ReasonName(Reason::kBusy), "BUSY");
  EXPECT_EQ(ReasonName(Reason::kKeyEpoch), "KEY_EPOCH");
  EXPECT_EQ(ReasonName(Reason::kNotReady), "NOT_READY");
  EXPECT_EQ(ReasonName(Reason::kRequestIdReused), "REQUEST_ID_REUSED");
  EXPECT_EQ(ReasonName(Reason::kLedgerUnavailable), "LEDGER_UNAVAILABLE");
}

}  // namespace
}  // namespace vouch::policies
