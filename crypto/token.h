// Tokens under a key both agencies hold, and the signed statement that announces an epoch's key.
#ifndef VOUCH_CRYPTO_TOKEN_H_
#define VOUCH_CRYPTO_TOKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "crypto/keys.h"

namespace vouch::crypto {

enum class TokenKind : uint8_t { kKeyedHash = 1, kBlind = 2 };

// 32 zero bytes: the match key could not be formed.
inline constexpr Token kZeroToken = {};
inline bool IsZero(const Token& token) { return token == kZeroToken; }

// HMAC-SHA-256 under the key of one (agreement, asker, epoch). Thread-safe.
class KeyedHash {
 public:
  explicit KeyedHash(const SecretBytes& key) : key_(key) {}
  Token Make(ByteSpan token_input) const { return key_.Mac(token_input); }

 private:
  HmacKey key_;
};

// What the key authority signs for one agreement and epoch.
struct EpochStatement {
  std::string agreement_id;
  uint32_t epoch = 0;
  TokenKind kind = TokenKind::kBlind;
  std::string asker;       // keyed-hash: the one agency it is for; empty for blind
  std::string public_key;  // blind: 33 bytes; keyed-hash: SHA-256 of the key, to check delivery
  absl::Time not_before;   // whole seconds
  absl::Time not_after;

  // The signed bytes (docs/protocol-statements.md): Field "vouch-epoch-statement/1", U8
  // kind, Field agreement, U32 epoch, Field asker, Field public key, U64 not before and U64 not
  // after in seconds since 1970.
  std::string Bytes() const;
};

struct SignedStatement {
  std::string statement;   // EpochStatement::Bytes()
  std::string signature;   // by the authority over the statement
  std::string public_der;  // the authority's SubjectPublicKeyInfo
};
SignedStatement SignStatement(const EpochStatement& statement, const SigningKey& authority);
// Parses and verifies; PermissionDenied when the authority's fingerprint is not `pinned`
// ("sha256:...") or the signature fails, InvalidArgument when the bytes are malformed or a field is
// out of bounds. Whether the statement is in force, and the first for its epoch, is the caller's to
// judge; so is that the public key is a point (CheckPoint).
absl::StatusOr<EpochStatement> OpenStatement(const SignedStatement& signed_statement,
                                             absl::string_view pinned);

// The info of OprfPrivateKey::Derive for an agreement and epoch: Field "vouch-oprf-key/1", Field
// agreement, U32 epoch.
std::string OprfKeyInfo(absl::string_view agreement_id, uint32_t epoch);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_TOKEN_H_
