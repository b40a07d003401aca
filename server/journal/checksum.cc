#include "server/journal/checksum.h"

#include <array>
#include <cstring>

namespace vouch::server::journal {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // bit-reversed

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint32_t Portable(const uint8_t* at, size_t size, uint32_t crc) {
  for (; size > 0; --size) crc = (crc >> 8) ^ kTable[(crc ^ *at++) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// A gigabyte of tables is checked at every start; the instruction does eight bytes at a time.
__attribute__((target("sse4.2"))) uint32_t WithInstruction(const uint8_t* at, size_t size,
                                                           uint32_t crc) {
  uint64_t wide = crc;
  for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (; size > 0; --size) crc = __builtin_ia32_crc32qi(crc, *at++);
  return crc;
}
#endif

}  // namespace

uint32_t Crc32c(crypto::ByteSpan bytes, uint32_t before) {
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
  if (kHasInstruction) return ~WithInstruction(bytes.data(), bytes.size(), ~before);
#endif
  return ~Portable(bytes.data(), bytes.size(), ~before);
}

}  // namespace vouch::server::journal
