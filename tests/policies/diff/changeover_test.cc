// A revision that replaces another: which digest is accepted when.
#include "tests/policies/diff/opened.h"

namespace vouch::policies::diff {
namespace {

using ::testing::Test;

constexpr char kId[] = "aid-tax-001";

absl::Time At(int month, int day, int hour = 12, int minute = 0) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("America/New_York", &zone));
  return absl::FromCivil(absl::CivilMinute(2027, month, day, hour, minute), zone);
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  return absl::StrReplaceAll(text, {{from, to}});
}

// Revision 1 from January to the end of the year; revision 2 from the first of July, for a week
// beside it.
class ChangeoverTest : public Test {
 protected:
  ChangeoverTest() {
    first_ = Open(Texts());
    second_ = Replaced(Texts().agreement, "revision: 1", "revision: 2");
    second_ =
        Replaced(second_, "replaces: \"none\"",
                 absl::StrCat("replaces: \"", crypto::Hex(crypto::Sha256(first_.text)), "\""));
    second_ = Replaced(second_, "effective: \"2027-01-01\"", "effective: \"2027-07-01\"");
  }

  // Both revisions in one folder, as a node holds them.
  void Hold(const std::string& second) {
    Texts texts;
    texts.agreement = second;
    const Opened after = Open(texts);
    ASSERT_NE(after.held, nullptr) << after.report.ToText(after.text);
    std::vector<CatalogFile> files;
    for (const auto& [name, bytes] :
         std::vector<std::pair<std::string, std::string>>{{"1.yaml", first_.text},
                                                          {"2.yaml", after.text},
                                                          {"facts.yaml", texts.facts},
                                                          {"guideline.yaml", texts.guideline}}) {
      CatalogFile file;
      file.name = name;
      file.bytes = bytes;
      file.digest = crypto::Sha256(bytes);
      files.push_back(std::move(file));
    }
    Catalog::Options options;
    options.known = Known();
    options.use = Use::kTest;
    options.agency = "tax.example";
    options.as_if_signed = true;
    options.ends_changeover = [this](const HeldAgreement& before, const HeldAgreement& after_held,
                                     const ReferenceTables& tables) {
      ++compared_;
      return EndsChangeover(before, after_held, tables);
    };
    Report report;
    catalog_ = Catalog::Build(files, options, nullptr, {}, &report);
    ASSERT_EQ(catalog_->all().size(), 2u) << report.ToText("");
  }

  const HeldAgreement& Revision(size_t number) const { return *catalog_->all()[number - 1]; }

  // The revision under which a request with the digest of `number` is admitted, or the reason of
  // the refusal.
  std::string Admitted(size_t number, absl::Time now,
                       const std::string& requester = "aid.example") const {
    const auto admitted =
        Authorizer::Admit(*catalog_, requester, kId, Revision(number).digest, now);
    if (const Refusal* refusal = absl::get_if<Refusal>(&admitted)) {
      return std::string(ReasonName(refusal->reason));
    }
    return absl::StrCat(absl::get<const HeldAgreement*>(admitted)->agreement.revision);
  }

  Opened first_;
  std::string second_;
  std::shared_ptr<const Catalog> catalog_;
  int compared_ = 0;
};

TEST_F(ChangeoverTest, TheLaterRevisionWaitsForItsDay) {
  Hold(second_);
  EXPECT_EQ(Admitted(1, At(6, 30, 23, 59)), "1");
  EXPECT_EQ(Admitted(2, At(6, 30, 23, 59)), "AGREEMENT_MISMATCH");
  EXPECT_EQ(catalog_->StateOf(Revision(2), At(6, 30)), AgreementState::kWaiting);
  EXPECT_EQ(catalog_->StateOf(Revision(1), At(6, 30)), AgreementState::kInForce);
}

TEST_F(ChangeoverTest, BothAreAcceptedForItsWeekAndEachIsItsOwn) {
  Hold(second_);
  for (const absl::Time now : {At(7, 1, 0), At(7, 4), At(7, 7, 23, 59)}) {
    EXPECT_EQ(Admitted(1, now), "1");
    EXPECT_EQ(Admitted(2, now), "2");
    EXPECT_EQ(catalog_->StateOf(Revision(1), now), AgreementState::kChangeover);
    EXPECT_EQ(catalog_->StateOf(Revision(2), now), AgreementState::kInForce);
  }
  EXPECT_EQ(Admitted(1, At(7, 8, 0)), "AGREEMENT_MISMATCH");
  EXPECT_EQ(Admitted(2, At(7, 8, 0)), "2");
  EXPECT_EQ(catalog_->StateOf(Revision(1), At(7, 8)), AgreementState::kExpired);
}

