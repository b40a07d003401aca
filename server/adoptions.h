// What the node enters durably of its agreements before it goes by them: who signed which bytes,
// who stopped what, which key an epoch has. The same name with other bytes is refused for ever.
#ifndef VOUCH_SERVER_ADOPTIONS_H_
#define VOUCH_SERVER_ADOPTIONS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/agreements/agreements.h"
#include "server/agreements/stop_notice.h"
#include "server/journal/journal.h"

namespace vouch::server {

// Thread-safe as the journal is. Each method returns FailedPrecondition for what must not be
// adopted, and whatever else the journal says where that may pass.
class Adoptions {
 public:
  // `commit_time`: the time of what the node enters of its own accord.
  Adoptions(journal::Journal* journal, std::function<absl::Time()> commit_time)
      : journal_(journal), commit_time_(std::move(commit_time)) {}

  // Everything entered so far.
  std::vector<agreements::Remembered> Remembered() const;
  // `beside_higher`: a higher revision is about to be held as well.
  absl::Status Adopt(const policies::HeldAgreement& held, bool beside_higher);
  absl::Status EnterNotice(const agreements::StopNotice& notice,
                           const agreements::JudgedAgency& judged);
  absl::Status AdoptEpoch(const std::string& agreement_id, const agreements::Epoch& epoch);

 private:
  journal::Journal* const journal_;
  const std::function<absl::Time()> commit_time_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_ADOPTIONS_H_
