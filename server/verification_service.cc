#include "server/verification_service.h"

#include <string>
#include <utility>

#include "policies/engine/refusal.h"
#include "server/agreements_shown.h"
#include "server/batch_stream.h"
#include "server/status_mapping.h"

namespace vouch::server {

namespace {

using policies::Refusal;

// A unary call in the queue. The context and response belong to gRPC until Finish.
class SingleCall final : public WaitingCall {
 public:
  SingleCall(const PartnerFace* face, grpc::CallbackServerContext* context,
             grpc::ServerUnaryReactor* reactor, v1::VerifyResponse* response,
             std::shared_ptr<const admission::AdmittedCall> call)
      : face_(face),
        context_(context),
        reactor_(reactor),
        response_(response),
        call_(std::move(call)) {}

  const std::shared_ptr<const admission::AdmittedCall>& call() const override { return call_; }
  bool Abandoned() const override { return context_->IsCancelled(); }

  void Done(uint32_t, std::vector<Recorded> outcomes, bool) override {
    face_->Observe(call_->requester(), outcomes);
    const Recorded& outcome = outcomes.front();
    if (const Refusal* refusal = outcome.refused()) {
      reactor_->Finish(ToStatus(*refusal));
      return;
    }
    ToAnswered(*outcome.answered(), response_->mutable_answered());
    ToProof(*outcome.answered()->proof,
            response_->mutable_answered()->mutable_receipt()->mutable_proof());
    face_->SignReceipt(*call_, 0, *outcome.answered(), response_->mutable_answered());
    ToObligations(*outcome.answered()->question, response_->mutable_obligations());
    Pad(response_);
    reactor_->Finish(grpc::Status::OK);
  }

  void Dropped() override { reactor_->Finish(grpc::Status::CANCELLED); }

 private:
  const PartnerFace* const face_;
  grpc::CallbackServerContext* const context_;
  grpc::ServerUnaryReactor* const reactor_;
  v1::VerifyResponse* const response_;
  const std::shared_ptr<const admission::AdmittedCall> call_;
};

void FillStatement(const agreements::Epoch* epoch, v1::EpochStatement* out) {
  out->set_statement(epoch->signed_statement.statement);
  out->set_signature(epoch->signed_statement.signature);
  out->set_authority(epoch->signed_statement.public_der);
}

}  // namespace

grpc::ServerUnaryReactor* VerificationService::Verify(grpc::CallbackServerContext* context,
                                                      const v1::VerifyRequest* request,
                                                      v1::VerifyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto identified = face_->Identify(*context);
  if (const Refusal* refusal = absl::get_if<Refusal>(&identified)) {
    reactor->Finish(ToStatus(*refusal));
    return reactor;
  }
  const std::string& requester = absl::get<std::string>(identified);
  auto admitted = face_->Admit(requester, FromVerify(*request));
  if (const Refusal* refusal = absl::get_if<Refusal>(&admitted)) {
    face_->CountRefusal(requester, *refusal);
    reactor->Finish(ToStatus(*refusal));
    return reactor;
  }
  auto call = std::make_shared<SingleCall>(
      face_, context, reactor, response,
      absl::get<std::shared_ptr<const admission::AdmittedCall>>(std::move(admitted)));
  if (!walkers_->Enqueue(std::move(call))) {
    Refusal busy;
    busy.reason = policies::Reason::kBusy;
    busy.message = "the queue of this node is full";
    busy.retry_after = absl::Seconds(1);
    face_->CountRefusal(requester, busy);
    reactor->Finish(ToStatus(busy));
  }
  return reactor;
}

grpc::ServerBidiReactor<v1::VerifyBatchRequest, v1::VerifyBatchResponse>*
VerificationService::VerifyBatch(grpc::CallbackServerContext* context) {
  return StartBatchStream(face_, walkers_, context);
}

grpc::ServerUnaryReactor* VerificationService::ListAgreements(
    grpc::CallbackServerContext* context, const v1::ListAgreementsRequest* request,
    v1::ListAgreementsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto identified = face_->Identify(*context);
  if (const Refusal* refusal = absl::get_if<Refusal>(&identified)) {
    reactor->Finish(ToStatus(*refusal));
    return reactor;
  }
  const std::string& requester = absl::get<std::string>(identified);
  const absl::Time now = face_->rooms.clock->Now();
  const auto set = face_->rooms.agreements->Current();
  const auto snapshot = face_->rooms.records->Current();
  for (const auto& held : set->catalog->all()) {
    const policies::Agreement& agreement = held->agreement;
    // Either side may compare what it holds with what the other holds.
    if (agreement.AskerBehind(requester).empty() && agreement.answers != requester) continue;
    if (!request->agreement_id().empty() && request->agreement_id() != agreement.id) continue;
    v1::ListedAgreement* listed = response->add_agreements();
    listed->set_id(agreement.id);
    listed->set_revision(static_cast<uint64_t>(agreement.revision));
    listed->set_digest(held->digest.data(), held->digest.size());
    const policies::AgreementState state =
        StateOf(*held, *set, snapshot.get(), face_->agency, agreement.AskerBehind(requester), now);
    const agreements::Epoch* current = set->CurrentEpoch(agreement.id, now);
    listed->set_state(static_cast<v1::AgreementState>(state));
    if (current != nullptr) FillStatement(current, listed->mutable_current());
    if (const agreements::Epoch* next = set->NextEpoch(agreement.id, now)) {
      FillStatement(next, listed->mutable_next());
    }
  }
  response->set_now_unix_seconds(static_cast<uint64_t>(absl::ToUnixSeconds(now)));
  Pad(response);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace vouch::server
