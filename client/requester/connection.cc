#include "client/requester/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vouch::requester {

namespace {

constexpr int kMaxMessageBytes = 16 << 20;

class AgencyVerifier final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  AgencyVerifier(std::string agency, crypto::CertificateBinding binding,
                 crypto::TrustAnchors anchors)
      : agency_(std::move(agency)), binding_(std::move(binding)), anchors_(std::move(anchors)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* status) override {
    const absl::Status judged = Judge(*request);
    *status = judged.ok()
                  ? grpc::Status::OK
                  : grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(judged.message()));
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Judge(const grpc::experimental::TlsCustomVerificationCheckRequest& request) const {
    const grpc::string_ref chain = request.peer_cert_full_chain();
    const absl::string_view pem(chain.data(), chain.size());
    absl::StatusOr<crypto::CertificateFacts> facts = crypto::ReadCertificate(pem);
    if (!facts.ok()) return facts.status();
    if (absl::Status named = crypto::CheckAgency(*facts, agency_, binding_); !named.ok()) {
      return absl::PermissionDeniedError(absl::StrCat("at this address ", named.message()));
    }
    return anchors_.Verify(pem, crypto::TrustAnchors::Purpose::kTlsServer, absl::Now());
  }

  const std::string agency_;
  const crypto::CertificateBinding binding_;
  const crypto::TrustAnchors anchors_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const ConnectionOptions& options) {
  absl::StatusOr<crypto::TrustAnchors> anchors =
      crypto::TrustAnchors::Load(options.anchors_pem, options.revocations_pem);
  if (!anchors.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("anchors of ", options.responder, ": ", anchors.status().message()));
  }
  absl::StatusOr<crypto::CertificateFacts> own = crypto::ReadCertificate(options.certificate_pem);
  if (!own.ok()) return own.status();

  auto provider = std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
      options.anchors_pem, std::vector<grpc::experimental::IdentityKeyCertPair>{
                               {options.key_pem, options.certificate_pem}});
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::move(provider));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_verify_server_certs(true);
  // The agency in the certificate counts, not the host name: balancers and moves do not matter.
  tls.set_check_call_host(false);
  tls.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<AgencyVerifier>(
          options.responder, options.binding, *std::move(anchors)));

  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetCompressionAlgorithm(GRPC_COMPRESS_NONE);
  return grpc::CreateCustomChannel(options.address, grpc::experimental::TlsCredentials(tls),
                                   arguments);
}

}  // namespace vouch::requester
