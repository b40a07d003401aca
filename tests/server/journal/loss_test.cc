// A declared loss: the log that begins with it, and what counts as used up because of it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/cord.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"
#include "server/journal/log_segment.h"
#include "server/journal/written_entries.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

constexpr char kSecond[] = "irs.treasury.example/ledger/2026.2";
constexpr char kThird[] = "irs.treasury.example/ledger/2026.3";
constexpr uint32_t kDeclared = kStart + kDay;
const crypto::Checkpoint kLost = {kOrigin, 40, crypto::Sha256("lost")};

class LossTest : public ::testing::Test {
 protected:
  // Room for everything, and no window that reaches back: single tests give what they look at.
  LossTest() {
    Open();
    limits_.times_asked = limits_.different_values = {1000, absl::Seconds(1)};
    limits_.whole_agreement = limits_.new_people = {1000, absl::Seconds(1)};
  }
  void Open() {
    journal_.reset();
    journal_ = OpenIn(folder_);
  }
  // As the command does, with the node stopped; the journal is open again then.
  void Declare(uint32_t second = kDeclared, const crypto::Checkpoint& lost = kLost) {
    journal_.reset();
    const auto declared = DeclareLoss(OptionsFor(folder_), lost, At(second));
    ASSERT_TRUE(declared.ok()) << declared.status();
    Open();
  }
  Verdict Ask(const std::string& whom, const std::string& request, uint32_t now,
              uint32_t value = 1) {
    Proposal proposal = journal::Ask(limits_, whom, request, now, value);
    proposal.charges.agreement_begins = begins_;
    proposal.charges.rows_die_after = kStart + 1000 * kDay;
    return VerdictOf(journal_.get(), proposal, now);
  }
  absl::Status Evaluate(uint32_t now) {
    return journal_->ChargeEvaluations(KeyNamed("agreement"), {100, absl::Hours(1)},
                                       KeyNamed("key"), 1 << 20, 1, At(now), begins_);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_;
  policies::Limits limits_ = WideLimits();
  uint32_t begins_ = 0;
};

TEST_F(LossTest, ANewLogBeginsThatCommitsToWhatThereIsAndWhatWasLost) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  const Head before = journal_->head();
  Declare();
  const Head head = journal_->head();
  EXPECT_EQ(head.origin, kSecond);
  EXPECT_EQ(head.first, 1u);
  EXPECT_EQ(head.tree_size, 1u);
  ASSERT_EQ(journal_->logs().size(), 2u);
  EXPECT_EQ(journal_->logs()[0].origin, kOrigin);
  const auto loss = crypto::ReadLossDeclared(journal_->ReadEntries(1, 1)->front());
  ASSERT_TRUE(loss.ok());
  EXPECT_EQ(loss->origin, kSecond);
  EXPECT_EQ(loss->restored, (crypto::Checkpoint{kOrigin, 1, before.range.Root()}));
  EXPECT_EQ(loss->lost, kLost);
  EXPECT_EQ(loss->until, kDeclared);
  // Positions go on, and what there is is read as before.
  ASSERT_TRUE(journal_->Append({"more"}, At(kDeclared)).ok());
  EXPECT_EQ(journal_->ReadEntries(2, 1)->front(), "more");
  EXPECT_EQ(journal_->figures().lost_until, kDeclared);
  const auto written = WrittenEntries::Open(folder_.journal());
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ((*written)->origin(), kSecond);
  EXPECT_EQ((*written)->range().Root(), journal_->head().range.Root());
}

TEST_F(LossTest, ASecondLossAndANewYearFollow) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  Declare(kDeclared + 5, {kSecond, 7, crypto::Sha256("more")});
  EXPECT_EQ(journal_->head().origin, kThird);
  ASSERT_TRUE(journal_->Append({"next year"}, At(kStart + 100 * kDay)).ok());
  EXPECT_EQ(journal_->head().origin, "irs.treasury.example/ledger/2027");
  Open();
  EXPECT_EQ(journal_->logs().size(), 4u);
  EXPECT_EQ(journal_->figures().lost_until, kDeclared + 5);
}

