#include "client/vouch/loopback_page.h"

#include <httplib.h>

#include <array>
#include <atomic>
#include <csignal>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "crypto/secret.h"

namespace vouch::client {
namespace {

constexpr size_t kMostBytes = size_t{1} << 20;
constexpr size_t kMostTokens = 64;

std::string RandomName() {
  std::array<uint8_t, 16> bytes;
  crypto::FillRandom(absl::MakeSpan(bytes));
  return crypto::Hex(bytes);
}

bool Same(const std::string& a, const std::string& b) {
  return crypto::ConstantTimeEqual(crypto::AsBytes(a), crypto::AsBytes(b));
}

class ServedPage : public LoopbackPage {
 public:
  ServedPage(const std::vector<std::string>& styles, Handler handler)
      : handler_(std::move(handler)), prefix_(absl::StrCat("/", RandomName(), "/")) {
    std::vector<std::string> hashes;
    for (const std::string& style : styles) {
      const crypto::Digest digest = crypto::Sha256(style);
      hashes.push_back(
          absl::StrCat("'sha256-",
                       absl::Base64Escape(absl::string_view(
                           reinterpret_cast<const char*>(digest.data()), digest.size())),
                       "'"));
    }
    // Not "no-referrer": a browser would then send "Origin: null" with our own forms.
    server_.set_default_headers(
        {{"Content-Security-Policy",
          absl::StrCat("default-src 'none'; style-src ", absl::StrJoin(hashes, " "),
                       "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")},
         {"Referrer-Policy", "same-origin"},
         {"X-Content-Type-Options", "nosniff"},
         {"X-Frame-Options", "DENY"},
         {"Cross-Origin-Resource-Policy", "same-origin"},
         {"Cross-Origin-Opener-Policy", "same-origin"},
         {"Cache-Control", "no-store"}});
    // Blocked before the address is known to anybody and before the server's threads begin, so that
    // only Serve hears them.
    sigemptyset(&ends_);
    sigaddset(&ends_, SIGINT);
    sigaddset(&ends_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends_, &before_);
    server_.set_payload_max_length(kMostBytes);
    server_.set_read_timeout(5, 0);
    server_.set_write_timeout(5, 0);
    // One request a connection: what is left of a body that was refused unread never becomes the
    // next request.
    server_.set_keep_alive_max_count(1);
    // Browsers open a connection more than they use; it is not to hold up the end.
    server_.set_keep_alive_timeout(1);
    server_.set_tcp_nodelay(true);
    // The library takes ownership.
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    server_.set_socket_options([](socket_t) {});  // the library's own would share the port
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          return Guard(request, &response);
        });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          Plain(500, "The page could not be made.", &response);
        });
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, &response);
    };
    server_.Get("/.*", answer);
    server_.Post("/.*", answer);
  }

  ~ServedPage() override { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  absl::Status Bind(int port) {
    port_ = port == 0                                 ? server_.bind_to_any_port("127.0.0.1")
            : server_.bind_to_port("127.0.0.1", port) ? port
                                                      : -1;
    if (port_ <= 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "port ", port, " on 127.0.0.1 cannot be had; name another with --port, or 0"));
    }
    hosts_ = {absl::StrCat("127.0.0.1:", port_), absl::StrCat("localhost:", port_),
              absl::StrCat("[::1]:", port_)};
    address_ = absl::StrCat("http://", hosts_.front(), prefix_);
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void Serve() override {
    std::thread ending([this] {
      const timespec wait{0, 100 * 1000 * 1000};
      while (!ended_) {
        if (sigtimedwait(&ends_, nullptr, &wait) > 0) ended_ = true;
      }
      // Until the last reply is out, and the server has begun.
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      server_.stop();
    });
    server_.listen_after_bind();
    ended_ = true;
    ending.join();
  }

 private:
  using Outcome = httplib::Server::HandlerResponse;

  static void Plain(int status, const std::string& text, httplib::Response* response) {
    response->status = status;
    response->set_content(absl::StrCat(text, "\n"), "text/plain; charset=utf-8");
  }
  static Outcome Refuse(int status, const std::string& text, httplib::Response* response) {
    Plain(status, text, response);
    return Outcome::Handled;
  }

  Outcome Guard(const httplib::Request& request, httplib::Response* response) const {
    const std::string host = request.get_header_value("Host");
    bool ours = false;
    for (const std::string& one : hosts_) ours = ours || host == one;
    if (!ours || request.get_header_value_count("Host") != 1) {
      return Refuse(403, "This address is not served under that name.", response);
    }
    const bool post = request.method == "POST";
    const std::string site = request.get_header_value("Sec-Fetch-Site");
    if (!site.empty() && site != "same-origin" && (post || site != "none")) {
      return Refuse(403, "Another site asked for this page; type its address instead.", response);
    }
    if (post && request.get_header_value("Origin") != absl::StrCat("http://", host)) {
      return Refuse(403, "This form was not sent from its own page.", response);
    }
    if (request.path.size() < prefix_.size() ||
        !Same(request.path.substr(0, prefix_.size()), prefix_)) {
      return Refuse(404, "There is nothing here.", response);
    }
    if (!post && request.method != "GET") return Refuse(405, "Not offered.", response);
    return Outcome::Unhandled;
  }

  void Answer(const httplib::Request& request, httplib::Response* response) {
    const std::lock_guard<std::mutex> lock(mutex_);
    PageRequest asked;
    asked.page = request.path.substr(prefix_.size());
    asked.submitted = request.method == "POST";
    for (const auto& [name, part] : request.files) asked.fields[name] = part.content;
    if (asked.submitted && !KnowsToken(asked.fields["token"])) {
      Plain(403, "This form is too old or not ours. Go back, open the page again, and repeat.",
            response);
      return;
    }
    asked.token = RandomName();
    tokens_.push_back(asked.token);
    if (tokens_.size() > kMostTokens) tokens_.pop_front();
    const PageReply reply = handler_(asked);
    response->status = reply.status;
    response->set_content(reply.html, "text/html; charset=utf-8");
    if (reply.end) ended_ = true;
  }

  bool KnowsToken(const std::string& token) const {
    bool known = false;
    for (const std::string& one : tokens_) known = Same(one, token) || known;
    return known;
  }

  Handler handler_;
  const std::string prefix_;
  std::string address_;
  std::vector<std::string> hosts_;
  int port_ = 0;
  sigset_t ends_;
  sigset_t before_;
  httplib::Server server_;
  std::atomic<bool> ended_{false};
  std::mutex mutex_;  // of what follows, and of handler_
  std::deque<std::string> tokens_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LoopbackPage>> LoopbackPage::Open(
    int port, const std::vector<std::string>& styles, Handler handler) {
  auto page = std::make_unique<ServedPage>(styles, std::move(handler));
  if (absl::Status bound = page->Bind(port); !bound.ok()) return bound;
  return page;
}

}  // namespace vouch::client
