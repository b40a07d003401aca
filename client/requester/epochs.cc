#include "client/requester/epochs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"
#include "crypto/voprf.h"
#include "vouch/v1/verification.grpc.pb.h"

namespace vouch::requester {

namespace {

absl::Status Refused(absl::StatusCode code, absl::string_view reason, std::string message) {
  Refusal refusal;
  refusal.code = code;
  refusal.reason = std::string(reason);
  refusal.message = std::move(message);
  return RefusalStatus(refusal);
}

// Why an agreement without an epoch cannot be asked under, in the responder's own words.
absl::Status NoEpoch(v1::AgreementState state) {
  switch (state) {
    case v1::UNSIGNED:
    case v1::STOPPED:
      return Refused(absl::StatusCode::kPermissionDenied, "NOT_PERMITTED",
                     state == v1::STOPPED
                         ? "the responder lists the agreement as stopped"
                         : "the responder lists the agreement as not signed by both agencies");
    case v1::WAITING:
    case v1::EXPIRED:
      return Refused(absl::StatusCode::kFailedPrecondition, "AGREEMENT_NOT_IN_FORCE",
                     state == v1::EXPIRED
                         ? "the responder lists the agreement as expired"
                         : "the responder lists the agreement as not yet in force");
    default:
      return Refused(absl::StatusCode::kUnavailable, "NOT_READY",
                     "the responder has no token epoch in force for the agreement");
  }
}

}  // namespace

absl::StatusOr<crypto::EpochStatement> CheckStatement(const v1::EpochStatement& announced,
                                                      const policies::Agreement& agreement,
                                                      absl::string_view asker, absl::Time now) {
  crypto::SignedStatement signed_statement;
  signed_statement.statement = announced.statement();
  signed_statement.signature = announced.signature();
  signed_statement.public_der = announced.authority();
  absl::StatusOr<crypto::EpochStatement> statement =
      crypto::OpenStatement(signed_statement, agreement.key_authority);
  if (!statement.ok()) return statement.status();
  if (statement->agreement_id != agreement.id) {
    return absl::PermissionDeniedError("the responder's key statement is for another agreement");
  }
  const bool keyed_hash = agreement.token_kind == policies::TokenKind::kKeyedHash;
  if ((statement->kind == crypto::TokenKind::kKeyedHash) != keyed_hash) {
    return absl::PermissionDeniedError(
        "the responder's key statement is for tokens of another kind than the agreement's");
  }
  if (keyed_hash && statement->asker != asker) {
    return absl::PermissionDeniedError("the responder's key statement is for another asker");
  }
  if (!keyed_hash) {
    const absl::Status point = crypto::CheckPoint(crypto::AsBytes(statement->public_key));
    if (!point.ok()) return point;
  }
  if (now < statement->not_before || now >= statement->not_after) {
    return absl::FailedPreconditionError(absl::StrCat(
        "epoch ", statement->epoch, " of ", agreement.id, " is in force from ",
        absl::FormatTime(absl::RFC3339_sec, statement->not_before, absl::UTCTimeZone()), " until ",
        absl::FormatTime(absl::RFC3339_sec, statement->not_after, absl::UTCTimeZone()),
        ", not now; check this machine's clock, or ask the responder"));
  }
  return statement;
}

Epochs::Epochs(const OwnAgreement* agreement, std::string asker,
               std::shared_ptr<grpc::Channel> channel, const std::string& memory_folder,
               SharedKeySource shared_key)
    : agreement_(agreement),
      asker_(std::move(asker)),
      channel_(std::move(channel)),
      memory_(memory_folder),
      shared_key_(std::move(shared_key)) {}

absl::StatusOr<std::shared_ptr<const OwnEpoch>> Epochs::Current(absl::Time now,
                                                                absl::Time deadline) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (current_ == nullptr || now >= current_->statement.not_after) {
    const absl::Status listed = List(now, deadline);
    if (!listed.ok()) return listed;
  }
  return current_;
}

absl::StatusOr<std::shared_ptr<const OwnEpoch>> Epochs::After(uint32_t refused, absl::Time now,
                                                              absl::Time deadline) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (current_ == nullptr || current_->statement.epoch == refused) {
    const absl::Status listed = List(now, deadline);
    if (!listed.ok()) return listed;
  }
  return current_;
}

absl::Status Epochs::List(absl::Time now, absl::Time deadline) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  v1::ListAgreementsRequest request;
  request.set_agreement_id(agreement_->agreement.id);
  v1::ListAgreementsResponse response;
  const grpc::Status status =
      v1::Verification::NewStub(channel_)->ListAgreements(&context, request, &response);
  if (!status.ok()) return RefusalStatus(ReadRefusal(status));
  const v1::ListedAgreement* listed = nullptr;
  for (const v1::ListedAgreement& one : response.agreements()) {
    if (one.id() != agreement_->agreement.id) continue;
    const bool same_file = one.digest() == crypto::AsText(agreement_->digest);
    if (listed == nullptr || same_file) listed = &one;
    if (same_file) break;
  }
  if (listed == nullptr) {
    return Refused(absl::StatusCode::kPermissionDenied, "NOT_PERMITTED",
                   "the responder lists no such agreement for this agency");
  }
  if (!listed->has_current() && !listed->has_next()) return NoEpoch(listed->state());
  return Take(*listed, now);
}

absl::Status Epochs::Take(const v1::ListedAgreement& listed, absl::Time now) {
  absl::StatusOr<crypto::EpochStatement> statement = CheckStatement(
      listed.has_current() ? listed.current() : listed.next(), agreement_->agreement, asker_, now);
  // The two clocks may stand on either side of the moment at which an epoch begins.
  if (absl::IsFailedPrecondition(statement.status()) && listed.has_current() && listed.has_next()) {
    absl::StatusOr<crypto::EpochStatement> next =
        CheckStatement(listed.next(), agreement_->agreement, asker_, now);
    if (!absl::IsFailedPrecondition(next.status())) statement = std::move(next);
  }
  if (!statement.ok()) return statement.status();
  const absl::Status accepted = memory_.Accept(*statement);
  if (!accepted.ok()) return accepted;
  auto epoch = std::make_shared<OwnEpoch>();
  if (statement->kind == crypto::TokenKind::kKeyedHash) {
    if (shared_key_ == nullptr) {
      return absl::FailedPreconditionError("this side was given no key for keyed-hash tokens");
    }
    absl::StatusOr<crypto::SecretBytes> key = shared_key_(*statement);
    if (!key.ok()) return key.status();
    const crypto::Digest digest = crypto::Sha256(key->bytes(crypto::RawSecretAccess{}));
    if (crypto::AsText(digest) != statement->public_key) {
      return absl::FailedPreconditionError(
          absl::StrCat("the key this side holds for epoch ", statement->epoch,
                       " is not the one the responder announced; have it shared again"));
    }
    epoch->shared_key = *std::move(key);
  }
  epoch->statement = *std::move(statement);
  current_ = std::move(epoch);
  return absl::OkStatus();
}

}  // namespace vouch::requester