TEST_F(ChangeoverTest, ARevisionThatNarrowsEndsTheOneBeforeItAtOnce) {
  Hold(Replaced(second_, "household_size: {from: 1, to: 12}", "household_size: {from: 1, to: 11}"));
  EXPECT_EQ(Admitted(1, At(6, 30, 23, 59)), "1");
  EXPECT_EQ(Admitted(1, At(7, 1, 0)), "AGREEMENT_MISMATCH");
  EXPECT_EQ(Admitted(2, At(7, 1, 0)), "2");
}

TEST_F(ChangeoverTest, ARevisionThatOnlyWidensDoesNot) {
  Hold(Replaced(second_, "household_size: {from: 1, to: 12}", "household_size: {from: 1, to: 13}"));
  EXPECT_EQ(Admitted(1, At(7, 4)), "1");
}

TEST_F(ChangeoverTest, WordsThatPeopleHaveToReadDoNotEndItWhatCannotBeToldDoes) {
  Hold(Replaced(second_, "To decide on aid.", "To decide about aid."));
  EXPECT_EQ(Admitted(1, At(7, 4)), "1");
  Hold(Replaced(second_, "sha256:4444", "sha256:5444"));
  EXPECT_EQ(Admitted(1, At(7, 4)), "AGREEMENT_MISMATCH");
}

TEST_F(ChangeoverTest, ExpiryOfTheReplacedOneWins) {
  second_ = Replaced(second_, "effective: \"2027-07-01\"", "effective: \"2027-12-30\"");
  Hold(Replaced(second_, "expires: \"2027-12-31\"", "expires: \"2028-12-31\""));
  EXPECT_EQ(Admitted(1, At(12, 31, 23, 59)), "1");
  EXPECT_EQ(Admitted(1, At(12, 31, 23, 59) + absl::Minutes(1)), "AGREEMENT_MISMATCH");
}

TEST_F(ChangeoverTest, OnlyTheRevisionThatItReplacesByDigest) {
  const std::string digest = crypto::Hex(crypto::Sha256(first_.text));
  Hold(Replaced(second_, digest, std::string(64, 'a')));
  EXPECT_EQ(Admitted(1, At(7, 4)), "AGREEMENT_MISMATCH");
}

TEST_F(ChangeoverTest, OnlyForThePartiesOfTheReplacedOne) {
  std::string wider = Replaced(second_, "[\"aid.example\", \"housing.example\"]",
                               "[\"aid.example\", \"housing.example\", \"labor.example\"]");
  Hold(Replaced(wider, "contacts:\n",
                "contacts:\n  - {party: \"labor.example\", role: \"officer\", email: "
                "\"officer@labor.example\"}\n"));
  EXPECT_EQ(Admitted(1, At(7, 4)), "1");
  EXPECT_EQ(Admitted(1, At(7, 4), "labor.example"), "AGREEMENT_MISMATCH");
  EXPECT_EQ(Admitted(2, At(7, 4), "labor.example"), "2");
}

TEST_F(ChangeoverTest, WithoutAChangeoverTheSwitchIsAtOnce) {
  Hold(Replaced(second_, "  changeover: \"7 days\"\n", ""));
  EXPECT_EQ(Admitted(1, At(7, 1, 0)), "AGREEMENT_MISMATCH");
}

TEST_F(ChangeoverTest, AnotherLengthOfChangeoverDoesNotEndIt) {
  Hold(Replaced(second_, "changeover: \"7 days\"", "changeover: \"3 days\""));
  EXPECT_EQ(Admitted(1, At(7, 3)), "1");
  EXPECT_EQ(Admitted(1, At(7, 4, 0)), "AGREEMENT_MISMATCH");
}

TEST_F(ChangeoverTest, ARenewalLeavesTheFileBeforeItGoodUntilItsOwnLastDay) {
  second_ = Replaced(second_, "effective: \"2027-07-01\"", "effective: \"2027-01-01\"");
  Hold(Replaced(second_, "  expires: \"2027-12-31\"\n",
                "  expires: \"2028-12-31\"\n  renewal: {former_expiry: \"2027-12-31\", certified: "
                "[{by: \"tax.example\", on: \"2027-11-01\"}]}\n"));
  EXPECT_EQ(Admitted(1, At(12, 31)), "1");
  EXPECT_EQ(Admitted(2, At(12, 31)), "2");
  EXPECT_EQ(Admitted(1, At(12, 31) + absl::Hours(24)), "AGREEMENT_MISMATCH");
}

TEST_F(ChangeoverTest, IsComparedOnceForASet) {
  Hold(second_);
  for (int i = 0; i < 10; ++i) (void)Admitted(1, At(7, 4));
  EXPECT_EQ(compared_, 1);
}

}  // namespace
}  // namespace vouch::policies::diff
