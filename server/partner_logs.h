// This node as a witness of its partners' ledgers: what it remembers of each of their logs, whoever
// showed it.
#ifndef VOUCH_SERVER_PARTNER_LOGS_H_
#define VOUCH_SERVER_PARTNER_LOGS_H_

#include <cstdint>
#include <functional>
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
#include "absl/types/span.h"
#include "client/requester/witness.h"

namespace vouch::server {

// "irs.treasury.example" of "irs.treasury.example/ledger/2027"; empty for any text that is no name
// of a log.
absl::string_view AgencyOfLog(absl::string_view origin);
// The origin that an unverified note names; empty when it is no checkpoint of such a log.
std::string OriginOfNote(absl::string_view note);
// The keys of that origin as a log's verifier: Ed25519 or P-256, from a SubjectPublicKeyInfo.
absl::StatusOr<crypto::NoteVerifier> LogVerifier(const std::string& origin,
                                                 const std::string& public_der);

// Thread-safe. A partner's logs, one a year, are all signed with its one ledger key. Where
// something is remembered of a partner's ledger, a later log is followed only when it is shown how
// it goes on from there; an earlier one, never. A log takes a place here only once something of it
// is remembered, and an agency has no more than `most_logs`.
class PartnerLogs {
 public:
  struct Rooms {
    requester::WitnessOptions witness;
    // Told of what cannot be innocent: two logs shown, a log put back, a proof that fails. Both
    // notes are kept then.
    std::function<void(const std::string& agency, const requester::WitnessAnswer&)> found =
        [](const std::string&, const requester::WitnessAnswer&) {};
    size_t most_logs = 256;  // of one agency
  };
  static absl::StatusOr<std::unique_ptr<PartnerLogs>> Open(Rooms rooms);

  // By agency, a SubjectPublicKeyInfo; takes the place of those before. What is remembered of a
  // log stays. DataLoss names the first log of which what is remembered is not signed by its key.
  absl::Status SetKeys(std::map<std::string, std::string> public_ders);

  // A partner hands in a checkpoint of its own log (add-checkpoint). Of any other log: kUnknownLog.
  // kOtherSize also for a log that is not shown to follow what is remembered now. Steps or a proof
  // that do not hold are refused and no evidence: on their way anybody can have garbled them.
  requester::WitnessAnswer Add(const std::string& agency,
                               const requester::AddCheckpointRequest& request, absl::Time now);
  // As Witness::Observe. `since` is the size that was remembered when the proof was asked for: if
  // another was remembered meanwhile, kOtherSize, and the caller begins again. `is_head`: the log
  // itself showed it as its head. `steps`: of a log that is not followed yet, from the one that
  // is; without them kUnknownLog, unless it is the head.
  requester::WitnessAnswer Observe(absl::string_view note, absl::Span<const crypto::Digest> proof,
                                   uint64_t since, bool is_head, absl::Time now,
                                   absl::Span<const crypto::LogSuccession> steps = {});

  using Known = requester::Witness::Known;
  absl::optional<Known> Latest(absl::string_view origin) const { return witness_->Latest(origin); }
  // Of the newest log of an agency of which anything is remembered.
  absl::optional<Known> LatestOf(absl::string_view agency) const;
  // Whether its ledger, as last shown, goes on after a loss that nobody accepted here yet. Until
  // somebody does, that nothing proves how its logs hang together is no evidence.
  bool AwaitsAcceptance(const std::string& agency) const;
  // NotFound for a log of somebody whose key is not known here; PermissionDenied unless that key
  // signed the note, as a checkpoint; InvalidArgument when it is none of an agency's log.
  absl::Status Signed(absl::string_view note) const;
  // Of which anything is remembered.
  std::vector<std::string> origins() const;
  // Of each agency the newest of them, in order of their names.
  std::vector<std::string> newest() const;
  size_t followed() const { return witness_->followed(); }
  size_t evidence() const { return witness_->Evidence().size(); }

 private:
  PartnerLogs(Rooms rooms, std::unique_ptr<requester::Witness> witness)
      : rooms_(std::move(rooms)), witness_(std::move(witness)) {}
  // With lock_ held: begins to follow the log that a note is of, when a partner's key signed it,
  // and it goes on from what is remembered. `unlinked`: what to find when there are no steps; none:
  // the log itself was asked for them. Afterwards SettleLocked.
  bool FollowLocked(absl::string_view note, absl::Span<const crypto::LogSuccession> steps,
                    absl::optional<requester::WitnessFinding> unlinked, absl::Time now,
                    requester::WitnessAnswer* answer);
  // Lets go of what was followed for the sake of one note and is not remembered after it.
  void SettleLocked(absl::string_view origin);
  // As Signed, with the key.
  absl::Status SignedLocked(absl::string_view note, const std::string& origin,
                            absl::optional<crypto::NoteVerifier>* key) const;
  size_t CountLocked(absl::string_view agency) const;
  absl::optional<std::string> NewestLocked(absl::string_view agency) const;
  void Report(const std::string& agency, const requester::WitnessAnswer& answer) const;
  void NoteLossLocked(const std::string& agency, const requester::WitnessAnswer& answer);

  const Rooms rooms_;
  const std::unique_ptr<requester::Witness> witness_;
  mutable std::mutex lock_;
  std::map<std::string, std::string> keys_;
  std::set<std::string> followed_;  // origins
  std::set<std::string> awaiting_;  // agencies
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_PARTNER_LOGS_H_
