// What must not be erased although its time is over: each hold a file of its own, beside the keys
// that it keeps from being destroyed. A person's hold has the names under which entries about that
// person are tagged: pseudonyms, as secret as the records' keys.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_LEGAL_HOLDS_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_LEGAL_HOLDS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ledger/oversight/subject_keys.h"

namespace vouch::server::ledger::oversight {

struct LegalHold {
  std::string name;  // letters, digits, '.', '_' and '-'; at most 64
  std::string reason;
  absl::Time since;          // whole seconds
  std::string agreement_id;  // of an agreement; or, when empty,
  PersonNames person;        // of a person

  friend bool operator==(const LegalHold& a, const LegalHold& b);
};

// As long as one lives no hold is made: what was found about holds stays true. Between processes.
class HoldsLock {
 public:
  // Of the folder that ReadLegalHolds reads; waits for others. Unavailable when it cannot be had.
  static absl::StatusOr<HoldsLock> Take(const std::string& folder);
  HoldsLock(HoldsLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  HoldsLock& operator=(HoldsLock&&) = delete;
  ~HoldsLock();

 private:
  explicit HoldsLock(int file) : file_(file) {}
  int file_;
};

// Below the folder of the period keys.
std::string HoldsFolder(const std::string& periods_folder);
// By name. None when there is no folder. DataLoss when one cannot be read: as long as it stands,
// nobody knows what it holds, and nothing may be erased.
absl::StatusOr<std::vector<LegalHold>> ReadLegalHolds(const std::string& folder);
// InvalidArgument for a bad name and for more names of a person than a hold can have; AlreadyExists
// when the name is taken. On disk when it returns.
absl::Status WriteLegalHold(const std::string& folder, const LegalHold& hold);
// NotFound when there is none.
absl::Status ReleaseLegalHold(const std::string& folder, const std::string& name);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_LEGAL_HOLDS_H_
