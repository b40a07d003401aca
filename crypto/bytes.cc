#include "crypto/bytes.h"

#include <cstdlib>

namespace vouch::crypto {

std::string Hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool FromHex(absl::string_view hex, absl::Span<uint8_t> out) {
  if (hex.size() != out.size() * 2) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = HexValue(hex[2 * i]);
    const int low = HexValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

ByteWriter& ByteWriter::U8(uint8_t value) {
  out_.push_back(static_cast<char>(value));
  return *this;
}

ByteWriter& ByteWriter::U16(uint16_t value) {
  const uint8_t bytes[] = {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
  return Raw(bytes);
}

ByteWriter& ByteWriter::U32(uint32_t value) {
  const uint8_t bytes[] = {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
                           static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
  return Raw(bytes);
}

ByteWriter& ByteWriter::U64(uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
  return Raw(bytes);
}

ByteWriter& ByteWriter::Raw(ByteSpan bytes) {
  out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return *this;
}

ByteWriter& ByteWriter::Field(ByteSpan bytes) {
  return U32(static_cast<uint32_t>(bytes.size())).Raw(bytes);
}

ByteWriter& ByteWriter::ShortText(absl::string_view text) {
  if (text.size() > 255) std::abort();
  return U8(static_cast<uint8_t>(text.size())).Raw(AsBytes(text));
}

ByteSpan ByteReader::Raw(size_t size) {
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    return {};
  }
  ByteSpan taken = rest_.subspan(0, size);
  rest_.remove_prefix(size);
  return taken;
}

uint8_t ByteReader::U8() {
  ByteSpan raw = Raw(1);
  return raw.empty() ? 0 : raw[0];
}

uint16_t ByteReader::U16() {
  ByteSpan raw = Raw(2);
  return raw.empty() ? 0 : static_cast<uint16_t>(raw[0] << 8 | raw[1]);
}

uint32_t ByteReader::U32() {
  const uint32_t high = U16();
  return high << 16 | U16();
}

uint64_t ByteReader::U64() {
  const uint64_t high = U32();
  return high << 32 | U32();
}

ByteSpan ByteReader::Field() { return Raw(U32()); }

absl::string_view ByteReader::ShortText() { return AsText(Raw(U8())); }

}  // namespace vouch::crypto
