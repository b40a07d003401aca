// A fault at every system call by which a log is pruned, one after the other, and what is left. The
// table of docs/faults.md is compared; VOUCH_WRITE_FAULTS=1 writes it anew.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "crypto/log_entry.h"
#include "crypto/receipt.h"
#include "server/journal/journal.h"
#include "server/ledger/oversight/pruning.h"
#include "server/ledger/period_keys.h"
#include "server/ledger/tree/segment_file.h"
#include "server/ledger/tree/tile_store.h"
#include "tests/server/faults/fault_runs.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server {
namespace {

namespace fs = std::filesystem;
namespace oversight = ledger::oversight;
namespace tree = ledger::tree;

using journal::At;
using journal::Journal;
using vouch::tests::BeginStep;

// 2027-01-01 and 2028-01-01, 00:00:00 UTC.
constexpr uint32_t kNewYear = 1798761600;
constexpr uint32_t kYearAfter = 1830297600;
constexpr uint32_t kNow = kYearAfter + 100;  // when all is looked at
constexpr uint32_t kMonth = 2026 * 12 + 10;
constexpr int kCommits = 8;
constexpr int kEntriesACommit = 25;

std::string EntryOf(int number) {
  crypto::SubjectEntry entry;
  entry.minute = kNewYear / 60 - 1;
  entry.requester = "fsa.ed.example";
  entry.agreement_id = "aid-tax-001";
  entry.question = "income-at-or-below";
  entry.tag_period = kMonth;
  entry.nonce[0] = static_cast<uint8_t>(number);
  entry.nonce[1] = static_cast<uint8_t>(number >> 8);
  return entry.Bytes();
}

policies::Limits OnceEach() {
  policies::Limits limits = journal::WideLimits();
  limits.times_asked = {1, absl::Hours(24)};
  return limits;
}

journal::JournalOptions Options(const std::string& folder) {
  journal::JournalOptions options;
  options.folder = folder + "/journal";
  options.origin = journal::kOrigin;
  options.segment_bytes = 12 << 10;
  return options;
}

std::unique_ptr<Journal> Open(const std::string& folder) {
  auto opened = journal::OpenFileJournal(Options(folder));
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *std::move(opened) : nullptr;
}

std::string TreeOf(const std::string& folder, const journal::LogSpan& log) {
  return tree::LogFolder(folder + "/journal/tree", log.origin, log.first == 0);
}
tree::TileStoreOptions StoreOf(const std::string& folder, const journal::LogSpan& log,
                               Journal* journal) {
  tree::TileStoreOptions options;
  options.folder = TreeOf(folder, log);
  options.origin = log.origin;
  options.entries = [journal, first = log.first](uint64_t index, uint32_t count) {
    return journal->ReadEntries(first + index, count);
  };
  return options;
}

// Two logs that have ended, all of them of a month whose key was destroyed, and the next year's:
// made once, copied for each run.
class Before {
 public:
  static const Before& Get() {
    static const auto* const before = new Before();
    return *before;
  }
  void CopyTo(const std::string& folder) const {
    fs::create_directories(folder);
    fs::copy(folder_.path() + "/node/journal", folder + "/journal", fs::copy_options::recursive);
  }
  ledger::PeriodKeys keys() const { return ledger::PeriodKeys(folder_.path() + "/periods"); }
  const std::vector<std::string>& entries() const { return entries_; }
  const journal::Head& head() const { return head_; }
  // One that has ended: its last entry is the node's own, and stays, as does the first of the next.
  struct Ended {
    journal::LogSpan log;
    crypto::CompactRange range;
    uint64_t end() const { return log.first + range.size(); }
  };
  const std::vector<Ended>& ended() const { return ended_; }
  const journal::Proposal& asked() const { return asked_; }

