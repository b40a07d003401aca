// The set of agreements a node holds at one moment, swapped whole.
#ifndef VOUCH_POLICIES_ENGINE_CATALOG_H_
#define VOUCH_POLICIES_ENGINE_CATALOG_H_

#include <functional>
#include <map>
#include <memory>
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

// One revision of one agreement as held: its file, its catalogue, and whether it may be used.
struct HeldAgreement {
  Agreement agreement;
  FileDigest digest{};
  std::string file;
  FactCatalogue facts;
  bool signatures_satisfied = false;  // countersigned, or unsigned and allowed by the node
  // waiting, in force or expired by date; unsigned when signatures are missing.
  AgreementState StateAt(absl::Time now) const;
};

// A file as the caller read it from the folder.
struct CatalogFile {
  std::string name;  // path relative to the agreements folder
  std::string bytes;
  FileDigest digest{};
  // For an agreement: the caller found every signature that this node requires. The engine knows no
  // cryptography, so it takes the caller's word.
  bool signatures_satisfied = false;
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
    bool allow_unsigned = false;
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
  // As HeldAgreement::StateAt, of a revision among the others: changeover for the one that
  // FindReplaced gives, expired for one whose place another has taken.
  AgreementState StateOf(const HeldAgreement& held, absl::Time now) const;
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
