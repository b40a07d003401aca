// A ledger as a static site over plain HTTP (c2sp.org/tlog-tiles), whoever serves it. Nothing that
// comes back was verified.
#ifndef VOUCH_CLIENT_VOUCH_HTTP_LOG_H_
#define VOUCH_CLIENT_VOUCH_HTTP_LOG_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "crypto/tiles.h"

namespace vouch::client {

// Used by one thread.
class HttpLog final : public crypto::TileReader {
 public:
  // "http://HOST:PORT", then the path of the log, or none: the one log that the site names.
  // InvalidArgument for another address; Unavailable when it cannot be reached. Each file must be
  // there within `patience`, all of it, and is at most crypto::kLargestNote bytes.
  static absl::StatusOr<std::unique_ptr<HttpLog>> Open(absl::string_view address,
                                                       absl::Duration patience);
  ~HttpLog() override;

  static bool IsAddress(absl::string_view target);

  absl::StatusOr<std::string> ReadCheckpointNote() const;
  // DataLoss when there is none, or it is no tile.
  absl::StatusOr<std::vector<crypto::Digest>> ReadTile(const crypto::Tile& tile) const override;

 private:
  class Connection;
  HttpLog(std::unique_ptr<Connection> connection, std::string prefix);
  const std::unique_ptr<Connection> connection_;
  const std::string prefix_;  // "/irs.treasury.example/ledger/2027"
};

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_HTTP_LOG_H_
