// The agreements in force and their token epochs, read from the node's folders and swapped whole.
#ifndef VOUCH_SERVER_AGREEMENTS_AGREEMENTS_H_
#define VOUCH_SERVER_AGREEMENTS_AGREEMENTS_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/token.h"
#include "crypto/voprf.h"
#include "policies/engine/catalog.h"
#include "server/agreements/countersignatures.h"
#include "server/agreements/stop_notice.h"

namespace vouch::server::agreements {

// One token epoch of one agreement, as its responder holds it.
struct Epoch {
  crypto::EpochStatement statement;
  crypto::SignedStatement signed_statement;
  std::shared_ptr<const crypto::OprfPrivateKey> blind;  // tokens.kind blind
  std::shared_ptr<const crypto::SecretBytes> keyed;     // tokens.kind keyed-hash

  bool UsableAt(absl::Time now) const {
    return statement.not_before <= now && now < statement.not_after;
  }
};

// One consistent set; immutable.
struct AgreementSet {
  std::shared_ptr<const policies::Catalog> catalog;
  std::map<std::string, std::vector<Epoch>, std::less<>> epochs;  // by agreement, by epoch
  policies::Report report;  // what is wrong with the folder's files
  // Of an agreement's revision that is unsigned or stopped: why, in a sentence.
  std::map<std::pair<std::string, int64_t>, std::string> why;
  std::vector<std::string> key_problems;  // epoch keys that cannot be used, and why

  // The usable epoch with that number, or nullptr.
  const Epoch* FindEpoch(absl::string_view agreement_id, uint32_t number, absl::Time now) const;
  // The highest usable epoch at `now`; nullptr when there is none.
  const Epoch* CurrentEpoch(absl::string_view agreement_id, absl::Time now) const;
  // The lowest epoch whose time is yet to come.
  const Epoch* NextEpoch(absl::string_view agreement_id, absl::Time now) const;
};

struct AgreementsOptions {
  std::string folder;
  std::string keys_folder;
  std::string agency;  // the node's own
  policies::Use use = policies::Use::kTest;
  std::shared_ptr<const SigningRules> signing;  // to begin with; nullptr: nobody signs
  std::function<absl::Time()> now;
  // What the node remembers of agreements for ever: adoptions under the agreement's id, and the
  // names of stop_notice.h.
  std::function<std::vector<Remembered>()> remembered;
  // Enters a notice durably. FailedPrecondition when it is older than one of its name.
  std::function<absl::Status(const StopNotice&, const JudgedAgency&)> enter_notice;
  // Asked for every agreement about to be held: entering its digest and revision durably is its
  // adoption. What cannot be adopted (a lower revision, another file of the same revision, a full
  // disk) is not held. `beside_higher`: a higher revision is about to be held as well, so that one
  // that was adopted before may stay until that one takes effect.
  std::function<absl::Status(const policies::HeldAgreement&, bool beside_higher)> adopt;
  // The same for every epoch: an agreement and epoch have one statement for ever.
  std::function<absl::Status(const std::string& agreement_id, const Epoch&)> adopt_epoch;
};

// Thread-safe. Readers take Current(); Reload swaps it.
class Agreements {
 public:
  explicit Agreements(AgreementsOptions options)
      : options_(std::move(options)),
        signing_(options_.signing != nullptr ? options_.signing
                                             : std::make_shared<const SigningRules>()) {}

  // Reads both folders. The set changes even when some files are bad: those keep their last good
  // revision, an agreement whose keys cannot be read its last good epochs. Unavailable when a
  // folder cannot be read; the set stays as it was.
  //
  // A revision comes into the set as signed when every signature that the signing rules want of its
  // parties is there and good at the time; a first load is its adoption. What was adopted is not
  // judged by dates, revocation or officers again, but its signatures must be there and fit.
  absl::Status Reload();
  // True when a file's name, size or time of change differs from what the last Reload read, the
  // signing rules' files included, or when something could not be adopted for a reason that may
  // pass.
  bool Changed() const;
  // From the next Reload on.
  void SetSigning(std::shared_ptr<const SigningRules> signing);

  // Never null after a first Reload.
  std::shared_ptr<const AgreementSet> Current() const;

 private:
  struct Folder;
  struct Judgement;
  std::string Fingerprint() const;
  void JudgeFile(const Folder& folder, const std::vector<Remembered>& remembered,
                 policies::CatalogFile* file, Judgement* judgement) const;
  std::vector<policies::Stop> JudgeNotices(const Folder& folder,
                                           const std::vector<Remembered>& remembered,
                                           policies::Report* report, bool* again,
                                           bool* may_pass) const;
  std::shared_ptr<const policies::Catalog> BuildAdopted(std::vector<policies::CatalogFile> files,
                                                        std::vector<policies::Stop> stops,
                                                        policies::Report* report,
                                                        bool* again) const;
  std::vector<Epoch> AdoptedEpochs(const policies::Agreement& agreement, AgreementSet* next,
                                   bool* again) const;

  const AgreementsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const SigningRules> signing_;
  absl::Time look_again_ = absl::InfiniteFuture();  // when time may have mended a signature
  std::shared_ptr<const AgreementSet> current_ = std::make_shared<AgreementSet>();
  std::string fingerprint_;
};

}  // namespace vouch::server::agreements

#endif  // VOUCH_SERVER_AGREEMENTS_AGREEMENTS_H_