 private:
  Before() {
    const std::string node = folder_.path() + "/node";
    EXPECT_TRUE(keys().Tag("aid-tax-001", kMonth, 0).ok());
    EXPECT_TRUE(keys().DestroyTag("aid-tax-001", kMonth, 0, absl::Now()).ok());
    auto journal = Open(node);
    int made = 0;
    for (const uint32_t year_end : {kNewYear, kYearAfter}) {
      for (int i = 0; i < kCommits; ++i) {
        std::vector<std::string> entries;
        for (int k = 0; k < kEntriesACommit; ++k) entries.push_back(EntryOf(++made));
        EXPECT_TRUE(journal->Append(entries, At(year_end - 100)).ok());
      }
    }
    EXPECT_EQ(journal::VerdictOf(journal.get(), asked_, kYearAfter + 1), journal::Verdict::kAnswer);
    head_ = journal->head();
    while (entries_.size() < head_.end()) {
      const auto read = journal->ReadEntries(entries_.size(), 100);
      EXPECT_TRUE(read.ok());
      entries_.insert(entries_.end(), read->begin(), read->end());
    }
    const std::vector<journal::LogSpan> logs = journal->logs();
    for (size_t i = 0; i + 1 < logs.size(); ++i) {
      Ended ended{logs[i], {}};
      for (uint64_t at = logs[i].first; at < logs[i + 1].first; ++at) {
        ended.range.Append(crypto::LeafHash(crypto::AsBytes(entries_[at])));
      }
      auto store = tree::TileStore::Open(StoreOf(node, logs[i], journal.get()), ended.range);
      EXPECT_TRUE(store.ok() && (*store)->Close().ok()) << store.status();
      ended_.push_back(ended);
    }
  }

  journal::TemporaryFolder folder_;
  const policies::Limits limits_ = OnceEach();
  const journal::Proposal asked_ = journal::Ask(limits_, "somebody", "first", kYearAfter + 1);
  std::vector<std::string> entries_;
  journal::Head head_;
  std::vector<Ended> ended_;
};

// As `vouch ledger prune --yes`.
absl::StatusOr<uint64_t> Prune(const std::string& folder, Journal* journal) {
  uint64_t minimum = 0;
  BeginStep("prune a closed segment");
  for (const Before::Ended& ended : Before::Get().ended()) {
    oversight::PruneRules rules;
    rules.folder = TreeOf(folder, ended.log);
    rules.origin = ended.log.origin;
    rules.write = true;
    const auto pruned = oversight::PruneLog(Before::Get().keys(), rules);
    if (!pruned.ok()) return pruned.status();
    minimum = ended.log.first + pruned->minimum;
  }
  BeginStep("prune the journal");
  return journal->Prune(minimum);
}

// Whoever runs the command and is told that it failed runs it again, which Check does.
void Script(const std::string& folder, Report* report) {
  BeginStep("open the journal to prune it");
  auto journal = journal::OpenFileJournal(Options(folder));
  const auto failed = [&](const char* what, const absl::Status& status) {
    const std::string text = absl::StrCat(what, absl::StatusCodeToString(status.code()));
    std::strncpy(report->refusal, text.c_str(), sizeof(report->refusal) - 1);
  };
  if (!journal.ok()) return failed("did not start: ", journal.status());
  ++report->tried;
  const auto pruned = Prune(folder, journal->get());
  if (!pruned.ok()) return failed("said ", pruned.status());
  report->released[report->released_count++].size = *pruned;
  // Put down in order, without a call of its own.
  BeginStep("put the journal down");
  journal->reset();
}

// The hashes of all of it are there.
void ExpectTree(const std::string& folder, const Before::Ended& ended, Journal* journal) {
  const std::vector<std::string>& entries = Before::Get().entries();
  auto store = tree::TileStore::Open(StoreOf(folder, ended.log, journal), ended.range);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->range().roots(), ended.range.roots());
  const std::string tree = TreeOf(folder, ended.log);
  for (const auto& file : fs::directory_iterator(tree)) {
    EXPECT_TRUE(file.is_directory() || file.path().extension() == ".segment") << file.path();
  }
  const auto segment = tree::SegmentFile::Open(tree::SegmentPath(tree, 0), ended.log.origin, 0);
  ASSERT_TRUE(segment.ok()) << segment.status();
  const auto leaves = segment->Leaves();
  ASSERT_TRUE(leaves.ok()) << leaves.status();
  for (size_t i = 0; i < leaves->size(); ++i) {
    ASSERT_EQ((*leaves)[i], crypto::LeafHash(crypto::AsBytes(entries[ended.log.first + i])));
  }
  const auto end = (*store)->ReadEntry(ended.range.size() - 1);
  ASSERT_TRUE(end.ok()) << "how the log ended, an entry about nobody: " << end.status();
  EXPECT_EQ(*end, entries[ended.end() - 1]);
}

