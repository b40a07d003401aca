#include "server/tls_material.h"

#include <fcntl.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/certificate.h"
#include "crypto/keys.h"
#include "crypto/secret.h"
#include "server/node/folders.h"

namespace vouch::server {

namespace {

constexpr unsigned kLookEverySeconds = 1;

}  // namespace

// A file without a name, replaced whole: whoever opens its path gets one text or the other.
class TlsMaterial::MemoryFile {
 public:
  MemoryFile() = default;
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    if (number_ >= 0) close(number_);
  }

  std::string path() const { return absl::StrCat("/proc/self/fd/", number_); }

  absl::Status Replace(absl::string_view text) {
    const int fresh = memfd_create("vouch-tls", MFD_CLOEXEC);
    if (fresh < 0) return absl::ErrnoToStatus(errno, "no file can be made in memory");
    absl::Status written = Fill(fresh, text);
    if (written.ok() && number_ >= 0 && dup3(fresh, number_, O_CLOEXEC) < 0) {
      written = absl::ErrnoToStatus(errno, "a file in memory cannot be replaced");
    }
    if (!written.ok() || number_ >= 0) {
      close(fresh);
    } else {
      number_ = fresh;
    }
    return written;
  }

 private:
  absl::Status Fill(int file, absl::string_view text) {
    while (!text.empty()) {
      const ssize_t written = write(file, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return absl::ErrnoToStatus(errno, "a file in memory cannot be written");
      text.remove_prefix(static_cast<size_t>(written));
    }
    // gRPC reads key and chain one after the other, and again when the time of change, in whole
    // seconds, differs between the two: so no two texts may share one.
    const timespec when{++generation_, 0};
    const timespec times[2] = {when, when};
    if (futimens(file, times) != 0) {
      return absl::ErrnoToStatus(errno, "a file in memory cannot be dated");
    }
    return absl::OkStatus();
  }

  int number_ = -1;
  time_t generation_ = 0;
};

// What tells a changed file from the one that was read.
struct TlsMaterial::Seen {
  using File = std::tuple<ino_t, off_t, time_t, long, time_t, long>;
  std::array<File, 2> files;
  bool operator==(const Seen& other) const { return files == other.files; }

  static Seen Of(const std::string& certificate, const std::string& key) {
    Seen seen;
    for (size_t i = 0; i < 2; ++i) {
      struct stat facts {};
      if (stat((i == 0 ? certificate : key).c_str(), &facts) != 0) continue;
      seen.files[i] = {facts.st_ino,          facts.st_size,        facts.st_mtim.tv_sec,
                       facts.st_mtim.tv_nsec, facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec};
    }
    return seen;
  }
};

TlsMaterial::TlsMaterial(std::string certificate, std::string key, std::string agency)
    : certificate_(std::move(certificate)),
      key_(std::move(key)),
      agency_(std::move(agency)),
      pair_(std::make_unique<MemoryFile>()),
      anchors_(std::make_unique<MemoryFile>()) {}

TlsMaterial::~TlsMaterial() = default;

absl::Status TlsMaterial::Refresh(absl::Time now) {
  const Seen present = Seen::Of(certificate_, key_);
  if (seen_ != nullptr && *seen_ == present) return last_;
  last_ = Take(now);
  // A file that changed while it was read differs from what was seen before it, and is read again.
  seen_ = std::make_unique<Seen>(present);
  return last_;
}

absl::Status TlsMaterial::Take(absl::Time now) {
  absl::StatusOr<std::string> chain = node::ReadText(certificate_);
  if (!chain.ok()) return chain.status();
  absl::StatusOr<std::string> key = crypto::ReadPrivateFile(key_);
  if (!key.ok()) return key.status();
  absl::Status good = crypto::CheckKeyPair(*chain, *key);
  const absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(*chain);
  if (good.ok()) good = facts.status();
  if (good.ok() && taken_) {
    const absl::StatusOr<std::string> named = crypto::AgencyOf(*facts);
    if (named.ok() && *named != agency_) {
      good = absl::FailedPreconditionError(absl::StrCat("the certificate is for ", *named));
    } else if (now < facts->not_before || now >= facts->not_after) {
      good = absl::FailedPreconditionError("the certificate is not valid at this time");
    }
  }
  if (good.ok()) {
    // One text, so that key and chain change in one step.
    std::string pair = absl::StrCat(*chain, "\n", *key);
    good = pair_->Replace(pair);
    crypto::Wipe(&pair);
  }
  crypto::Wipe(&*key);
  if (!good.ok()) {
    return absl::Status(good.code(),
                        absl::StrCat(certificate_, " and ", key_, ": ", good.message(),
                                     taken_ ? "; the pair from before stays in use" : ""));
  }
  taken_ = true;
  chain_ = *std::move(chain);
  not_after_ = facts->not_after;
  return absl::OkStatus();
}

absl::Status TlsMaterial::SetAnchors(absl::string_view pem) {
  // gRPC takes no empty list. Under our own certificate nobody else can have one.
  return anchors_->Replace(pem.empty() ? absl::string_view(chain_) : pem);
}

std::shared_ptr<grpc::ServerCredentials> TlsMaterial::Credentials() const {
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          pair_->path(), pair_->path(), anchors_->path(), kLookEverySeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  // The handshake takes any partner's authority; which agency may use which is judged per call.
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace vouch::server
