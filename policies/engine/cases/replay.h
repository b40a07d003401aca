// How a draft revision would have changed outcomes of the past: one request at a time, and counted
// so that no count tells of a person.
#ifndef VOUCH_POLICIES_ENGINE_CASES_REPLAY_H_
#define VOUCH_POLICIES_ENGINE_CASES_REPLAY_H_

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "policies/engine/catalog.h"
#include "policies/engine/fields.h"
#include "policies/engine/values.h"

namespace vouch::policies::cases {

// A request that was answered.
struct PastRequest {
  std::string requester;
  std::string question;
  std::string purpose;
  Parameters parameters;
  absl::Time at;
  // UNDETERMINED whatever the facts say: several found, a mismatch, held back, a limit used up.
  bool undetermined_by_records = false;
};

enum class Change : uint8_t {
  kSame,
  kYesToNo,
  kNoToYes,
  kToUndetermined,
  kFromUndetermined,
  kToRefused,
  kFromRefused,
};
inline constexpr size_t kChanges = 7;
absl::string_view ChangeName(Change change);  // "same", "YES -> NO", ...

struct Revision {
  std::shared_ptr<const Catalog> catalog;
  const HeldAgreement* held = nullptr;  // in it
};

// Both revisions are taken as in force, and the condition is evaluated for the day of the request
// over the facts as they are given. Limits are not looked at.
Change ReplayOne(const Revision& current, const Revision& draft, const PastRequest& request,
                 const FactSource& facts);

enum class NotReplayed : uint8_t {
  kNobodyFound,   // nobody was found then, or the person is no longer in the records
  kKeyDestroyed,  // the key of that month is gone
  kGroup,
  kDamaged,
};
inline constexpr size_t kNotReplayed = 4;
absl::string_view NotReplayedName(NotReplayed why);

class ReplayCounts {
 public:
  void Add(const std::string& question, Change change) {
    ++rows_[question].changes[static_cast<size_t>(change)];
  }
  void Add(const std::string& question, NotReplayed why) {
    ++rows_[question].not_replayed[static_cast<size_t>(why)];
  }

  // A count from 1 to minimum - 1 is not shown, and where one alone would be missing from a row, so
  // that it could be found by subtraction, neither is the next smallest.
  std::string Text(int64_t minimum) const;
  Json ToJson(int64_t minimum) const;  // null for a count that is not shown

 private:
  struct Row {
    std::array<int64_t, kChanges> changes{};
    std::array<int64_t, kNotReplayed> not_replayed{};
  };
  struct Cell {
    absl::string_view name;
    int64_t count = 0;
    bool shown = true;
  };
  static std::vector<Cell> CellsOf(const Row& row, int64_t minimum);

  std::map<std::string, Row> rows_;
};

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_REPLAY_H_
