// GET and HEAD over plain HTTP/1.1 (RFC 9112), for many connections on one thread: one that is
// idle, or sends or takes slowly, costs some memory and holds nobody up. What is answered is small,
// and found quickly.
#ifndef VOUCH_SERVER_PLAIN_HTTP_H_
#define VOUCH_SERVER_PLAIN_HTTP_H_

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vouch::server {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;  // besides type and length
};

struct PlainHttpOptions {
  // Of a GET; called on the one thread, with the target exactly as it was sent.
  std::function<HttpAnswer(absl::string_view target)> answer;
  // Whoever comes when so many are there takes the place of the one that has waited longest.
  size_t most_connections = 256;
  // For a request to arrive, for a response to be taken, and between the two.
  std::chrono::milliseconds patience = std::chrono::seconds(5);
};

class PlainHttp {
 public:
  // "host:port"; port 0 takes a free one. InvalidArgument for anything else, Unavailable when it
  // cannot be bound.
  static absl::StatusOr<std::unique_ptr<PlainHttp>> Serve(const std::string& address,
                                                          PlainHttpOptions options);
  // Closes every connection at once.
  ~PlainHttp();
  PlainHttp(const PlainHttp&) = delete;
  int port() const { return port_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    int socket = -1;
    std::string in;   // of the request that is arriving
    std::string out;  // of the response that is being taken
    size_t sent = 0;
    bool last = false;     // closed after the response
    bool leaving = false;  // nothing more is said: what still comes is thrown away
    Clock::time_point since;
  };

  explicit PlainHttp(PlainHttpOptions options) : options_(std::move(options)) {}
  absl::Status Bind(const std::string& address);
  void Loop();
  void Accept();
  void MakeRoom();
  // False when the connection is over.
  bool Go(Connection* connection);
  bool Receive(Connection* connection);
  bool Send(Connection* connection);
  // Takes a whole request from what has arrived, if there is one, and makes its response.
  void TakeRequest(Connection* connection) const;
  HttpAnswer Respond(absl::string_view head, bool* is_head, bool* last) const;

  const PlainHttpOptions options_;
  int listener_ = -1;
  int wake_ = -1;  // readable: to be ended
  int port_ = 0;
  Clock::time_point accept_after_;
  std::list<Connection> connections_;
  std::thread thread_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_PLAIN_HTTP_H_
