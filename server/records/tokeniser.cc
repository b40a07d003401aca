#include "server/records/tokeniser.h"

#include <utility>

namespace vouch::server::records {

namespace {

class KeyedHashMaker final : public Tokeniser {
 public:
  explicit KeyedHashMaker(std::shared_ptr<const crypto::KeyedHash> key) : key_(std::move(key)) {}
  absl::Status Tokens(absl::Span<const std::string> inputs,
                      absl::Span<crypto::Token> out) const override {
    for (size_t i = 0; i < inputs.size(); ++i) out[i] = key_->Make(crypto::AsBytes(inputs[i]));
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<const crypto::KeyedHash> key_;
};

class BlindMaker final : public Tokeniser {
 public:
  explicit BlindMaker(std::shared_ptr<const crypto::OprfPrivateKey> key) : key_(std::move(key)) {}
  absl::Status Tokens(absl::Span<const std::string> inputs,
                      absl::Span<crypto::Token> out) const override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const absl::StatusOr<crypto::Token> token = key_->Evaluate(crypto::AsBytes(inputs[i]));
      if (!token.ok()) return token.status();
      out[i] = *token;
    }
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<const crypto::OprfPrivateKey> key_;
};

}  // namespace

std::shared_ptr<const Tokeniser> KeyedHashTokeniser(std::shared_ptr<const crypto::KeyedHash> key) {
  return std::make_shared<KeyedHashMaker>(std::move(key));
}

std::shared_ptr<const Tokeniser> BlindTokeniser(std::shared_ptr<const crypto::OprfPrivateKey> key) {
  return std::make_shared<BlindMaker>(std::move(key));
}

}  // namespace vouch::server::records
