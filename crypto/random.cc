#include "crypto/random.h"

#include <openssl/rand.h>

#include <cstdlib>

namespace vouch::crypto {

void FillRandom(absl::Span<uint8_t> out) {
  if (!out.empty() && RAND_bytes_ex(nullptr, out.data(), out.size(), 0) != 1) std::abort();
}

std::array<uint8_t, 16> NewUuidV7(int64_t unix_milliseconds) {
  std::array<uint8_t, 16> uuid;
  FillRandom(absl::MakeSpan(uuid).subspan(6));
  for (int i = 0; i < 6; ++i) {
    uuid[i] = static_cast<uint8_t>(static_cast<uint64_t>(unix_milliseconds) >> (40 - 8 * i));
  }
  uuid[6] = static_cast<uint8_t>(0x70 | (uuid[6] & 0x0f));
  uuid[8] = static_cast<uint8_t>(0x80 | (uuid[8] & 0x3f));
  return uuid;
}

int64_t UuidV7Time(ByteSpan uuid) {
  if (uuid.size() != 16 || (uuid[6] & 0xf0) != 0x70 || (uuid[8] & 0xc0) != 0x80) return -1;
  int64_t milliseconds = 0;
  for (int i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | uuid[i];
  return milliseconds;
}

}  // namespace vouch::crypto
