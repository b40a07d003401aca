// The set of agreements a node holds at one moment, swapped whole.
#ifndef VOUCH_POLICIES_ENGINE_CATALOG_H_
#define VOUCH_POLICIES_ENGINE_CATALOG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policies/engine/agreement.h"
#include "policies/engine/reference.h"

namespace vouch::policies {

enum class AgreementState : uint8_t {
  kUnsigned = 1,
  kWaiting = 2,
  kInForce = 3,
  kChangeover = 4,
  kExpired = 5,
  kStopped = 6,
  kNotReady = 7,
};
absl::string_view AgreementStateName(AgreementState state);

// An officer's signature on an agreement, as whoever knows cryptography judged it.
struct Signature {
  std::string agency;
  std::string role;    // for which it counts
  std::string signer;  // the subject of the certificate
  std::string key;     // "sha256:..." of the certificate's key
};

// A party's notice that an agreement is stopped, not lifted since.
struct Stop {
  std::string agreement_id;
  std::string party;
  int64_t first_revision = 1;
  int64_t last_revision = INT64_MAX;
  absl::Time since;
};

// One revision of one agreement as held: its file, its catalogue, and whether it may be used.
struct HeldAgreement {
  Agreement agreement;
  FileDigest digest{};
  std::string file;
  FactCatalogue facts;
  // Countersigned by the answering agency and at least one asker that this node has to do with.
  bool signatures_satisfied = false;
  std::set<std::string> unsigned_askers;  // askers for whom it is not countersigned
  std::vector<Signature> signatures;
  std::vector<Stop> stops;  // of its parties

  // With several askers it is in force for each that has signed, and each stops it for itself
  // alone; the answering agency stops it for all.
  bool SignedFor(absl::string_view asker) const;
  bool StoppedFor(absl::string_view asker) const;
  // Expired, waiting or in force by date; unsigned when signatures are missing, stopped when no
  // asker is left for whom it is not.
  AgreementState StateAt(absl::Time now) const;
  AgreementState StateFor(absl::string_view asker, absl::Time now) const;

 private:
  AgreementState StateOf(bool is_signed, bool stopped, absl::Time now) const;
};

// A file as the caller read it from the folder.
struct CatalogFile {
  std::string name;  // path relative to the agreements folder
  std::string bytes;
  FileDigest digest{};
  // For an agreement: the agencies of which the caller found every signature that it requires, and
  // these signatures. The engine knows no cryptography, so it takes the caller's word.
  std::set<std::string> signed_by = {};
  std::vector<Signature> signatures = {};
  // Why the caller will not have this agreement, whatever it says: then an error, and what was held
  // of it stays. Empty when there is nothing against it.
  std::string refused = "";
};

// Immutable and thread-safe once built.
class Catalog {
 public:
  struct Options {
    KnownNames known;
    Use use = Use::kTest;  // agreements of the other use are refused
    std::string agency;    // the node's own; an agreement it is no party to is refused
    // Agreements count as signed by all: for officers' tools, which look at drafts.
    bool as_if_signed = false;
    std::vector<Stop> stops = {};
    // Whether the revision `after` replaces must not be used beside it: it narrows what may be
    // asked, learned or done, or that cannot be told. Asked once for each pair at Build. Without it
    // no changeover is given.
    std::function<bool(const HeldAgreement& before, const HeldAgreement& after,
                       const ReferenceTables& tables)>
        ends_changeover = nullptr;
  };
  // Builds a set from files (agreements, their fact catalogues and pinned tables; further tables
  // are in `tables`). An agreement with an error is left out and reported; when `previous` holds
  // it, its last good revision is kept, with the tables it pins. An agreement without a file is
  // gone. Two files with the same id and revision are an error for both. Pins are compared. A
  // revision below the highest that `previous` holds, or with its number but other bytes, is an
  // error. Expiry is not looked at here: StateAt decides, so nothing kept outlives it.
  static std::shared_ptr<const Catalog> Build(const std::vector<CatalogFile>& files,
                                              const Options& options,
                                              std::shared_ptr<const Catalog> previous,
                                              const ReferenceTables& tables, Report* report);

  // The revision of an agreement that counts at `now`: the highest whose effective moment has come,
  // else the lowest that waits; among those with their signatures, if any has them. nullptr when
  // the id is unknown.
  const HeldAgreement* Find(absl::string_view agreement_id, absl::Time now) const;
  // The revision that may be used at `now` beside the one that counts: the one that it replaces, by
  // digest, for the newer one's `changeover` after that took effect, or for good when the newer one
  // is its unchanged renewal; never past its own last day, and not when the newer one narrows.
  // nullptr when there is none.
  const HeldAgreement* FindReplaced(absl::string_view agreement_id, absl::Time now) const;
  // As HeldAgreement::StateFor the asker, StateAt when that is empty, of a revision among the
  // others: changeover for the one that FindReplaced gives, expired for one whose place another has
  // taken.
  AgreementState StateOf(const HeldAgreement& held, absl::Time now,
                         absl::string_view asker = "") const;
  // All revisions of all agreements, ordered by id and revision.
  const std::vector<std::shared_ptr<const HeldAgreement>>& all() const { return all_; }
  const ReferenceTables& tables() const { return tables_; }

 private:
  std::vector<std::shared_ptr<const HeldAgreement>> all_;
  std::map<std::string, std::vector<const HeldAgreement*>, std::less<>> by_id_;
  // By the newer revision, the one it replaces and does not narrow.
  std::map<const HeldAgreement*, const HeldAgreement*> replaced_;
  ReferenceTables tables_;
};

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_CATALOG_H_
