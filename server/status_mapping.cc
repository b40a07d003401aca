#include "server/status_mapping.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "crypto/receipt.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "policies/engine/question.h"
#include "server/admission/admission.h"

namespace vouch::server {

namespace {

using policies::Reason;

grpc::StatusCode CodeOf(Reason reason) {
  switch (reason) {
    case Reason::kNotPermitted:
      return grpc::StatusCode::PERMISSION_DENIED;
    case Reason::kCertificate:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Reason::kAgreementNotInForce:
    case Reason::kAgreementMismatch:
    case Reason::kKeyEpoch:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case Reason::kBadRequestId:
    case Reason::kMalformed:
    case Reason::kNotInAgreement:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case Reason::kPersonLimit:
    case Reason::kAgreementLimit:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Reason::kBusy:
    case Reason::kNotReady:
    case Reason::kLedgerUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case Reason::kRequestIdReused:
      return grpc::StatusCode::ALREADY_EXISTS;
  }
  return grpc::StatusCode::INTERNAL;
}

v1::Do ToDo(policies::Do action) {
  switch (action) {
    case policies::Do::kAccept:
      return v1::ACCEPT;
    case policies::Do::kVerifyIndependently:
      return v1::VERIFY_INDEPENDENTLY;
    case policies::Do::kAskThePerson:
      return v1::ASK_THE_PERSON;
  }
  return v1::ASK_THE_PERSON;
}

// The data set's day is the same for answer after answer, and writing a day costs a microsecond.
const std::string& DayText(absl::CivilDay day) {
  thread_local absl::CivilDay last(1, 1, 1);
  thread_local std::string text;
  if (day != last || text.empty()) {
    text = absl::FormatCivilTime(day);
    last = day;
  }
  return text;
}

void ToObligation(const policies::Obligation& obligation, v1::Obligation* out) {
  out->set_do_(ToDo(obligation.action));
  out->set_notice_days(static_cast<uint32_t>(obligation.notice_days));
}

// How many of so many are read: one more than admission lets pass is enough to be refused. What is
// made of an element is many times larger than the two bytes that an empty one has on the wire.
int ToBeRead(int count, size_t most) {
  return static_cast<int>(std::min(static_cast<size_t>(count), most + 1));
}

template <typename Parameters>
void ReadParameters(const Parameters& parameters, admission::RequestedItem* item) {
  std::vector<crypto::CanonicalParameter> canonical;
  const int count = ToBeRead(parameters.size(), admission::kMaxParameters);
  for (int i = 0; i < count; ++i) {
    const v1::Parameter& parameter = parameters.Get(i);
    crypto::CanonicalParameter one;
    one.name = parameter.name();
    bool is_new = false;
    if (parameter.value_case() == v1::Parameter::kNumber) {
      one.number = parameter.number();
      is_new = item->parameters.emplace(parameter.name(), parameter.number()).second;
    } else {
      one.is_number = false;
      one.code = parameter.code();
      is_new = item->parameters.emplace(parameter.name(), parameter.code()).second;
    }
    item->repeats_a_parameter |= !is_new;
    canonical.push_back(one);
  }
  item->canonical_parameters = crypto::CanonicalParameters(std::move(canonical));
}

void ReadSubject(const v1::Subject& subject, admission::RequestedItem* item) {
  item->tokens = subject.tokens();
  item->member_count = subject.member_count();
  item->consents = subject.consents();
}

void ReadQuestion(const v1::Question& question, admission::Request* request) {
  request->agreement_id = question.agreement_id();
  request->agreement_digest = question.agreement_digest();
  request->question = question.question();
  request->purpose = question.purpose();
  request->epoch = question.epoch();
}

// A status travels in headers, which peers limit to 8 KiB, and its message three times: a longer
// one would arrive as an error of the network.
constexpr size_t kLongestMessage = 1000;

std::string Shortened(const std::string& message) {
  if (message.size() <= kLongestMessage) return message;
  size_t end = kLongestMessage;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(message.substr(0, end), "...");
}

template <typename Detail>
void AddDetail(const Detail& detail, google::rpc::Status* status) {
  status->add_details()->PackFrom(detail);
}

}  // namespace

grpc::Status ToStatus(const policies::Refusal& refusal) {
  const std::string message = Shortened(refusal.message);
  google::rpc::Status status;
  status.set_code(CodeOf(refusal.reason));
  status.set_message(message);

  google::rpc::ErrorInfo info;
  const absl::string_view name = policies::ReasonName(refusal.reason);
  info.set_reason(name.data(), name.size());
  info.set_domain("vouch");
  if (!refusal.expected.empty()) (*info.mutable_metadata())["expected"] = refusal.expected;
  if (!refusal.received.empty()) (*info.mutable_metadata())["received"] = refusal.received;
  AddDetail(info, &status);

  if (CodeOf(refusal.reason) == grpc::StatusCode::INVALID_ARGUMENT) {
    google::rpc::BadRequest bad;
    google::rpc::BadRequest::FieldViolation* violation = bad.add_field_violations();
    violation->set_field(refusal.field);
    violation->set_description(message);
    AddDetail(bad, &status);
  }
  if (CodeOf(refusal.reason) == grpc::StatusCode::FAILED_PRECONDITION) {
    google::rpc::PreconditionFailure failure;
    google::rpc::PreconditionFailure::Violation* violation = failure.add_violations();
    violation->set_type(name.data(), name.size());
    violation->set_subject(refusal.field);
    violation->set_description(message);
    AddDetail(failure, &status);
  }
  if (refusal.retry_after > absl::ZeroDuration()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(refusal.retry_after));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(refusal.retry_after % absl::Seconds(1))));
    AddDetail(retry, &status);
  }
  return grpc::Status(CodeOf(refusal.reason), message, status.SerializeAsString());
}

