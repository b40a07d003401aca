#include "server/blinding_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crypto/random.h"
#include "crypto/voprf.h"
#include "server/charging.h"
#include "server/status_mapping.h"

namespace vouch::server {

namespace {

using policies::Reason;
using policies::Refusal;

// The most elements there can be, and room for the fields beside them.
constexpr size_t kMaxRequestBytes = crypto::kMaxProofBatch * sizeof(crypto::PointBytes) + 1024;
// What gRPC and this queue keep for a call beside its messages.
constexpr size_t kCallBytes = 4096;
// P-256's n - 1 is smooth enough that a static Diffie-Hellman oracle weakens with use.
constexpr uint64_t kEvaluationsPerKey = uint64_t{1} << 32;
constexpr size_t kPeopleBuckets[] = {1, 8, 64, 512};

// What one requester may have of so much: a quarter is left to others.
constexpr size_t ShareOfOne(size_t all) { return all - all / 4; }

Refusal Refuse(Reason reason, std::string field, std::string message) {
  Refusal refusal;
  refusal.reason = reason;
  refusal.field = std::move(field);
  refusal.message = std::move(message);
  return refusal;
}

// The people a request is padded to, or 0.
size_t PeopleOf(size_t bytes, size_t match_keys) {
  for (size_t people : kPeopleBuckets) {
    if (bytes == people * match_keys * sizeof(crypto::PointBytes)) return people;
  }
  return 0;
}

Refusal FromCharge(const absl::Status& status) {
  if (absl::IsResourceExhausted(status)) {
    Refusal refusal =
        Refuse(Reason::kAgreementLimit, "", "the agreement's evaluations are used up");
    if (absl::optional<absl::Cord> retry = status.GetPayload("retry_ms")) {
      int64_t milliseconds = 0;
      if (absl::SimpleAtoi(std::string(*retry), &milliseconds)) {
        refusal.retry_after = absl::Milliseconds(milliseconds);
      }
    }
    return refusal;
  }
  if (absl::IsFailedPrecondition(status)) {
    return Refuse(Reason::kKeyEpoch, "epoch", "this epoch's key is used up; a new epoch is needed");
  }
  Refusal refusal = Refuse(Reason::kLedgerUnavailable, "", "the evaluation could not be recorded");
  refusal.retry_after = absl::Seconds(1);
  return refusal;
}

}  // namespace

BlindingService::BlindingService(const PartnerFace* face, const BlindingOptions& options)
    : face_(face),
      options_(options),
      queue_(options.workers, options.max_calls, ShareOfOne(options.max_calls)) {}

bool BlindingService::Enqueue(const std::string& requester, size_t bytes,
                              std::function<void()> evaluate) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto own = bytes_of_.find(requester);
    if (waiting_.bytes + bytes > options_.max_bytes ||
        (own != bytes_of_.end() && own->second + bytes > ShareOfOne(options_.max_bytes))) {
      return false;
    }
    ++waiting_.calls;
    waiting_.bytes += bytes;
    bytes_of_[requester] += bytes;
  }
  const bool queued =
      queue_.Add(requester, [this, requester, bytes, evaluate = std::move(evaluate)] {
        Leave(requester, bytes);
        evaluate();
      });
  if (!queued) Leave(requester, bytes);
  return queued;
}

void BlindingService::Leave(const std::string& requester, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  --waiting_.calls;
  waiting_.bytes -= bytes;
  const auto own = bytes_of_.find(requester);
  own->second -= bytes;
  if (own->second == 0) bytes_of_.erase(own);
}

BlindingService::Figures BlindingService::figures() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return waiting_;
}

grpc::ServerUnaryReactor* BlindingService::Evaluate(grpc::CallbackServerContext* context,
                                                    const v1::EvaluateRequest* request,
                                                    v1::EvaluateResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto identified = face_->Identify(*context);
  if (const Refusal* refusal = absl::get_if<Refusal>(&identified)) {
    reactor->Finish(ToStatus(*refusal));
    return reactor;
  }
  const std::string requester = absl::get<std::string>(std::move(identified));
  const auto refuse = [&](const Refusal& refusal) {
    face_->CountRefusal(requester, refusal);
    reactor->Finish(ToStatus(refusal));
  };
  // What is evaluated is charged, and could be asked about with no more.
  if (const absl::optional<Refusal> lags = face_->Lags(requester)) {
    refuse(*lags);
    return reactor;
  }
  const size_t bytes = request->ByteSizeLong();
  if (bytes > kMaxRequestBytes) {
    refuse(Refuse(Reason::kMalformed, "elements",
                  "expected 33 bytes for each match key of 1, 8, 64 or 512 people"));
    return reactor;
  }
  const auto evaluate = [this, context, reactor, request, response, requester] {
    if (context->IsCancelled()) {
      reactor->Finish(grpc::Status::CANCELLED);
      return;
    }
    reactor->Finish(EvaluateNow(requester, *request, response));
  };
  if (Enqueue(requester, kCallBytes + 2 * bytes, evaluate)) return reactor;
  Refusal busy = Refuse(Reason::kBusy, "", "the evaluation queue of this node is full");
  busy.retry_after = absl::Seconds(1);
  refuse(busy);
  return reactor;
}

