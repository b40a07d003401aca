// A fault at every system call of the journal, one after the other, and what is left. The table of
// docs/faults.md is compared; VOUCH_WRITE_FAULTS=1 writes it anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/log_entry.h"
#include "crypto/merkle.h"
#include "server/journal/journal.h"
#include "tests/server/faults/fault_runs.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server {
namespace {

using journal::At;
using journal::Head;
using journal::Journal;
using journal::JournalOptions;
using journal::Proposal;
using journal::Verdict;
using vouch::tests::BeginStep;

// 2027-01-01, 00:00:00 UTC: a year, and with it a log, ends between two sessions' commits, and
// everything is still remembered after.
constexpr uint32_t kMidnight = 1798761600;
constexpr uint32_t kNow = kMidnight - 3600;
constexpr char kNextOrigin[] = "irs.treasury.example/ledger/2027";
constexpr uint64_t kNoImage = uint64_t{1} << 40;
// So that putting it down writes an image, and nothing before does.
constexpr uint64_t kImageAtClose = 1 << 20;
constexpr uint64_t kKeyCap = 1000;
constexpr uint32_t kEvaluations = 3;

// What a node does with its journal, in order.
enum class Kind { kSpan, kAdopt, kAppend, kEvaluate, kNewYear };
constexpr Kind kActions[] = {Kind::kSpan,     Kind::kAdopt,    Kind::kAppend,
                             Kind::kEvaluate, Kind::kSpan,     Kind::kSpan,
                             Kind::kSpan,     Kind::kSpan,     Kind::kSpan,  // the first session
                             Kind::kSpan,     Kind::kEvaluate,  // the second, after a torn end
                             Kind::kSpan,     Kind::kNewYear,   // the third, from an image
                             Kind::kSpan};
constexpr uint32_t kFirstSession = 9;
constexpr uint32_t kSecondSession = 11;
constexpr uint32_t kAll = 14;
constexpr size_t kRows = 15;  // of a span: two people, and a household of two with one padding

JournalOptions Options(const std::string& folder, uint64_t tail_bytes) {
  JournalOptions options;
  options.folder = folder + "/journal";
  options.origin = journal::kOrigin;
  options.tail_bytes = tail_bytes;
  options.segment_bytes = 12 << 10;  // room for a few commits
  return options;
}

policies::Limits TwiceEach() {
  policies::Limits limits = journal::WideLimits();
  limits.times_asked = {2, absl::Hours(24)};
  return limits;
}

std::string Padded(std::string text) {
  text.resize(300, '.');
  return text;
}
std::string EntryOf(uint32_t action, size_t item, size_t slot) {
  return Padded(absl::StrCat("action ", action, " item ", item, " slot ", slot));
}

// Two people and a household; one that is refused; and the first of the span before once more.
class Span final : public journal::CommitSteps {
 public:
  explicit Span(uint32_t action) : action_(action) {
    const auto name = [&](uint32_t of, size_t item) { return absl::StrCat(of, "/", item); };
    proposals_ = {journal::Ask(limits_, name(action, 0), name(action, 0), kNow),
                  journal::AskGroup(limits_, {name(action, 1), name(action, 1) + " too"}, 3,
                                    name(action, 1), kNow),
                  journal::Ask(limits_, name(action, 2), name(action, 2), kNow)};
    Proposal refused = journal::Ask(limits_, "nobody", name(action, 3), kNow);
    refused.refused = true;
    refused.remember_until = 0;
    proposals_.push_back(refused);
    if (action > 0 && kActions[action - 1] == Kind::kSpan) {
      proposals_.push_back(journal::Ask(limits_, name(action - 1, 0), name(action - 1, 0), kNow));
    }
  }
  bool StillPermitted(size_t, uint32_t) override { return true; }
  journal::Written Write(size_t item, uint32_t, const journal::Decision& decision) override {
    if (decision.verdict == Verdict::kReplay) return {};
    journal::Written written{EntryOf(action_, item, 0), "sealed", {}};
    if (item == 1) {
      written.others = {{EntryOf(action_, 1, 1), "sealed"}, {EntryOf(action_, 1, 2), "sealed"}};
    }
    return written;
  }
  absl::StatusOr<journal::Committed> CommitTo(Journal* journal) {
    return journal->Commit(proposals_, At(kNow), this);
  }
  static std::vector<std::string> Entries(uint32_t action) {
    return {EntryOf(action, 0, 0), EntryOf(action, 1, 0), EntryOf(action, 1, 1),
            EntryOf(action, 1, 2), EntryOf(action, 2, 0), EntryOf(action, 3, 0)};
  }

