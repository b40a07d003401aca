// Ten thousand questions by three requesters, put to a real walk, with a note of each: what an
// accounting has to come to.
#ifndef VOUCH_TESTS_SERVER_LEDGER_OVERSIGHT_HISTORY_H_
#define VOUCH_TESTS_SERVER_LEDGER_OVERSIGHT_HISTORY_H_

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/ledger/oversight/log_reader.h"
#include "server/ledger/oversight/subject_keys.h"
#include "tests/server/walk/world.h"

namespace vouch::server::ledger::oversight {

// One line of one person's accounting, as it must come out.
struct Noted {
  int64_t minute = 0;
  std::string requester;
  std::string question;
  std::string outcome;  // YES, NO, UNDETERMINED, or the refusal's reason

  friend bool operator==(const Noted& a, const Noted& b) {
    return a.minute == b.minute && a.requester == b.requester && a.question == b.question &&
           a.outcome == b.outcome;
  }
};
std::ostream& operator<<(std::ostream& out, const Noted& noted);

// An entry kept beyond its visit.
struct KeptEntry {
  uint64_t index = 0;
  std::string entry;
  std::string sealed;
  LogEntry InLog() const { return {index, entry, sealed}; }
};

class History {
 public:
  static constexpr int kQuestions = 10000;
  static constexpr int kOnRecord = 160;
  static constexpr int kPeople = 200;  // the last of them are not on record

  // Made once for all tests of a program.
  static const History& Get();

  static std::string NameOf(int person);
  static bool OnRecord(int person) { return person < kOnRecord; }
  // As an officer would look for the person.
  PersonNames NamesOf(int person) const;

  const std::vector<Noted>& noted(int person) const { return noted_[person]; }
  const std::vector<KeptEntry>& log() const { return log_; }
  // Entries that are nobody's alone: refusals of groups, padding, and what was spelt wrong and
  // refused before anybody was looked up.
  uint64_t nobodys() const { return nobodys_; }
  uint64_t answered() const { return answers_; }
  uint64_t refused() const { return refusals_; }
  int refused_after_resolve() const { return refused_after_resolve_; }
  PeriodKeys* keys() const { return &world_->period_keys; }
  std::string journal() const { return world_->folder.Path("journal"); }

 private:
  struct Planned {
    Ask ask;
    std::vector<int> members;
    bool misspelt = false;
  };
  History();
  Planned Plan();
  void Put(const std::vector<Planned>& span);

  std::unique_ptr<World> world_;
  std::mt19937_64 draw_{20270601};
  std::vector<std::vector<Noted>> noted_{kPeople};
  std::vector<KeptEntry> log_;
  std::vector<Planned> answered_;  // to be sent again
  uint64_t nobodys_ = 0;
  uint64_t answers_ = 0;
  uint64_t refusals_ = 0;
  int refused_after_resolve_ = 0;
  bool late_ = false;
};

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_TESTS_SERVER_LEDGER_OVERSIGHT_HISTORY_H_
