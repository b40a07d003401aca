#include "client/requester/partner_time.h"

#include "absl/strings/str_cat.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::requester {

std::string PartnerTime::InWords() const {
  const int64_t seconds = absl::ToInt64Seconds(absl::AbsDuration(ahead));
  if (absl::AbsDuration(ahead) <= uncertain || seconds == 0) return "agrees with ours";
  return absl::StrCat("is ", seconds, seconds == 1 ? " second " : " seconds ",
                      ahead > absl::ZeroDuration() ? "ahead of ours" : "behind ours");
}

absl::StatusOr<PartnerTime> AskTime(const std::shared_ptr<grpc::Channel>& channel,
                                    grpc::ClientContext* context,
                                    const std::function<absl::Time()>& clock) {
  v1::ListAgreementsResponse response;
  const absl::Time sent = clock();
  const grpc::Status status = v1::Verification::NewStub(channel)->ListAgreements(
      context, v1::ListAgreementsRequest(), &response);
  const absl::Time received = clock();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  if (response.now_unix_seconds() == 0) {
    return absl::UnimplementedError("its node is of a version that does not say its time");
  }
  PartnerTime time;
  // A whole second is half a second early in the mean. Times beyond what absl holds saturate.
  const absl::Time theirs =
      absl::FromUnixSeconds(static_cast<int64_t>(response.now_unix_seconds())) +
      absl::Milliseconds(500);
  time.ahead = theirs - (sent + (received - sent) / 2);
  time.uncertain = (received - sent) / 2 + absl::Milliseconds(500);
  return time;
}

}  // namespace vouch::requester
