// What must not be erased although its time is over: each hold a file of its own, beside the keys
// that it keeps from being destroyed. A person's hold has the names under which entries about that
// person are tagged: pseudonyms, as secret as the records' keys.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_LEGAL_HOLDS_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_LEGAL_HOLDS_H_

#include <string>
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
};

// Below the folder of the period keys.
std::string HoldsFolder(const std::string& periods_folder);
// By name. None when there is no folder. DataLoss when one cannot be read: as long as it stands,
// nobody knows what it holds, and nothing may be erased.
absl::StatusOr<std::vector<LegalHold>> ReadLegalHolds(const std::string& folder);
// InvalidArgument for a bad name, AlreadyExists when it is taken. On disk when it returns.
absl::Status WriteLegalHold(const std::string& folder, const LegalHold& hold);
// NotFound when there is none.
absl::Status ReleaseLegalHold(const std::string& folder, const std::string& name);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_LEGAL_HOLDS_H_
