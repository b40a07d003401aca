// One log a year: how a log ends and the next begins, and what is left of it after every crash.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "crypto/log_entry.h"
#include "server/journal/log_segment.h"
#include "server/journal/written_entries.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

constexpr char kNext[] = "irs.treasury.example/ledger/2027";
constexpr char kThird[] = "irs.treasury.example/ledger/2028";
// 2027-01-01 and 2028-01-01, 00:00:00 UTC.
constexpr uint32_t kNewYear = 1798761600;
constexpr uint32_t kYearAfter = 1830297600;

std::vector<std::string> ReadAll(const Journal& journal) {
  std::vector<std::string> all;
  while (all.size() < journal.head().end()) {
    const auto more = journal.ReadEntries(all.size(), 100);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok()) break;
    all.insert(all.end(), more->begin(), more->end());
  }
  return all;
}

crypto::CompactRange RangeOf(const std::vector<std::string>& entries, uint64_t first,
                             uint64_t end) {
  crypto::CompactRange range;
  for (uint64_t i = first; i < end; ++i) {
    range.Append(crypto::LeafHash(crypto::AsBytes(entries.at(i))));
  }
  return range;
}

// Every log but the last ends with the entry that says so, and the next begins with one that names
// exactly what the one before came to.
void ExpectChained(const Journal& journal) {
  const std::vector<std::string> entries = ReadAll(journal);
  const std::vector<LogSpan> logs = journal.logs();
  const Head head = journal.head();
  ASSERT_FALSE(logs.empty());
  EXPECT_EQ(logs[0].first, 0u);
  EXPECT_EQ(logs.back().origin, head.origin);
  EXPECT_EQ(logs.back().first, head.first);
  EXPECT_EQ(head.range.Root(), RangeOf(entries, head.first, entries.size()).Root());
  EXPECT_EQ(head.tree_size, entries.size() - head.first);
  for (size_t i = 1; i < logs.size(); ++i) {
    const crypto::CompactRange before = RangeOf(entries, logs[i - 1].first, logs[i].first);
    const auto closed = crypto::ReadLogClosed(entries.at(logs[i].first - 1));
    ASSERT_TRUE(closed.ok());
    EXPECT_EQ(closed->origin, logs[i - 1].origin);
    EXPECT_EQ(closed->size, before.size());
    EXPECT_EQ(closed->next, logs[i].origin);
    const auto opened = crypto::ReadLogOpened(entries.at(logs[i].first));
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->origin, logs[i].origin);
    EXPECT_EQ(opened->closed,
              (crypto::Checkpoint{logs[i - 1].origin, before.size(), before.Root()}));
  }
}

class YearsTest : public ::testing::Test {
 protected:
  YearsTest() { Open(); }
  void Open() {
    journal_.reset();
    journal_ = OpenIn(folder_);
  }
  void Append(const std::string& entry, uint32_t second) {
    ASSERT_TRUE(journal_->Append({entry}, At(second)).ok());
  }
  std::vector<std::string> Origins() const {
    std::vector<std::string> origins;
    for (const LogSpan& log : journal_->logs()) origins.push_back(log.origin);
    return origins;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Journal> journal_;
  const policies::Limits limits_ = WideLimits();
};

using Strings = std::vector<std::string>;

TEST_F(YearsTest, TheFirstCommitOfAYearBeginsItsLog) {
  Append("last of the year", kNewYear - 1);
  EXPECT_EQ(Origins(), Strings{kOrigin});
  Append("first of the year", kNewYear);
  EXPECT_EQ(Origins(), (Strings{kOrigin, kNext}));
  const Head head = journal_->head();
  EXPECT_EQ(head.origin, kNext);
  EXPECT_EQ(head.first, 2u);
  EXPECT_EQ(head.tree_size, 2u);
  EXPECT_EQ(journal_->figures().entries, 4u);
  EXPECT_EQ(ReadAll(*journal_)[3], "first of the year");
  ExpectChained(*journal_);
}

TEST_F(YearsTest, ARestartFindsEveryLog) {
  Append("one", kNewYear - 1);
  Append("two", kNewYear + 5);
  for (int i = 0; i < 300; ++i) Append(std::string(1000, 'x'), kNewYear + 6);
  Append("three", kYearAfter);
  for (int i = 0; i < 3; ++i) {
    const Head before = journal_->head();
    Open();
    EXPECT_EQ(Origins(), (Strings{kOrigin, kNext, kThird}));
    EXPECT_EQ(journal_->head().tree_size, before.tree_size);
    EXPECT_EQ(journal_->head().range.Root(), before.range.Root());
    EXPECT_EQ(journal_->head().first, before.first);
    ExpectChained(*journal_);
    Append("more", kYearAfter);
  }
}

TEST_F(YearsTest, EveryKindOfCommitBeginsTheYear) {
  WritingSteps steps;
  const Proposal proposal = Ask(limits_, "ann", "r1", kNewYear);
  const auto committed = journal_->Commit(absl::MakeConstSpan(&proposal, 1), At(kNewYear), &steps);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(journal_->head().origin, kNext);
  // Positions go on over the logs, and a replay finds what was written.
  EXPECT_EQ(committed->first_entry, 2u);
  EXPECT_EQ(committed->decisions[0].entry_index, 2u);
  const auto stored = journal_->Read(committed->decisions[0].where);
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->entry, "entry 2 at 1798761600");
  EXPECT_EQ(stored->entry_index, 2u);
  ASSERT_TRUE(journal_->Adopt({"aid-001", 1, {}}, "adopted", At(kYearAfter)).ok());
  EXPECT_EQ(journal_->head().origin, kThird);
  ASSERT_TRUE(journal_
                  ->ChargeEvaluations(KeyNamed("row"), {10, absl::Hours(1)}, KeyNamed("key"), 10, 1,
                                      At(kYearAfter + 366 * kDay))
                  .ok());
  EXPECT_EQ(Origins().size(), 4u);
  Open();
  ExpectChained(*journal_);
  EXPECT_EQ(journal_->adoptions().size(), 1u);
}

