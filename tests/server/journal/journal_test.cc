#include "server/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

class JournalTest : public testing::Test {
 protected:
  void Reopen() {
    journal_.reset();
    journal_ = OpenIn(folder_);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_ = OpenIn(folder_);
  policies::Limits limits_ = WideLimits();
};

TEST_F(JournalTest, BeginsEmpty) {
  const Head head = journal_->head();
  EXPECT_EQ(head.origin, kOrigin);
  EXPECT_EQ(head.tree_size, 0u);
  EXPECT_EQ(head.commit, 0u);
  EXPECT_EQ(head.range.Root(), crypto::EmptyRoot());
  EXPECT_TRUE(journal_->adoptions().empty());
}

TEST_F(JournalTest, MakesItsFolderForItselfAlone) {
  struct stat about;
  ASSERT_EQ(stat(folder_.journal().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0700u);
}

TEST_F(JournalTest, GrowsTheLogByWhatTheCallerWrote) {
  WritingSteps steps;
  const Proposal asks[] = {Ask(limits_, "ann", "1", kStart), Ask(limits_, "ann", "1", kStart),
                           Ask(limits_, "bob", "2", kStart)};
  auto committed = journal_->Commit(asks, At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->first_entry, 0u);
  EXPECT_EQ(committed->entries, 2u);
  EXPECT_EQ(committed->decisions[2].entry_index, 1u);
  crypto::CompactRange expected;
  for (const std::string& entry : steps.entries) {
    expected.Append(crypto::LeafHash(crypto::AsBytes(entry)));
  }
  EXPECT_EQ(journal_->head().tree_size, 2u);
  EXPECT_EQ(journal_->head().range.Root(), expected.Root());
  Reopen();
  EXPECT_EQ(journal_->head().range.Root(), expected.Root());
  EXPECT_EQ(journal_->head().second, kStart);
}

TEST_F(JournalTest, ReadsWhatItWrote) {
  const std::string first[] = {"a", "b"};
  ASSERT_TRUE(journal_->Append(first, At(kStart)).ok());
  WritingSteps steps;
  const Proposal asks[] = {Ask(limits_, "ann", "1", kStart), Ask(limits_, "ann", "1", kStart),
                           Ask(limits_, "bob", "2", kStart)};
  ASSERT_TRUE(journal_->Commit(asks, At(kStart + 1), &steps).ok());
  for (int pass = 0; pass < 2; ++pass) {
    auto item = journal_->Read({2, 2});
    ASSERT_TRUE(item.ok());
    EXPECT_EQ(item->second, kStart + 1);
    EXPECT_EQ(item->entry_index, 3u);
    EXPECT_EQ(item->entry, absl::StrCat("entry 3 at ", kStart + 1));
    EXPECT_EQ(item->sealed, "sealed 3");
    EXPECT_EQ(journal_->Read({1, 1})->entry, "b");
    EXPECT_EQ(journal_->Read({1, 1})->entry_index, 1u);
    Reopen();
  }
}

TEST_F(JournalTest, FindsNothingWhereNothingWasWritten) {
  const std::string entries[] = {"a"};
  ASSERT_TRUE(journal_->Append(entries, At(kStart)).ok());
  EXPECT_TRUE(absl::IsNotFound(journal_->Read({0, 0}).status()));
  EXPECT_TRUE(absl::IsNotFound(journal_->Read({1, 1}).status()));
  EXPECT_TRUE(absl::IsNotFound(journal_->Read({2, 0}).status()));
  EXPECT_TRUE(absl::IsNotFound(journal_->Read({~uint64_t{0}, 0}).status()));
}

TEST_F(JournalTest, NeverGoesBackInTime) {
  const std::string entries[] = {"a"};
  ASSERT_TRUE(journal_->Append(entries, At(kStart + 100)).ok());
  WritingSteps steps;
  const Proposal ask = Ask(limits_, "ann", "1", kStart);
  auto committed = journal_->Commit(absl::MakeConstSpan(&ask, 1), At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->second, kStart + 100);
}

TEST_F(JournalTest, WritesSealedDetailsWithoutAnEntry) {
  class SealedOnly : public CommitSteps {
   public:
    bool StillPermitted(size_t, uint32_t) override { return true; }
    Written Write(size_t, uint32_t, const Decision&) override { return {"", "sealed"}; }
  } steps;
  Proposal refused = Ask(limits_, "ann", "1", kStart);
  refused.refused = true;
  auto committed = journal_->Commit(absl::MakeConstSpan(&refused, 1), At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->entries, 0u);
  EXPECT_EQ(journal_->head().tree_size, 0u);
  EXPECT_EQ(journal_->Read({1, 0})->sealed, "sealed");
}

TEST_F(JournalTest, CommitsNothingWhenNothingIsOffered) {
  WritingSteps steps;
  auto committed = journal_->Commit({}, At(kStart), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_TRUE(committed->decisions.empty());
  EXPECT_TRUE(journal_->Append({}, At(kStart)).ok());
  EXPECT_EQ(journal_->head().commit, 0u);
}

TEST_F(JournalTest, RefusesASecondHolder) {
  auto second = OpenFileJournal(OptionsFor(folder_));
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  journal_.reset();
  EXPECT_TRUE(OpenFileJournal(OptionsFor(folder_)).ok());
}

TEST_F(JournalTest, RefusesAnotherAgencysLog) {
  journal_.reset();
  JournalOptions options = OptionsFor(folder_);
  options.origin = "fsa.ed.example/ledger/2026";
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenFileJournal(options).status()));
}

TEST_F(JournalTest, KeepsTheYearItWasBegunInAfterNewYear) {
  journal_.reset();
  JournalOptions options = OptionsFor(folder_);
  options.origin = "irs.treasury.example/ledger/2027";
  auto reopened = OpenFileJournal(options);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->head().origin, kOrigin);
}