grpc::Status BlindingService::EvaluateNow(const std::string& requester,
                                          const v1::EvaluateRequest& request,
                                          v1::EvaluateResponse* response) const {
  const Rooms& rooms = face_->rooms;
  const absl::Time now = rooms.clock->Now();
  const auto refuse = [&](const Refusal& refusal) {
    face_->CountRefusal(requester, refusal);
    return ToStatus(refusal);
  };

  // While it waited.
  if (const absl::optional<Refusal> lags = face_->Lags(requester)) return refuse(*lags);
  const auto set = rooms.agreements->Current();
  auto admitted = policies::Authorizer::Admit(*set->catalog, requester, request.agreement_id(),
                                              crypto::AsBytes(request.agreement_digest()), now);
  if (const Refusal* refusal = absl::get_if<Refusal>(&admitted)) return refuse(*refusal);
  const policies::Agreement& agreement =
      absl::get<const policies::HeldAgreement*>(admitted)->agreement;
  if (crypto::UuidV7Time(crypto::AsBytes(request.request_id())) < 0) {
    return refuse(Refuse(Reason::kBadRequestId, "request_id", "expected a UUIDv7: 16 bytes"));
  }
  const agreements::Epoch* epoch = set->FindEpoch(agreement.id, request.epoch(), now);
  if (epoch == nullptr || epoch->blind == nullptr ||
      agreement.token_kind != policies::TokenKind::kBlind) {
    const agreements::Epoch* current = set->CurrentEpoch(agreement.id, now);
    Refusal refusal =
        Refuse(Reason::kKeyEpoch, "epoch", "no blind token epoch of this number is in use");
    if (current != nullptr) refusal.expected = absl::StrCat(current->statement.epoch);
    return refuse(refusal);
  }
  const std::string& elements = request.elements();
  if (PeopleOf(elements.size(), agreement.match.size()) == 0) {
    return refuse(Refuse(Reason::kMalformed, "elements",
                         "expected 33 bytes for each match key of 1, 8, 64 or 512 people"));
  }
  std::vector<crypto::PointBytes> blinded(elements.size() / sizeof(crypto::PointBytes));
  for (size_t i = 0; i < blinded.size(); ++i) {
    std::copy_n(crypto::AsBytes(elements).begin() + i * blinded[i].size(), blinded[i].size(),
                blinded[i].begin());
  }
  if (!rooms.clock->Trusted()) return refuse(FromCharge(absl::UnavailableError("clock")));
  const absl::Status charged = rooms.journal->ChargeEvaluations(
      rooms.row_names->Evaluations(agreement.AskerBehind(requester), agreement.id),
      agreement.limits.evaluations, rooms.row_names->EvaluationKey(agreement.id, request.epoch()),
      kEvaluationsPerKey, static_cast<uint32_t>(blinded.size()), now, BeginningOf(agreement));
  if (!charged.ok()) return refuse(FromCharge(charged));
  rooms.refusals->CountEvaluations(requester, agreement.id, request.epoch(), now,
                                   static_cast<uint32_t>(blinded.size()));

  absl::StatusOr<crypto::OprfPrivateKey::Evaluation> evaluation =
      epoch->blind->BlindEvaluate(blinded);
  if (!evaluation.ok()) {
    return refuse(Refuse(Reason::kMalformed, "elements", "expected compressed P-256 points"));
  }
  for (const crypto::PointBytes& element : evaluation->elements) {
    response->mutable_elements()->append(reinterpret_cast<const char*>(element.data()),
                                         element.size());
  }
  response->set_proof(evaluation->proof.data(), evaluation->proof.size());
  face_->metrics->Evaluated(requester, blinded.size());
  return grpc::Status::OK;
}

}  // namespace vouch::server
