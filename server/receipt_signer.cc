#include "server/receipt_signer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crypto/jws.h"
#include "crypto/receipt_claims.h"
#include "server/node/folders.h"

namespace vouch::server {

namespace {

absl::StatusOr<crypto::SigningKey> ReadReceiptKey(const std::string& path) {
  absl::StatusOr<std::string> pem = crypto::ReadPrivateFile(path);
  if (!pem.ok()) return pem.status();
  absl::StatusOr<crypto::SigningKey> key = crypto::SigningKey::FromPem(*pem);
  crypto::Wipe(&*pem);
  if (key.ok() && key->kind() != crypto::KeyKind::kP256) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a P-256 key"));
  }
  return key;
}

}  // namespace

void ReceiptSigner::Refresh() {
  const bool there = node::Exists(key_path_);
  absl::StatusOr<crypto::SigningKey> read =
      there ? ReadReceiptKey(key_path_)
            : absl::NotFoundError(absl::StrCat(key_path_, " is missing"));
  const std::lock_guard<std::mutex> lock(mutex_);
  wrong_ = read.status();
  if (read.ok()) key_ = std::make_shared<const crypto::SigningKey>(*std::move(read));
}

absl::Status ReceiptSigner::Standing(const policies::Catalog& catalog) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (key_ != nullptr) return absl::OkStatus();
  for (const auto& held : catalog.all()) {
    const policies::Agreement& agreement = held->agreement;
    if (!agreement.jws_receipts || agreement.answers != agency_) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "agreement ", agreement.id, " lists JWS receipts, and there is no key to sign them with (",
        wrong_.message(),
        "), so that whoever asks for one is refused; make it with `vouch keys "
        "receipt`, and give its public half to partners"));
  }
  return absl::OkStatus();
}

absl::optional<policies::Refusal> ReceiptSigner::NotReady(const ReceiptSigner* signer) {
  if (signer != nullptr && signer->Key() != nullptr) return absl::nullopt;
  policies::Refusal refusal;
  refusal.reason = policies::Reason::kNotReady;
  refusal.field = "jws_receipt";
  refusal.message =
      "this node has no key yet to sign a JWS receipt with; ask without, and the answer has its "
      "ledger receipt";
  refusal.retry_after = absl::Minutes(10);
  return refusal;
}

std::shared_ptr<const crypto::SigningKey> ReceiptSigner::Key() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return key_;
}

std::string ReceiptSigner::Sign(const admission::AdmittedCall& call, uint32_t position,
                                const AnsweredItem& answered) const {
  const std::shared_ptr<const crypto::SigningKey> key = Key();
  if (key == nullptr) return "";
  const crypto::CanonicalRequest request = admission::Canonical(call, position);
  crypto::ReceiptClaims claims;
  claims.responder = agency_;
  claims.request = &request;
  const size_t slots = static_cast<size_t>(std::max(1, answered.question->group_at_most));
  claims.entry = absl::string_view(answered.entry).substr(0, answered.entry.size() / slots);
  claims.opening = answered.opening;
  const std::string& checkpoint = *answered.proof->log.checkpoint;
  claims.log = absl::string_view(checkpoint).substr(0, checkpoint.find('\n'));
  claims.index = answered.entry_index - answered.proof->log.log_first;
  claims.answer = static_cast<uint8_t>(answered.answer);
  claims.data_as_of = static_cast<int32_t>(answered.data_as_of - absl::CivilDay(1970, 1, 1));
  const absl::StatusOr<std::string> payload = crypto::ReceiptPayload(claims);
  // Both are made of what the walk itself has just written.
  if (!payload.ok()) std::abort();
  absl::StatusOr<std::string> jws = crypto::SignJws(*key, crypto::kReceiptJwsType, *payload);
  if (!jws.ok()) std::abort();
  return *std::move(jws);
}

}  // namespace vouch::server
