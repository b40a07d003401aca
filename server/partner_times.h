// Compares this node's time with its partners', in the background: a clock that is wrong alone
// shows in no figure of one's own.
#ifndef VOUCH_SERVER_PARTNER_TIMES_H_
#define VOUCH_SERVER_PARTNER_TIMES_H_

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "client/requester/connection.h"
#include "server/clock.h"
#include "server/node/node_file.h"
#include "server/telemetry/telemetry.h"

namespace vouch::server {

// Thread-safe. One thread asks one partner after the other, each for at most five seconds, at start
// and every hour; whom it could not ask, again after five minutes. Nothing else waits for it.
class PartnerTimes {
 public:
  struct Rooms {
    std::string agency;            // this node's own
    std::string certificate, key;  // paths
    const Clock* clock = nullptr;
    telemetry::Metrics* metrics = nullptr;
    // Told of each partner how it stands: OK, or too far apart.
    std::function<void(const std::string& what, const absl::Status&)> report;
  };
  explicit PartnerTimes(Rooms rooms) : rooms_(std::move(rooms)) {}
  ~PartnerTimes() { Stop(); }

  // Takes the place of the partners before, and begins a round.
  void SetPartners(std::vector<node::Partner> partners);
  // Ends what is under way.
  void Stop();
  // Whether every partner was asked once, waiting for it at most `patience`.
  bool WaitForRound(absl::Duration patience);
  // One line a partner, and one for those that have no address.
  std::vector<std::string> Lines() const;

 private:
  struct Standing {
    std::string says = "is being asked";
    absl::Time due = absl::InfinitePast();
    bool asked = false;
  };

  void Run();
  // The first partner whose time has come, and how long to wait for the next otherwise.
  const node::Partner* Due(absl::Time now, absl::Duration* wait) const;
  Standing Ask(const node::Partner& partner);

  const Rooms rooms_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<node::Partner> partners_;
  std::map<std::string, Standing> standings_;  // of partners with an address
  grpc::ClientContext* under_way_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;
};

// What Connect() needs to reach a partner as this node. NotFound names the file that is missing.
absl::StatusOr<requester::ConnectionOptions> ConnectionTo(const node::Partner& partner,
                                                          const std::string& agency,
                                                          const std::string& certificate,
                                                          const std::string& key);

}  // namespace vouch::server

#endif  // VOUCH_SERVER_PARTNER_TIMES_H_
