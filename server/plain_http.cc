#include "server/plain_http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vouch::server {

namespace {

constexpr size_t kLargestHead = 8 << 10;
constexpr int kBacklog = 1024;
constexpr char kEndOfHead[] = "\r\n\r\n";
constexpr std::chrono::milliseconds kWithoutSockets(100);

absl::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

HttpAnswer Plain(int status, absl::string_view text) {
  HttpAnswer answer;
  answer.status = status;
  answer.body = absl::StrCat(text, "\n");
  return answer;
}

std::string BytesOf(const HttpAnswer& answer, bool is_head, bool last) {
  std::string out = absl::StrCat(
      "HTTP/1.1 ", answer.status, " ", ReasonOf(answer.status), "\r\nContent-Type: ", answer.type,
      "\r\nContent-Length: ", answer.body.size(), "\r\nX-Content-Type-Options: nosniff\r\n");
  for (const auto& [name, value] : answer.headers) {
    absl::StrAppend(&out, name, ": ", value, "\r\n");
  }
  absl::StrAppend(&out, last ? "Connection: close\r\n" : "", "\r\n", is_head ? "" : answer.body);
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PlainHttp>> PlainHttp::Serve(const std::string& address,
                                                            PlainHttpOptions options) {
  std::unique_ptr<PlainHttp> site(new PlainHttp(std::move(options)));
  if (absl::Status bound = site->Bind(address); !bound.ok()) return bound;
  site->thread_ = std::thread([site = site.get()] { site->Loop(); });
  return site;
}

PlainHttp::~PlainHttp() {
  if (thread_.joinable()) {
    eventfd_write(wake_, 1);
    thread_.join();
  }
  for (const Connection& one : connections_) close(one.socket);
  if (listener_ >= 0) close(listener_);
  if (wake_ >= 0) close(wake_);
}

absl::Status PlainHttp::Bind(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port)) {
    return absl::InvalidArgumentError(absl::StrCat(address, " is no host and port"));
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  const absl::Status cannot = absl::UnavailableError(
      absl::StrCat("cannot be served over HTTP on ", address, ": is the address free and ours?"));
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(host).c_str(), absl::StrCat(port).c_str(), &wanted, &found) != 0) {
    return cannot;
  }
  for (const addrinfo* one = found; one != nullptr && listener_ < 0; one = one->ai_next) {
    const int socket =
        ::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, one->ai_protocol);
    if (socket < 0) continue;
    // A restart takes the port again; nobody shares it.
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(socket, one->ai_addr, one->ai_addrlen) == 0 && listen(socket, kBacklog) == 0) {
      listener_ = socket;
    } else {
      close(socket);
    }
  }
  freeaddrinfo(found);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (listener_ < 0 || wake_ < 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return cannot;
  }
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                            : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
  return absl::OkStatus();
}

void PlainHttp::Loop() {
  std::vector<pollfd> polled;
  while (true) {
    const Clock::time_point now = Clock::now();
    for (auto one = connections_.begin(); one != connections_.end();) {
      const bool late = now - one->since >= options_.patience;
      if (late) close(one->socket);
      one = late ? connections_.erase(one) : std::next(one);
    }
    Clock::time_point next = now + std::chrono::hours(1);
    polled.clear();
    polled.push_back({wake_, POLLIN, 0});
    const bool accepts = now >= accept_after_;
    polled.push_back({accepts ? listener_ : -1, POLLIN, 0});
    if (!accepts) next = accept_after_;
    for (const Connection& one : connections_) {
      const bool sends = !one.out.empty();
      polled.push_back({one.socket, static_cast<int16_t>(sends ? POLLOUT : POLLIN), 0});
      next = std::min(next, one.since + options_.patience);
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
    if (poll(polled.data(), polled.size(), static_cast<int>(std::min<int64_t>(wait, INT_MAX))) <
        0) {
      continue;  // interrupted
    }
    if (polled[0].revents != 0) return;
    size_t at = 2;
    for (auto one = connections_.begin(); one != connections_.end(); ++at) {
      const bool over = polled[at].revents != 0 && !Go(&*one);
      if (over) close(one->socket);
      one = over ? connections_.erase(one) : std::next(one);
    }
    if (polled[1].revents != 0) Accept();
  }
}

void PlainHttp::Accept() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      // The process has no more of them: whoever has waited longest gives one back.
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        MakeRoom();
        accept_after_ = Clock::now() + kWithoutSockets;
      }
      return;
    }
    const int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connections_.size() >= options_.most_connections) MakeRoom();
    connections_.emplace_back();
    connections_.back().socket = socket;
    connections_.back().since = Clock::now();
  }
}

