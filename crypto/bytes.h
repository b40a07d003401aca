// Byte strings, and the length-prefixed layout in which everything hashed or signed is built.
#ifndef VOUCH_CRYPTO_BYTES_H_
#define VOUCH_CRYPTO_BYTES_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vouch::crypto {

using ByteSpan = absl::Span<const uint8_t>;
using Digest = std::array<uint8_t, 32>;
// A match key made unreadable for one agreement and key epoch. All zero: the key could not be
// formed.
using Token = std::array<uint8_t, 32>;

inline ByteSpan AsBytes(absl::string_view text) {
  return ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}
inline absl::string_view AsText(ByteSpan bytes) {
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
// Lower-case hexadecimal.
std::string Hex(ByteSpan bytes);
// False, with `out` unspecified, when `hex` is not exactly 2 * out.size() hexadecimal digits.
bool FromHex(absl::string_view hex, absl::Span<uint8_t> out);

// Appends fields to a byte string. Integers are big-endian; Field is a u32 length and the bytes.
class ByteWriter {
 public:
  ByteWriter& U8(uint8_t value);
  ByteWriter& U16(uint16_t value);
  ByteWriter& U32(uint32_t value);
  ByteWriter& U64(uint64_t value);
  ByteWriter& Raw(ByteSpan bytes);
  ByteWriter& Field(ByteSpan bytes);
  ByteWriter& Field(absl::string_view text) { return Field(AsBytes(text)); }
  // A u8 length and the text; the text is at most 255 bytes (a broken invariant otherwise).
  ByteWriter& ShortText(absl::string_view text);

  const std::string& str() const& { return out_; }
  std::string&& str() && { return std::move(out_); }
  void Clear() { out_.clear(); }
  void Reserve(size_t bytes) { out_.reserve(bytes); }

 private:
  std::string out_;
};

// Reads what ByteWriter wrote. After the first failure every read returns zero or empty and ok() is
// false, so a caller checks once at the end. Views point into the input.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : rest_(bytes) {}
  uint8_t U8();
  uint16_t U16();
  uint32_t U32();
  uint64_t U64();
  ByteSpan Raw(size_t size);
  ByteSpan Field();
  absl::string_view ShortText();

  bool ok() const { return ok_; }
  // True when nothing failed and nothing is left over.
  bool Finished() const { return ok_ && rest_.empty(); }
  size_t remaining() const { return rest_.size(); }

 private:
  ByteSpan rest_;
  bool ok_ = true;
};

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_BYTES_H_