 private:
  const uint32_t action_;
  const policies::Limits limits_ = TwiceEach();
  std::vector<Proposal> proposals_;
};

Journal::Adoption AdoptionOf(uint32_t action) {
  return {"aid-tax-001", static_cast<int64_t>(action), crypto::Sha256("agreement")};
}

std::vector<std::string> EntriesOf(uint32_t action) {
  switch (kActions[action]) {
    case Kind::kSpan:
      return Span::Entries(action);
    case Kind::kAdopt:
      return {EntryOf(action, 0, 0)};
    case Kind::kAppend:
      return {EntryOf(action, 0, 0), EntryOf(action, 1, 0)};
    case Kind::kNewYear:
      return {EntryOf(action, 0, 0)};
    case Kind::kEvaluate:
      break;
  }
  return {};
}

absl::Status Do(Journal* journal, uint32_t action) {
  switch (kActions[action]) {
    case Kind::kSpan: {
      Span span(action);
      return span.CommitTo(journal).status();
    }
    case Kind::kAdopt:
      return journal->Adopt(AdoptionOf(action), EntryOf(action, 0, 0), At(kNow));
    case Kind::kAppend:
      return journal->Append(EntriesOf(action), At(kNow));
    case Kind::kNewYear:
      return journal->Append(EntriesOf(action), At(kMidnight));
    case Kind::kEvaluate:
      return journal->ChargeEvaluations(journal::KeyNamed("agreement"), {1000000, absl::Hours(24)},
                                        journal::KeyNamed("key"), kKeyCap, kEvaluations, At(kNow));
  }
  return absl::InternalError("no such action");
}

void Say(const absl::Status& status, Report* report) {
  const std::string text = absl::StrCat("did not start: ", absl::StatusCodeToString(status.code()));
  std::strncpy(report->refusal, text.c_str(), sizeof(report->refusal) - 1);
}

// One session of a node: takes the journal up, does its part, puts it down.
bool Session(const std::string& folder, const char* take_up, uint64_t tail_bytes, uint32_t until,
             const char* put_down, Report* report) {
  BeginStep(take_up);
  auto opened = journal::OpenFileJournal(Options(folder, tail_bytes));
  if (!opened.ok()) {
    Say(opened.status(), report);
    return false;
  }
  std::unique_ptr<Journal> journal = *std::move(opened);
  while (report->tried < until) {
    const uint32_t action = report->tried++;
    const uint64_t first = journal->head().end();
    BeginStep(kActions[action] == Kind::kNewYear ? "end of a year" : "commit");
    absl::Status done = Do(journal.get(), action);
    while (absl::IsUnavailable(done) && report->unavailable < 10) {
      ++report->unavailable;
      done = Do(journal.get(), action);
    }
    if (!done.ok()) {
      Say(done, report);
      return false;
    }
    const Head head = journal->head();
    Report::Released& released = report->released[report->released_count];
    released.action = action;
    released.size = head.tree_size;
    released.first_entry = first;
    const crypto::Digest root = head.range.Root();
    std::memcpy(released.root, root.data(), root.size());
    ++report->released_count;
  }
  BeginStep(put_down);
  return true;
}

// As a crash in the middle of a frame leaves it.
void TearTheEnd(const std::string& folder) {
  std::vector<std::string> segments;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/journal")) {
    if (entry.path().extension() == ".log") segments.push_back(entry.path().string());
  }
  std::sort(segments.begin(), segments.end());
  std::ofstream(segments.back(), std::ios::binary | std::ios::app) << "VJF1 half a frame";
}

void Script(const std::string& folder, Report* report) {
  if (!Session(folder, "begin a journal", kNoImage, kFirstSession, "put down", report)) return;
  TearTheEnd(folder);
  if (!Session(folder, "take up a torn end", kImageAtClose, kSecondSession, "put down, image",
               report)) {
    return;
  }
  Session(folder, "take up an image", kNoImage, kAll, "put down", report);
}

std::vector<std::string> ReadAll(Journal* journal) {
  std::vector<std::string> all;
  while (all.size() < journal->head().end()) {
    auto more = journal->ReadEntries(all.size(), 100);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok()) return all;
    all.insert(all.end(), more->begin(), more->end());
  }
  return all;
}

// How often each person of a span was charged: the limit is two.
void ExpectChargedOnce(Journal* journal, uint32_t action) {
  const policies::Limits limits = TwiceEach();
  const std::string name = absl::StrCat(action, "/0");
  EXPECT_EQ(journal::VerdictOf(journal, journal::Ask(limits, name, "second " + name, kNow), kNow),
            Verdict::kAnswer);
  EXPECT_EQ(journal::VerdictOf(journal, journal::Ask(limits, name, "third " + name, kNow), kNow),
            Verdict::kPersonLimit);
}

// The entries that must be there, and the log that the last of them is in.
struct Expected {
  std::vector<std::string> entries;
  crypto::Checkpoint head{journal::kOrigin, 0, {}};
  crypto::CompactRange range;

  void Take(const std::string& entry) {
    entries.push_back(entry);
    range.Append(crypto::LeafHash(crypto::AsBytes(entry)));
    head.size = range.size();
    head.root = range.Root();
  }
  void TakeNewYear() {
    Take(crypto::LogClosedEntry(kMidnight / 60, {head.origin, head.size + 1, kNextOrigin}));
    const crypto::Checkpoint ended = head;
    range = crypto::CompactRange();
    head.origin = kNextOrigin;
    Take(crypto::LogOpenedEntry(kMidnight / 60, {kNextOrigin, ended}));
  }
  void Take(uint32_t action) {
    if (kActions[action] == Kind::kNewYear) TakeNewYear();
    for (const std::string& entry : EntriesOf(action)) Take(entry);
  }
};