// What is there is what was there; what is gone lies before all of it, and may be gone.
void ExpectWhole(const std::string& folder, Journal* journal) {
  const Before& before = Before::Get();
  const std::vector<journal::LogSpan> logs = journal->logs();
  ASSERT_EQ(logs.size(), 3u);
  for (size_t i = 0; i < before.ended().size(); ++i) {
    EXPECT_EQ(logs[i].origin, before.ended()[i].log.origin);
    EXPECT_EQ(logs[i + 1].first, before.ended()[i].end());
    const auto opening = journal->ReadEntries(logs[i + 1].first, 1);
    ASSERT_TRUE(opening.ok()) << opening.status();
    EXPECT_EQ(opening->front(), before.entries()[logs[i + 1].first]);
  }
  EXPECT_EQ(journal->head().origin, before.head().origin);
  EXPECT_EQ(journal->head().range.roots(), before.head().range.roots());
  EXPECT_EQ(journal->head().end(), before.head().end());
  uint64_t gone = 0;
  while (absl::IsNotFound(journal->ReadEntries(gone, 1).status()) || gone == logs[1].first) ++gone;
  EXPECT_LE(gone, before.ended().back().end());
  for (uint64_t at = gone; at < before.entries().size();) {
    const auto entries = journal->ReadEntries(at, 1000);
    ASSERT_TRUE(entries.ok()) << at << ": " << entries.status();
    for (const std::string& entry : *entries) EXPECT_EQ(entry, before.entries()[at++]);
  }
  for (const Before::Ended& ended : before.ended()) {
    ASSERT_NO_FATAL_FAILURE(ExpectTree(folder, ended, journal));
  }
}

void Check(const std::string& folder, const Run& run) {
  auto journal = Open(folder);
  ASSERT_NE(journal, nullptr);
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder, journal.get()));
  const uint64_t said = run.report.released_count > 0 ? run.report.released[0].size : 0;
  if (said > 0) {
    EXPECT_TRUE(absl::IsNotFound(journal->ReadEntries(said - 1, 1).status()));
  }
  // What was cut short is made up for by the next run.
  const auto again = Prune(folder, journal.get());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_GT(*again, Before::Get().ended()[0].end() + 1);
  EXPECT_LE(*again, Before::Get().ended()[1].end());
  EXPECT_TRUE(absl::IsNotFound(journal->ReadEntries(0, 1).status()));
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(folder, journal.get()));
  // The person was asked about, once, and hears the same again.
  EXPECT_EQ(journal::VerdictOf(journal.get(), Before::Get().asked(), kNow),
            journal::Verdict::kReplay);
  const policies::Limits limits = OnceEach();
  EXPECT_EQ(
      journal::VerdictOf(journal.get(), journal::Ask(limits, "somebody", "second", kNow), kNow),
      journal::Verdict::kPersonLimit);
}

TEST(PruningFaultsTest, AFaultAtAnyCallLosesNothing) {
  (void)Before::Get();
  ASSERT_FALSE(HasFailure());
  FaultTable table;
  const size_t runs = RunWithEveryFault(
      [](const std::string& folder) { Before::Get().CopyTo(folder); }, Script, Check, &table);
  RecordProperty("runs", static_cast<int>(runs));
  EXPECT_GT(runs, 50u);
  if (!HasFailure()) ExpectDocumented("pruning", table.Markdown());
}

}  // namespace
}  // namespace vouch::server
