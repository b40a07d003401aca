#include "crypto/tls_probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "crypto/openssl_handles.h"

namespace vouch::crypto {
namespace {

class Socket {
 public:
  explicit Socket(int number) : number_(number) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

using AddressesPtr = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

bool WaitFor(int socket, short events, absl::Time deadline) {
  const absl::Duration left = deadline - absl::Now();
  if (left <= absl::ZeroDuration()) return false;
  pollfd wait{socket, events, 0};
  return poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) == 1;
}

absl::StatusOr<std::unique_ptr<Socket>> Connect(const std::string& host, const std::string& port,
                                                absl::Time deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list); error != 0) {
    return absl::UnavailableError(
        absl::StrCat("the name ", host, " cannot be resolved: ", gai_strerror(error)));
  }
  const AddressesPtr addresses(list, &freeaddrinfo);
  int reason = ETIMEDOUT;
  for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
    auto made = std::make_unique<Socket>(
        socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    if (made->number() < 0) continue;
    if (connect(made->number(), at->ai_addr, at->ai_addrlen) == 0) return made;
    if (errno == EINPROGRESS && WaitFor(made->number(), POLLOUT, deadline)) {
      socklen_t size = sizeof(reason);
      if (getsockopt(made->number(), SOL_SOCKET, SO_ERROR, &reason, &size) == 0 && reason == 0) {
        return made;
      }
    } else if (errno != EINPROGRESS) {
      reason = errno;
    }
  }
  return absl::UnavailableError(
      absl::ErrnoToStatus(reason, absl::StrCat("nobody answers at ", host, ":", port)).message());
}

absl::Status UseOwn(SSL_CTX* context, absl::string_view chain_pem, const SigningKey& key) {
  const BioPtr bio(BIO_new_mem_buf(chain_pem.data(), static_cast<int>(chain_pem.size())));
  for (int count = 0;; ++count) {
    const CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) {
      ERR_clear_error();
      if (count == 0) return absl::InvalidArgumentError("our own certificate chain is no PEM");
      break;
    }
    const int used = count == 0
                         ? SSL_CTX_use_certificate(context, certificate.get())
                         : static_cast<int>(SSL_CTX_add1_chain_cert(context, certificate.get()));
    if (used != 1) return absl::InvalidArgumentError("our own certificate chain cannot be used");
  }
  if (SSL_CTX_use_PrivateKey(context, static_cast<EVP_PKEY*>(key.native())) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("our own key does not belong to our certificate");
  }
  return absl::OkStatus();
}

absl::Status ShakeHands(SSL* tls, int socket, absl::Time deadline) {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_connect(tls);
    if (done == 1) return absl::OkStatus();
    const int wants = SSL_get_error(tls, done);
    if (wants == SSL_ERROR_WANT_READ || wants == SSL_ERROR_WANT_WRITE) {
      if (WaitFor(socket, wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) continue;
      return absl::UnavailableError("somebody listens there, but no TLS handshake comes in time");
    }
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    absl::Status failed = absl::FailedPreconditionError(
        absl::StrCat("the TLS 1.3 handshake failed: ",
                     reason != nullptr ? reason : "the other side closed the connection"));
    ERR_clear_error();
    return failed;
  }
}

std::string ChainPem(SSL* tls) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(tls);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    PEM_write_bio_X509(bio.get(), sk_X509_value(chain, i));
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace

absl::StatusOr<TlsProbe> ProbeTls(const std::string& address, absl::string_view own_chain_pem,
                                  const SigningKey& own_key, absl::Duration timeout) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError(absl::StrCat(address, " is no host and port"));
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  const absl::Time deadline = absl::Now() + timeout;
  const TlsContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1) {
    return absl::InternalError("OpenSSL offers no TLS 1.3");
  }
  if (absl::Status used = UseOwn(context.get(), own_chain_pem, own_key); !used.ok()) return used;
  const auto socket = Connect(std::string(host), address.substr(colon + 1), deadline);
  if (!socket.ok()) return socket.status();
  const TlsPtr tls(SSL_new(context.get()));
  // gRPC servers hang up on whoever does not speak HTTP/2.
  static constexpr uint8_t kHttp2[] = {2, 'h', '2'};
  if (tls == nullptr || SSL_set_alpn_protos(tls.get(), kHttp2, sizeof(kHttp2)) != 0 ||
      SSL_set_fd(tls.get(), (*socket)->number()) != 1) {
    return absl::InternalError("a TLS connection cannot be set up");
  }
  SSL_set_tlsext_host_name(tls.get(), std::string(host).c_str());
  if (absl::Status shaken = ShakeHands(tls.get(), (*socket)->number(), deadline); !shaken.ok()) {
    return shaken;
  }
  return TlsProbe{SSL_get_version(tls.get()), ChainPem(tls.get())};
}

}  // namespace vouch::crypto
