// A node's ledger, put together from its folder: the log, what partners cosigned of it, and what is
// remembered of theirs. docs/ledger.md.
#ifndef VOUCH_SERVER_NODE_LEDGER_H_
#define VOUCH_SERVER_NODE_LEDGER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/checkpoint_exchange.h"
#include "server/cosignatures.h"
#include "server/journal/journal.h"
#include "server/ledger_log.h"
#include "server/node/node_file.h"
#include "server/own_checkpoints.h"
#include "server/partner_logs.h"

namespace vouch::server {

class NodeLedger {
 public:
  // How a part of it stands: OK, or what is wrong with it.
  using Report = std::function<void(const std::string& what, const absl::Status& standing)>;

  // `journal` outlives it. Any error must stop the node: as LedgerLog::Open, PartnerLogs::Open and
  // CheckBeforeStart.
  static absl::StatusOr<NodeLedger> Open(const node::NodeFile& file, journal::Journal* journal,
                                         const StartChecks& checks, Report report);

  // The keys of partners' ledgers and of their cosignatures, in place of those before. The first
  // that cannot be taken is named; the others are taken all the same. Whose witness key cannot be
  // read keeps the one from before, or is refused (Cosignatures::SetWitnesses).
  absl::Status TakePartnerKeys(const node::NodeFile& from, absl::Time now) const;

  // What an exchange of checkpoints needs of it.
  CheckpointExchange::Rooms ExchangeRooms(const node::NodeFile& file) const;

  LedgerLog* log() const { return log_.get(); }
  PartnerLogs* partners() const { return partners_.get(); }
  Cosignatures* cosignatures() const { return cosignatures_.get(); }

 private:
  NodeLedger() = default;
  absl::Status OpenLog(const node::NodeFile& file, journal::Journal* journal,
                       const StartChecks& checks);
  absl::Status MarkAgain(const node::NodeFile& file, const StartChecks& checks);
  absl::Status OpenWitness(const node::NodeFile& file);

  Report report_;
  bool mark_gone_ = false;  // when it was opened
  std::unique_ptr<LedgerLog> log_;
  std::unique_ptr<OwnCheckpoints> own_;
  std::unique_ptr<Cosignatures> cosignatures_;
  std::unique_ptr<PartnerLogs> partners_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_NODE_LEDGER_H_
