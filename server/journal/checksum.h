// CRC-32C (Castagnoli), for what a disk or a torn write may have changed; not against an attacker.
#ifndef VOUCH_SERVER_JOURNAL_CHECKSUM_H_
#define VOUCH_SERVER_JOURNAL_CHECKSUM_H_

#include <cstdint>

#include "crypto/bytes.h"

namespace vouch::server::journal {

// `before` is the checksum of the bytes in front of these, 0 for none.
uint32_t Crc32c(crypto::ByteSpan bytes, uint32_t before = 0);

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_CHECKSUM_H_