TEST_F(YearsTest, WhoAskedBeforeTheYearBeganIsAnsweredTheSameAfter) {
  const Proposal proposal = Ask(limits_, "ann", "r1", kNewYear - 100);
  const Decision before = DecisionOf(journal_.get(), proposal, kNewYear - 100);
  ASSERT_EQ(before.verdict, Verdict::kAnswer);
  Append("new year", kNewYear);
  Open();
  const Decision again = DecisionOf(journal_.get(), proposal, kNewYear + 100);
  EXPECT_EQ(again.verdict, Verdict::kReplay);
  EXPECT_EQ(journal_->Read(again.where)->entry_index, 0u);
}

TEST_F(YearsTest, ANodeThatSleptOpensThePresentYearAlone) {
  Append("one", kNewYear - 1);
  Append("two", kYearAfter + 5);
  EXPECT_EQ(Origins(), (Strings{kOrigin, kThird}));
  ExpectChained(*journal_);
}

TEST_F(YearsTest, NeverGoesBackWithTheClock) {
  Append("one", kNewYear);
  Append("two", kNewYear - 1000);
  Open();
  Append("three", kStart);
  EXPECT_EQ(Origins(), (Strings{kOrigin, kNext}));
  EXPECT_EQ(journal_->head().tree_size, 4u);
  EXPECT_GE(journal_->head().second, kNewYear);
}

// Twenty years, and back: the log of that year goes on until its time has come.
TEST_F(YearsTest, AClockFarAheadLeavesALogThatGoesOn) {
  Append("one", kStart);
  Append("two", kStart + 20 * 365 * kDay);
  Open();
  for (uint32_t second : {kStart, kNewYear, kYearAfter}) Append("more", second);
  Open();
  EXPECT_EQ(Origins(), (Strings{kOrigin, "irs.treasury.example/ledger/2046"}));
  EXPECT_EQ(journal_->head().tree_size, 5u);
  ExpectChained(*journal_);
}

TEST_F(YearsTest, AnEmptyLogEndsWithOneEntry) {
  Append("one", kNewYear);
  Open();
  EXPECT_EQ(Origins(), (Strings{kOrigin, kNext}));
  EXPECT_EQ(journal_->logs()[1].first, 1u);
  ExpectChained(*journal_);
}

TEST_F(YearsTest, ASecondLogOfAYearIsFollowedByTheNextYears) {
  TemporaryFolder folder;
  JournalOptions options = OptionsFor(folder);
  options.origin = "irs.treasury.example/ledger/2026.2";
  auto journal = OpenFileJournal(options);
  ASSERT_TRUE(journal.ok());
  ASSERT_TRUE((*journal)->Append({"one"}, At(kNewYear)).ok());
  EXPECT_EQ((*journal)->head().origin, kNext);
}

TEST_F(YearsTest, ALogOfAnotherNameGoesOn) {
  TemporaryFolder folder;
  JournalOptions options = OptionsFor(folder);
  options.origin = "example.com/log";
  auto journal = OpenFileJournal(options);
  ASSERT_TRUE(journal.ok());
  ASSERT_TRUE((*journal)->Append({"one"}, At(kYearAfter)).ok());
  EXPECT_EQ((*journal)->head().origin, "example.com/log");
}

TEST_F(YearsTest, TheWatcherHearsTheEndAndTheBeginning) {
  Append("one", kNewYear - 1);
  Strings heard;
  journal_->SetWatcher([&](const Head& head, absl::Span<const crypto::Digest> leaves) {
    EXPECT_EQ(head.tree_size, head.range.size());
    heard.push_back(
        absl::StrCat(head.origin, " ", head.first, " ", head.tree_size, " ", leaves.size()));
  });
  Append("two", kNewYear);
  EXPECT_EQ(heard, (Strings{absl::StrCat(kOrigin, " 0 2 1"), absl::StrCat(kNext, " 2 1 1"),
                            absl::StrCat(kNext, " 2 2 1")}));
}

