// What a receipt as a JWS says: one JSON text of one layout, field by field, so that whoever knows
// an answer builds the same bytes and compares them. docs/protocol.md, "Receipt as a JWS".
#ifndef VOUCH_CRYPTO_RECEIPT_CLAIMS_H_
#define VOUCH_CRYPTO_RECEIPT_CLAIMS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "crypto/bytes.h"
#include "crypto/digest.h"
#include "crypto/receipt.h"

namespace vouch::crypto {

struct ReceiptClaims {
  absl::string_view responder;
  // Of the request: who asked, under which agreement, what, and about which tokens. Neither
  // request id nor consents are said.
  const CanonicalRequest* request = nullptr;
  // The entry, exact bytes; of a group: of its first slot.
  absl::string_view entry;
  Digest opening{};
  // Where that entry is: the log's origin, and the place in it.
  absl::string_view log;
  uint64_t index = 0;
  uint8_t answer = 0;      // 1 yes, 2 no, 3 undetermined
  int32_t data_as_of = 0;  // days since 1970
};

// The JWS's payload, of the same length for the three answers, and wherever in the log the entry
// is. InvalidArgument for bytes that are no entry of an answer, or parameters that are none.
absl::StatusOr<std::string> ReceiptPayload(const ReceiptClaims& claims);

// HMAC-SHA-256(opening, tokens), base64url: the subject, which nobody can tell who has not both.
std::string ReceiptSubject(const Digest& opening, ByteSpan tokens);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_RECEIPT_CLAIMS_H_
