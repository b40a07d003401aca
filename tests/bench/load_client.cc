#include "tests/bench/load_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <deque>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace vouch::bench {

namespace {

using Clock = std::chrono::steady_clock;

// RFC 9113, section 6.
enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
};
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kAck = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr int64_t kInitialWindow = 65535;
constexpr uint32_t kOwnWindow = 1u << 30;

void AppendU32(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t ReadU32(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

void AppendFrame(FrameType type, uint8_t flags, uint32_t stream, const std::string& payload,
                 std::string* out) {
  AppendU32(static_cast<uint32_t>(payload.size()) << 8 | type, out);
  out->push_back(static_cast<char>(flags));
  AppendU32(stream, out);
  out->append(payload);
}

// Short strings only (RFC 7541, section 5.2, no Huffman code).
void AppendText(const std::string& text, std::string* out) {
  out->push_back(static_cast<char>(text.size()));
  out->append(text);
}

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

class Connection {
 public:
  struct Ended {
    uint64_t call = 0;
    bool answered = false;
    std::string trailers;
  };

  ~Connection() {
    session_.reset();
    if (socket_ >= 0) close(socket_);
  }

  absl::Status Open(SSL_CTX* context, const LoadOptions& options) {
    path_ = options.path;
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      return absl::UnavailableError("cannot connect");
    }
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    session_.reset(SSL_new(context));
    SSL_set_fd(session_.get(), socket_);
    SSL_set_tlsext_host_name(session_.get(), "localhost");
    if (SSL_connect(session_.get()) != 1) return absl::UnavailableError("the handshake failed");
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    AppendFrame(kSettings, 0, 0, "", &out_);
    std::string grow;
    AppendU32(kOwnWindow, &grow);
    AppendFrame(kWindowUpdate, 0, 0, grow, &out_);
    return absl::OkStatus();
  }

  int socket() const { return socket_; }
  size_t in_flight() const { return calls_.size(); }
  uint32_t answer_bytes() const { return answer_bytes_; }
  bool wants_to_write() const { return sent_ < out_.size(); }
  bool MayStart(size_t body_bytes) const {
    return send_window_ >= static_cast<int64_t>(body_bytes + 5);
  }

  void Start(uint64_t call, const std::string& body) {
    const uint32_t stream = next_stream_;
    next_stream_ += 2;
    AppendFrame(kHeaders, kEndHeaders, stream, HeaderBlock(), &out_);
    std::string message(1, '\0');
    AppendU32(static_cast<uint32_t>(body.size()), &message);
    message += body;
    send_window_ -= static_cast<int64_t>(message.size());
    AppendFrame(kData, kEndStream, stream, message, &out_);
    calls_[stream] = {call, false};
  }

  absl::Status Write() {
    while (sent_ < out_.size()) {
      const int wrote = SSL_write(session_.get(), out_.data() + sent_,
                                  static_cast<int>(std::min<size_t>(out_.size() - sent_, 16384)));
      if (wrote <= 0) {
        const int error = SSL_get_error(session_.get(), wrote);
        if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return absl::OkStatus();
        return absl::UnavailableError("the connection broke");
      }
      sent_ += static_cast<size_t>(wrote);
    }
    out_.clear();
    sent_ = 0;
    return absl::OkStatus();
  }

  absl::Status Read(std::vector<Ended>* ended) {
    char buffer[16384];
    while (true) {
      const int got = SSL_read(session_.get(), buffer, sizeof(buffer));
      if (got <= 0) {
        if (SSL_get_error(session_.get(), got) == SSL_ERROR_WANT_READ) break;
        return absl::UnavailableError("the server ended the connection");
      }
      in_.append(buffer, static_cast<size_t>(got));
    }
    size_t at = 0;
    while (in_.size() - at >= 9) {
      const uint32_t head = ReadU32(&in_[at]);
      const size_t length = head >> 8;
      if (in_.size() - at < 9 + length) break;
      absl::Status status =
          Take(static_cast<FrameType>(head & 0xff), static_cast<uint8_t>(in_[at + 4]),
               ReadU32(&in_[at + 5]) & 0x7fffffff, &in_[at + 9], length, ended);
      if (!status.ok()) return status;
      at += 9 + length;
    }
    in_.erase(0, at);
    if (received_ > (kOwnWindow >> 1)) {
      std::string grow;
      AppendU32(static_cast<uint32_t>(received_), &grow);
      AppendFrame(kWindowUpdate, 0, 0, grow, &out_);
      received_ = 0;
    }
    return absl::OkStatus();
  }

 private:
  struct Call {
    uint64_t number = 0;
    bool has_message = false;
  };

  // RFC 7541: :method POST and :scheme https are in the static table. The first block puts the
  // other fields into the dynamic table, the last one put in has index 62.
  const std::string& HeaderBlock() {
    if (next_stream_ == 3) {
      first_block_ = "\x83\x87\x44";
      AppendText(path_, &first_block_);
      first_block_ += "\x41";
      AppendText("localhost", &first_block_);
      first_block_ += "\x5f";
      AppendText("application/grpc", &first_block_);
      first_block_ += "\x40";
      AppendText("te", &first_block_);
      AppendText("trailers", &first_block_);
      return first_block_;
    }
    static const std::string later = "\x83\x87\xc1\xc0\xbf\xbe";
    return later;
  }

  absl::Status Take(FrameType type, uint8_t flags, uint32_t stream, const char* payload,
                    size_t length, std::vector<Ended>* ended) {
    switch (type) {
      case kData: {
        received_ += length;
        auto call = calls_.find(stream);
        if (call != calls_.end() && length > 0) {
          // gRPC's prefix comes whole: a flag and the message's length.
          if (!call->second.has_message && length >= 5) answer_bytes_ = ReadU32(payload + 1);
          call->second.has_message = true;
        }
        if (flags & kEndStream) End(stream, "", ended);
        break;
      }
      case kHeaders:
        if (flags & kEndStream) End(stream, std::string(payload, length), ended);
        break;
      case kReset:
        End(stream, "reset", ended);
        break;
      case kSettings:
        if (!(flags & kAck)) AppendFrame(kSettings, kAck, 0, "", &out_);
        break;
      case kPing:
        if (!(flags & kAck)) AppendFrame(kPing, kAck, 0, std::string(payload, length), &out_);
        break;
      case kGoAway:
        return absl::UnavailableError("the server is going away");
      case kWindowUpdate:
        if (stream == 0 && length == 4) send_window_ += ReadU32(payload);
        break;
    }
    return absl::OkStatus();
  }

  void End(uint32_t stream, std::string trailers, std::vector<Ended>* ended) {
    auto call = calls_.find(stream);
    if (call == calls_.end()) return;
    ended->push_back({call->second.number, call->second.has_message, std::move(trailers)});
    calls_.erase(call);
  }

  int socket_ = -1;
  std::unique_ptr<SSL, FreeSession> session_;
  std::string path_, first_block_;
  std::string out_, in_;
  size_t sent_ = 0;
  uint32_t next_stream_ = 1;
  int64_t send_window_ = kInitialWindow;
  uint64_t received_ = 0;
  uint32_t answer_bytes_ = 0;
  absl::flat_hash_map<uint32_t, Call> calls_;
};

std::unique_ptr<SSL_CTX, FreeContext> NewContext(const LoadOptions& options) {
  std::unique_ptr<SSL_CTX, FreeContext> context(SSL_CTX_new(TLS_client_method()));
  static constexpr unsigned char kProtocols[] = "\x02h2";
  if (context == nullptr ||
      SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_load_verify_locations(context.get(), options.anchors.c_str(), nullptr) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof(kProtocols) - 1) != 0) {
    return nullptr;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  return context;
}

std::string Printable(const std::string& bytes) {
  std::string out;
  for (char c : bytes) out += std::isprint(static_cast<unsigned char>(c)) ? c : '.';
  return out;
}

// Calls begin when they are due and a connection has room; all else follows from what arrives.
class Run {
 public:
  Run(const LoadOptions& options, const std::vector<std::string>& bodies)
      : options_(options), bodies_(bodies), begun_(bodies.size()) {}

  absl::StatusOr<LoadResult> Go() {
    const std::unique_ptr<SSL_CTX, FreeContext> context = NewContext(options_);
    if (context == nullptr) return absl::InvalidArgumentError("certificate or key cannot be read");
    for (int i = 0; i < options_.connections; ++i) {
      connections_.push_back(std::make_unique<Connection>());
      if (absl::Status s = connections_.back()->Open(context.get(), options_); !s.ok()) return s;
    }
    start_ = Clock::now();
    result_.latencies.reserve(bodies_.size());
    while (ended_count_ < bodies_.size()) {
      Begin();
      if (absl::Status s = Exchange(); !s.ok()) return s;
    }
    result_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    result_.answer_bytes = connections_.front()->answer_bytes();
    return std::move(result_);
  }

 private:
  bool paced() const { return options_.calls_per_second > 0; }
  Clock::time_point DueAt(size_t call) const {
    return start_ + std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(call) * 1e9 /
                                                                  options_.calls_per_second));
  }

  void Begin() {
    const size_t each = static_cast<size_t>(options_.in_flight / options_.connections);
    size_t full = 0;
    Clock::time_point now = Clock::now();
    while (next_ < bodies_.size() && full < connections_.size()) {
      if (paced() && DueAt(next_) > now) return;
      Connection& connection = *connections_[turn_++ % connections_.size()];
      const bool room = paced() || connection.in_flight() < each;
      if (!room || !connection.MayStart(bodies_[next_].size())) {
        ++full;
        continue;
      }
      full = 0;
      begun_[next_] = paced() ? DueAt(next_) : now;
      connection.Start(next_, bodies_[next_]);
      ++next_;
    }
  }

  absl::Status Exchange() {
    std::vector<pollfd> waits;
    for (const auto& connection : connections_) {
      if (absl::Status s = connection->Write(); !s.ok()) return s;
      const int events = POLLIN | (connection->wants_to_write() ? POLLOUT : 0);
      waits.push_back({connection->socket(), static_cast<short>(events), 0});
    }
    timespec wait = {1, 0};
    if (paced() && next_ < bodies_.size()) {
      const auto left = std::max<int64_t>(
          0, std::chrono::duration_cast<std::chrono::nanoseconds>(DueAt(next_) - Clock::now())
                 .count());
      wait = {left / 1000000000, left % 1000000000};
    }
    if (ppoll(waits.data(), waits.size(), &wait, nullptr) < 0) {
      return absl::UnavailableError("poll failed");
    }
    for (size_t i = 0; i < waits.size(); ++i) {
      if ((waits[i].revents & ~POLLOUT) == 0) continue;
      std::vector<Connection::Ended> ended;
      if (absl::Status s = connections_[i]->Read(&ended); !s.ok()) return s;
      const Clock::time_point now = Clock::now();
      for (Connection::Ended& one : ended) {
        ++ended_count_;
        result_.latencies.push_back(
            std::chrono::duration<double, std::micro>(now - begun_[one.call]).count());
        if (one.answered) {
          ++result_.answered;
          continue;
        }
        if (result_.failed++ == 0) result_.first_failure = Printable(one.trailers);
      }
    }
    return absl::OkStatus();
  }

  const LoadOptions& options_;
  const std::vector<std::string>& bodies_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Clock::time_point> begun_;
  Clock::time_point start_;
  size_t next_ = 0, turn_ = 0, ended_count_ = 0;
  LoadResult result_;
};

}  // namespace

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options,
                                   const std::vector<std::string>& bodies) {
  return Run(options, bodies).Go();
}

}  // namespace vouch::bench
