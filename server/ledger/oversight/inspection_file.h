// What an inspector is given to see one person's entries with, and nobody else's: that person's
// keys (K_s) of each agreement and month, and what lies sealed beside that person's entries. With
// it a log that anybody exported can be read for that person, without the node.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_INSPECTION_FILE_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_INSPECTION_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/ledger/oversight/disclosures.h"
#include "server/ledger/oversight/subject_keys.h"

namespace vouch::server::ledger::oversight {

struct InspectionFile {
  std::string responder;
  std::string origin;  // of the newest log
  struct Key {
    Period period;
    crypto::SubjectKey::Subject kind = crypto::SubjectKey::Subject::kPerson;
    crypto::Digest key{};
  };
  std::vector<Key> keys;
  std::map<uint64_t, std::string> sealed;  // by entry, counted over all logs
  // Sentences: what could not be looked for when the keys were made. Nothing about the person.
  std::vector<std::string> gaps;

  // After a search by `keys`: the person's key of every period that was looked at, found there or
  // not, and the keys of tokens by which something was found; what is sealed beside what was found.
  static absl::StatusOr<InspectionFile> Of(absl::string_view responder, absl::string_view origin,
                                           const DisclosureSearch& search, SubjectKeys* keys);

  // JSON, format "vouch-inspection/1" (docs/oversight.md). A secret as the keys in it are.
  std::string ToJson() const;
  // InvalidArgument for anything else.
  static absl::StatusOr<InspectionFile> Read(absl::string_view text);

  std::unique_ptr<GivenKeys> Keys() const;
};

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_INSPECTION_FILE_H_
