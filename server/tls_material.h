// What the node shows in TLS handshakes and whom it lets begin one, in a form that gRPC reads again
// while it runs. It lies in memory alone: nothing is written beside the operator's own files.
#ifndef VOUCH_SERVER_TLS_MATERIAL_H_
#define VOUCH_SERVER_TLS_MATERIAL_H_

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace vouch::server {

// Not thread-safe, but for what gRPC does with it. Must outlive the server.
class TlsMaterial {
 public:
  // Paths of the PEM chain and key; `agency` is the node's own.
  TlsMaterial(std::string certificate, std::string key, std::string agency);
  ~TlsMaterial();

  // Takes up chain and key when their files changed since they were last looked at, and the two
  // belong together; what was taken up before stays in use otherwise. At first only the pair is
  // judged; later also that the certificate is valid at `now` and names no other agency.
  absl::Status Refresh(absl::Time now);
  // The authorities, PEM, of everybody who may shake hands at all; empty: nobody may. After the
  // first Refresh.
  absl::Status SetAnchors(absl::string_view pem);

  // TLS with client certificates. gRPC looks for changes every second; connections that are open
  // stay as they are.
  std::shared_ptr<grpc::ServerCredentials> Credentials() const;
  // Of the certificate in use.
  absl::Time not_after() const { return not_after_; }

 private:
  class MemoryFile;
  struct Seen;

  absl::Status Take(absl::Time now);

  const std::string certificate_, key_, agency_;
  std::string chain_;  // in use
  std::unique_ptr<MemoryFile> pair_;
  std::unique_ptr<MemoryFile> anchors_;
  std::unique_ptr<Seen> seen_;
  absl::Status last_;
  absl::Time not_after_ = absl::InfinitePast();
  bool taken_ = false;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_TLS_MATERIAL_H_