void Check(const std::string& folder, const Run& run) {
  const Report& report = run.report;
  auto opened = journal::OpenFileJournal(Options(folder, kNoImage));
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::unique_ptr<Journal> journal = *std::move(opened);

  // What is there: every answer that was released, then at most the action that was under way.
  const Head head = journal->head();
  const std::vector<std::string> entries = ReadAll(journal.get());
  Expected expected;
  for (uint32_t i = 0; i < report.released_count; ++i) {
    const Report::Released& released = report.released[i];
    ASSERT_EQ(released.first_entry, expected.entries.size());
    expected.Take(released.action);
    ASSERT_EQ(released.size, expected.range.size());
    const crypto::Digest root = expected.range.Root();
    ASSERT_EQ(std::memcmp(released.root, root.data(), root.size()), 0);
  }
  if (entries.size() > expected.entries.size()) {
    ASSERT_LT(report.released_count, report.tried);
    const uint32_t under_way = report.released_count;
    // A year ends in a commit of its own, before the first of the next.
    const bool year_alone =
        kActions[under_way] == Kind::kNewYear && entries.size() == expected.entries.size() + 2;
    if (year_alone) {
      expected.TakeNewYear();
    } else {
      expected.Take(under_way);
    }
  }
  ASSERT_EQ(entries, expected.entries);
  EXPECT_EQ(head.origin, expected.head.origin);
  EXPECT_EQ(head.tree_size, expected.range.size());
  EXPECT_EQ(head.range.Root(), expected.range.Root());

  // Whoever has no answer asks again; nobody is charged twice for it.
  const bool evaluated_in_doubt =
      report.released_count < report.tried && kActions[report.released_count] == Kind::kEvaluate;
  uint32_t evaluations = 0;
  size_t spans = 0;
  for (uint32_t action = 0; action < kAll; ++action) {
    const bool was_released = action < report.released_count;
    if (kActions[action] == Kind::kEvaluate) {
      if (was_released) evaluations += kEvaluations;
      continue;
    }
    if ((kActions[action] == Kind::kAppend || kActions[action] == Kind::kNewYear) && was_released) {
      continue;
    }
    if (kActions[action] != Kind::kSpan) {
      EXPECT_TRUE(Do(journal.get(), action).ok());
      continue;
    }
    ++spans;
    Span span(action);
    const auto again = span.CommitTo(journal.get());
    ASSERT_TRUE(again.ok()) << again.status();
    for (size_t item = 0; item < 3; ++item) {
      const journal::Decision& decision = again->decisions[item];
      if (was_released) {
        ASSERT_EQ(decision.verdict, Verdict::kReplay);
        const auto stored = journal->Read(decision.where);
        ASSERT_TRUE(stored.ok()) << stored.status();
        EXPECT_EQ(stored->entry, EntryOf(action, item, 0));
        EXPECT_EQ(entries.at(stored->entry_index), stored->entry);
      } else {
        EXPECT_TRUE(decision.verdict == Verdict::kReplay || decision.verdict == Verdict::kAnswer);
      }
    }
  }
  EXPECT_EQ(journal->figures().charge_rows, spans * kRows);
  EXPECT_EQ(journal->figures().remembered, spans * 3);
  for (uint32_t action = 0; action < kAll; ++action) {
    const bool near = action + 2 >= report.released_count && action <= report.released_count;
    if (kActions[action] == Kind::kSpan && near) ExpectChargedOnce(journal.get(), action);
  }
  const auto adoptions = journal->adoptions();
  ASSERT_EQ(adoptions.size(), 1u);
  EXPECT_EQ(adoptions[0].revision, AdoptionOf(1).revision);

  // Evaluations: never fewer than were done; one in doubt may count.
  const auto charge = [&](uint64_t count) {
    return journal->ChargeEvaluations(journal::KeyNamed("agreement"), {1000000, absl::Hours(24)},
                                      journal::KeyNamed("key"), kKeyCap,
                                      static_cast<uint32_t>(count), At(kNow));
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(charge(kKeyCap - evaluations + 1)));
  EXPECT_TRUE(charge(kKeyCap - evaluations - (evaluated_in_doubt ? kEvaluations : 0)).ok());
}

void Prepare(const std::string& folder) { std::filesystem::create_directories(folder); }

TEST(JournalFaultsTest, AFaultAtAnyCallLosesNothing) {
  FaultTable table;
  const size_t runs = RunWithEveryFault(Prepare, Script, Check, &table);
  RecordProperty("runs", static_cast<int>(runs));
  EXPECT_GT(runs, 1000u);
  if (!HasFailure()) ExpectDocumented("journal", table.Markdown());
}

}  // namespace
}  // namespace vouch::server
