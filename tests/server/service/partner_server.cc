#include "tests/server/service/partner_server.h"

#include <gtest/gtest.h>

#include <utility>

namespace vouch::server {

crypto::CertificateRequest ForDecades(crypto::CertificateRequest request) {
  request.not_before = absl::FromCivil(absl::CivilYear(2020), absl::UTCTimeZone());
  request.not_after = absl::FromCivil(absl::CivilYear(2090), absl::UTCTimeZone());
  return request;
}

crypto::TestAuthority AuthorityForDecades(const std::string& name) {
  crypto::TestAuthority authority(name);
  authority.issued = crypto::IssueSelfSigned(ForDecades(crypto::AuthorityRequest(name)));
  return authority;
}

PartnerServer::PartnerServer(World* world) {
  Configure("");
  face_.agency = "tax.example";
  face_.rooms = world->rooms;
  face_.admission = &admission_;
  face_.metrics = &metrics_;
}

PartnerServer::~PartnerServer() { Stop(std::chrono::milliseconds(500)); }

void PartnerServer::Configure(const std::string& revocations, int64_t calls_per_second,
                              const std::vector<std::string>& others) {
  admission::Peer peer;
  peer.agency = "aid.example";
  peer.anchors_pem = authority.pem();
  peer.revocations_pem = revocations;
  peer.calls_per_second = calls_per_second;
  std::vector<admission::Peer> peers = {peer};
  for (const std::string& other : others) {
    peer.agency = other;
    peers.push_back(peer);
  }
  const absl::Status replaced = peers_->Replace(peers);
  ASSERT_TRUE(replaced.ok()) << replaced;
}

void PartnerServer::Serve(grpc::Service* service) {
  const crypto::IssuedCertificate own = Issue("tax.example");
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = authority.pem();
  tls.pem_key_cert_pairs.push_back({own.key.ToPem(crypto::RawSecretAccess{}), own.certificate_pem});
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
  builder.RegisterService(service);
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
}

void PartnerServer::Stop(std::chrono::milliseconds drain,
                         const std::function<void()>& before_waiting) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + drain);
  if (before_waiting) before_waiting();
  server_->Wait();
  server_.reset();
}

crypto::IssuedCertificate PartnerServer::Issue(const std::string& agency) const {
  return authority.Issue(ForDecades(crypto::LeafRequest(agency)));
}

std::shared_ptr<grpc::Channel> PartnerServer::Connect(const crypto::IssuedCertificate& client,
                                                      const std::string& beside) const {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = authority.pem();
  tls.pem_private_key = client.key.ToPem(crypto::RawSecretAccess{});
  tls.pem_cert_chain = client.certificate_pem + beside;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  // A connection of its own: its certificate is what is tested.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_), grpc::SslCredentials(tls),
                                   arguments);
}

void Hold::Pass() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return !closed_; });
}

void Hold::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
}

void Hold::Open() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}

}  // namespace vouch::server
