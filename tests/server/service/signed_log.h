// A partner's log in memory: entries, checkpoints of any size it had, proofs between them.
#ifndef VOUCH_TESTS_SERVER_SERVICE_SIGNED_LOG_H_
#define VOUCH_TESTS_SERVER_SERVICE_SIGNED_LOG_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/checkpoint.h"
#include "crypto/keys.h"
#include "crypto/log_entry.h"
#include "crypto/log_succession.h"
#include "crypto/merkle.h"

namespace vouch::server {

class SignedLog {
 public:
  explicit SignedLog(std::string origin, std::shared_ptr<const crypto::SigningKey> key = nullptr)
      : origin_(std::move(origin)),
        key_(key != nullptr ? std::move(key)
                            : std::make_shared<const crypto::SigningKey>(
                                  crypto::SigningKey::Generate(crypto::KeyKind::kEd25519))),
        signer_(*crypto::NoteSigner::Make(origin_, key_)) {}

  // `what` tells one history from another.
  void GrowTo(uint64_t size, const std::string& what = "") {
    while (leaves_.size() < size) {
      Add(absl::StrCat("entry ", leaves_.size(), what));
    }
  }
  void Add(const std::string& entry) {
    entries_.push_back(entry);
    leaves_.push_back(crypto::LeafHash(crypto::AsBytes(entry)));
  }
  // Ends this log, and begins the next from there.
  void EndWith(SignedLog* next) {
    Add(crypto::LogClosedEntry(1, {origin_, leaves_.size() + 1, next->origin_}));
    next->Add(crypto::LogOpenedEntry(1, {next->origin_, Head()}));
  }
  // Begins the next log with the declaration that what followed this one, up to `lost`, is lost.
  void DeclareLoss(SignedLog* next, const crypto::Checkpoint& lost) const {
    next->Add(crypto::LossDeclaredEntry(1, {next->origin_, Head(), lost, 60}));
  }
  crypto::LogSuccession LossStepTo(const SignedLog& next, uint64_t remembered,
                                   uint64_t shown) const {
    crypto::LogSuccession step;
    step.checkpoint = NoteOf(leaves_.size());
    step.old_size = remembered;
    if (remembered <= leaves_.size()) step.consistency = Proof(remembered, leaves_.size());
    step.opening = next.entries_.front();
    step.opening_proof =
        crypto::RangeProof(absl::MakeConstSpan(next.leaves_).subspan(0, shown), 0, 1);
    return step;
  }
  crypto::Checkpoint At(uint64_t size) const {
    crypto::CompactRange range;
    for (uint64_t i = 0; i < size; ++i) range.Append(leaves_[i]);
    return {origin_, size, range.Root()};
  }
  crypto::Checkpoint Head() const {
    crypto::CompactRange range;
    for (const crypto::Digest& leaf : leaves_) range.Append(leaf);
    return {origin_, range.size(), range.Root()};
  }
  // From `remembered` entries of this log, which has ended, to `shown` of the next.
  crypto::LogSuccession StepTo(const SignedLog& next, uint64_t remembered, uint64_t shown) const {
    crypto::LogSuccession step;
    const uint64_t size = leaves_.size();
    step.checkpoint = NoteOf(size);
    step.old_size = remembered;
    step.consistency = Proof(remembered, size);
    step.closing = entries_.back();
    step.closing_proof = crypto::RangeProof(leaves_, size - 1, 1);
    step.opening = next.entries_.front();
    step.opening_proof =
        crypto::RangeProof(absl::MakeConstSpan(next.leaves_).subspan(0, shown), 0, 1);
    return step;
  }
  std::string NoteOf(uint64_t size) const {
    crypto::CompactRange range;
    for (uint64_t i = 0; i < size; ++i) range.Append(leaves_[i]);
    const crypto::NoteSigner* const signers[] = {&signer_};
    return *crypto::SignCheckpoint({origin_, size, range.Root()}, signers);
  }
  std::vector<crypto::Digest> Proof(uint64_t old_size, uint64_t size) const {
    return crypto::ConsistencyProof(absl::MakeConstSpan(leaves_).subspan(0, size), old_size);
  }

  uint64_t size() const { return leaves_.size(); }
  const std::string& entry(uint64_t index) const { return entries_[index]; }
  const std::string& origin() const { return origin_; }
  const std::shared_ptr<const crypto::SigningKey>& key() const { return key_; }
  std::string public_der() const { return key_->PublicDer(); }

 private:
  const std::string origin_;
  const std::shared_ptr<const crypto::SigningKey> key_;
  const crypto::NoteSigner signer_;
  std::vector<std::string> entries_;
  std::vector<crypto::Digest> leaves_;
};

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_SERVICE_SIGNED_LOG_H_
