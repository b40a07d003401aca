#include "client/vouch/http_log.h"

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "crypto/note.h"

namespace vouch::client {
namespace {

constexpr absl::string_view kScheme = "http://";
constexpr size_t kLargest = crypto::kLargestNote;

// Ends what the client is at when it has not come to its end within `patience`. The client's own
// times are of each reading: a server that sends a byte now and then, in a header or behind it,
// would be waited for without end.
class Deadline {
 public:
  Deadline(httplib::Client* client, absl::Duration patience)
      : watch_([this, client, patience] {
          std::unique_lock<std::mutex> lock(mutex_);
          auto wait = absl::ToChronoMilliseconds(patience);
          // Again, should it have been connecting: then there was nothing yet to end.
          while (!changed_.wait_for(lock, wait, [this] { return done_; })) {
            passed_ = true;
            client->stop();
            wait = std::chrono::milliseconds(50);
          }
        }) {}
  ~Deadline() { Passed(); }
  Deadline(const Deadline&) = delete;

  // Whether it was ended; from then on it is not any more.
  bool Passed() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    if (watch_.joinable()) watch_.join();
    return passed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  bool passed_ = false;
  std::thread watch_;  // the last: it uses what stands before it
};

}  // namespace

class HttpLog::Connection {
 public:
  Connection(const std::string& host, int port, absl::Duration patience)
      : client_(host, port), where_(absl::StrCat(host, ":", port)), patience_(patience) {
    const auto seconds = static_cast<time_t>(absl::ToInt64Seconds(patience));
    client_.set_connection_timeout(seconds, 0);
    client_.set_read_timeout(seconds, 0);
    client_.set_write_timeout(seconds, 0);
    client_.set_keep_alive(true);
    client_.set_tcp_nodelay(true);
  }

  absl::StatusOr<std::string> Get(const std::string& path) {
    std::string body;
    int status = 0;
    Deadline deadline(&client_, patience_);
    const httplib::Result result = client_.Get(
        path,
        [&](const httplib::Response& response) {
          status = response.status;
          return true;
        },
        [&](const char* bytes, size_t size) {
          body.append(bytes, std::min(size, kLargest + 1 - std::min(body.size(), kLargest + 1)));
          return body.size() <= kLargest;
        });
    if (deadline.Passed()) {
      return absl::UnavailableError(absl::StrCat(where_, " did not give ", path, " within ",
                                                 absl::FormatDuration(patience_)));
    }
    if (!result && body.size() <= kLargest) {
      return absl::UnavailableError(
          absl::StrCat(where_, " could not be asked: ", httplib::to_string(result.error())));
    }
    if (body.size() > kLargest) return absl::DataLossError(absl::StrCat(path, " is too large"));
    if (status == 404) return absl::NotFoundError(absl::StrCat(where_, " has no ", path));
    if (status != 200) {
      return absl::UnavailableError(absl::StrCat(where_, " answers ", path, " with ", status));
    }
    return body;
  }

 private:
  httplib::Client client_;
  const std::string where_;
  const absl::Duration patience_;
};

HttpLog::HttpLog(std::unique_ptr<Connection> connection, std::string prefix)
    : connection_(std::move(connection)), prefix_(std::move(prefix)) {}
HttpLog::~HttpLog() = default;

bool HttpLog::IsAddress(absl::string_view target) {
  return absl::StartsWith(target, kScheme) || absl::StartsWith(target, "https://");
}

absl::StatusOr<std::unique_ptr<HttpLog>> HttpLog::Open(absl::string_view address,
                                                       absl::Duration patience) {
  absl::string_view rest = address;
  if (!absl::ConsumePrefix(&rest, kScheme)) {
    return absl::InvalidArgumentError(absl::StrCat(
        address,
        ": only http:// is read here; what is signed needs no other. Of https:// fetch "
        "the files with a program of your own, and verify the folder"));
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  const absl::string_view authority = rest.substr(0, slash);
  std::string prefix(absl::StripSuffix(rest.substr(slash), "/"));
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  absl::string_view host = authority;
  int port = 80;
  if (colon != absl::string_view::npos && (bracket == absl::string_view::npos || colon > bracket)) {
    host = authority.substr(0, colon);
    if (!absl::SimpleAtoi(authority.substr(colon + 1), &port) || port < 1 || port > 65535) {
      return absl::InvalidArgumentError(absl::StrCat(address, ": expected http://HOST:PORT"));
    }
  }
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  if (host.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(address, ": expected http://HOST:PORT"));
  }
  auto connection = std::make_unique<Connection>(std::string(host), port, patience);
  if (prefix.empty()) {
    const absl::StatusOr<std::string> logs = connection->Get("/");
    if (!logs.ok()) return logs.status();
    const std::vector<std::string> names =
        absl::StrSplit(absl::StripAsciiWhitespace(*logs), '\n', absl::SkipWhitespace());
    // The newest stands last.
    if (names.empty() || !crypto::IsNoteKeyName(names.back())) {
      return absl::NotFoundError(
          absl::StrCat(address, " does not say which logs it has; add the log's path"));
    }
    prefix = absl::StrCat("/", names.back());
  }
  return std::unique_ptr<HttpLog>(new HttpLog(std::move(connection), std::move(prefix)));
}

absl::StatusOr<std::string> HttpLog::ReadCheckpointNote() const {
  return connection_->Get(absl::StrCat(prefix_, "/checkpoint"));
}

absl::StatusOr<std::vector<crypto::Digest>> HttpLog::ReadTile(const crypto::Tile& tile) const {
  const absl::StatusOr<std::string> bytes =
      connection_->Get(absl::StrCat(prefix_, "/", crypto::TilePath(tile)));
  if (absl::IsNotFound(bytes.status())) return absl::DataLossError(bytes.status().message());
  if (!bytes.ok()) return bytes.status();
  return crypto::DecodeTile(*bytes, tile.width);
}

}  // namespace vouch::client
