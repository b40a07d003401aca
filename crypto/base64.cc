#include "crypto/base64.h"

#include <algorithm>

#include "absl/strings/escaping.h"

namespace vouch::crypto {

std::string Base64(ByteSpan bytes) { return absl::Base64Escape(AsText(bytes)); }

bool FromBase64(absl::string_view text, std::string* out) {
  return absl::Base64Unescape(text, out) && absl::Base64Escape(*out) == text;
}

bool FromBase64(absl::string_view text, Digest* out) {
  std::string bytes;
  if (!FromBase64(text, &bytes) || bytes.size() != out->size()) return false;
  std::copy(bytes.begin(), bytes.end(), out->begin());
  return true;
}

std::string Base64Url(ByteSpan bytes) { return absl::WebSafeBase64Escape(AsText(bytes)); }

bool FromBase64Url(absl::string_view text, std::string* out) {
  return absl::WebSafeBase64Unescape(text, out) && absl::WebSafeBase64Escape(*out) == text;
}

}  // namespace vouch::crypto
