// How the node's agreements stand, for all who look: partners, metrics, run/agreements.json.
#ifndef VOUCH_SERVER_AGREEMENTS_SHOWN_H_
#define VOUCH_SERVER_AGREEMENTS_SHOWN_H_

#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/agreements/agreements.h"
#include "server/records/records.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

// As Catalog::StateOf for the asker, but in force also for one that goes on under it because it has
// not signed the revision that took its place (for any, when `asker` is empty); and NOT_READY where
// `agency` answers but has no complete index of the current epoch. `snapshot` may be nullptr.
policies::AgreementState StateOf(const policies::HeldAgreement& held,
                                 const agreements::AgreementSet& set,
                                 const records::Snapshot* snapshot, absl::string_view agency,
                                 absl::string_view asker, absl::Time now);

// Thread-safe.
class AgreementsShown {
 public:
  AgreementsShown(std::string agency, std::string run_folder, telemetry::Metrics* metrics)
      : agency_(std::move(agency)), run_folder_(std::move(run_folder)), metrics_(metrics) {}

  // Cheap when nothing changed: the file is written only then.
  absl::Status Show(const agreements::AgreementSet& set, const records::Snapshot* snapshot,
                    absl::Time now);

 private:
  const std::string agency_;
  const std::string run_folder_;
  telemetry::Metrics* const metrics_;
  std::mutex mutex_;
  std::string written_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_AGREEMENTS_SHOWN_H_
