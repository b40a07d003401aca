// What stopping and lifting do, and who may.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/server/agreements/countersigning.h"

namespace vouch::server::agreements {
namespace {

using policies::AgreementState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoppingTest : public CountersigningTest {};

TEST_F(StoppingTest, EitherPartyAloneStopsAndOnlyThatPartyLifts) {
  folder_.Write({});
  Reload();
  for (const char* party : {"tax.example", "aid.example"}) {
    const std::string stop = absl::StrCat("aid/agreement.yaml.", party, ".stop.p7s");
    const std::string lift = absl::StrCat("aid/agreement.yaml.", party, ".lift.p7s");
    Give(Stop(party, folder_.now), stop);
    Reload();
    EXPECT_EQ(State(), AgreementState::kStopped) << Says();
    EXPECT_THAT(Why(), HasSubstr(absl::StrCat("stopped by ", party)));
    // Taking the notice away lifts nothing, nor does a new start.
    folder_.Remove(stop);
    Reload();
    EXPECT_EQ(State(), AgreementState::kStopped);
    Agreements restarted(folder_.Options());
    ASSERT_TRUE(restarted.Reload().ok());
    EXPECT_EQ(restarted.Current()->catalog->all()[0]->StateFor("aid.example", folder_.now),
              AgreementState::kStopped);
    // Another party's word lifts nothing; an older one of its own does not either.
    folder_.now += absl::Hours(1);
    StopNotice lifts = Stop(party, folder_.now);
    lifts.lifts = true;
    Give(lifts, lift, "loans.example");
    Reload();
    EXPECT_EQ(State(), AgreementState::kStopped);
    EXPECT_THAT(Says(), HasSubstr("notice/refused"));
    lifts.time = folder_.now - absl::Hours(2);
    Give(lifts, lift);
    Reload();
    EXPECT_EQ(State(), AgreementState::kStopped);
    lifts.time = folder_.now + absl::Hours(1);
    Give(lifts, lift);
    Reload();
    EXPECT_EQ(State(), AgreementState::kStopped);
    EXPECT_THAT(Says(), HasSubstr("dated ahead"));
    lifts.time = folder_.now;
    Give(lifts, lift);
    Reload();
    EXPECT_EQ(State(), AgreementState::kInForce) << Says();
    // The old notice, put back, stops nothing any more.
    Give(Stop(party, folder_.now - absl::Hours(1)), stop);
    Reload();
    EXPECT_EQ(State(), AgreementState::kInForce);
    folder_.Remove(stop);
    folder_.now += absl::Hours(1);
  }
}

TEST_F(StoppingTest, AnAskerOfSeveralStopsForItselfAlone) {
  folder_.Write({});
  Give(Stop("loans.example"), "loans.stop.p7s");
  Reload();
  EXPECT_EQ(State("loans.example"), AgreementState::kStopped);
  EXPECT_EQ(State("aid.example"), AgreementState::kInForce);
}

TEST_F(StoppingTest, AStopIsEffectiveForWhatIsBrokenOrExpired) {
  folder_.Write({});
  Reload();
  Write(kFile, "format: \"vouch-agreement/1\"\nagreement: [");
  Give(Stop("aid.example"), "notice.stop.p7s");
  Give(Stop("loans.example"), "notice2.stop.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
  folder_.now = Noon() + absl::Hours(24 * 700);
  EXPECT_EQ(State(), AgreementState::kStopped);
}

TEST_F(StoppingTest, ARangeStopsOnlyItsRevisions) {
  folder_.Write({});
  StopNotice notice = Stop("tax.example");
  notice.first_revision = 2;
  notice.last_revision = 3;
  Give(notice, "n.stop.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  Terms second;
  second.revision = 2;
  folder_.Write(second);
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
}

TEST_F(StoppingTest, NobodyElseStops) {
  folder_.Write({});
  // Signed by another, for a party; for no party at all; an altered text.
  Give(Stop("tax.example"), "a.stop.p7s", "aid.example");
  Give(Stop("nobody.example"), "b.stop.p7s", "aid.example");
  Write("c.stop.p7s", "garbage");
  Write("d.stop.p7s", *crypto::SignEnclosed(folder_.Officer("tax.example"), "stop it", Noon()));
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  const std::string says = Says();
  EXPECT_THAT(says, HasSubstr("none of the officers that node.yaml lists for tax.example"));
  EXPECT_THAT(says, HasSubstr("node.yaml does not say who signs for nobody.example"));
  EXPECT_THAT(says, HasSubstr("no CMS signature"));
  EXPECT_THAT(says, HasSubstr("not as `vouch agreement stop` writes it"));
}

// A revocation list that its authority publishes too late must not hold up a stop; what it names
// is revoked all the same.
class StopUnderListsTest : public CountersigningTest {
 protected:
  // What the folder holds under a node.yaml with this list; nothing is written when it is empty.
  void ReloadWith(const std::string& list) {
    AgreementsOptions options = folder_.Options();
    node::NodeFile file = folder_.Agencies();
    file.signing.revocations = folder_.Path("list.pem");
    std::filesystem::remove(folder_.Path("list.pem"));
    if (!list.empty()) std::ofstream(folder_.Path("list.pem")) << list;
    options.signing = SigningRules::Read(file);
    strict_ = std::make_unique<Agreements>(std::move(options));
    ASSERT_TRUE(strict_->Reload().ok());
  }
  AgreementState StrictState() const {
    return strict_->Current()->catalog->Find("aid-tax-001", folder_.now)->StateAt(folder_.now);
  }
  void SetUp() override {
    folder_.Write({});
    Reload();
    ASSERT_EQ(State(), AgreementState::kInForce);
    folder_.now = Noon() + absl::Hours(1);
    Give(Stop("tax.example", folder_.now), "a.stop.p7s");
  }
  const std::string lapsed_ = folder_.Revoked("", Noon());
  const std::string current_ = folder_.Revoked("", Noon() + absl::Hours(24));
  std::unique_ptr<Agreements> strict_;
};

TEST_F(StopUnderListsTest, AListThatLapsedOrIsGoneOrSpoiltDoesNotHoldUpAStop) {
  for (const std::string& list : {lapsed_, current_, std::string(), std::string("garbage")}) {
    folder_.notices.clear();
    ReloadWith(list);
    EXPECT_EQ(StrictState(), AgreementState::kStopped) << list;
    EXPECT_EQ(folder_.notices.size(), 1u);
  }
}

TEST_F(StopUnderListsTest, WhomAListNamesStopsNothingAlsoWhenItLapsed) {
  for (const absl::Time until : {Noon(), Noon() + absl::Hours(24)}) {
    ReloadWith(folder_.Revoked("tax.example", until));
    EXPECT_EQ(StrictState(), AgreementState::kInForce);
    EXPECT_THAT(strict_->Current()->report.findings().at(0).message, HasSubstr("is revoked"));
  }
  EXPECT_THAT(folder_.notices, IsEmpty());
}

TEST_F(StopUnderListsTest, ALiftNeedsACurrentListAndIsLookedAtAgainForWantOfOne) {
  Reload();
  ASSERT_EQ(State(), AgreementState::kStopped);
  folder_.now += absl::Minutes(1);
  StopNotice lifts = Stop("tax.example", folder_.now);
  lifts.lifts = true;
  Give(lifts, "a.lift.p7s");
  ReloadWith(lapsed_);
  EXPECT_EQ(StrictState(), AgreementState::kStopped);
  EXPECT_THAT(strict_->Current()->report.findings().at(0).message, HasSubstr("out of date"));
  // The node reads its rules anew when the list's file changes; dates alone change with the clock.
  EXPECT_FALSE(strict_->Changed());
  folder_.now += absl::Seconds(31);
  EXPECT_TRUE(strict_->Changed());
  ReloadWith(current_);
  EXPECT_EQ(StrictState(), AgreementState::kInForce);
}

TEST_F(StoppingTest, ALiftDatedAheadIsLookedAtAgain) {
  folder_.Write({});
  Give(Stop("tax.example"), "a.stop.p7s");
  Reload();
  ASSERT_EQ(State(), AgreementState::kStopped);
  StopNotice lifts = Stop("tax.example", Noon() + absl::Minutes(11));
  lifts.lifts = true;
  Give(lifts, "a.lift.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
  folder_.now += absl::Minutes(2);
  EXPECT_TRUE(agreements_.Changed());
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
}

TEST_F(StoppingTest, AStopOlderThanAStandingLiftIsNotWrittenDown) {
  folder_.Write({});
  StopNotice lifts = Stop("tax.example", Noon());
  lifts.lifts = true;
  Give(lifts, "a.lift.p7s");
  Reload();
  ASSERT_EQ(folder_.notices.size(), 1u);
  Give(Stop("tax.example", Noon() - absl::Seconds(1)), "a.stop.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  EXPECT_EQ(folder_.notices.size(), 1u);
  // Another party's lift lifts nothing of this one's; the same second is not later.
  Give(Stop("aid.example", Noon() - absl::Seconds(1)), "b.stop.p7s");
  Give(Stop("tax.example", Noon()), "a.stop.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
  EXPECT_EQ(folder_.notices.size(), 3u);
}

// In one look, before either was written down.
TEST_F(StoppingTest, AStopThatComesWithItsLaterLiftIsNotWrittenDown) {
  folder_.Write({});
  Give(Stop("tax.example", Noon() - absl::Hours(1)), "a.stop.p7s");
  StopNotice lifts = Stop("tax.example", Noon());
  lifts.lifts = true;
  Give(lifts, "a.lift.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
  ASSERT_EQ(folder_.notices.size(), 1u);
  EXPECT_EQ(folder_.notices[0].name, NoticeName(lifts));
}

TEST_F(StoppingTest, AStopThatCannotBeWrittenCountsAndALiftThatCannotDoesNot) {
  folder_.Write({});
  Reload();
  folder_.cannot_adopt = absl::UnavailableError("the disk is full");
  Give(Stop("tax.example"), "a.stop.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
  EXPECT_TRUE(agreements_.Changed());
  folder_.cannot_adopt = absl::OkStatus();
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
  folder_.cannot_adopt = absl::UnavailableError("the disk is full");
  folder_.now += absl::Hours(1);
  StopNotice lifts = Stop("tax.example", folder_.now);
  lifts.lifts = true;
  Give(lifts, "a.lift.p7s");
  Reload();
  EXPECT_EQ(State(), AgreementState::kStopped);
  folder_.cannot_adopt = absl::OkStatus();
  Reload();
  EXPECT_EQ(State(), AgreementState::kInForce);
}

}  // namespace
}  // namespace vouch::server::agreements
