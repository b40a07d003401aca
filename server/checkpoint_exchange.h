// Exchanges checkpoints with partners, in the background: hands ours in for their cosignature,
// looks at theirs, and compares with them what each of us was shown of third parties' logs, and
// what came with their answers.
#ifndef VOUCH_SERVER_CHECKPOINT_EXCHANGE_H_
#define VOUCH_SERVER_CHECKPOINT_EXCHANGE_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "client/requester/ledger_client.h"
#include "server/clock.h"
#include "server/cosignatures.h"
#include "server/ledger_log.h"
#include "server/node/node_file.h"
#include "server/own_checkpoints.h"
#include "server/partner_logs.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

// Thread-safe. One thread goes from partner to partner; each call waits at most five seconds, and
// nothing waits for it. No partner holds up the others: each has so much time of a round.
class CheckpointExchange {
 public:
  struct Rooms {
    std::string agency;            // this node's own
    std::string certificate, key;  // paths
    absl::Duration every = absl::Seconds(60);
    // How long a round may take with one partner, to compare with one, and to compare with all; a
    // call more. What was not compared comes first in the next round.
    absl::Duration one_exchange = absl::Seconds(20);
    absl::Duration one_comparison = absl::Seconds(10);
    absl::Duration all_comparisons = absl::Seconds(60);
    // In how many rounds in a row a log may leave open how two of its checkpoints go together
    // before that is reported.
    int most_uncompared = 15;
    const Clock* clock = nullptr;
    telemetry::Metrics* metrics = nullptr;
    LedgerLog* log = nullptr;
    PartnerLogs* partner_logs = nullptr;
    OwnCheckpoints* own = nullptr;
    Cosignatures* cosignatures = nullptr;
    std::string seen;  // folder: the checkpoints that came with answers to this agency
    // How a partner's log, or ours at a partner, stands: OK, or what is wrong with it.
    std::function<void(const std::string& what, const absl::Status&)> report;
    // A partner holds a later or another checkpoint of our own log than it leads to.
    std::function<void(const absl::Status&)> behind;
  };
  explicit CheckpointExchange(Rooms rooms) : rooms_(std::move(rooms)) {}
  ~CheckpointExchange() { Stop(); }

  // Takes the place of the partners before, and begins a round.
  void SetPartners(std::vector<node::Partner> partners);
  // Begins the next round now instead of when it is due.
  void Hurry();
  // Ends what is under way.
  void Stop();

 private:
  using Client = std::shared_ptr<requester::LedgerClient>;
  using Deadline = std::chrono::steady_clock::time_point;

  void Run();
  // Whether its logs can be compared with ours now.
  bool Exchange(const node::Partner& partner);
  absl::StatusOr<Client> ClientOf(const std::string& agency);
  // What happened to our checkpoint there.
  absl::Status HandIn(const node::Partner& partner, requester::LedgerClient* client,
                      Deadline until);
  // How our ledger goes on from what a partner remembers of an earlier log.
  std::vector<crypto::LogSuccession> StepsFrom(const std::string& remembered,
                                               const LedgerLog::Signed& head) const;
  absl::Status Observe(const std::string& agency, requester::LedgerClient* client, Deadline until);
  // With each of these in turn, beginning with the one that was not reached last time.
  void CompareWith(const std::vector<const node::Partner*>& partners);
  void Compare(const std::string& partner, requester::LedgerClient* client, Deadline until);
  // What came with answers to this agency.
  void LookAtAnswers();
  bool Interrupted();
  // Verifies a partner's cosignature of our checkpoint, and keeps what counts.
  absl::Status Count(const node::Partner& partner, const LedgerLog::Signed& head,
                     const std::string& cosignature);
  // A checkpoint that somebody else was shown, `where`. False: try again another time.
  bool ObserveShown(const std::string& where, const std::string& note, Deadline until);
  // Whether what was shown there of an agency's logs could be looked at, in this round.
  void Compared(const std::string& where, const std::string& agency, bool looked_at);
  void ForgetUncompared();

  const Rooms rooms_;
  // The thread's: what partners remember of ours, and who could not be reached when last tried.
  struct HandedIn {
    std::string origin;
    uint64_t size = 0;
  };
  std::map<std::string, HandedIn> handed_in_;
  std::set<std::string> silent_, uncounted_;
  std::string compared_with_;                    // the partner last compared with
  std::map<std::string, std::string> compared_;  // by partner: the log last compared
  std::map<std::string, int> uncompared_;        // what, and in how many rounds
  std::mutex mutex_;                             // guards what follows
  std::condition_variable changed_;
  std::vector<node::Partner> partners_;
  std::map<std::string, Client> clients_;
  bool due_ = false;
  bool hurry_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_CHECKPOINT_EXCHANGE_H_
