#include "client/requester/partner_agreements.h"

#include <algorithm>

#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::requester {

absl::StatusOr<std::vector<PartnersAgreement>> AskAgreements(
    const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context) {
  v1::ListAgreementsResponse response;
  const grpc::Status status = v1::Verification::NewStub(channel)->ListAgreements(
      context, v1::ListAgreementsRequest(), &response);
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  std::vector<PartnersAgreement> held;
  for (const v1::ListedAgreement& listed : response.agreements()) {
    PartnersAgreement one;
    one.id = listed.id();
    one.revision = listed.revision();
    if (listed.digest().size() != one.digest.size() || listed.state() < v1::UNSIGNED ||
        listed.state() > v1::NOT_READY) {
      return absl::DataLossError("the partner's list of agreements is malformed");
    }
    std::copy(listed.digest().begin(), listed.digest().end(), one.digest.begin());
    one.state = static_cast<policies::AgreementState>(listed.state());
    held.push_back(std::move(one));
  }
  return held;
}

}  // namespace vouch::requester