TEST_F(YearsTest, ReadersBesideTheNodeSeeTheSame) {
  Append("one", kNewYear - 1);
  Append("two", kNewYear);
  const auto written = WrittenEntries::Open(folder_.journal());
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ((*written)->origin(), kNext);
  EXPECT_EQ((*written)->end(), 4u);
  EXPECT_EQ((*written)->range().Root(), journal_->head().range.Root());
  ASSERT_EQ((*written)->logs().size(), 2u);
  EXPECT_EQ((*written)->logs()[1].first, 2u);
  EXPECT_EQ((*written)->Read(3, 1)->at(0), "two");
}

// A program that knows one log only would go on with it.
TEST_F(YearsTest, AnEarlierProgramIsKeptOut) {
  Append("one", kNewYear - 1);
  Append("two", kNewYear);
  journal_.reset();
  std::vector<int> versions;
  for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
    const std::string path = file.path().string();
    if (path.find("commits-") == std::string::npos) continue;
    versions.push_back(ReadWholeFile(path)[7]);
  }
  std::sort(versions.begin(), versions.end());
  EXPECT_EQ(versions, (std::vector<int>{1, 2}));
}

// In the child: commits over a New Year until it is killed, each a second after the one before.
[[noreturn]] void CommitUntilKilled(const TemporaryFolder& folder, int report) {
  auto opened = OpenFileJournal(OptionsFor(folder));
  if (!opened.ok()) _exit(3);
  std::unique_ptr<Journal> journal = *std::move(opened);
  for (uint32_t second = std::max(journal->head().second, kStart);; second += 40 * kDay) {
    if (!journal->Append({absl::StrCat("at ", second)}, At(second)).ok()) _exit(4);
    const uint64_t end = journal->head().end();
    if (write(report, &end, sizeof(end)) != sizeof(end)) _exit(5);
  }
}

TEST_F(YearsTest, KillLeavesAChainAtEveryMoment) {
  journal_.reset();
  for (int round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      CommitUntilKilled(folder_, ends[1]);
    }
    close(ends[1]);
    usleep(3000 + static_cast<useconds_t>(round) * 1700);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    uint64_t end = 0, reported = 0;
    while (read(ends[0], &end, sizeof(end)) == sizeof(end)) reported = end;
    close(ends[0]);
    Open();
    ASSERT_NE(journal_, nullptr);
    EXPECT_GE(journal_->head().end(), reported);
    ASSERT_NO_FATAL_FAILURE(ExpectChained(*journal_));
    journal_.reset();
  }
}

// A segment that was made for the end of a log, and nothing in it: the log has not ended.
TEST_F(YearsTest, AnEndThatCameToNothingIsNone) {
  Append("one", kNewYear - 1);
  Append("two", kNewYear);
  journal_.reset();
  std::string last;
  for (const auto& file : std::filesystem::directory_iterator(folder_.journal())) {
    const std::string path = file.path().string();
    if (path.find("commits-") != std::string::npos) last = std::max(last, path);
  }
  std::string bytes = ReadWholeFile(last);
  std::fill(bytes.begin() + kFramesBegin, bytes.end(), '\0');
  WriteWholeFile(last, bytes);
  Open();
  EXPECT_EQ(Origins(), Strings{kOrigin});
  // The clock was set back meanwhile: the log goes on.
  Append("two", kNewYear - 1);
  Open();
  EXPECT_EQ(Origins(), Strings{kOrigin});
  EXPECT_EQ(journal_->head().tree_size, 2u);
  Append("three", kNewYear);
  Open();
  EXPECT_EQ(Origins(), (Strings{kOrigin, kNext}));
  ExpectChained(*journal_);
}

TEST_F(YearsTest, AFullDiskEndsNothing) {
  Append("one", kNewYear - 1);
  journal_.reset();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    auto journal = OpenIn(folder_);
    rlimit size = {};
    getrlimit(RLIMIT_FSIZE, &size);
    const rlim_t unlimited = size.rlim_cur;
    size.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &size);
    for (int i = 0; i < 2; ++i) {
      if (!absl::IsUnavailable(journal->Append({"two"}, At(kNewYear)))) _exit(1);
    }
    if (journal->head().origin != kOrigin || journal->head().tree_size != 1) _exit(2);
    size.rlim_cur = unlimited;
    setrlimit(RLIMIT_FSIZE, &size);
    _exit(journal->Append({"two"}, At(kNewYear)).ok() ? 0 : 3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  Open();
  EXPECT_EQ(Origins(), (Strings{kOrigin, kNext}));
  ExpectChained(*journal_);
}

}  // namespace
}  // namespace vouch::server::journal