TEST_F(LossTest, ALogThatMayHaveBegunMeanwhileIsNotBegunAgain) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare(kStart + 100 * kDay);
  EXPECT_EQ(journal_->head().origin, "irs.treasury.example/ledger/2027.2");
}

TEST_F(LossTest, OneLaterThanAnyThatIsKnownIsBegun) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare(kDeclared, {"irs.treasury.example/ledger/2027.4", 7, crypto::Sha256("more")});
  EXPECT_EQ(journal_->head().origin, "irs.treasury.example/ledger/2027.5");
}

TEST_F(LossTest, OverNothingTheNewLogIsTheFirst) {
  limits_.times_asked = {4, absl::Hours(2)};
  Declare();
  EXPECT_EQ(journal_->head().origin, kSecond);
  ASSERT_EQ(journal_->logs().size(), 1u);
  const auto loss = crypto::ReadLossDeclared(journal_->ReadEntries(0, 1)->front());
  ASSERT_TRUE(loss.ok());
  EXPECT_EQ(loss->restored, (crypto::Checkpoint{kOrigin, 0, crypto::EmptyRoot()}));
  EXPECT_EQ(Ask("ann", "r1", kDeclared + 1), Verdict::kPersonLimit);
  EXPECT_EQ(Ask("ann", "r2", kDeclared + 7200), Verdict::kAnswer);
  Open();
  EXPECT_EQ(journal_->head().origin, kSecond);
  EXPECT_EQ(journal_->figures().lost_until, kDeclared);
  EXPECT_EQ((*WrittenEntries::Open(folder_.journal()))->logs().size(), 1u);
  journal_.reset();
  for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
    if (file.path().filename().string().rfind("commits-", 0) != 0) continue;
    EXPECT_EQ(ReadWholeFile(file.path().string())[7], 3) << "no earlier program takes it up";
  }
}

TEST_F(LossTest, NothingIsDeclaredBeforeTheLastCommit) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  journal_.reset();
  EXPECT_EQ(DeclareLoss(OptionsFor(folder_), kLost, At(kStart - 1)).status().code(),
            absl::StatusCode::kFailedPrecondition);
  Open();
  EXPECT_EQ(journal_->head().origin, kOrigin);
}

// A later backup was put in place after whoever declares had looked.
TEST_F(LossTest, NothingIsDeclaredLostThatIsThere) {
  ASSERT_TRUE(journal_->Append({"one", "two"}, At(kStart)).ok());
  for (const bool ended : {false, true}) {
    if (ended) {
      ASSERT_TRUE(journal_->Append({"next year"}, At(kStart + 100 * kDay)).ok());
    }
    const Head before = journal_->head();
    journal_.reset();
    const crypto::Checkpoint there = {kOrigin, 2, crypto::Sha256("two")};
    EXPECT_TRUE(absl::IsFailedPrecondition(
        DeclareLoss(OptionsFor(folder_), there, At(kStart + 101 * kDay)).status()));
    Open();
    EXPECT_EQ(journal_->head().end(), before.end());
    EXPECT_EQ(journal_->figures().lost_until, 0u);
  }
}

TEST_F(LossTest, NoEarlierProgramTakesItUp) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  journal_.reset();
  uint32_t newest = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
    const std::string name = file.path().filename().string();
    if (name.rfind("commits-", 0) != 0) continue;
    const std::string bytes = ReadWholeFile(file.path().string());
    newest = std::max<uint32_t>(newest, static_cast<uint8_t>(bytes[7]));
  }
  EXPECT_EQ(newest, 3u);
}

