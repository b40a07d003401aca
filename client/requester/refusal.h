// A responder's refusal, as the caller gets it.
#ifndef VOUCH_CLIENT_REQUESTER_REFUSAL_H_
#define VOUCH_CLIENT_REQUESTER_REFUSAL_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "vouch/v1/verification.pb.h"

namespace vouch::requester {

struct Refusal {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string reason;  // "PERSON_LIMIT", ...; "TRANSPORT" when no responder said anything
  std::string field;
  std::string message;
  absl::Duration retry_after = absl::ZeroDuration();
  std::string expected;
  std::string received;

  // True when the same request, with the same id, may succeed later.
  bool Retriable() const;
  // What the caller does, in a sentence (docs/protocol.md, "Refusals").
  absl::string_view Advice() const;
};

// Reads google.rpc details; a status without them gets the reason TRANSPORT.
Refusal ReadRefusal(const grpc::Status& status);
Refusal ReadRefusal(const v1::Refused& refused);

// A refusal as a status of its code, and back; nullopt for a status that carries none.
absl::Status RefusalStatus(const Refusal& refusal);
absl::optional<Refusal> RefusalOf(const absl::Status& status);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_REFUSAL_H_
