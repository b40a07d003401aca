// What a responder holds about people: token indexes, facts, sealed identities. A walk keeps the
// generation it began with; a load swaps generations whole.
#ifndef VOUCH_SERVER_RECORDS_RECORDS_H_
#define VOUCH_SERVER_RECORDS_RECORDS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/token.h"
#include "policies/engine/authorize.h"
#include "policies/engine/values.h"
#include "server/records/facts_file.h"

namespace vouch::server::records {

// How one subject was found.
enum class Match : uint8_t { kOne = 1, kNone = 2, kSeveral = 3, kMismatch = 4 };

// What one match key found.
struct KeyFinding {
  enum class Kind : uint8_t { kNothing = 0, kOne = 1, kSeveral = 2 };
  Kind kind = Kind::kNothing;
  PersonHandle person{};  // kOne; otherwise a pseudo-random value from the token
};

// One subject resolved. Only a Snapshot makes one, and it must not outlive that snapshot. On a
// miss, facts() reads a pseudo-random row: the same work is done, and the result must not be used
// (match() says so).
class Resolved {
 public:
  Match match() const { return match_; }
  // The person when match() is kOne or kMismatch; otherwise a pseudo-random value.
  const PersonHandle& person() const { return person_; }
  int matching_key() const { return matching_key_; }  // -1: none
  const absl::InlinedVector<KeyFinding, 4>& by_key() const { return by_key_; }
  bool held_back() const { return held_back_; }
  const policies::FactSource& facts() const {
    if (owned_facts_ != nullptr) return *owned_facts_;
    return row_;
  }

 private:
  friend class Snapshot;
  Resolved() = default;
  Match match_ = Match::kNone;
  PersonHandle person_{};
  int matching_key_ = -1;
  absl::InlinedVector<KeyFinding, 4> by_key_;
  bool held_back_ = false;
  RowFacts row_;
  std::shared_ptr<const policies::FactSource> owned_facts_;
};

// Counted so that a test can compare the work done for people who are known and unknown.
struct WorkCounters {
  uint64_t index_lookups = 0, facts_reads = 0, overlay_lookups = 0, hold_checks = 0;
  uint64_t damaged_reads = 0;  // a row or index line whose sum did not fit: told as not found
};

// One generation: immutable and thread-safe, valid as long as it is held.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  // True when this generation has the complete index of the epoch, made of what the agreement says
  // now: its match keys, spelling rules and kind of token, and the epoch's key. Cheap.
  virtual bool Ready(const policies::Agreement& agreement,
                     const crypto::EpochStatement& epoch) const = 0;
  // Resolves one person. `tokens` has one token per match key of the permit's agreement, zero
  // tokens included: those look up a pseudo-random value. Does the same look-ups and one facts read
  // whatever is found. Precondition: Ready.
  virtual Resolved Resolve(const policies::Permit& permit, uint32_t epoch,
                           absl::Span<const crypto::Token> tokens) const = 0;
  // The day the data set is as of, and when it was loaded.
  virtual absl::CivilDay data_as_of() const = 0;
  virtual absl::Time loaded_at() const = 0;
  virtual uint64_t people() const = 0;
  virtual WorkCounters work() const = 0;

 protected:
  // What Resolve found, for those who implement it. `owned_facts` takes the place of `row`.
  struct Findings {
    Match match = Match::kNone;
    PersonHandle person{};
    int matching_key = -1;
    absl::InlinedVector<KeyFinding, 4> by_key;
    bool held_back = false;
    RowFacts row;
    std::shared_ptr<const policies::FactSource> owned_facts;
  };
  static Resolved MakeResolved(Findings findings);
};

// Thread-safe.
class Records {
 public:
  virtual ~Records() = default;
  virtual std::shared_ptr<const Snapshot> Current() const = 0;
  // Looks for a newer manifest and swaps to it; cheap when there is none. The last good generation
  // stays when the new one is damaged.
  virtual absl::Status Refresh() = 0;
};

// Opens the records of a node's folder, memory-mapped. NotFound when nothing was ever loaded;
// DataLoss when a file is damaged; FailedPrecondition when a key is missing its file mode, or is
// not the one the files were made with.
struct RecordsOptions {
  std::string folder;       // .../records
  std::string keys_folder;  // holds index.key (K_index), mode 0600; nothing else is read here
};
absl::StatusOr<std::unique_ptr<Records>> OpenFileRecords(const RecordsOptions& options);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_RECORDS_H_
