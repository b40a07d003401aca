// What a partner's node holds of the agreements with this one.
#ifndef VOUCH_CLIENT_REQUESTER_PARTNER_AGREEMENTS_H_
#define VOUCH_CLIENT_REQUESTER_PARTNER_AGREEMENTS_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policies/engine/catalog.h"

namespace vouch::requester {

struct PartnersAgreement {
  std::string id;
  uint64_t revision = 0;
  policies::FileDigest digest{};
  policies::AgreementState state = policies::AgreementState::kUnsigned;
};

// Asks once, over a channel of Connect(), until the context's deadline. DataLoss when what the
// partner says is malformed; otherwise what the call failed with.
absl::StatusOr<std::vector<PartnersAgreement>> AskAgreements(
    const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context);

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_PARTNER_AGREEMENTS_H_