class EvaluationsTest : public JournalTest {
 protected:
  absl::Status Charge(uint32_t count, uint32_t now, uint64_t cap = 1000) {
    return journal_->ChargeEvaluations(KeyNamed("agreement"), {100, absl::Minutes(10)},
                                       KeyNamed("key"), cap, count, At(now));
  }
  static std::string RetryOf(const absl::Status& status) {
    auto payload = status.GetPayload("retry_ms");
    return payload.has_value() ? std::string(*payload) : "none";
  }
};

TEST_F(EvaluationsTest, CountAcrossARestartUntilTheWindowHasRoom) {
  ASSERT_TRUE(Charge(60, kStart).ok());
  ASSERT_TRUE(Charge(40, kStart + 60).ok());
  Reopen();
  const absl::Status full = Charge(50, kStart + 61);
  EXPECT_TRUE(absl::IsResourceExhausted(full));
  EXPECT_EQ(RetryOf(full), absl::StrCat((59 + 600 - 61) * 1000));
  EXPECT_EQ(RetryOf(Charge(70, kStart + 61)), absl::StrCat((119 + 600 - 61) * 1000));
  EXPECT_FALSE(Charge(50, kStart + 658).ok());
  EXPECT_TRUE(Charge(50, kStart + 659).ok());
}

TEST_F(EvaluationsTest, SayNeverForMoreThanTheLimit) {
  const absl::Status status = Charge(101, kStart);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(RetryOf(status), "0");
}

TEST_F(EvaluationsTest, EndForEverAtTheKeysCap) {
  ASSERT_TRUE(Charge(90, kStart, 100).ok());
  Reopen();
  EXPECT_TRUE(absl::IsFailedPrecondition(Charge(11, kStart + kDay, 100)));
  EXPECT_TRUE(Charge(10, kStart + kDay, 100).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Charge(1, kStart + 9 * kDay, 100)));
}

class AdoptionsTest : public JournalTest {
 protected:
  absl::Status Adopt(const std::string& id, int64_t revision, uint8_t digest) {
    Journal::Adoption adoption;
    adoption.agreement_id = id;
    adoption.revision = revision;
    adoption.digest[0] = digest;
    return journal_->Adopt(adoption, absl::StrCat("adopted ", id, " ", revision), At(kStart));
  }
};

TEST_F(AdoptionsTest, AreKeptWithTheirEntry) {
  ASSERT_TRUE(Adopt("a", 1, 1).ok());
  ASSERT_TRUE(Adopt("b", 7, 2).ok());
  ASSERT_TRUE(Adopt("a", 3, 3).ok());
  Reopen();
  const auto adoptions = journal_->adoptions();
  ASSERT_EQ(adoptions.size(), 3u);
  EXPECT_EQ(adoptions[1].agreement_id, "a");
  EXPECT_EQ(adoptions[1].revision, 3);
  EXPECT_EQ(adoptions[1].digest[0], 3);
  EXPECT_EQ(journal_->head().tree_size, 3u);
  EXPECT_EQ(journal_->Read({3, 0})->entry, "adopted a 3");
}

TEST_F(AdoptionsTest, RefuseALowerRevisionAndAnotherFile) {
  ASSERT_TRUE(Adopt("a", 2, 1).ok());
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_TRUE(absl::IsFailedPrecondition(Adopt("a", 1, 9)));
    EXPECT_TRUE(absl::IsFailedPrecondition(Adopt("a", 2, 9)));
    EXPECT_TRUE(Adopt("a", 2, 1).ok());
    EXPECT_EQ(journal_->head().tree_size, 1u);
    Reopen();
  }
}

}  // namespace
}  // namespace vouch::server::journal
