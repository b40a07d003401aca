// From people to tokens, on the requester's side.
#ifndef VOUCH_CLIENT_REQUESTER_TOKENS_H_
#define VOUCH_CLIENT_REQUESTER_TOKENS_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/requester/refusal.h"
#include "crypto/identity.h"
#include "crypto/secret.h"
#include "crypto/token.h"
#include "policies/engine/agreement.h"

namespace vouch::requester {

// An agreement file as this side holds it.
struct OwnAgreement {
  policies::Agreement agreement;
  policies::FileDigest digest{};
};

// One person's tokens: one for each match key, zero where the key could not be formed.
using TokenVector = std::vector<crypto::Token>;

// An epoch whose statement was checked, and what this side needs to make its tokens.
struct OwnEpoch {
  crypto::EpochStatement statement;
  crypto::SecretBytes shared_key;  // keyed-hash; empty for blind
};

// One key for each (agreement, epoch), for ever: a responder that announced another could tell
// requesters, or people, apart by it. One small file for each epoch, written before the key is
// used.
class EpochMemory {
 public:
  explicit EpochMemory(std::string folder) : folder_(std::move(folder)) {}
  // PermissionDenied when another statement was accepted for the same epoch before, by whichever
  // process; Unavailable when that cannot be read or written.
  absl::Status Accept(const crypto::EpochStatement& statement) const;

 private:
  const std::string folder_;
};

// Makes tokens under one agreement and epoch. Blind tokens ask the responder for help, padded to 1,
// 8, 64 or 512 people a call. Thread-safe.
class TokenMaker {
 public:
  // `channel` may be null for keyed-hash. `asker` is this side's own agency.
  TokenMaker(const OwnAgreement* agreement, const OwnEpoch* epoch, std::string asker,
             std::shared_ptr<grpc::Channel> channel);

  // One vector for each identity, in order. An identity from which no key can be formed gets all
  // zeros. The responder is asked as if for `as_if` people where that is more: how many members a
  // group has is not to be seen in the padding. A refusal of the responder comes back as
  // RefusalStatus.
  absl::StatusOr<std::vector<TokenVector>> Make(absl::Span<const crypto::Identity> people,
                                                absl::CivilDay today, absl::Time deadline,
                                                size_t as_if = 0) const;

 private:
  using Inputs = std::vector<std::string>;  // one for each match key; empty: cannot be formed

  absl::StatusOr<Inputs> InputsOf(const crypto::Identity& person, absl::CivilDay today) const;
  absl::Status MakeBlind(absl::Span<const Inputs> people, size_t as_if, absl::Time deadline,
                         std::vector<TokenVector>* tokens) const;

  const OwnAgreement* const agreement_;
  const OwnEpoch* const epoch_;
  const std::string asker_;
  const std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace vouch::requester

#endif  // VOUCH_CLIENT_REQUESTER_TOKENS_H_
