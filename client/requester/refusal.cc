#include "client/requester/refusal.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace vouch::requester {

namespace {

constexpr absl::string_view kPayload = "vouch.v1.Refused";

struct Entry {
  absl::string_view reason;
  bool retriable;
  absl::string_view advice;
};

constexpr Entry kEntries[] = {
    {"NOT_PERMITTED", false,
     "Ask your program officer: this node holds no agreement that lets you ask."},
    {"AGREEMENT_NOT_IN_FORCE", false, "Renew the agreement, or wait until its effective date."},
    {"AGREEMENT_MISMATCH", false, "Exchange agreement files: the two sides hold different ones."},
    {"BAD_REQUEST_ID", false, "Make a new UUIDv7 from a correct clock."},
    {"MALFORMED", false, "Mend the field that is named."},
    {"NOT_IN_AGREEMENT", false, "Ask only what the agreement lists."},
    {"PERSON_LIMIT", false,
     "Use the stored answer: this person was asked about as often as agreed."},
    {"AGREEMENT_LIMIT", true, "Wait until the limit has room again."},
    {"BUSY", true, "Back off, then retry with the same request id."},
    {"KEY_EPOCH", false, "Make the tokens anew in the current epoch."},
    {"NOT_READY", true, "Retry later: the responder is not ready yet; its message says for what."},
    {"REQUEST_ID_REUSED", false, "Make a new request id: this one belongs to another request."},
    {"LEDGER_UNAVAILABLE", true,
     "Retry with the same request id: nothing was answered or charged."},
    {"CERTIFICATE", false, "Have your certificate and the partner's anchors checked."},
    {"ROW", false, "Mend the row of the input."},
    {"TRANSPORT", true, "Retry with the same request id: it is charged at most once."},
};

const Entry* Find(absl::string_view reason) {
  for (const Entry& entry : kEntries) {
    if (entry.reason == reason) return &entry;
  }
  return nullptr;
}

}  // namespace

bool Refusal::Retriable() const {
  const Entry* entry = Find(reason);
  return entry != nullptr && entry->retriable;
}

absl::string_view Refusal::Advice() const {
  const Entry* entry = Find(reason);
  return entry == nullptr ? "See the responder's message." : entry->advice;
}

Refusal ReadRefusal(const grpc::Status& status) {
  Refusal refusal;
  refusal.code = static_cast<absl::StatusCode>(status.error_code());
  refusal.reason = "TRANSPORT";
  refusal.message = status.error_message();
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return refusal;
  for (const google::protobuf::Any& detail : rich.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    google::rpc::PreconditionFailure failure;
    if (detail.UnpackTo(&info)) {
      refusal.reason = info.reason();
      auto expected = info.metadata().find("expected");
      if (expected != info.metadata().end()) refusal.expected = expected->second;
      auto received = info.metadata().find("received");
      if (received != info.metadata().end()) refusal.received = received->second;
    } else if (detail.UnpackTo(&bad) && bad.field_violations_size() > 0) {
      refusal.field = bad.field_violations(0).field();
    } else if (detail.UnpackTo(&failure) && failure.violations_size() > 0) {
      refusal.field = failure.violations(0).subject();
    } else if (detail.UnpackTo(&retry)) {
      refusal.retry_after = absl::Seconds(retry.retry_delay().seconds()) +
                            absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  return refusal;
}

Refusal ReadRefusal(const v1::Refused& refused) {
  Refusal refusal;
  refusal.code = static_cast<absl::StatusCode>(refused.code());
  refusal.reason = refused.reason();
  refusal.field = refused.field();
  refusal.message = refused.message();
  refusal.retry_after = absl::Milliseconds(refused.retry_after_ms());
  refusal.expected = refused.expected();
  refusal.received = refused.received();
  return refusal;
}

absl::Status RefusalStatus(const Refusal& refusal) {
  v1::Refused refused;
  refused.set_code(static_cast<int>(refusal.code));
  refused.set_reason(refusal.reason);
  refused.set_field(refusal.field);
  refused.set_message(refusal.message);
  refused.set_retry_after_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(refusal.retry_after)));
  refused.set_expected(refusal.expected);
  refused.set_received(refusal.received);
  absl::Status status(
      refusal.code == absl::StatusCode::kOk ? absl::StatusCode::kUnknown : refusal.code,
      absl::StrCat(refusal.reason, ": ", refusal.message));
  status.SetPayload(kPayload, absl::Cord(refused.SerializeAsString()));
  return status;
}

absl::optional<Refusal> RefusalOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  v1::Refused refused;
  if (!payload.has_value() || !refused.ParseFromString(std::string(*payload))) {
    return absl::nullopt;
  }
  return ReadRefusal(refused);
}

}  // namespace vouch::requester
