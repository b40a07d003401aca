#include "crypto/receipt_claims.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "crypto/base64.h"
#include "crypto/merkle.h"

namespace vouch::crypto {
namespace {

class ReceiptClaimsTest : public testing::Test {
 protected:
  ReceiptClaimsTest() {
    entry_.use = 2;
    entry_.minute = 29922480;
    entry_.requester = "fsa.ed.example";
    entry_.agreement_id = "fsa-irs-2027-001";
    entry_.purpose = "student-aid-eligibility";
    entry_.question = "income-at-or-below-225-percent";
    bytes_ = entry_.Bytes();
    request_.requester = "fsa.ed.example";
    request_.agreement_id = "fsa-irs-2027-001";
    request_.agreement_digest = digest_;
    request_.question = "income-at-or-below-225-percent";
    request_.purpose = "student-aid-eligibility";
    request_.parameters = parameters_;
    request_.tokens = AsBytes(tokens_);
    opening_.fill(7);
  }

  absl::StatusOr<std::string> Payload(uint8_t answer, uint64_t index = 41) const {
    ReceiptClaims claims;
    claims.responder = "irs.treasury.example";
    claims.request = &request_;
    claims.entry = bytes_;
    claims.opening = opening_;
    claims.log = "irs.treasury.example/ledger/2026";
    claims.index = index;
    claims.answer = answer;
    claims.data_as_of = 20777;
    return ReceiptPayload(claims);
  }

  SubjectEntry entry_;
  std::string bytes_;
  CanonicalRequest request_;
  Digest digest_{};
  Digest opening_{};
  std::string tokens_ = std::string(64, 'T');
  std::string parameters_ =
      CanonicalParameters({{"region", false, 0, "contiguous"}, {"household_size", true, 4, ""}});
};

TEST_F(ReceiptClaimsTest, HasTheLayoutOfTheProtocolsPage) {
  EXPECT_EQ(
      *Payload(1),
      absl::StrCat(R"({"iss":"irs.treasury.example","aud":"fsa.ed.example","sub":")",
                   Base64Url(HmacSha256(opening_, AsBytes(tokens_))), R"(","jti":")",
                   Base64Url(LeafHash(AsBytes(bytes_))),
                   R"(","iat":1795348800,"use":"test","agreement":"fsa-irs-2027-001",)",
                   R"("agreement_sha256":")", std::string(64, '0'),
                   R"(","purpose":"student-aid-eligibility",)",
                   R"("question":"income-at-or-below-225-percent",)",
                   R"("parameters":{"household_size":4,"region":"contiguous"},"answer":"YES",)",
                   R"("data_as_of":"2026-11-20","log":"irs.treasury.example/ledger/2026",)",
                   R"("index":41,"pad":"---------------------------"})"));
}

TEST_F(ReceiptClaimsTest, IsOfOneLengthWhateverTheAnswerAndThePlace) {
  const size_t length = Payload(1)->size();
  for (uint8_t answer : {1, 2, 3}) {
    for (uint64_t index : {uint64_t{0}, uint64_t{9}, uint64_t{10}, uint64_t{1} << 62}) {
      EXPECT_EQ(Payload(answer, index)->size(), length) << int{answer} << " " << index;
    }
  }
}

TEST_F(ReceiptClaimsTest, DiffersWithWhateverItSays) {
  const std::string before = *Payload(1);
  EXPECT_NE(*Payload(2), before);
  EXPECT_NE(*Payload(1, 42), before);
  opening_[0] ^= 1;
  EXPECT_NE(*Payload(1), before);
  opening_[0] ^= 1;
  tokens_[5] ^= 1;
  EXPECT_NE(*Payload(1), before);
  tokens_[5] ^= 1;
  entry_.nonce[3] ^= 1;
  bytes_ = entry_.Bytes();
  EXPECT_NE(*Payload(1), before);
}

TEST_F(ReceiptClaimsTest, SaysNoTokenInClear) {
  tokens_ = std::string(32, '\x5a') + std::string(32, '\xa5');
  request_.tokens = AsBytes(tokens_);
  const std::string payload = *Payload(3);
  for (const std::string& text :
       {tokens_.substr(0, 32), Hex(AsBytes(tokens_)), Base64Url(AsBytes(tokens_)).substr(0, 40),
        Hex(Sha256(tokens_)), Base64Url(Sha256(tokens_))}) {
    EXPECT_FALSE(absl::StrContains(payload, text));
  }
}

TEST_F(ReceiptClaimsTest, EscapesWhatJsonDoesNotTakeAsItIs) {
  parameters_ = CanonicalParameters({{"region", false, 0, "a\"b\\c\n"}});
  request_.parameters = parameters_;
  EXPECT_TRUE(absl::StrContains(*Payload(1), R"({"region":"a\"b\\c\u000a"})"));
}

TEST_F(ReceiptClaimsTest, IsOfNothingButAnswers) {
  EXPECT_FALSE(Payload(0).ok());
  EXPECT_FALSE(Payload(4).ok());
  request_.parameters = "?";
  EXPECT_FALSE(Payload(1).ok());
  request_.parameters = parameters_;
  bytes_.pop_back();
  EXPECT_FALSE(Payload(1).ok());
  entry_.kind = EntryKind::kRefused;
  entry_.reason = 1;
  bytes_ = entry_.Bytes();
  EXPECT_FALSE(Payload(1).ok());
}

}  // namespace
}  // namespace vouch::crypto
