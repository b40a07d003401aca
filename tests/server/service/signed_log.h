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
      leaves_.push_back(
          crypto::LeafHash(crypto::AsBytes(absl::StrCat("entry ", leaves_.size(), what))));
    }
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

  const std::string& origin() const { return origin_; }
  const std::shared_ptr<const crypto::SigningKey>& key() const { return key_; }
  std::string public_der() const { return key_->PublicDer(); }

 private:
  const std::string origin_;
  const std::shared_ptr<const crypto::SigningKey> key_;
  const crypto::NoteSigner signer_;
  std::vector<crypto::Digest> leaves_;
};

}  // namespace vouch::server

#endif  // VOUCH_TESTS_SERVER_SERVICE_SIGNED_LOG_H_
