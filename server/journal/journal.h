// The durable sequence of commits. One commit checks and adds charges, appends ledger entries and
// remembers request ids, all or nothing; nothing is reported before it is on disk.
#ifndef VOUCH_SERVER_JOURNAL_JOURNAL_H_
#define VOUCH_SERVER_JOURNAL_JOURNAL_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/log_entry.h"
#include "crypto/merkle.h"
#include "policies/engine/limits.h"

namespace vouch::server::journal {

// A pseudonymous row name: an HMAC under K_charge, truncated. The journal never sees what is
// behind.
using RowKey = std::array<uint8_t, 16>;

// The rows of one subject.
struct SubjectCharges {
  RowKey tokens{};                        // V: the token vector
  absl::InlinedVector<RowKey, 8> people;  // P: one per match key, dummies included, all distinct
  // F: a fact's cap across agreements; one per capped fact the question uses.
  struct FactRow {
    RowKey key{};
    uint32_t value = 0;
    policies::CountLimit limit;
  };
  absl::InlinedVector<FactRow, 1> facts;
  // False for a group's member whose facts have no part in the answer: P and F are charged alike,
  // but that they are used up must not show in it.
  bool decides = true;
};

// What one item uses up when it is answered: the rows of its subject, or of its first member.
struct Charges : SubjectCharges {
  // A group's other slots. Any member's V used up refuses, any P or F used up of those that decide
  // is UNDETERMINED, and all are charged or none. Those from `members` on are padding: charged
  // alike, never asked, and nobody new.
  std::vector<SubjectCharges> others;
  uint32_t members = 1;
  uint32_t value = 0;  // fingerprint of question and parameter values
  // Under which P counts it, when that is not `value`: with whom a person is asked about is part of
  // what is asked, and P knows them as found, V as named.
  absl::optional<uint32_t> people_value;
  RowKey agreement{};  // (requester, agreement): agreement-wide minute buckets and new people
  // The second from which on the agreement's first revision, which this is, can have been charged;
  // 0 for any other revision, of which that is not known. Decides whether a loss concerns it.
  uint32_t agreement_begins = 0;
  const policies::Limits* limits = nullptr;
  uint32_t rows_die_after =
      0;  // seconds since 1970: when an unlimited window ends (agreement expiry)
};

// One item offered to a commit.
struct Proposal {
  RowKey request{};             // (requester, request id, position)
  crypto::Digest content{};     // SHA-256 of the canonical request
  uint32_t remember_until = 0;  // seconds since 1970; 0: not remembered (refusals)
  // The epoch rule: a request in an epoch below the requester's highest is refused.
  RowKey epoch_row{};  // (requester, agreement)
  uint32_t epoch = 0;
  bool precedes_replay = false;  // refused so early that its request id is not looked at
  bool refused = false;          // refused after that: replay or reuse still come first
  Charges charges;               // ignored when refused
};

enum class Verdict : uint8_t {
  kAnswer = 1,        // charged: answer as decided
  kUndetermined = 2,  // charged: a person's limit is used up under another spelling; UNDETERMINED
  kReplay = 3,        // same request id, same content: answered before, at `where`
  kRequestIdReused = 4,
  kEpochClosed = 5,
  kPersonLimit = 6,
  kAgreementLimit =
      7,         // whole agreement or new people; `retry_after` says when the window has room
  kRefused = 8,  // the proposal came refused, or is no longer permitted at commit time
};

// Where a remembered item lies: a commit and the place of its entry there. The entries of a group
// follow one another.
struct Location {
  uint64_t commit = 0;
  uint32_t item = 0;
};

struct Decision {
  Verdict verdict = Verdict::kRefused;
  absl::Duration retry_after = absl::ZeroDuration();
  Location where;  // kReplay: where it lies; otherwise where it is being written
  // kPersonLimit, where what was charged up to then is not all known and counts as used up: seconds
  // since 1970. It says nothing about anybody.
  uint32_t lost_until = 0;
  // The position of its entry, of a group's first; for everything but replays.
  uint64_t entry_index = 0;
};

// What is written for one item besides charges.
struct Written {
  std::string entry;  // one ledger entry, exact bytes; empty: none (a replay, or a counted refusal)
  std::string sealed;  // what lies beside the ledger: sealed details, opaque here
  // Of a group: what is written for its other slots, right behind.
  struct Slot {
    std::string entry;
    std::string sealed;
  };
  std::vector<Slot> others = {};
};

// The caller's part in a commit. Called in order of the items, on the committing thread, with the
// journal locked: no blocking, no failing.
class CommitSteps {
 public:
  virtual ~CommitSteps() = default;
  // False turns the item into kRefused: what permitted it no longer holds at commit time.
  virtual bool StillPermitted(size_t item, uint32_t commit_second) = 0;
  virtual Written Write(size_t item, uint32_t commit_second, const Decision& decision) = 0;
};

// One of the node's logs. An entry keeps one position over all of them, from the first of the first
// log on; its index in its own log is counted from `first`.
struct LogSpan {
  std::string origin;
  uint64_t first = 0;  // position of its first entry; it ends where the next begins
};

// The state of the log that is being written, after a commit.
struct Head {
  std::string origin;
  uint64_t tree_size = 0;
  crypto::CompactRange range;
  uint64_t commit = 0;
  uint32_t second = 0;
  uint64_t first = 0;  // position of the log's first entry

