// A relay for any gRPC method between a requester and a responder. It ends TLS on both sides with
// test keys, and writes down what crosses: metadata, messages and statuses of both directions.
#ifndef VOUCH_TESTS_HARNESS_TAP_RELAY_H_
#define VOUCH_TESTS_HARNESS_TAP_RELAY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/harness/tap/recording.h"

namespace vouch::tap {

struct RelayOptions {
  std::string listen = "127.0.0.1:0";
  std::string responder;  // "host:port" of the node behind
  // Shown to requesters: the responder's own chain and key, else they would not go on.
  std::string certificate_pem;
  std::string key_pem;
  std::string requester_anchors_pem;
  // Shown to the responder: the requester's own chain and key, else it would not answer.
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string responder_anchors_pem;
};

// Runs from Start until it is destroyed.
class Relay {
 public:
  // `recording` outlives the relay. Unavailable when the address cannot be taken.
  static absl::StatusOr<std::unique_ptr<Relay>> Start(const RelayOptions& options,
                                                      Recording* recording);
  ~Relay();
  int port() const;

 private:
  struct Parts;
  explicit Relay(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace vouch::tap

#endif  // VOUCH_TESTS_HARNESS_TAP_RELAY_H_
