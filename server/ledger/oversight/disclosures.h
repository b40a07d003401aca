// The accounting of disclosures of one person (5 U.S.C. 552a(c)): every entry that is tagged to
// that person, answered or refused, found by the keys and by nothing else.
#ifndef VOUCH_SERVER_LEDGER_OVERSIGHT_DISCLOSURES_H_
#define VOUCH_SERVER_LEDGER_OVERSIGHT_DISCLOSURES_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/receipt.h"
#include "server/ledger/entry_writer.h"
#include "server/ledger/oversight/log_reader.h"
#include "server/ledger/oversight/subject_keys.h"

namespace vouch::server::ledger::oversight {

struct Disclosure {
  uint64_t index = 0;  // as LogEntry's: over all logs
  std::string log;
  uint64_t index_in_log = 0;
  crypto::SubjectEntry entry;
  std::string bytes;  // the entry as it stands in the log
  std::string sealed;
  crypto::SubjectKey::Subject tagged_to = crypto::SubjectKey::Subject::kPerson;
  crypto::Digest key{};  // K_s
  // None when there is nothing sealed beside it, or that does not open: then it was damaged.
  absl::optional<EntryWriter::Opened> opened;

  absl::Time at() const { return absl::FromUnixSeconds(int64_t{entry.minute} * 60); }
};

// Looks at entries one by one, in order.
class DisclosureSearch {
 public:
  // Entries from `from` up to `to`, by their minute. `keys` outlives this.
  explicit DisclosureSearch(SubjectKeys* keys, absl::Time from = absl::InfinitePast(),
                            absl::Time to = absl::InfiniteFuture())
      : keys_(keys), from_(from), to_(to) {}

  // DataLoss for an entry about a subject that cannot be read. Whatever else is the matter with a
  // period's key comes back as it is: a list with a hole must not look whole.
  absl::Status Visit(const LogEntry& entry);

  // In the order of the log, which is that of time.
  const std::vector<Disclosure>& found() const { return found_; }
  // Periods whose entries nobody can tell apart any more, and how many entries that is: of
  // everybody, for whose they are is what cannot be told. A period is here and among periods() when
  // its key was lost and made anew.
  const std::map<Period, uint64_t>& closed() const { return closed_; }
  // Those whose entries were held against the keys, and how many entries these were.
  const std::set<Period>& periods() const { return periods_; }
  uint64_t compared() const { return compared_; }
  // Entries of a kind or version that is not known here, whoever they are about.
  uint64_t unknown() const { return unknown_; }
  // Under which revisions these were answered, as entries name them, by agreement. A refusal may
  // name any, and one that never was.
  using Revision = std::pair<std::string, std::array<uint8_t, 8>>;
  const std::set<Revision>& revisions() const { return revisions_; }

 private:
  SubjectKeys* const keys_;
  const absl::Time from_, to_;
  std::vector<Disclosure> found_;
  std::map<Period, uint64_t> closed_;
  std::set<Period> periods_;
  std::set<Revision> revisions_;
  uint64_t compared_ = 0;
  uint64_t unknown_ = 0;
};

// Whether the bytes of an entry begin as one about a subject: answered or refused.
bool IsAboutSubject(absl::string_view entry);

}  // namespace vouch::server::ledger::oversight

#endif  // VOUCH_SERVER_LEDGER_OVERSIGHT_DISCLOSURES_H_