TEST_F(LossTest, EveryFiniteWindowIsFullUntilItNoLongerReachesBack) {
  limits_.times_asked = {4, absl::Hours(2)};
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  // Whoever it is, asked about before or never.
  EXPECT_EQ(Ask("ann", "r2", kDeclared + 10), Verdict::kPersonLimit);
  EXPECT_EQ(Ask("bob", "r3", kDeclared + 7199), Verdict::kPersonLimit);
  EXPECT_EQ(Ask("ann", "r4", kDeclared + 7200), Verdict::kAnswer);
  EXPECT_EQ(Ask("bob", "r5", kDeclared + 7200), Verdict::kAnswer);
}

TEST_F(LossTest, TheRefusalSaysThatATimeWasLost) {
  limits_.times_asked = {4, absl::Hours(2)};
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  const Decision decision =
      DecisionOf(journal_.get(), journal::Ask(limits_, "cyd", "r2", kDeclared + 1), kDeclared + 1);
  EXPECT_EQ(decision.verdict, Verdict::kPersonLimit);
  EXPECT_EQ(decision.lost_until, kDeclared);
}

TEST_F(LossTest, AValueThatARowStillHoldsIsNoFurtherValue) {
  limits_.different_values = {3, absl::InfiniteDuration()};
  ASSERT_EQ(Ask("ann", "r1", kStart, 1), Verdict::kAnswer);
  Declare();
  EXPECT_EQ(Ask("ann", "r2", kDeclared + 10, 2), Verdict::kPersonLimit);
  EXPECT_EQ(Ask("bob", "r3", kDeclared + 10, 1), Verdict::kPersonLimit);
  EXPECT_EQ(Ask("ann", "r4", kDeclared + 10, 1), Verdict::kAnswer);
}

TEST_F(LossTest, AnUnendingWindowIsFreeForAnAgreementThatBeganAfterwards) {
  limits_.different_values = {3, absl::InfiniteDuration()};
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  const uint32_t later = kDeclared + 400 * kDay;
  EXPECT_EQ(Ask("bob", "r2", later), Verdict::kPersonLimit);
  begins_ = kDeclared - 1;
  EXPECT_EQ(Ask("bob", "r3", later), Verdict::kPersonLimit);
  begins_ = kDeclared;
  EXPECT_EQ(Ask("bob", "r4", later), Verdict::kAnswer);
  // A renewal does not say when its agreement began, and need not, once it was known.
  begins_ = 0;
  EXPECT_EQ(Ask("cyd", "r5", later), Verdict::kAnswer);
  Open();
  EXPECT_EQ(Ask("dan", "r6", later), Verdict::kAnswer);
  Declare(later + 10, {kSecond, 90, crypto::Sha256("again")});
  EXPECT_EQ(Ask("eve", "r7", later + 20), Verdict::kPersonLimit);
}

TEST_F(LossTest, WholeAgreementAndNewPeopleSayWhenThereIsRoom) {
  for (policies::CountLimit* limit : {&limits_.whole_agreement, &limits_.new_people}) {
    limits_.whole_agreement = limits_.new_people = {1000, absl::Seconds(1)};
    *limit = {1000, absl::Hours(1)};
    const std::string name = limit == &limits_.new_people ? "new" : "whole";
    const uint32_t start = limit == &limits_.new_people ? kDeclared + 2 * kDay : kStart;
    ASSERT_EQ(Ask(name, name, start), Verdict::kAnswer);
    Declare(start + 100);
    const Decision decision = DecisionOf(
        journal_.get(), journal::Ask(limits_, name + "2", name + "2", start + 110), start + 110);
    EXPECT_EQ(decision.verdict, Verdict::kAgreementLimit);
    EXPECT_EQ(decision.retry_after, absl::Seconds(3590));
    EXPECT_EQ(Ask(name + "3", name + "3", start + 3700), Verdict::kAnswer);
  }
}

TEST_F(LossTest, EvaluationsAreUsedUpToo) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  const absl::Status refused = Evaluate(kDeclared + 10);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*refused.GetPayload("retry_ms"), absl::Cord("3590000"));
  EXPECT_TRUE(Evaluate(kDeclared + 3600).ok());
  begins_ = kDeclared + 1;
  EXPECT_TRUE(Evaluate(kDeclared + 3601).ok());
}

