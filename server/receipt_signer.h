// Receipts as JWS: evidence of an answer that its holder can pass on. docs/protocol.md, "Receipt as
// a JWS". Made for what is durable and proved, where responses are, outside the walk: a signature
// is a good deal dearer than the rest of an answer.
#ifndef VOUCH_SERVER_RECEIPT_SIGNER_H_
#define VOUCH_SERVER_RECEIPT_SIGNER_H_

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "crypto/keys.h"
#include "policies/engine/catalog.h"
#include "policies/engine/refusal.h"
#include "server/verification.h"

namespace vouch::server {

// Thread-safe.
class ReceiptSigner {
 public:
  // `key_path`: PEM of a P-256 key, which may be missing; nothing is read yet.
  ReceiptSigner(std::string agency, std::string key_path)
      : agency_(std::move(agency)), key_path_(std::move(key_path)) {}

  // Reads the key, or the one that took its place; one that was taken away stays. A node runs
  // without.
  void Refresh();
  // FailedPrecondition when an agreement in which this node answers lists JWS receipts and there is
  // no key to sign them with, or none that can be used: then they are refused as NOT_READY.
  absl::Status Standing(const policies::Catalog& catalog) const;

  // For who wants one where there is none to sign it; `signer` may be null.
  static absl::optional<policies::Refusal> NotReady(const ReceiptSigner* signer);
  // Of an answer to one item of a call. Empty only without a key.
  std::string Sign(const admission::AdmittedCall& call, uint32_t position,
                   const AnsweredItem& answered) const;

 private:
  std::shared_ptr<const crypto::SigningKey> Key() const;

  const std::string agency_;
  const std::string key_path_;
  mutable std::mutex mutex_;  // guards both below
  std::shared_ptr<const crypto::SigningKey> key_;
  absl::Status wrong_;
};

}  // namespace vouch::server

#endif  // VOUCH_SERVER_RECEIPT_SIGNER_H_
