// Every checkpoint that came with an answer is held against the others, in time.
#include "client/requester/followed_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/client/requester/followed_log_fixture.h"

namespace vouch::requester {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(FollowedLogTest, RemembersWhatItSawFirst) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  EXPECT_EQ(asked_, 0) << "there is nothing to prove it against";
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(20));
  for (const char* name : {"/asked", "/witness", "/witness/seen"}) {
    EXPECT_EQ(std::filesystem::status(folder_ + name).permissions(),
              std::filesystem::perms::owner_all)
        << name;
  }
}

TEST_F(FollowedLogTest, AProcessHoldsItsFirstAnswerAgainstTheOnesBefore) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  EXPECT_TRUE(Use(Open().get(), log_, 90).ok());
  EXPECT_THAT(proved_, ElementsAre(20u, 90u));
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(90));
  const absl::Status forked = Use(Open().get(), other_, 95);
  EXPECT_TRUE(absl::IsDataLoss(forked)) << forked;
  EXPECT_THAT(std::string(forked.message()), HasSubstr("did not prove that its log of 95 entries"));
}

TEST_F(FollowedLogTest, ANewYearsLogIsUsedWhenItGoesOnFromTheOneRemembered) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  log_.EndWith(&next_);
  next_.GrowTo(9);
  steps_ = {log_.StepTo(next_, 20, 9)};
  reachable_ = false;
  EXPECT_TRUE(absl::IsUnavailable(Use(Open().get(), next_, 4)));
  reachable_ = true;
  EXPECT_TRUE(Use(Open().get(), next_, 4).ok());
  // The year before is remembered as it ended.
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(201));
  EXPECT_TRUE(Use(Open().get(), next_, 7).ok());
  EXPECT_EQ(Evidence(), 0u);
}

TEST_F(FollowedLogTest, LinesThatNobodyVerifiedAreNotKept) {
  const std::string junk = absl::StrCat(
      "\u2014 somebody ", crypto::Base64(crypto::AsBytes(std::string(3000, 'x'))), "\n");
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  log_.EndWith(&next_);
  next_.GrowTo(9);
  steps_ = {log_.StepTo(next_, 20, 9)};
  steps_[0].checkpoint += junk;
  head_note_ = next_.NoteOf(9) + junk;
  EXPECT_TRUE(Use(Open().get(), next_, 4).ok());
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(201));
  EXPECT_EQ(Text(absl::StrCat(folder_, "/asked/", crypto::Hex(crypto::Sha256(next_.origin())),
                              ".checkpoint")),
            next_.NoteOf(9));
}

TEST_F(FollowedLogTest, ANewYearsLogThatFollowsNothingIsNotUsed) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  next_.GrowTo(9);
  const absl::Status refused = Use(Open().get(), next_, 4);
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("was not shown to go on from"));
  EXPECT_EQ(Evidence(), 1u);
}

TEST_F(FollowedLogTest, ANewYearsLogThatIsAnotherThanTheOneShownIsNotUsed) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  log_.EndWith(&next_);
  next_.GrowTo(9);
  steps_ = {log_.StepTo(next_, 20, 9)};
  SignedLog forked(next_.origin(), log_.key());
  forked.GrowTo(4, " otherwise");
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), forked, 4)));
}

TEST_F(FollowedLogTest, ASecretLogUnderAnEarlierYearsNameIsNotUsed) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  SignedLog secret("irs.treasury.example/ledger/2001", log_.key());
  secret.GrowTo(7);
  const absl::Status refused = Use(Open().get(), secret, 7);
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("irs.treasury.example/ledger/2001 with 7 entries was not shown to be what "
                        "irs.treasury.example/ledger/2027 goes on from"));
  EXPECT_EQ(Evidence(), 1u);
}

TEST_F(FollowedLogTest, ASecretLogThatLeadsToAnotherThanTheOneRememberedIsNotUsed) {
  next_.GrowTo(9, " otherwise");
  EXPECT_TRUE(Use(Open().get(), next_, 9).ok());
  SignedLog secret(next_.origin(), log_.key());
  log_.EndWith(&secret);
  secret.GrowTo(9);
  steps_ = {log_.StepTo(secret, 7, 9)};
  head_note_ = secret.NoteOf(9);
  const absl::Status refused = Use(Open().get(), log_, 7);
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("two different roots for 9 entries"));
}

TEST_F(FollowedLogTest, WhatTheNodeRemembersOfALaterYearIsHeldAgainstAnEarlierLogToo) {
  ASSERT_TRUE(std::filesystem::create_directories(folder_ + "/witness"));
  const std::string path =
      absl::StrCat(folder_, "/witness/", crypto::Hex(crypto::Sha256(kOrigin)), ".checkpoint");
  ASSERT_TRUE(crypto::ReplaceFile(path, log_.NoteOf(100), /*is_private=*/true).ok());
  SignedLog secret("irs.treasury.example/ledger/2001", log_.key());
  secret.GrowTo(7);
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), secret, 7)));
}

