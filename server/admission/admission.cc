#include "server/admission/admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/token.h"

namespace vouch::server::admission {

namespace {

using policies::Reason;
using policies::Refusal;

constexpr size_t kTokenSize = sizeof(crypto::Token);
constexpr size_t kMaxNameSize = 200;
// Ids and digests that are a little too long are refused in their turn; what is far too long is not
// worth a place in the queue.
constexpr size_t kMaxFixedField = 64;

Refusal Malformed(std::string field, std::string message) {
  Refusal refusal;
  refusal.reason = Reason::kMalformed;
  refusal.field = std::move(field);
  refusal.message = std::move(message);
  return refusal;
}

absl::optional<Refusal> CheckItem(const RequestedItem& item, const std::string& prefix) {
  if (item.tokens.empty() || item.tokens.size() % kTokenSize != 0 ||
      item.tokens.size() / kTokenSize > kMaxTokensPerItem) {
    return Malformed(absl::StrCat(prefix, "subject.tokens"),
                     "expected 32 bytes for each match key of the agreement");
  }
  if (item.consents.size() % 32 != 0 || item.consents.size() / 32 > kMaxTokensPerItem) {
    return Malformed(absl::StrCat(prefix, "subject.consents"),
                     "expected 32 bytes for each member, or none");
  }
  if (item.member_count == 0 || item.member_count > kMaxTokensPerItem) {
    return Malformed(absl::StrCat(prefix, "subject.member_count"), "expected 1 or more");
  }
  if (item.parameters.size() > kMaxParameters) {
    return Malformed(absl::StrCat(prefix, "parameters"), "expected at most 16 parameters");
  }
  if (item.repeats_a_parameter) {
    return Malformed(absl::StrCat(prefix, "parameters"), "expected each parameter once");
  }
  for (const auto& [name, value] : item.parameters) {
    const std::string* code = absl::get_if<std::string>(&value);
    if (name.size() > kMaxNameSize || (code != nullptr && code->size() > kMaxNameSize)) {
      return Malformed(absl::StrCat(prefix, "parameters"),
                       "expected names and codes of at most 200 bytes");
    }
  }
  return absl::nullopt;
}

}  // namespace

crypto::CanonicalRequest Canonical(const AdmittedCall& call, uint32_t position) {
  const Request& request = call.request();
  const RequestedItem& item = request.items[position];
  crypto::CanonicalRequest canonical;
  canonical.request_id = crypto::AsBytes(request.request_id);
  canonical.position = position;
  canonical.requester = call.requester();
  canonical.agreement_id = request.agreement_id;
  canonical.agreement_digest = crypto::AsBytes(request.agreement_digest);
  canonical.question = request.question;
  canonical.purpose = request.purpose;
  canonical.epoch = request.epoch;
  canonical.parameters = item.canonical_parameters;
  canonical.member_count = item.member_count;
  canonical.tokens = crypto::AsBytes(item.tokens);
  canonical.consents = crypto::AsBytes(item.consents);
  return canonical;
}

absl::variant<std::string, Refusal> Admission::Identify(absl::string_view chain_pem,
                                                        absl::Time now) const {
  absl::StatusOr<std::string> agency = peers_->AgencyOf(chain_pem, now);
  if (!agency.ok()) {
    Refusal refusal;
    refusal.reason = Reason::kCertificate;
    refusal.message = std::string(agency.status().message());
    return refusal;
  }
  return *std::move(agency);
}

absl::optional<Refusal> Admission::TakeTurn(const std::string& agency, absl::Time now) {
  const double rate = static_cast<double>(peers_->CallsPerSecond(agency));
  std::lock_guard<std::mutex> lock(mutex_);
  auto [entry, is_new] = buckets_.try_emplace(agency);
  Bucket& bucket = entry->second;
  if (is_new) {
    bucket.tokens = rate;
  } else if (now > bucket.filled) {
    bucket.tokens =
        std::min(rate, bucket.tokens + rate * absl::ToDoubleSeconds(now - bucket.filled));
  }
  bucket.filled = now;
  if (bucket.tokens < 1) {
    Refusal refusal;
    refusal.reason = Reason::kBusy;
    refusal.message = "more calls a second than this node accepts from one requester";
    refusal.retry_after = absl::Seconds((1 - bucket.tokens) / std::max(rate, 1.0));
    return refusal;
  }
  bucket.tokens -= 1;
  return absl::nullopt;
}

absl::variant<std::shared_ptr<const AdmittedCall>, Refusal> Admission::Admit(
    const std::string& requester, Request request) const {
  if (request.items.empty() || request.items.size() > kMaxBatchItems) {
    return Malformed("items", "expected 1 to 4096 items");
  }
  for (const std::string* name : {&request.agreement_id, &request.question, &request.purpose}) {
    if (name->size() > kMaxNameSize) {
      return Malformed("question", "expected names of at most 200 bytes");
    }
  }
  if (request.request_id.size() > kMaxFixedField) {
    return Malformed("request_id", "expected 16 bytes");
  }
  if (request.agreement_digest.size() > kMaxFixedField) {
    return Malformed("question.agreement_digest", "expected 32 bytes");
  }
  for (size_t i = 0; i < request.items.size(); ++i) {
    const std::string prefix = request.is_batch ? absl::StrCat("items[", i, "].") : "";
    if (absl::optional<Refusal> refusal = CheckItem(request.items[i], prefix)) {
      return *std::move(refusal);
    }
  }
  return std::shared_ptr<const AdmittedCall>(new AdmittedCall(requester, std::move(request)));
}

}  // namespace vouch::server::admission
