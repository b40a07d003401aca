// A mutual-TLS channel to one responder, whose certificate must stand for that agency under the
// anchors configured for it: the same check that responders make of requesters.
#ifndef VOUCH_CLIENT_REQUESTER_CONNECTION_H_
#define VOUCH_CLIENT_REQUESTER_CONNECTION_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "crypto/certificate.h"

namespace vouch::requester {

struct ConnectionOptions {
  std::string agency;           // this side's own, as its certificate names it
  std::string certificate_pem;  // this side's chain, leaf first
  std::string key_pem;
  std::string responder;  // the agency that must answer
  std::string address;    // "host:port"
  std::string anchors_pem;
  std::string revocations_pem;  // may be empty
  // Where its authority will not issue agency URIs: what its certificate must have instead.
  crypto::CertificateBinding binding;
};

// Does not wait for the connection. InvalidArgument when anchors, certificate or key cannot be
// read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const ConnectionOptions& options);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_CONNECTION_H_