TEST_F(FollowedLogTest, AnEarlierLogThatTheOneRememberedGoesOnFromIsUsed) {
  log_.EndWith(&next_);
  next_.GrowTo(9);
  EXPECT_TRUE(Use(Open().get(), next_, 4).ok());
  head_ = 201;
  steps_ = {log_.StepTo(next_, 150, 9)};
  reachable_ = false;
  EXPECT_TRUE(absl::IsUnavailable(Use(Open().get(), log_, 150)));
  reachable_ = true;
  EXPECT_TRUE(Use(Open().get(), log_, 150).ok());
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(201));
  // Once it is remembered as it ended, its own proofs are enough.
  asked_on_ = 0;
  EXPECT_TRUE(Use(Open().get(), log_, 120).ok());
  EXPECT_EQ(asked_on_, 0);
  EXPECT_EQ(Evidence(), 0u);
}

TEST_F(FollowedLogTest, MoreThanALogHadEndedWithIsNotUsed) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  log_.EndWith(&next_);
  next_.GrowTo(9);
  steps_ = {log_.StepTo(next_, 20, 9)};
  EXPECT_TRUE(Use(Open().get(), next_, 4).ok());
  ASSERT_EQ(Text(File(".checkpoint")), log_.NoteOf(201));
  // It goes on in secret, consistent with its end.
  log_.GrowTo(230);
  head_ = 230;
  steps_.clear();
  const absl::Status refused = Use(Open().get(), log_, 230);
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("with 230 entries was not shown to be"));
  EXPECT_THAT(Text(File(".refused")), HasSubstr(log_.NoteOf(230)));
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(201));
}

// While it is there, the disk is full.
class NoRoom {
 public:
  NoRoom() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoRoom() { setrlimit(RLIMIT_FSIZE, &before_); }
  NoRoom(const NoRoom&) = delete;

 private:
  rlimit before_{};
};

TEST_F(FollowedLogTest, EvidenceThatCouldNotBeKeptIsFoundAnewByTheNextProcess) {
  absl::Status found;
  {
    auto followed = Open();
    EXPECT_TRUE(Use(followed.get(), log_, 70).ok());
    EXPECT_TRUE(Use(followed.get(), other_, 80).ok()) << "used ahead";
    const NoRoom full;
    found = followed->Settle();
    followed.reset();
  }
  EXPECT_TRUE(absl::IsDataLoss(found)) << found;
  EXPECT_THAT(std::string(found.message()), HasSubstr(other_.NoteOf(80))) << "all there is of it";
  EXPECT_FALSE(std::filesystem::exists(File(".refused")));
  EXPECT_EQ(UsedFiles(), 1u);
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), log_, 90)));
  EXPECT_THAT(Text(File(".refused")), HasSubstr(other_.NoteOf(80)));
  EXPECT_EQ(UsedFiles(), 0u);
}

TEST_F(FollowedLogTest, EvidenceThatCouldNotBeKeptIsKeptAsSoonAsThereIsRoom) {
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 70).ok());
  EXPECT_TRUE(Use(followed.get(), other_, 80).ok()) << "used ahead";
  {
    const NoRoom full;
    EXPECT_TRUE(absl::IsDataLoss(followed->Settle()));
    EXPECT_TRUE(absl::IsDataLoss(Use(followed.get(), log_, 90)));
  }
  EXPECT_TRUE(absl::IsDataLoss(Use(followed.get(), log_, 90)));
  EXPECT_THAT(Text(File(".refused")), HasSubstr(other_.NoteOf(80)));
}

TEST_F(FollowedLogTest, WithoutAFolderEachCheckGoesOnFromTheOneBefore) {
  remembers_ = false;
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 20).ok());
  EXPECT_TRUE(Use(followed.get(), log_, 30, 11).ok());
  EXPECT_THAT(proved_, ElementsAre(20u, 30u));
  EXPECT_TRUE(absl::IsDataLoss(Use(followed.get(), other_, 95, 11)));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/asked"));
}

TEST_F(FollowedLogTest, WithoutAFolderANewYearsLogGoesOnFromTheOneBeforeToo) {
  remembers_ = false;
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 20).ok());
  log_.EndWith(&next_);
  next_.GrowTo(9);
  steps_ = {log_.StepTo(next_, 20, 9)};
  EXPECT_TRUE(Use(followed.get(), next_, 4, 11).ok());
  EXPECT_TRUE(Use(followed.get(), next_, 7, 11).ok());
}

TEST_F(FollowedLogTest, WithoutAFolderANewYearsLogThatFollowsNothingIsNotUsed) {
  remembers_ = false;
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 20).ok());
  next_.GrowTo(9);
  const absl::Status refused = Use(followed.get(), next_, 4, 11);
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("was not shown to go on from"));
}

