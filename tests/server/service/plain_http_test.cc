// A site that answers at once whoever asks, however many others do nothing.
#include "server/plain_http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vouch::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kGet[] = "GET /here HTTP/1.1\r\nHost: tax\r\n\r\n";
// Far less than those who do nothing are waited for.
constexpr absl::Duration kSoon = absl::Seconds(4);
constexpr char kLast[] = "GET /here HTTP/1.1\r\nHost: tax\r\nConnection: close\r\n\r\n";

class Client {
 public:
  explicit Client(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& Send(const std::string& bytes) {
    (void)send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return *this;
  }
  // False when it was closed, or is no longer read.
  bool SendAll(const std::string& bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // By the other side, and not only silent.
  bool IsClosed() {
    char byte = 0;
    return recv(socket_, &byte, 1, 0) == 0;
  }
  // Up to and with these words; or to the end.
  std::string Until(const std::string& words) {
    std::string all;
    char byte = 0;
    while (!absl::EndsWith(all, words) && recv(socket_, &byte, 1, 0) == 1) all += byte;
    return all;
  }
  std::string All() {
    std::string all;
    char bytes[4096];
    for (ssize_t got = 0; (got = recv(socket_, bytes, sizeof(bytes), 0)) > 0;) {
      all.append(bytes, static_cast<size_t>(got));
    }
    return all;
  }

 private:
  const int socket_;
};

class PlainHttpTest : public ::testing::Test {
 protected:
  PlainHttpTest() {
    options_.answer = [this](absl::string_view target) {
      ++asked_;
      HttpAnswer answer;
      answer.body = absl::StrCat("this is ", target);
      answer.headers.emplace_back("Cache-Control", "no-store");
      if (target == "/large") answer.body = std::string(16 << 20, 'x');
      return answer;
    };
  }
  void Serve() {
    auto site = PlainHttp::Serve("127.0.0.1:0", options_);
    ASSERT_TRUE(site.ok()) << site.status();
    site_ = *std::move(site);
  }
  std::vector<std::unique_ptr<Client>> Idle(int count, const std::string& sends = "") const {
    std::vector<std::unique_ptr<Client>> idle;
    for (int i = 0; i < count; ++i) {
      idle.push_back(std::make_unique<Client>(site_->port()));
      if (!sends.empty()) idle.back()->Send(sends);
    }
    return idle;
  }
  // How long an answer takes.
  absl::Duration Asked() const {
    const absl::Time begin = absl::Now();
    EXPECT_THAT(Client(site_->port()).Send(kLast).All(), EndsWith("this is /here"));
    return absl::Now() - begin;
  }
  std::string Said(const std::string& request) const {
    return Client(site_->port()).Send(request).All();
  }

  PlainHttpOptions options_;
  std::atomic<int> asked_{0};
  std::unique_ptr<PlainHttp> site_;
};

TEST_F(PlainHttpTest, AnswersOverOneConnectionOrMany) {
  Serve();
  Client client(site_->port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Send(kGet).Until("this is /here"),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n"
              "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\nthis is /here");
  }
  EXPECT_THAT(client.Send(kLast).All(), HasSubstr("Connection: close"));
  // Several at once, and in pieces.
  Client eager(site_->port());
  eager.Send(absl::StrCat(kGet, kGet, "HEAD /he"));
  eager.Until("this is /here");
  eager.Until("this is /here");
  const std::string head = eager.Send("re HTTP/1.1\r\nHost: tax\r\n\r\n").Until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(eager.Send(kLast).All(), StartsWith("HTTP/1.1 200 OK")) << "no body came with HEAD";
}

TEST_F(PlainHttpTest, WhoSendsNothingHoldsNobodyUp) {
  Serve();
  const auto idle = Idle(100);
  EXPECT_LT(Asked(), kSoon);
}

TEST_F(PlainHttpTest, WhoSendsHalfARequestHoldsNobodyUp) {
  Serve();
  const auto idle = Idle(100, "GET / HTTP/1.1\r\n");
  EXPECT_LT(Asked(), kSoon);
}

TEST_F(PlainHttpTest, WhoTakesNothingHoldsNobodyUp) {
  Serve();
  const auto idle = Idle(4, "GET /large HTTP/1.1\r\n\r\n");
  EXPECT_LT(Asked(), kSoon);
}

TEST_F(PlainHttpTest, WhoComesWhenItIsFullTakesThePlaceOfWhoWaitedLongest) {
  options_.most_connections = 10;
  options_.patience = std::chrono::hours(1);
  Serve();
  auto idle = Idle(10);
  EXPECT_LT(Asked(), kSoon);
  EXPECT_TRUE(idle[0]->IsClosed());
  EXPECT_THAT(idle[9]->Send(kGet).Until("this is /here"), StartsWith("HTTP/1.1 200"));
  const auto more = Idle(300);
  EXPECT_LT(Asked(), kSoon);
  EXPECT_TRUE(idle[1]->IsClosed());
}

TEST_F(PlainHttpTest, PatienceEndsHoweverSlowlyBytesCome) {
  options_.patience = std::chrono::seconds(1);
  Serve();
  Client slow(site_->port());
  // Far more often than it is waited for, and for longer.
  absl::Time begin = absl::Now();
  while (absl::Now() - begin < absl::Milliseconds(2500) && slow.SendAll("G")) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
  begin = absl::Now();
  EXPECT_TRUE(Client(site_->port()).IsClosed()) << "nor does it wait for ever for nothing";
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
}

TEST_F(PlainHttpTest, WhatIsNoRequestIsRefusedAndNeverAnswered) {
  Serve();
  for (const char* wrong :
       {"\r\n\r\n", "GET\r\n\r\n", "GET /here\r\n\r\n", "GET  /here HTTP/1.1\r\n\r\n",
        "GET /here HTTP/2.0\r\n\r\n", "GET /here HTTP/1.1\r\nno header\r\n\r\n",
        "GET /here HTTP/1.1\r\n: x\r\n\r\n", "GET /here HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /here HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n"}) {
    EXPECT_THAT(Said(wrong), StartsWith("HTTP/1.1 400 ")) << wrong;
  }
  EXPECT_THAT(Said(std::string(20000, 'x')), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(Said("POST /here HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
              HasSubstr("Allow: GET, HEAD\r\n"));
  // A body is not taken for the next request, and who sends one hears the answer.
  for (const char* header : {"Content-Length: 2000000", "Transfer-Encoding: chunked",
                             "Content-Length: 0\r\nContent-Length: 41"}) {
    const std::string said = Said(
        absl::StrCat("GET /here HTTP/1.1\r\n", header, "\r\n\r\n", std::string(50000, 'x'), kGet));
    EXPECT_THAT(said, StartsWith("HTTP/1.1 413 ")) << header;
    EXPECT_THAT(said, Not(HasSubstr("this is")));
  }
  EXPECT_EQ(asked_, 0);
  // However much is still on its way when the answer is clear.
  Client talker(site_->port());
  EXPECT_TRUE(talker.SendAll(absl::StrCat("GET /here HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n",
                                          std::string(8 << 20, 'x'))));
  EXPECT_THAT(talker.All(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(PlainHttpTest, EndsWithConnectionsOpenAndGivesThePortBack) {
  Serve();
  const int port = site_->port();
  const auto idle = Idle(20);
  const auto eager = Idle(4, "GET /large HTTP/1.1\r\n\r\n");
  const absl::Time begin = absl::Now();
  site_.reset();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
  EXPECT_TRUE(PlainHttp::Serve(absl::StrCat("127.0.0.1:", port), options_).ok());
}

TEST_F(PlainHttpTest, AnAddressThatIsTakenOrNoneIsRefused) {
  Serve();
  EXPECT_TRUE(absl::IsUnavailable(
      PlainHttp::Serve(absl::StrCat("127.0.0.1:", site_->port()), options_).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(PlainHttp::Serve("127.0.0.1", options_).status()));
  EXPECT_TRUE(PlainHttp::Serve("[::1]:0", options_).ok());
}

}  // namespace
}  // namespace vouch::server
