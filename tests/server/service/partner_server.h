// One service of a responder behind mutual TLS, as its partners meet it.
#ifndef VOUCH_TESTS_SERVER_SERVICE_PARTNER_SERVER_H_
#define VOUCH_TESTS_SERVER_SERVICE_PARTNER_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/partner_face.h"
#include "tests/crypto/authority.h"
#include "tests/server/walk/world.h"

namespace vouch::server {

// Certificates of its authorities are good in every year a test may run: the handshake goes by the
// machine's own clock, the judging of a caller by the world's.
crypto::TestAuthority AuthorityForDecades(const std::string& name);
crypto::CertificateRequest ForDecades(crypto::CertificateRequest request);

// aid.example may call, under `authority`. The world outlives it.
class PartnerServer {
 public:
  explicit PartnerServer(World* world);
  ~PartnerServer();  // Stop

  // The partners as the node's configuration has them.
  // `others` may call as well, under the same authority.
  void Configure(const std::string& revocations, int64_t calls_per_second = 100000,
                 const std::vector<std::string>& others = {});
  const PartnerFace* face() const { return &face_; }
  telemetry::Metrics* metrics() { return &metrics_; }

  // Listens on a port of its own. Once; the service outlives the serving.
  void Serve(grpc::Service* service);
  // At once; waits for the calls there are.
  void ShutDown() { server_->Shutdown(std::chrono::system_clock::now()); }
  // Calls get `drain` to end by themselves. `before_waiting` ends what calls may wait for.
  void Stop(std::chrono::milliseconds drain, const std::function<void()>& before_waiting = {});

  crypto::IssuedCertificate Issue(const std::string& agency) const;
  // `beside`: certificates in PEM that the client sends after its own.
  std::shared_ptr<grpc::Channel> Connect(const crypto::IssuedCertificate& client,
                                         const std::string& beside = "") const;

  const crypto::TestAuthority authority = AuthorityForDecades("Aid CA");
  const crypto::IssuedCertificate partner = Issue("aid.example");

 private:
  telemetry::Metrics metrics_;
  const std::shared_ptr<admission::Peers> peers_ = std::make_shared<admission::Peers>();
  admission::Admission admission_{peers_};
  PartnerFace face_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// Closes and opens a way that threads pass.
class Hold {
 public:
  void Pass();
  void Close();
  void Open();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
};

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_SERVICE_PARTNER_SERVER_H_