TEST_F(FollowedLogTest, WhatAKilledProcessHadUsedIsCheckedFirst) {
  EXPECT_TRUE(Use(Open().get(), log_, 70).ok());
  Killed([this](FollowedLog* followed) {
    (void)Use(followed, log_, 75);
    (void)Use(followed, other_, 80);
    (void)Use(followed, log_, 90);
  });
  EXPECT_EQ(UsedFiles(), 1u);
  const absl::Status later = Use(Open().get(), log_, 100);
  EXPECT_TRUE(absl::IsDataLoss(later)) << later;
  EXPECT_THAT(Text(File(".refused")), HasSubstr(other_.NoteOf(80)));
  // Settled by people, it does not come up again.
  EXPECT_EQ(UsedFiles(), 0u);
  std::filesystem::remove(File(".refused"));
  EXPECT_TRUE(Use(Open().get(), log_, 100).ok());
}

TEST_F(FollowedLogTest, WhatAKilledProcessHadUsedIsKeptUntilItCouldBeChecked) {
  EXPECT_TRUE(Use(Open().get(), log_, 70).ok());
  Killed([this](FollowedLog* followed) {
    (void)Use(followed, log_, 75);
    (void)Use(followed, log_, 120);
  });
  reachable_ = false;
  EXPECT_TRUE(absl::IsUnavailable(Use(Open().get(), log_, 100)));
  EXPECT_EQ(UsedFiles(), 1u);
  reachable_ = true;
  EXPECT_TRUE(Use(Open().get(), log_, 100).ok());
  EXPECT_THAT(proved_, ElementsAre(75u, 100u, 120u));
  EXPECT_EQ(UsedFiles(), 0u);
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(120));
}

TEST_F(FollowedLogTest, WhatAnotherProcessUsesIsItsOwnToCheck) {
  auto one = Open(), other = Open();
  EXPECT_TRUE(Use(one.get(), log_, 70).ok());
  EXPECT_TRUE(Use(one.get(), log_, 80).ok());
  EXPECT_EQ(UsedFiles(), 1u);
  EXPECT_TRUE(Use(other.get(), log_, 90).ok());
  EXPECT_THAT(proved_, ElementsAre(70u, 90u));
  EXPECT_EQ(UsedFiles(), 1u);
  EXPECT_TRUE(one->Settle().ok());
  EXPECT_THAT(proved_, ElementsAre(80u, 90u));
  one.reset();
  EXPECT_EQ(UsedFiles(), 0u);
}

TEST_F(FollowedLogTest, WhatCannotBeWrittenDownIsNotUsedAhead) {
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 20).ok());
  std::filesystem::remove_all(folder_ + "/asked");
  std::ofstream(folder_ + "/asked") << "no folder";
  EXPECT_TRUE(absl::IsUnavailable(Use(followed.get(), log_, 30)));
  std::filesystem::remove(folder_ + "/asked");
  EXPECT_TRUE(Use(followed.get(), log_, 30).ok());
}

TEST_F(FollowedLogTest, AnswersAreUsedAheadUpToTheBoundAndProvedTogether) {
  auto followed = Open(absl::Hours(1), 1000);
  EXPECT_TRUE(Use(followed.get(), log_, 20).ok());
  for (uint64_t size = 21; size < 40; ++size) EXPECT_TRUE(Use(followed.get(), log_, size).ok());
  EXPECT_EQ(asked_, 0);
  EXPECT_TRUE(Use(followed.get(), log_, 40, 982).ok());
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(proved_.size(), 21u) << "each of them, in one call";
  // What is known to be consistent costs nothing more.
  EXPECT_TRUE(Use(followed.get(), log_, 40, 5000).ok());
  EXPECT_TRUE(Use(followed.get(), log_, 31, 5000).ok());
  EXPECT_EQ(asked_, 1);
}

TEST_F(FollowedLogTest, WithinASecondItChecksByItself) {
  auto followed = Open(absl::Milliseconds(60), 1000);
  EXPECT_TRUE(Use(followed.get(), log_, 20).ok());
  EXPECT_TRUE(Use(followed.get(), log_, 30).ok());
  for (int i = 0; i < 500 && Text(File(".checkpoint")) != log_.NoteOf(30); ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(30));
}

