// What is left after kill -9, a full disk and a failed sync.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "tests/server/journal/failing_files.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

// Each commit is about two people and a household: two members, and one slot of padding between
// the two people.
constexpr size_t kSpan = 3;
constexpr size_t kEntries = 5;
constexpr size_t kRows = 15;
constexpr size_t kPlaces[kSpan] = {0, 1, 4};  // of the items' first entries

std::vector<Proposal> SpanNumber(const policies::Limits& limits, uint64_t commit) {
  const auto name = [commit](size_t item) { return absl::StrCat(commit, "/", item); };
  return {Ask(limits, name(0), name(0), kStart),
          AskGroup(limits, {name(1), absl::StrCat(name(1), " and another")}, 3, name(1), kStart),
          Ask(limits, name(2), name(2), kStart)};
}

class SpanSteps : public WritingSteps {
 public:
  SpanSteps() { slots = {1, 3, 1}; }
};

// In the child: commits for ever, and reports each commit once it has returned.
[[noreturn]] void CommitUntilKilled(const TemporaryFolder& folder, int report) {
  const policies::Limits limits = WideLimits();
  auto opened = OpenFileJournal(OptionsFor(folder, 20000));
  if (!opened.ok()) _exit(3);
  std::unique_ptr<Journal> journal = *std::move(opened);
  for (;;) {
    const uint64_t next = journal->head().commit + 1;
    SpanSteps steps;
    if (!journal->Commit(SpanNumber(limits, next), At(kStart), &steps).ok()) _exit(4);
    if (write(report, &next, sizeof(next)) != sizeof(next)) _exit(5);
  }
}

void ExpectWhole(const TemporaryFolder& folder, uint64_t at_least) {
  const policies::Limits limits = WideLimits();
  auto journal = OpenIn(folder, 20000);
  ASSERT_NE(journal, nullptr);
  const Head head = journal->head();
  ASSERT_GE(head.commit, at_least);
  EXPECT_EQ(head.tree_size, head.commit * kEntries);
  const auto figures = journal->figures();
  EXPECT_EQ(figures.charge_rows, head.commit * kRows);
  EXPECT_EQ(figures.remembered, head.commit * kSpan);
  crypto::CompactRange expected;
  for (uint64_t commit = 1; commit <= head.commit; ++commit) {
    for (uint32_t item = 0; item < kEntries; ++item) {
      auto stored = journal->Read({commit, item});
      ASSERT_TRUE(stored.ok());
      EXPECT_EQ(stored->entry, absl::StrCat("entry ", expected.size(), " at ", kStart));
      expected.Append(crypto::LeafHash(crypto::AsBytes(stored->entry)));
    }
  }
  EXPECT_EQ(head.range.Root(), expected.Root());
  crypto::CompactRange read;
  while (read.size() < head.tree_size) {
    const auto entries = journal->ReadEntries(read.size(), 100);
    ASSERT_TRUE(entries.ok()) << entries.status();
    for (const std::string& entry : *entries) read.Append(crypto::LeafHash(crypto::AsBytes(entry)));
  }
  EXPECT_EQ(read.Root(), expected.Root());
  EXPECT_TRUE(absl::IsOutOfRange(journal->ReadEntries(head.tree_size, 1).status()));
  if (head.commit == 0) return;
  // Each is remembered with its place: nothing is charged twice.
  for (uint64_t commit : {uint64_t{1}, (head.commit + 1) / 2, head.commit}) {
    SpanSteps steps;
    auto again = journal->Commit(SpanNumber(limits, commit), At(kStart), &steps);
    ASSERT_TRUE(again.ok());
    for (const Decision& decision : again->decisions) {
      EXPECT_EQ(decision.verdict, Verdict::kReplay);
      EXPECT_EQ(decision.where.commit, commit);
    }
    for (size_t item = 0; item < kSpan; ++item) {
      EXPECT_EQ(again->decisions[item].where.item, kPlaces[item]);
    }
  }
}

TEST(CrashTest, KeepsEveryReportedCommitThroughKill) {
  TemporaryFolder folder;
  std::mt19937 random(20261121);
  uint64_t reported = 0;
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      CommitUntilKilled(folder, ends[1]);
    }
    close(ends[1]);
    usleep(10000 + random() % 90000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    uint64_t commit = 0;
    while (read(ends[0], &commit, sizeof(commit)) == sizeof(commit)) reported = commit;
    close(ends[0]);
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder, reported));
  }
  EXPECT_GT(reported, 100u);
}

