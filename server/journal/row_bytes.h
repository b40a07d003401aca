// Rows as bytes of this machine's own order, for the table image, which never leaves it.
#ifndef VOUCH_SERVER_JOURNAL_ROW_BYTES_H_
#define VOUCH_SERVER_JOURNAL_ROW_BYTES_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "crypto/bytes.h"
#include "server/journal/journal.h"

namespace vouch::server::journal {

inline uint64_t KeyWord64(const RowKey& key, size_t at) {
  uint64_t word;
  std::memcpy(&word, &key[at], sizeof(word));
  return word;
}
inline uint32_t KeyWord32(const RowKey& key, size_t at) {
  uint32_t word;
  std::memcpy(&word, &key[at], sizeof(word));
  return word;
}

template <typename T>
void AppendRaw(const T& value, std::string* out) {
  static_assert(std::is_trivially_copyable_v<T>, "copied as bytes");
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
// Takes the value off the front; false when there are too few bytes.
template <typename T>
bool TakeRaw(crypto::ByteSpan* bytes, T* value) {
  static_assert(std::is_trivially_copyable_v<T>, "copied as bytes");
  if (bytes->size() < sizeof(T)) return false;
  std::memcpy(value, bytes->data(), sizeof(T));
  bytes->remove_prefix(sizeof(T));
  return true;
}

}  // namespace vouch::server::journal

#endif  // VOUCH_SERVER_JOURNAL_ROW_BYTES_H_
