#include "policies/engine/revise.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/policies/files.h"

namespace vouch::policies {
namespace {

using ::testing::HasSubstr;

constexpr char kOld[] = "0101010101010101010101010101010101010101010101010101010101010101";

FileDigest Digest() {
  FileDigest digest;
  digest.fill(1);
  return digest;
}

class ReviseTest : public ::testing::Test {
 protected:
  // A matching agreement from 2026-10-01 to 2027-09-30, of housingassistance and veterans.
  ReviseTest() : text_(SourceText("policies/templates/veteran-status/agreement.yaml")) { Read(); }

  void Read() {
    Report report;
    absl::optional<Agreement> read = ReadAgreement("a.yaml", text_, Known(), &report);
    ASSERT_TRUE(read.has_value()) << report.ToText(text_);
    agreement_ = *std::move(read);
  }
  void Edit(const std::string& from, const std::string& to) {
    ASSERT_NE(text_.find(from), std::string::npos) << from;
    text_ = absl::StrReplaceAll(text_, {{from, to}});
    Read();
  }
  std::vector<Certification> Certified() const {
    return {{agreement_.asks[0], absl::CivilDay(2027, 7, 15)},
            {agreement_.answers, absl::CivilDay(2027, 8, 1)}};
  }
  absl::StatusOr<std::string> Renewed(absl::CivilDay until = absl::CivilDay(2028, 9, 30),
                                      absl::CivilDay today = absl::CivilDay(2027, 8, 2)) const {
    return RenewedText(text_, agreement_, Digest(), until, Certified(), today);
  }
  void Refused(const absl::StatusOr<std::string>& text, const std::string& words) const {
    EXPECT_EQ(text.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(text.status().message()), HasSubstr(words));
  }

  std::string text_;
  Agreement agreement_;
};

TEST_F(ReviseTest, CountsUpNamesWhatItReplacesAndChangesNothingElse) {
  const absl::StatusOr<std::string> revised = RevisedText(text_, agreement_, Digest());
  ASSERT_TRUE(revised.ok()) << revised.status();
  EXPECT_EQ(*revised, absl::StrReplaceAll(text_, {{"revision: 1", "revision: 2"},
                                                  {"replaces: \"none\"",
                                                   std::string("replaces: \"") + kOld + "\""}}));
}

TEST_F(ReviseTest, ARenewalChangesFourThings) {
  const absl::StatusOr<std::string> renewed = Renewed();
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  const std::string renewal = "\n  renewal: {former_expiry: \"2027-09-30\", certified: [{by: \"" +
                              agreement_.asks[0] + "\", on: \"2027-07-15\"}, {by: \"" +
                              agreement_.answers + "\", on: \"2027-08-01\"}]}";
  EXPECT_EQ(*renewed,
            absl::StrReplaceAll(
                text_, {{"revision: 1", "revision: 2"},
                        {"replaces: \"none\"", std::string("replaces: \"") + kOld + "\""},
                        {"expires: \"2027-09-30\"", "expires: \"2028-09-30\"" + renewal}}));
  Report report;
  const absl::optional<Agreement> read = ReadAgreement("b.yaml", *renewed, Known(), &report);
  ASSERT_TRUE(read.has_value()) << report.ToText(*renewed);
  EXPECT_EQ(*read->renewed_from, absl::CivilDay(2027, 9, 30));
  EXPECT_EQ(read->renewal_certified.size(), 2u);
}

TEST_F(ReviseTest, ARenewalOfDatesOnOneLineStaysOnIt) {
  Edit(
      "  effective: \"2026-10-01\"\n  expires: \"2027-09-30\"\n  time_zone: \"America/New_York\"\n "
      " changeover: \"7 days\"\n",
      "  {effective: \"2026-10-01\", expires: \"2027-09-30\", time_zone: \"America/New_York\"}\n");
  const absl::StatusOr<std::string> renewed = Renewed();
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  Report report;
  const absl::optional<Agreement> read = ReadAgreement("b.yaml", *renewed, Known(), &report);
  ASSERT_TRUE(read.has_value()) << report.ToText(*renewed);
  EXPECT_EQ(read->expires, absl::CivilDay(2028, 9, 30));
}

TEST_F(ReviseTest, ARenewalIsForAtMostAYear) {
  EXPECT_TRUE(Renewed(absl::CivilDay(2027, 10, 1)).ok());
  Refused(Renewed(absl::CivilDay(2028, 10, 1)), "up to 2028-09-30");
  Refused(Renewed(absl::CivilDay(2027, 9, 30)), "at most a year");
}

TEST_F(ReviseTest, ARenewalIsMadeInTheLastThreeMonths) {
  Refused(Renewed(absl::CivilDay(2028, 9, 30), absl::CivilDay(2027, 6, 30)), "from 2027-07-01");
  Refused(Renewed(absl::CivilDay(2028, 9, 30), absl::CivilDay(2027, 10, 1)), "to 2027-09-30");
}

TEST_F(ReviseTest, EachPartyCertifiesInThatTime) {
  const absl::CivilDay until(2028, 9, 30);
  const absl::CivilDay today(2027, 8, 2);
  std::vector<Certification> certified = Certified();
  certified.pop_back();
  Refused(RenewedText(text_, agreement_, Digest(), until, certified, today),
          "missing: " + agreement_.answers);
  certified.push_back({"stranger.example", absl::CivilDay(2027, 8, 1)});
  Refused(RenewedText(text_, agreement_, Digest(), until, certified, today), "is no party");
  certified = Certified();
  certified[0].on = absl::CivilDay(2027, 6, 30);
  Refused(RenewedText(text_, agreement_, Digest(), until, certified, today), "from 2027-07-01");
  certified[0].on = absl::CivilDay(2027, 8, 3);
  Refused(RenewedText(text_, agreement_, Digest(), until, certified, today), "up to today");
}

TEST_F(ReviseTest, ThereIsOneRenewalAndOnlyOfMatchingAgreements) {
  const std::string first = text_;
  text_ = *Renewed();
  Read();
  Refused(Renewed(absl::CivilDay(2029, 9, 30), absl::CivilDay(2028, 8, 2)), "renewed before");
  text_ = SourceText("policies/templates/income-for-student-aid/agreement.yaml");
  Read();
  Refused(Renewed(), "vouch agreement revise");
}

}  // namespace
}  // namespace vouch::policies