TEST_F(LossTest, AFactsCapIsUsedUpAcrossAgreements) {
  begins_ = kDeclared + 1;
  const auto ask = [&](const std::string& whom, uint32_t value, uint32_t now) {
    Proposal proposal = journal::Ask(limits_, whom, whom + std::to_string(now + value), now);
    proposal.charges.agreement_begins = begins_;
    proposal.charges.facts.push_back({KeyNamed("fact " + whom), value, {3, absl::Hours(1)}});
    return VerdictOf(journal_.get(), proposal, now);
  };
  ASSERT_EQ(ask("ann", 1, kDeclared - 60), Verdict::kAnswer);
  Declare();
  EXPECT_EQ(ask("ann", 2, kDeclared + 10), Verdict::kUndetermined);
  EXPECT_EQ(ask("ann", 1, kDeclared + 12), Verdict::kAnswer);
  EXPECT_EQ(ask("bob", 1, kDeclared + 10), Verdict::kUndetermined);
  EXPECT_EQ(ask("cyd", 1, kDeclared + 3600), Verdict::kAnswer);
}

TEST_F(LossTest, WhatTheRestoredJournalKnowsIsStillReplayed) {
  ASSERT_EQ(Ask("ann", "r1", kDeclared - 60), Verdict::kAnswer);
  Declare();
  Proposal again = journal::Ask(limits_, "ann", "r1", kDeclared - 60);
  EXPECT_EQ(VerdictOf(journal_.get(), again, kDeclared + 5), Verdict::kReplay);
}

TEST_F(LossTest, OutlivesAnImageAndWhatWasReplayed) {
  limits_.times_asked = {4, absl::Hours(2)};
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  // Pruning writes an image: without the commits there is nothing else.
  ASSERT_TRUE(journal_->Append({"later"}, At(kDeclared + 1)).ok());
  ASSERT_TRUE(journal_->Prune(1).ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Ask("bob", "r" + std::to_string(i), kDeclared + 10 + i), Verdict::kPersonLimit);
    Open();
    EXPECT_EQ(journal_->figures().lost_until, kDeclared);
    EXPECT_EQ(journal_->head().origin, kSecond);
  }
}

TEST_F(LossTest, OutlivesItsOwnCommit) {
  limits_.times_asked = {4, absl::Hours(2)};
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  Declare();
  ASSERT_TRUE(journal_->Append({"a year on"}, At(kStart + 60 * kDay)).ok());
  ASSERT_TRUE(journal_->Append({"more"}, At(kStart + 60 * kDay)).ok());
  const uint64_t end = journal_->head().end();
  ASSERT_TRUE(journal_->Prune(end - 1).ok());
  Open();
  EXPECT_EQ(journal_->logs().size(), 3u);
  EXPECT_EQ(journal_->figures().lost_until, kDeclared);
}

TEST_F(LossTest, KilledAtAnyMomentItIsDeclaredOrNotBegun) {
  ASSERT_EQ(Ask("ann", "r1", kStart), Verdict::kAnswer);
  journal_.reset();
  int declared = 0;
  for (int i = 0; i < 40; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      _exit(DeclareLoss(OptionsFor(folder_), kLost, At(kDeclared)).ok() ? 0 : 1);
    }
    usleep(static_cast<useconds_t>(i * 250));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Open();
    ASSERT_NE(journal_, nullptr);
    const std::vector<LogSpan> logs = journal_->logs();
    EXPECT_EQ(journal_->head().end(), logs.size());
    EXPECT_EQ(journal_->figures().lost_until > 0, logs.size() > 1);
    declared = static_cast<int>(logs.size()) - 1;
    journal_.reset();
  }
  EXPECT_GT(declared, 0) << "none got as far; give it longer";
}

}  // namespace
}  // namespace vouch::server::journal
