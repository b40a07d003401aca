#include "server/records/tokeniser.h"

#include <algorithm>
#include <utility>
#include <vector>

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
    std::vector<crypto::ByteSpan> spans;
    spans.reserve(inputs.size());
    for (const std::string& input : inputs) spans.push_back(crypto::AsBytes(input));
    const absl::StatusOr<std::vector<crypto::Token>> tokens = key_->EvaluateMany(spans);
    if (!tokens.ok()) return tokens.status();
    std::copy(tokens->begin(), tokens->end(), out.begin());
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
