// The node's ledger as a static site over plain HTTP (c2sp.org/tlog-tiles): for witnesses and
// verifiers that speak no gRPC. Checkpoints and hash tiles, never an entry. docs/ledger.md, "Over
// HTTP".
#ifndef VOUCH_SERVER_LEDGER_HTTP_H_
#define VOUCH_SERVER_LEDGER_HTTP_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/ledger_log.h"
#include "server/plain_http.h"

namespace vouch::server {

// A thread of its own answers.
class LedgerHttp {
 public:
  // "host:port"; port 0 takes a free one. `log` outlives it. Unavailable when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<LedgerHttp>> Serve(const std::string& address,
                                                           LedgerLog* log);
  int port() const { return site_->port(); }

 private:
  explicit LedgerHttp(std::unique_ptr<PlainHttp> site) : site_(std::move(site)) {}
  const std::unique_ptr<PlainHttp> site_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_LEDGER_HTTP_H_
