// What the services share: who is calling, and what is told to the ledger and to the operator about
// calls that never reach the walk.
#ifndef VOUCH_SERVER_PARTNER_FACE_H_
#define VOUCH_SERVER_PARTNER_FACE_H_

#include <grpcpp/server_context.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/types/variant.h"
#include "policies/engine/refusal.h"
#include "server/admission/admission.h"
#include "server/cosignatures.h"
#include "server/telemetry/telemetry.h"
#include "server/verification.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::server {

// Thread-safe; outlives every call.
struct PartnerFace {
  std::string agency;  // this node's own
  Rooms rooms;
  admission::Admission* admission = nullptr;
  telemetry::Metrics* metrics = nullptr;
  const Cosignatures* cosignatures = nullptr;  // none: nobody's are waited for
  // True: the node's ledger is not the one it was, and nobody is answered any more.
  const std::atomic<bool>* ends = nullptr;

  // The calling agency, or a refusal that was counted.
  absl::variant<std::string, policies::Refusal> Identify(
      const grpc::CallbackServerContext& context) const;
  // Admission's, after whether the requester may have answers at all: its cosignatures may lag.
  absl::variant<std::shared_ptr<const admission::AdmittedCall>, policies::Refusal> Admit(
      const std::string& requester, admission::Request request) const;
  absl::optional<policies::Refusal> Lags(const std::string& requester) const;
  // Counts a refusal that gets no entry of its own. `requester` is empty when unknown.
  void CountRefusal(const std::string& requester, const policies::Refusal& refusal) const;
  // Puts a receipt as a JWS into an answer to a call that asks for one.
  void SignReceipt(const admission::AdmittedCall& call, uint32_t position,
                   const AnsweredItem& answered, v1::Answered* out) const;
  // Tells the metrics about outcomes that the walk recorded.
  void Observe(const std::string& requester, const std::vector<Recorded>& outcomes) const;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_PARTNER_FACE_H_
