// What stands in for the tokens of a group's padding: nobody's, and known again by whoever opens
// one of the group's entries.
#ifndef VOUCH_SERVER_LEDGER_PADDING_TOKENS_H_
#define VOUCH_SERVER_LEDGER_PADDING_TOKENS_H_

#include <string>

#include "crypto/digest.h"

namespace vouch::server::ledger {

// Of the slot numbered `slot` from 0, a token for each of `keys` match keys; `request` is the
// digest of the canonical request.
inline void AppendPaddingTokens(const crypto::Digest& request, size_t slot, size_t keys,
                                std::string* out) {
  for (size_t key = 0; key < keys; ++key) {
    crypto::Digest nobody = request;
    nobody[0] ^= static_cast<uint8_t>(slot);
    nobody[1] ^= static_cast<uint8_t>(key);
    out->append(reinterpret_cast<const char*>(nobody.data()), nobody.size());
  }
}

}  // namespace vouch::server::ledger

#endif  // VOUCH_SERVER_LEDGER_PADDING_TOKENS_H_
