#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

// Codes of a-z. '0': a vowel, which parts equal codes; '-': H and W, which are passed over.
constexpr char kCodes[] = "0123012-02245501262301-202";
static_assert(sizeof(kCodes) == 27, "one code for each letter");

}  // namespace

std::string Soundex(absl::string_view normal_name) {
  std::string soundex;
  char last_code = 0;
  for (char letter : normal_name) {
    if (letter == ' ') continue;
    if (letter < 'a' || letter > 'z') return "";
    const char code = kCodes[letter - 'a'];
    if (soundex.empty()) {
      soundex.push_back(static_cast<char>(letter - 'a' + 'A'));
      last_code = code;
      continue;
    }
    if (code == '-') continue;
    // On to the end even when full: a later letter may make the whole name one without a code.
    if (code != '0' && code != last_code && soundex.size() < 4) soundex.push_back(code);
    last_code = code;
  }
  if (soundex.empty()) return "";
  soundex.resize(4, '0');
  return soundex;
}

}  // namespace vouch::crypto
