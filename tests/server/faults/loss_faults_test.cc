// A fault at every system call by which a loss is declared, one after the other, and what is left.
// The table of docs/faults.md is compared; VOUCH_WRITE_FAULTS=1 writes it anew.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"
#include "server/journal/journal.h"
#include "tests/server/faults/fault_runs.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server {
namespace {

using journal::At;
using journal::Journal;
using journal::kOrigin;
using journal::Verdict;
using vouch::tests::BeginStep;

constexpr uint32_t kDeclared = journal::kStart + journal::kDay;
constexpr int kPeople = 3;  // each asked about once, in a commit of its own
constexpr char kNext[] = "irs.treasury.example/ledger/2026.2";

// Of a journal of which there is a part, and of one of which nothing is left.
constexpr const char* kJournals[] = {"/some", "/none"};
constexpr const char* kSteps[] = {"declare a loss", "declare that all is lost"};

crypto::Checkpoint Lost() { return {kOrigin, 40, crypto::Sha256("lost")}; }

journal::JournalOptions Options(const std::string& folder, size_t which) {
  journal::JournalOptions options;
  options.folder = folder + kJournals[which];
  options.origin = kOrigin;
  options.segment_bytes = 12 << 10;
  return options;
}

journal::Proposal Asked(const policies::Limits& limits, int person, const std::string& request,
                        uint32_t now) {
  return journal::Ask(limits, absl::StrCat("person ", person), request, now);
}

void Prepare(const std::string& folder) {
  std::filesystem::create_directories(folder);
  const policies::Limits limits = journal::WideLimits();
  auto journal = journal::OpenFileJournal(Options(folder, 0));
  ASSERT_TRUE(journal.ok()) << journal.status();
  for (int i = 0; i < kPeople; ++i) {
    ASSERT_EQ(journal::VerdictOf(journal->get(),
                                 Asked(limits, i, absl::StrCat("request ", i), journal::kStart),
                                 journal::kStart),
              Verdict::kAnswer);
  }
}

// Whoever runs the command and is told that it failed runs it again, which Check does.
void Script(const std::string& folder, Report* report) {
  for (size_t which = 0; which < 2; ++which) {
    BeginStep(kSteps[which]);
    ++report->tried;
    const auto declared = journal::DeclareLoss(Options(folder, which), Lost(), At(kDeclared));
    if (!declared.ok()) {
      const std::string text =
          absl::StrCat("said ", absl::StatusCodeToString(declared.status().code()));
      std::strncpy(report->refusal, text.c_str(), sizeof(report->refusal) - 1);
      return;
    }
    ++report->released_count;
  }
}

// Whether the loss is declared there; wholly, or not at all.
bool IsDeclared(const Journal& journal, uint64_t entries) {
  const std::vector<journal::LogSpan> logs = journal.logs();
  EXPECT_EQ(logs.front().first, 0u);
  const bool declared = journal.head().end() > entries;
  EXPECT_EQ(journal.head().end(), entries + (declared ? 1 : 0));
  EXPECT_EQ(journal.figures().lost_until, declared ? kDeclared : 0);
  if (!declared) return false;
  EXPECT_EQ(journal.head().origin, kNext);
  EXPECT_EQ(journal.head().first, entries);
  const auto entry = journal.ReadEntries(entries, 1);
  EXPECT_TRUE(entry.ok()) << entry.status();
  const auto loss = crypto::ReadLossDeclared(entry.ok() ? entry->front() : "");
  EXPECT_TRUE(loss.ok() && loss->lost == Lost() && loss->until == kDeclared &&
              loss->restored.size == entries);
  return true;
}

void Check(const std::string& folder, const Run& run) {
  for (size_t which = 0; which < 2; ++which) {
    const uint64_t entries = which == 0 ? kPeople : 0;
    bool declared = false;
    {
      auto journal = journal::OpenFileJournal(Options(folder, which));
      ASSERT_TRUE(journal.ok()) << journal.status();
      declared = IsDeclared(**journal, entries);
    }
    if (which < run.report.released_count) {
      EXPECT_TRUE(declared);
    }
    if (!declared) {
      const auto again = journal::DeclareLoss(Options(folder, which), Lost(), At(kDeclared));
      ASSERT_TRUE(again.ok()) << again.status();
    }
    auto journal = journal::OpenFileJournal(Options(folder, which));
    ASSERT_TRUE(journal.ok()) << journal.status();
    ASSERT_TRUE(IsDeclared(**journal, entries));
    // What was answered is answered again; all else counts as used up, for everybody.
    const policies::Limits limits = journal::WideLimits();
    for (int i = 0; i < kPeople; ++i) {
      const Verdict again = journal::VerdictOf(
          journal->get(), Asked(limits, i, absl::StrCat("request ", i), kDeclared), kDeclared);
      EXPECT_EQ(again, which == 0 ? Verdict::kReplay : Verdict::kPersonLimit);
      EXPECT_EQ(
          journal::VerdictOf(journal->get(), Asked(limits, i, "another", kDeclared), kDeclared),
          Verdict::kPersonLimit);
    }
  }
}

TEST(LossFaultsTest, AFaultAtAnyCallLosesNothing) {
  FaultTable table;
  const size_t runs = RunWithEveryFault(Prepare, Script, Check, &table);
  RecordProperty("runs", static_cast<int>(runs));
  EXPECT_GT(runs, 100u);
  if (!HasFailure()) ExpectDocumented("loss", table.Markdown());
}

}  // namespace
}  // namespace vouch::server