  // Position of the next entry, if it is this log's.
  uint64_t end() const { return first + tree_size; }
};

struct Committed {
  uint32_t second = 0;
  std::vector<Decision> decisions;  // one for each proposal
  uint64_t first_entry = 0;         // position
  uint32_t entries = 0;
  std::vector<crypto::Digest> leaves;  // of the entries, in order
};

// Told of every commit that wrote entries once it is durable: the head after it, and the leaf
// hashes of its entries. When a log ends, it is told of its last entry under its own origin, then
// of the next log's first. Called in order on the committing thread with the journal locked: quick,
// never failing, and never calling back.
using CommitWatcher =
    std::function<void(const Head& head, absl::Span<const crypto::Digest> leaves)>;

// One written item, as read back for a replay or an inspection.
struct StoredItem {
  uint32_t second = 0;
  uint64_t entry_index = 0;  // position
  std::string entry;
  std::string sealed;
};

// Thread-safe; commits are serialised. A failed fsync aborts the process; a full disk rolls back
// and returns Unavailable, and the journal goes on.
//
// One log a year, by UTC: before the first commit of a later year than the log's, one commit of its
// own ends the log with an entry "log closed", and begins the next with an entry "log opened" that
// says what the one before came to. Never back, whatever the clock says. A second log of a year
// begins where a loss was declared (DeclareLoss).
//
// After a loss, what was charged before it counts as used up: of limits whose window reaches back
// so far, for agreements that had begun; a value that a row still holds is no further value.
class Journal {
 public:
  virtual ~Journal() = default;

  // Commit time is max(last commit, now). An item that repeats a request id within one span is a
  // replay of the first. Unavailable: nothing was committed.
  virtual absl::StatusOr<Committed> Commit(absl::Span<const Proposal> proposals, absl::Time now,
                                           CommitSteps* steps) = 0;
  // Entries of the node itself: counted refusals, adoptions, ...; none: only a year may end.
  virtual absl::Status Append(absl::Span<const std::string> entries, absl::Time now) = 0;
  // Durably adds `count` to two counters before anything is evaluated: the windowed one of
  // (requester, agreement) and the key's own for ever. ResourceExhausted with the time until the
  // window has room in a "retry_ms" payload; FailedPrecondition when the key's cap is reached.
  // `agreement_begins` as in Charges.
  virtual absl::Status ChargeEvaluations(const RowKey& row, const policies::CountLimit& limit,
                                         const RowKey& key_row, uint64_t key_cap, uint32_t count,
                                         absl::Time now, uint32_t agreement_begins = 0) = 0;
  // NotFound when the item lies in a part that was archived.
  virtual absl::StatusOr<StoredItem> Read(const Location& where) const = 0;
  // The entries from the position `first` on, in order, whichever log they are of: at most `count`,
  // at least one, and fewer where that spares reading much of the disk at once. OutOfRange from the
  // head on (entries are there once their commit is durable); NotFound when they lie in a part that
  // was archived; DataLoss when they are damaged. Does not hold up commits.
  virtual absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t first,
                                                               uint32_t count) const = 0;
  // Removes whole parts of the journal all of whose entries lie before the position `below`, with
  // all that lies sealed beside them, once the tables no longer need them; the entries that logs
  // began with stay. The first position that is still there, at most `below` and often less.
  virtual absl::StatusOr<uint64_t> Prune(uint64_t below) = 0;
  virtual Head head() const = 0;
  // All that are still known, oldest first; the last is the head's.
  virtual std::vector<LogSpan> logs() const = 0;
  // At most one, or none (nullptr). Returns when the one before is no longer being called.
  virtual void SetWatcher(CommitWatcher watcher) = 0;

  // Durable facts about agreements: adoption (digest, revision) and highest revision seen.
  struct Adoption {
    std::string agreement_id;
    int64_t revision = 0;
    crypto::Digest digest{};
  };
  virtual std::vector<Adoption> adoptions() const = 0;
  // Records an adoption with its entry in one commit. FailedPrecondition for a lower revision than
  // adopted before, or another digest for the same revision.
  virtual absl::Status Adopt(const Adoption& adoption, const std::string& entry,
                             absl::Time now) = 0;

  struct Figures {
    uint64_t commits = 0, entries = 0, charge_rows = 0, remembered = 0, tail_bytes = 0;
    uint32_t lost_until = 0;  // second up to which charges may be missing; 0: none are
  };
  virtual Figures figures() const = 0;
};

struct JournalOptions {
  std::string folder;  // created 0700 when missing; locked against a second process
  // The name of a new log, e.g. "irs.treasury.example/ledger/2026". One that exists keeps its own
  // name, and the next year's follow from it; another agency's is refused.
  std::string origin;
  uint64_t tail_bytes =
      256u << 20;  // commits replayed at start before a new table image is written
  uint64_t segment_bytes = 32u << 20;  // of one file of the commit log
};
// FailedPrecondition when another process holds the folder or its format is newer than this
// program.
absl::StatusOr<std::unique_ptr<Journal>> OpenFileJournal(const JournalOptions& options);

// Declares that the journal was longer than it is now: its log ends where it ends, and a new one
// begins, of the present year's next part, with an entry "loss declared" that commits to `lost` and
// to what there is. One commit: killed at any moment, the loss is declared or nothing was done. All
// that was charged before `now` counts as used up from then on. Of a journal without a commit, or
// none, the new log is the first. Errors as OpenFileJournal; FailedPrecondition when the last
// commit is later than `now`.
absl::StatusOr<crypto::LossDeclared> DeclareLoss(const JournalOptions& options,
                                                 const crypto::Checkpoint& lost, absl::Time now);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_JOURNAL_H_
