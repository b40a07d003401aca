// Making the tokens of people whose identity this side knows.
#ifndef VOUCH_SERVER_RECORDS_TOKENISER_H_
#define VOUCH_SERVER_RECORDS_TOKENISER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "crypto/token.h"
#include "crypto/voprf.h"

namespace vouch::server::records {

// The token key of one agreement and epoch, or the way to the role that holds it. Thread-safe.
class Tokeniser {
 public:
  virtual ~Tokeniser() = default;
  // One token for each input; both spans have the same size.
  virtual absl::Status Tokens(absl::Span<const std::string> inputs,
                              absl::Span<crypto::Token> out) const = 0;
};

std::shared_ptr<const Tokeniser> KeyedHashTokeniser(std::shared_ptr<const crypto::KeyedHash> key);
std::shared_ptr<const Tokeniser> BlindTokeniser(std::shared_ptr<const crypto::OprfPrivateKey> key);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_TOKENISER_H_
