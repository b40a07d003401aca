// Partners' cosignatures of this node's own log: verified under the keys that node.yaml gives, kept
// on disk, and how far each partner lags. A partner that lags too far gets no more answers, because
// nobody but itself could tell what it was shown. docs/ledger.md, "Cosignatures that lag".
#ifndef VOUCH_SERVER_COSIGNATURES_H_
#define VOUCH_SERVER_COSIGNATURES_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "crypto/note.h"
#include "policies/engine/refusal.h"
#include "server/ledger_log.h"
#include "server/own_checkpoints.h"

namespace vouch::server {

// Thread-safe.
class Cosignatures {
 public:
  struct Options {
    std::string folder;  // one file a partner; made 0700 when missing
    LedgerLog* log = nullptr;
    const OwnCheckpoints* own = nullptr;
    std::string public_der;  // of the log's key
    // How long entries may wait for a partner's cosignature, and how many; zero: any.
    absl::Duration longest_lag;
    uint64_t most_entries = 0;
  };
  explicit Cosignatures(Options options) : options_(std::move(options)) {}

  // The partners whose cosignatures count, by agency, in place of those before. Who is named for
  // the first time begins with the log as it is now; who has another key than before goes on from
  // where that one's cosignatures ended, refused or not. DataLoss names the first file that cannot
  // be used; that partner is then refused until it cosigns, where anything is bounded. `unreadable`
  // have a key that cannot be read now: the one from before goes on counting, and who has none is
  // refused, where anything is bounded.
  absl::Status SetWitnesses(const std::map<std::string, crypto::NoteVerifier>& keys, absl::Time now,
                            const std::set<std::string>& unreadable = {});

  // Whether this partner's cosignature of the log as it is now would be news.
  bool Wants(const std::string& agency) const;

  // A cosignature of a checkpoint of this node's log, on disk once it counts. NotFound when the
  // partner has no key here; PermissionDenied when the checkpoint is not this log's or the
  // cosignature does not verify; DataLoss when this node signed the checkpoint and its log does not
  // lead there; Unavailable when it cannot be kept.
  absl::Status Take(const std::string& agency, const std::string& note,
                    absl::string_view cosignature, absl::Time now);

  // Nothing, or why this partner gets no answer: the same for every question. Never waits for what
  // the other calls read and write.
  absl::optional<policies::Refusal> Judge(const std::string& agency) const;

  struct Standing {
    std::string agency;
    uint64_t cosigned = 0;  // entries, of the log as it goes by its name now
    uint64_t behind = 0;    // entries that wait for it
    absl::Time since;       // of the first of them; now, when there is none
    bool refused = false;   // its questions are
    std::string says;       // when refused, in words that stay the same
  };
  // How all stand at `now`; once a second.
  std::vector<Standing> Look(absl::Time now);
  // Whether a partner has a quarter of `most_entries` before it.
  bool Hurries() const { return hurries_; }

 private:
  struct Lag {
    explicit Lag(const crypto::NoteVerifier& witness) : key(witness) {}

    crypto::NoteVerifier key;
    // Up to where nothing is asked of it: what it cosigned, or where the log stood when its key was
    // first given.
    std::string origin;
    uint64_t size = 0;
    uint64_t cosigned = 0;
    std::string note;                                // with its cosignature; empty: none yet
    absl::Time counted_from = absl::InfinitePast();  // nothing counts as waiting since before
    absl::optional<absl::Time> since;                // of the first entry that waits
    absl::optional<absl::Time> refused_since;        // on disk too; until it cosigns
    uint64_t behind = 0;
    std::string says;
  };

  std::string PathOf(const std::string& agency) const;
  // False: what it cosigned was cosigned with another key; where from, and whether it is refused,
  // counts all the same.
  absl::StatusOr<bool> Read(const std::string& agency, Lag* lag) const;
  absl::Status Write(const std::string& agency, const Lag& lag) const;
  void LookAt(const std::string& agency, Lag* lag, const LedgerLog::Signed& head, absl::Time now);
  absl::Time TimeOfEntry(const std::string& log, uint64_t index, uint64_t tree_size,
                         absl::Time otherwise) const;

  bool Bounded() const {
    return options_.longest_lag > absl::ZeroDuration() || options_.most_entries > 0;
  }
  // With mutex_ held: lets Judge see who is refused now.
  void Publish();

  using Refusals = std::map<std::string, policies::Refusal>;

  const Options options_;
  std::atomic<bool> any_refused_{false};
  std::atomic<bool> hurries_{false};
  std::shared_ptr<const Refusals> refusals_;  // replaced whole, by atomic_store
  mutable std::mutex mutex_;                  // guards the rest; held while files are written
  std::map<std::string, Lag> lags_;
  std::set<std::string> keyless_;  // whose key could never be read
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_COSIGNATURES_H_
