// vouch.v1.Ledger: the node's log as its partners may see it, and this node as their logs' witness.
#ifndef VOUCH_SERVER_LEDGER_SERVICE_H_
#define VOUCH_SERVER_LEDGER_SERVICE_H_

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/types/variant.h"
#include "server/call_queue.h"
#include "server/cosignatures.h"
#include "server/ledger_log.h"
#include "server/partner_face.h"
#include "server/partner_logs.h"
#include "vouch/v1/ledger.grpc.pb.h"

namespace vouch::server {

struct LedgerServiceOptions {
  int workers = 1;
  size_t max_calls = 256;      // that wait
  size_t max_calls_each = 32;  // of them, one partner's
  // Of this node's log; outlives the service. None: no cosignature is taken.
  Cosignatures* cosignatures = nullptr;
  // A partner holds a checkpoint that this node signed and its log does not lead to. Told once the
  // partner's call was answered.
  std::function<void(const absl::Status&)> behind = [](const absl::Status&) {};
};

// Thread-safe. Calls count against their partner's rate like questions do, and are answered by
// threads of their own: reading old tiles and entries never holds up a walk.
class LedgerService final : public v1::Ledger::CallbackService {
 public:
  // Partners that may call at all are the face's. All outlive the service.
  LedgerService(const PartnerFace* face, LedgerLog* log, PartnerLogs* partners,
                const LedgerServiceOptions& options = {});
  ~LedgerService() override { Stop(); }

  // Agencies that are shown every entry; takes the place of those before.
  void SetOversight(const std::vector<std::string>& agencies);

  grpc::ServerUnaryReactor* GetCheckpoint(grpc::CallbackServerContext* context,
                                          const v1::GetCheckpointRequest* request,
                                          v1::GetCheckpointResponse* response) override;
  grpc::ServerUnaryReactor* GetConsistency(grpc::CallbackServerContext* context,
                                           const v1::GetConsistencyRequest* request,
                                           v1::GetConsistencyResponse* response) override;
  grpc::ServerUnaryReactor* GetTile(grpc::CallbackServerContext* context,
                                    const v1::GetTileRequest* request,
                                    v1::GetTileResponse* response) override;
  grpc::ServerUnaryReactor* GetEntries(grpc::CallbackServerContext* context,
                                       const v1::GetEntriesRequest* request,
                                       v1::GetEntriesResponse* response) override;
  grpc::ServerUnaryReactor* AddCheckpoint(grpc::CallbackServerContext* context,
                                          const v1::AddCheckpointRequest* request,
                                          v1::AddCheckpointResponse* response) override;
  grpc::ServerUnaryReactor* AddCosignature(grpc::CallbackServerContext* context,
                                           const v1::AddCosignatureRequest* request,
                                           v1::AddCosignatureResponse* response) override;
  grpc::ServerUnaryReactor* GetRemembered(grpc::CallbackServerContext* context,
                                          const v1::GetRememberedRequest* request,
                                          v1::GetRememberedResponse* response) override;
  // Finishes what is queued. Later calls are refused.
  void Stop() { queue_.Stop(); }

 private:
  using Outcome = absl::optional<policies::Refusal>;
  using Work = std::function<Outcome(const std::string& caller)>;

  // `after`, where given, is done when the call was answered.
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, size_t bytes, Work work,
                                   std::function<void()> after = nullptr);
  Outcome Entries(const std::string& caller, const v1::GetEntriesRequest& request,
                  v1::GetEntriesResponse* response);
  bool IsOversight(const std::string& caller) const;

  const PartnerFace* const face_;
  LedgerLog* const log_;
  PartnerLogs* const partners_;
  Cosignatures* const cosignatures_;
  const std::function<void(const absl::Status&)> behind_;
  mutable std::mutex mutex_;
  std::set<std::string> oversight_;
  CallQueue queue_;  // last: its threads use all of the above
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_LEDGER_SERVICE_H_