void PlainHttp::MakeRoom() {
  if (connections_.empty()) return;
  // Who is being answered goes last.
  const auto longest = std::min_element(
      connections_.begin(), connections_.end(), [](const Connection& a, const Connection& b) {
        return std::make_pair(!a.out.empty(), a.since) < std::make_pair(!b.out.empty(), b.since);
      });
  close(longest->socket);
  connections_.erase(longest);
}

bool PlainHttp::Go(Connection* connection) {
  return connection->out.empty() ? Receive(connection) : Send(connection);
}

bool PlainHttp::Receive(Connection* connection) {
  char bytes[4096];
  const ssize_t got = recv(connection->socket, bytes, sizeof(bytes), 0);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  if (got == 0) return false;
  if (connection->leaving) return true;
  // From its first byte on a request has its own time.
  if (connection->in.empty()) connection->since = Clock::now();
  connection->in.append(bytes, static_cast<size_t>(got));
  TakeRequest(connection);
  return connection->out.empty() || Send(connection);
}

bool PlainHttp::Send(Connection* connection) {
  Connection& one = *connection;
  while (one.sent < one.out.size()) {
    const ssize_t sent =
        send(one.socket, one.out.data() + one.sent, one.out.size() - one.sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    one.sent += static_cast<size_t>(sent);
  }
  one.out.clear();
  one.sent = 0;
  one.since = Clock::now();
  if (one.last) {
    // Closed at once, what the other is still sending would take the response from it.
    one.leaving = true;
    one.in.clear();
    return shutdown(one.socket, SHUT_WR) == 0;
  }
  // One that follows at once is answered when the others had their turn.
  TakeRequest(connection);
  return true;
}

void PlainHttp::TakeRequest(Connection* connection) const {
  std::string& in = connection->in;
  const size_t end = in.find(kEndOfHead);
  if (end == std::string::npos && in.size() < kLargestHead) return;
  bool is_head = false;
  HttpAnswer answer;
  if (end > kLargestHead) {  // or nowhere
    answer = Plain(431, "This request is too large.");
    connection->last = true;
  } else {
    answer = Respond(absl::string_view(in).substr(0, end), &is_head, &connection->last);
    in.erase(0, end + sizeof(kEndOfHead) - 1);
  }
  connection->out = BytesOf(answer, is_head, connection->last);
  connection->since = Clock::now();
}

HttpAnswer PlainHttp::Respond(absl::string_view head, bool* is_head, bool* last) const {
  const std::vector<absl::string_view> lines = absl::StrSplit(head, "\r\n");
  const std::vector<absl::string_view> request = absl::StrSplit(lines[0], ' ');
  *last = true;
  if (request.size() != 3 || request[0].empty() || request[1].empty() ||
      (request[2] != "HTTP/1.1" && request[2] != "HTTP/1.0")) {
    return Plain(400, "This is no request of HTTP/1.1.");
  }
  bool has_body = false;
  bool closes = request[2] == "HTTP/1.0";
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(':');
    if (colon == absl::string_view::npos || colon == 0 || lines[i][colon - 1] == ' ' ||
        lines[i][0] == ' ' || lines[i][0] == '\t') {
      return Plain(400, "A line of this request is no header.");
    }
    const absl::string_view name = lines[i].substr(0, colon);
    const absl::string_view value = absl::StripAsciiWhitespace(lines[i].substr(colon + 1));
    if (absl::EqualsIgnoreCase(name, "Connection")) {
      closes = closes || absl::EqualsIgnoreCase(value, "close");
    } else if (absl::EqualsIgnoreCase(name, "Transfer-Encoding")) {
      has_body = true;
    } else if (absl::EqualsIgnoreCase(name, "Content-Length")) {
      has_body = has_body || value != "0";
    }
  }
  // What follows a body is not looked for.
  *last = closes || has_body;
  *is_head = request[0] == "HEAD";
  if (!*is_head && request[0] != "GET") {
    HttpAnswer answer = Plain(405, "This is read with GET and HEAD.");
    answer.headers.emplace_back("Allow", "GET, HEAD");
    return answer;
  }
  if (has_body) return Plain(413, "A request here has no body.");
  return options_.answer(request[1]);
}

}  // namespace vouch::server