TEST_F(FollowedLogTest, OneAnswerFromAnotherLogInBetweenIsFoundOut) {
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 70).ok());
  EXPECT_TRUE(Use(followed.get(), other_, 80).ok()) << "used ahead";
  EXPECT_TRUE(Use(followed.get(), log_, 90).ok());
  const absl::Status settled = followed->Settle();
  EXPECT_TRUE(absl::IsDataLoss(settled)) << settled;
  EXPECT_TRUE(absl::IsDataLoss(Use(followed.get(), log_, 100)));
  EXPECT_TRUE(absl::IsDataLoss(Use(followed.get(), log_, 70))) << "and nothing it knew";
  EXPECT_EQ(Evidence(), 1u);
  EXPECT_THAT(Text(File(".refused")), HasSubstr(other_.NoteOf(80)));
  // Nor in any process after it, until somebody has settled it.
  const absl::Status later = Use(Open().get(), log_, 100);
  EXPECT_TRUE(absl::IsDataLoss(later));
  EXPECT_THAT(std::string(later.message()), HasSubstr(File(".refused")));
  std::filesystem::remove(File(".refused"));
  EXPECT_TRUE(Use(Open().get(), log_, 100).ok());
}

TEST_F(FollowedLogTest, TwoRootsForOneSizeNeedNoProof) {
  auto followed = Open();
  EXPECT_TRUE(Use(followed.get(), log_, 70).ok());
  EXPECT_TRUE(Use(followed.get(), other_, 70).ok());
  const absl::Status settled = followed->Settle();
  EXPECT_TRUE(absl::IsDataLoss(settled));
  EXPECT_THAT(std::string(settled.message()), HasSubstr("two different roots for 70 entries"));
}

TEST_F(FollowedLogTest, ALogThatWasPutBackCannotProveWhatItWas) {
  EXPECT_TRUE(Use(Open().get(), log_, 90).ok());
  head_ = 80;
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), log_, 75)));
}

TEST_F(FollowedLogTest, AnEarlierCheckpointOfTheSameLogIsFine) {
  EXPECT_TRUE(Use(Open().get(), log_, 90).ok());
  EXPECT_TRUE(Use(Open().get(), log_, 75).ok());
  EXPECT_EQ(Text(File(".checkpoint")), log_.NoteOf(90));
}

TEST_F(FollowedLogTest, BeyondTheBoundNothingIsUsedThatCouldNotBeChecked) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  auto followed = Open();
  reachable_ = false;
  const absl::Status first = Use(followed.get(), log_, 30);
  EXPECT_TRUE(absl::IsUnavailable(first)) << first;
  EXPECT_THAT(std::string(first.message()), HasSubstr("ask again with the same request id"));
  reachable_ = true;
  EXPECT_TRUE(Use(followed.get(), log_, 30).ok());
  reachable_ = false;
  EXPECT_TRUE(Use(followed.get(), log_, 40, 10).ok());
  EXPECT_TRUE(absl::IsUnavailable(Use(followed.get(), log_, 50)));
  reachable_ = true;
  EXPECT_TRUE(Use(followed.get(), log_, 60).ok());
  EXPECT_EQ(Evidence(), 0u);
}

TEST_F(FollowedLogTest, WhatTheNodeRemembersIsHeldAgainstAnswers) {
  WitnessOptions options;
  options.folder = folder_ + "/witness";
  auto node = *Witness::Open(options);  // which keeps its folder locked
  const auto key = *crypto::NoteVerifier::From(kOrigin, crypto::NoteKeyType::kEd25519,
                                               crypto::AsBytes(log_.public_der()));
  ASSERT_TRUE(node->Follow({kOrigin, {key}}).ok());
  ASSERT_EQ(node->AddCheckpoint({0, {}, log_.NoteOf(100)}, absl::Now()).finding,
            WitnessFinding::kAccepted);
  EXPECT_TRUE(absl::IsDataLoss(Use(Open().get(), other_, 90)));
  EXPECT_EQ(node->Evidence().size(), 1u) << "where the node counts it";
}

TEST_F(FollowedLogTest, WhatCannotBeReadIsNeverTakenForNothing) {
  EXPECT_TRUE(Use(Open().get(), log_, 20).ok());
  std::ofstream(File(".checkpoint"), std::ios::trunc) << "nothing";
  const absl::Status used = Use(Open().get(), log_, 30);
  EXPECT_TRUE(absl::IsUnavailable(used));
  EXPECT_THAT(std::string(used.message()), HasSubstr("bring the file back"));
}

TEST_F(FollowedLogTest, ManyMayAskAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> fine{0};
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        fine +=
            Use(Open().get(), log_, static_cast<uint64_t>(20 + (i * 7 + thread * 13) % 180)).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fine, 80);
}

TEST_F(FollowedLogTest, OneProcessMayAskFromManyThreads) {
  auto followed = Open(absl::Milliseconds(2), 20);
  std::vector<std::thread> threads;
  std::atomic<int> fine{0};
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 40; ++i) {
        fine +=
            Use(followed.get(), log_, static_cast<uint64_t>(20 + (i * 7 + thread * 13) % 180)).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fine, 320);
  EXPECT_TRUE(followed->Settle().ok());
}

}  // namespace
}  // namespace vouch::requester
