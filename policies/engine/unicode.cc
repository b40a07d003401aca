#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

bool Between(char32_t c, char32_t from, char32_t to) { return c >= from && c <= to; }

}  // namespace

CodePoint DecodeUtf8(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  size_t size = 0;
  char32_t least = 0;
  char32_t value = 0;
  if (Between(first, 0xC2, 0xDF)) {
    size = 2;
    least = 0x80;
    value = first & 0x1F;
  } else if (Between(first, 0xE0, 0xEF)) {
    size = 3;
    least = 0x800;
    value = first & 0x0F;
  } else if (Between(first, 0xF0, 0xF4)) {
    size = 4;
    least = 0x10000;
    value = first & 0x07;
  } else {
    return {};
  }
  if (text.size() < size) return {};
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  if (value < least || value > 0x10FFFF || Between(value, 0xD800, 0xDFFF)) return {};
  return {value, size, true};
}

size_t CodePointCount(absl::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(DecodeUtf8(text).size);
    ++count;
  }
  return count;
}

absl::string_view FirstCodePoints(absl::string_view text, size_t count) {
  size_t at = 0;
  while (count-- > 0 && at < text.size()) at += DecodeUtf8(text.substr(at)).size;
  return text.substr(0, at);
}

bool IsHidden(char32_t c) {
  return Between(c, 0x80, 0x9F) || c == 0xAD || c == 0x61C || c == 0x180E || c == 0x200B ||
         c == 0x200E || c == 0x200F || Between(c, 0x2028, 0x202E) || Between(c, 0x2060, 0x206F) ||
         c == 0xFEFF || Between(c, 0xFFF9, 0xFFFB) || Between(c, 0xE0000, 0xE007F);
}

bool IsSmartQuote(char32_t c) {
  return Between(c, 0x2018, 0x201F) || c == 0xAB || c == 0xBB || c == 0x2039 || c == 0x203A ||
         c == 0x2032 || c == 0x2033 || c == 0xFF02 || c == 0xFF07;
}

}  // namespace vouch::policies