void ToRefused(const policies::Refusal& refusal, v1::Refused* out) {
  out->set_code(CodeOf(refusal.reason));
  const absl::string_view name = policies::ReasonName(refusal.reason);
  out->set_reason(name.data(), name.size());
  out->set_field(refusal.field);
  out->set_message(Shortened(refusal.message));
  out->set_retry_after_ms(static_cast<uint64_t>(absl::ToInt64Milliseconds(refusal.retry_after)));
  out->set_expected(refusal.expected);
  out->set_received(refusal.received);
}

void ToAnswered(const AnsweredItem& item, v1::Answered* out) {
  out->set_answer(static_cast<v1::Answer>(item.answer));
  out->set_why(static_cast<v1::Why>(item.why + 1));
  out->set_data_as_of(DayText(item.data_as_of));
  v1::Receipt* receipt = out->mutable_receipt();
  receipt->set_entry(item.entry);
  receipt->set_opening(item.opening.data(), item.opening.size());
  receipt->set_index(item.entry_index - item.proof->log.log_first);
}

void ToProof(const EntryProof& proof, v1::LedgerProof* out) {
  out->set_tree_size(proof.log.tree_size);
  out->set_first(proof.log.first);
  out->set_count(proof.log.count);
  out->set_hash_count(static_cast<uint32_t>(proof.log.hashes.size()));
  out->set_hashes(crypto::PaddedHashes(proof.log.hashes, proof.log.count == 1
                                                             ? crypto::kPaddedInclusionHashes
                                                             : crypto::kPaddedRangeHashes));
  out->set_checkpoint(*proof.log.checkpoint);
  out->set_other_leaves(proof.other_leaves);
}

void ToObligations(const policies::Question& question, v1::Obligations* out) {
  ToObligation(question.on_yes, out->mutable_on_yes());
  ToObligation(question.on_no, out->mutable_on_no());
  ToObligation(question.on_undetermined, out->mutable_on_undetermined());
}

admission::Request FromVerify(const v1::VerifyRequest& request) {
  admission::Request out;
  out.request_id = request.request_id();
  ReadQuestion(request.question(), &out);
  out.jws_receipt = request.jws_receipt();
  out.items.resize(1);
  ReadParameters(request.parameters(), &out.items[0]);
  ReadSubject(request.subject(), &out.items[0]);
  return out;
}

admission::Request FromBatch(const v1::VerifyBatchRequest& request) {
  admission::Request out;
  out.request_id = request.request_id();
  out.is_batch = true;
  out.jws_receipt = request.jws_receipt();
  ReadQuestion(request.question(), &out);
  const int count = ToBeRead(request.items_size(), admission::kMaxBatchItems);
  out.items.resize(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    ReadParameters(request.items(i).parameters(), &out.items[static_cast<size_t>(i)]);
    ReadSubject(request.items(i).subject(), &out.items[static_cast<size_t>(i)]);
  }
  return out;
}

size_t PaddedSize(size_t bytes) {
  for (size_t bucket : {512, 1024, 2048, 4096}) {
    if (bytes <= bucket) return bucket;
  }
  return (bytes + 4095) / 4096 * 4096;
}

}  // namespace vouch::server