TEST(CrashTest, RefusesASecondProcess) {
  TemporaryFolder folder;
  auto journal = OpenIn(folder);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto second = OpenFileJournal(OptionsFor(folder));
    _exit(absl::IsFailedPrecondition(second.status()) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// In the child: comes to a limit of its files' size, which later is lifted.
int FillUpAndGoOn(const TemporaryFolder& folder) {
  signal(SIGXFSZ, SIG_IGN);
  const policies::Limits limits = WideLimits();
  auto opened = OpenFileJournal(OptionsFor(folder, uint64_t{1} << 40));
  if (!opened.ok()) return 3;
  std::unique_ptr<Journal> journal = *std::move(opened);
  rlimit size = {};
  getrlimit(RLIMIT_FSIZE, &size);
  const rlim_t unlimited = size.rlim_cur;
  uint64_t done = 0;
  for (int round = 0; round < 3; ++round) {
    // Less than a segment's header: neither this segment nor another has room.
    size.rlim_cur = 3000;
    setrlimit(RLIMIT_FSIZE, &size);
    for (int i = 0; i < 2; ++i) {
      SpanSteps steps;
      const auto full = journal->Commit(SpanNumber(limits, done + 1), At(kStart), &steps);
      if (!absl::IsUnavailable(full.status())) return 4;
    }
    const auto figures = journal->figures();
    if (figures.commits != done || figures.charge_rows != done * kRows) return 5;
    size.rlim_cur = unlimited;
    setrlimit(RLIMIT_FSIZE, &size);
    for (int i = 0; i < 5; ++i) {
      SpanSteps steps;
      auto committed = journal->Commit(SpanNumber(limits, done + 1), At(kStart), &steps);
      if (!committed.ok()) return 6;
      if (committed->decisions[0].verdict != Verdict::kAnswer) return 7;
      ++done;
    }
  }
  return 0;
}

TEST(CrashTest, RollsBackAndGoesOnAfterTheDiskWasFull) {
  TemporaryFolder folder;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(FillUpAndGoOn(folder));
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ExpectWhole(folder, 5);
}

TEST(CrashTest, RollsBackWhereverInACommitTheDiskIsFull) {
  TemporaryFolder folder;
  const policies::Limits limits = WideLimits();
  {
    FailingFiles disk;
    auto journal = OpenIn(folder);
    uint64_t commit = 1;
    for (int writes = 0; writes < 40; ++writes) {
      disk.FailWrites(ENOSPC, writes);
      SpanSteps steps;
      const auto full = journal->Commit(SpanNumber(limits, commit), At(kStart), &steps);
      disk.FailWrites(0);
      if (!full.ok()) {
        EXPECT_TRUE(absl::IsUnavailable(full.status())) << full.status();
        EXPECT_EQ(journal->head().commit, commit - 1);
        EXPECT_EQ(journal->figures().charge_rows, (commit - 1) * kRows);
        ASSERT_TRUE(journal->Commit(SpanNumber(limits, commit), At(kStart), &steps).ok());
      }
      ++commit;
    }
    journal.reset();
  }
  ExpectWhole(folder, 40);
}

TEST(CrashDeathTest, AbortsWhenASyncFails) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  TemporaryFolder folder;
  const policies::Limits limits = WideLimits();
  EXPECT_DEATH(
      {
        FailingFiles disk;
        auto journal = OpenIn(folder);
        disk.FailSyncs(true);
        SpanSteps steps;
        (void)journal->Commit(SpanNumber(limits, 1), At(kStart), &steps);
      },
      "the journal cannot go on: a commit failed");
  auto journal = OpenIn(folder);
  EXPECT_NE(journal, nullptr);
}

TEST(CrashDeathTest, AbortsWhenAWriteFailsThoughThereIsRoom) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  TemporaryFolder folder;
  const policies::Limits limits = WideLimits();
  EXPECT_DEATH(
      {
        FailingFiles disk;
        auto journal = OpenIn(folder);
        disk.FailWrites(EIO);
        SpanSteps steps;
        (void)journal->Commit(SpanNumber(limits, 1), At(kStart), &steps);
      },
      "the journal cannot go on: a commit failed");
  ExpectWhole(folder, 0);
}

}  // namespace
}  // namespace vouch::server::journal
