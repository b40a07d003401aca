// The little of UTF-8 that reading a file with positions needs.
#ifndef VOUCH_POLICIES_ENGINE_UNICODE_H_
#define VOUCH_POLICIES_ENGINE_UNICODE_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace vouch::policies {

struct CodePoint {
  char32_t value = 0;
  size_t size = 1;     // bytes; 1 when not valid
  bool valid = false;  // shortest form, no surrogate, at most U+10FFFF (RFC 3629)
};
// The code point that `text` begins with; `text` is not empty.
CodePoint DecodeUtf8(absl::string_view text);

// Code points in `text`; a byte that is not UTF-8 counts as one.
size_t CodePointCount(absl::string_view text);

// The first `count` code points of `text`, or all of it.
absl::string_view FirstCodePoints(absl::string_view text, size_t count);

// Characters a reader of the printed file would not see, or that change the order in which other
// characters are shown: C1 controls, bidirectional controls (Unicode 15.0, UAX 9 section 2), zero
// width characters, line and paragraph separators, the byte order mark, tag characters. The zero
// width joiners are not among them: some scripts are spelt with them.
bool IsHidden(char32_t c);

// Typographic quotation marks, which word processors put in the place of " and '.
bool IsSmartQuote(char32_t c);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_UNICODE_H_
