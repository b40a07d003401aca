#include "server/ledger_http.h"

#include <httplib.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"

namespace vouch::server {

namespace {

constexpr int kThreads = 4;
constexpr size_t kMostWaiting = 64;  // connections; more wait in the kernel
constexpr size_t kMostBody = 0;
constexpr time_t kSeconds = 5;  // to send a request, to take a response, between two
constexpr size_t kRequestsAConnection = 1000;
constexpr size_t kLongestPath = 600;
constexpr char kCheckpoint[] = "/checkpoint";
// A tile's bytes never change; a narrow one gives way to wider ones.
constexpr char kForEver[] = "public, max-age=31536000, immutable";
constexpr char kForAnHour[] = "public, max-age=3600";

// The library's own takes every connection at once, however many there are.
class BoundedThreads final : public httplib::TaskQueue {
 public:
  BoundedThreads() {
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Run(); });
  }
  void enqueue(std::function<void()> connection) override {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || waiting_.size() < kMostWaiting; });
    waiting_.push_back(std::move(connection));
    changed_.notify_all();
  }
  void shutdown() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const std::function<void()> next = std::move(waiting_.front());
      waiting_.pop_front();
      changed_.notify_all();
      lock.unlock();
      next();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool ended_ = false;
  std::vector<std::thread> threads_;
};

void Plain(int status, absl::string_view text, httplib::Response* response) {
  response->status = status;
  response->set_content(absl::StrCat(text, "\n"), "text/plain; charset=utf-8");
}

}  // namespace

class LedgerHttp::Site {
 public:
  explicit Site(LedgerLog* log) : log_(log) {
    server_.set_default_headers({{"X-Content-Type-Options", "nosniff"}});
    server_.set_payload_max_length(kMostBody);
    server_.set_read_timeout(kSeconds, 0);
    server_.set_write_timeout(kSeconds, 0);
    server_.set_keep_alive_timeout(kSeconds);
    server_.set_keep_alive_max_count(kRequestsAConnection);
    server_.set_tcp_nodelay(true);
    // The library takes ownership.
    server_.new_task_queue = [] { return new BoundedThreads(); };
    // A restart takes the port again; nobody shares it, as with the library's own choice.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          Answer(request, &response);
          return httplib::Server::HandlerResponse::Handled;
        });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          Plain(500, "This could not be answered.", &response);
        });
  }
  ~Site() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Begin(const std::string& address) {
    const size_t colon = address.rfind(':');
    int port = 0;
    if (colon == std::string::npos ||
        !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port)) {
      return absl::InvalidArgumentError(absl::StrCat(address, " is no host and port"));
    }
    absl::string_view host = absl::string_view(address).substr(0, colon);
    if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
    const std::string name(host);
    port_ = port == 0                                  ? server_.bind_to_any_port(name.c_str())
            : server_.bind_to_port(name.c_str(), port) ? port
                                                       : -1;
    if (port_ <= 0) {
      return absl::UnavailableError(absl::StrCat("cannot serve the ledger over HTTP on ", address,
                                                 ": is the address free and ours?"));
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // Only a server that has begun can be stopped.
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return absl::OkStatus();
  }
  int port() const { return port_; }

 private:
  void Answer(const httplib::Request& request, httplib::Response* response) const {
    if (request.method != "GET" && request.method != "HEAD") {
      response->set_header("Allow", "GET, HEAD");
      return Plain(405, "A ledger is read here, with GET and HEAD.", response);
    }
    // As it was sent: nothing that is written in another way is a path of this site.
    absl::string_view path = request.target;
    if (path.size() > kLongestPath) return Plain(404, "There is nothing here.", response);
    const std::string origin(log_->origin());
    if (path == "/") {
      response->set_header("Cache-Control", "no-store");
      return Plain(200, absl::StrJoin(log_->origins(), "\n"), response);
    }
    // Logs of years that are over go on being served below their own names.
    absl::optional<std::string> log;
    for (const std::string& one : log_->origins()) {
      if (absl::StartsWith(path, absl::StrCat("/", one, "/"))) log = one;
    }
    if (!log.has_value()) {
      return Plain(404, absl::StrCat("The ledger that is served here is below /", origin, "/"),
                   response);
    }
    path.remove_prefix(1 + log->size());
    if (path == kCheckpoint) return Checkpoint(*log, response);
    path.remove_prefix(1);
    const absl::StatusOr<std::string> tile = log_->File(path, /*entries=*/false, *log);
    if (tile.ok()) {
      response->set_header("Cache-Control", absl::StrContains(path, ".p/") ? kForAnHour : kForEver);
      return response->set_content(*tile, "application/octet-stream");
    }
    if (absl::IsPermissionDenied(tile.status())) {
      return Plain(404,
                   "Entries are not served over HTTP: each is shown to its requester and to "
                   "oversight, by the node's Ledger service.",
                   response);
    }
    if (absl::IsNotFound(tile.status()) || absl::IsInvalidArgument(tile.status()) ||
        absl::IsOutOfRange(tile.status())) {
      return Plain(404, "The ledger has no such tile.", response);
    }
    Later(response);
  }

  void Checkpoint(const std::string& log, httplib::Response* response) const {
    const absl::StatusOr<LedgerLog::Signed> head = log_->Checkpoint(log);
    if (!head.ok()) return Later(response);
    response->set_header("Cache-Control", "no-store");
    response->set_content(*head->note, "text/plain; charset=utf-8");
  }

  static void Later(httplib::Response* response) {
    response->set_header("Retry-After", "5");
    Plain(503, "The ledger cannot be read now.", response);
  }

  LedgerLog* const log_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

LedgerHttp::LedgerHttp(std::unique_ptr<Site> site) : site_(std::move(site)) {}
LedgerHttp::~LedgerHttp() = default;

int LedgerHttp::port() const { return site_->port(); }

absl::StatusOr<std::unique_ptr<LedgerHttp>> LedgerHttp::Serve(const std::string& address,
                                                              LedgerLog* log) {
  auto site = std::make_unique<Site>(log);
  if (absl::Status begun = site->Begin(address); !begun.ok()) return begun;
  return std::unique_ptr<LedgerHttp>(new LedgerHttp(std::move(site)));
}

}  // namespace vouch::server
