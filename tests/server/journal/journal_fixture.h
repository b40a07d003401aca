// What the journal's tests share: a folder that goes away, proposals, and a caller that writes an
// entry for everything but replays.
#ifndef VOUCH_TESTS_SERVER_JOURNAL_JOURNAL_FIXTURE_H_
#define VOUCH_TESTS_SERVER_JOURNAL_JOURNAL_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/journal/journal.h"

namespace vouch::server::journal {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string journal() const { return path_ + "/journal"; }

 private:
  std::string path_;
};

constexpr char kOrigin[] = "irs.treasury.example/ledger/2026";
constexpr uint32_t kDay = 86400;
// 2026-11-21 00:00:00 UTC.
constexpr uint32_t kStart = 1795219200;

inline absl::Time At(uint32_t second) { return absl::FromUnixSeconds(second); }

// A key as an HMAC would give it: SHA-256 of a name, cut off.
RowKey KeyNamed(const std::string& name);

// Room for everything: single tests take away what they look at.
policies::Limits WideLimits();

JournalOptions OptionsFor(const TemporaryFolder& folder, uint64_t tail_bytes = 384u << 20);
// Fails the test, and returns null, when it does not open.
std::unique_ptr<Journal> OpenIn(const TemporaryFolder& folder, uint64_t tail_bytes = 384u << 20);

// One question by one spelling of one person, found by two keys, remembered for a day.
Proposal Ask(const policies::Limits& limits, const std::string& spelling,
             const std::string& request, uint32_t now, uint32_t value = 1);

// About a household: members and padding, each slot found by two keys.
Proposal AskGroup(const policies::Limits& limits, const std::vector<std::string>& members,
                  size_t slots, const std::string& request, uint32_t now, uint32_t value = 1);

class WritingSteps : public CommitSteps {
 public:
  bool StillPermitted(size_t item, uint32_t commit_second) override;
  Written Write(size_t item, uint32_t commit_second, const Decision& decision) override;

  std::function<bool(size_t)> permitted = [](size_t) { return true; };
  std::vector<size_t> slots;         // of each item; 1 for those that are not here
  std::vector<std::string> calls;    // "permitted 0", "write 0", ... in order
  std::vector<std::string> entries;  // as returned
};

// Commits and returns the verdicts; fails the test when the commit fails.
std::vector<Verdict> VerdictsOf(Journal* journal, const std::vector<Proposal>& proposals,
                                uint32_t now);
Decision DecisionOf(Journal* journal, const Proposal& proposal, uint32_t now);
Verdict VerdictOf(Journal* journal, const Proposal& proposal, uint32_t now);

// Names the image that is there, "" for none; waits until it is another than `than`.
std::string ImageStamp(const TemporaryFolder& folder);
std::string WaitForImage(const TemporaryFolder& folder, const std::string& than = "");

std::string ReadWholeFile(const std::string& path);
void WriteWholeFile(const std::string& path, const std::string& bytes);

}  // namespace vouch::server::journal

#endif  // VOUCH_TESTS_SERVER_JOURNAL_JOURNAL_FIXTURE_H_
