#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/privacy/scan.h"

namespace vouch::privacy {

namespace {

std::string Utf16(absl::string_view text, bool little_endian) {
  std::string out;
  for (const char c : text) {
    if (!little_endian) out.push_back('\0');
    out.push_back(c);
    if (little_endian) out.push_back('\0');
  }
  return out;
}

// base64 of a longer text in which ours begins at byte `alignment` of a group of three.
std::string Aligned(absl::string_view text, size_t alignment, bool for_urls) {
  const std::string whole =
      absl::StrCat(std::string(alignment, '\xf3'), text, std::string(3 - alignment, '\xf3'));
  return for_urls ? absl::WebSafeBase64Escape(whole) : absl::Base64Escape(whole);
}

}  // namespace

std::vector<Written> EveryEncoding(absl::string_view text) {
  const std::string hex = absl::BytesToHexString(text);
  std::vector<Written> written = {{"raw", std::string(text)},
                                  {"hex", hex},
                                  {"hex, upper case", absl::AsciiStrToUpper(hex)},
                                  {"UTF-16LE", Utf16(text, true)},
                                  {"UTF-16BE", Utf16(text, false)}};
  for (size_t alignment = 0; alignment < 3; ++alignment) {
    for (const bool for_urls : {false, true}) {
      written.push_back({absl::StrCat(for_urls ? "base64url" : "base64", ", alignment ", alignment),
                         Aligned(text, alignment, for_urls)});
    }
  }
  return written;
}

RawPerson Canary() {
  RawPerson canary;
  canary.social_security_number = "999-87-6543";
  canary.source_id = "canary-000000001";
  canary.date_of_birth = "1931-07-19";
  canary.given_name = "Ottoline";
  canary.family_name = "Canaree";
  canary.postal_code = "99901";
  canary.income_cents = "7654321";
  return canary;
}

std::vector<Written> CanaryTexts() {
  return {{"number with hyphens", "999-87-6543"},
          {"number, digits only", "999876543"},
          {"date of birth", "1931-07-19"},
          {"date of birth, month first", "07/19/1931"},
          {"name and compact date", "Canaree 19310719"},
          {"full name", "Ottoline Canaree"},
          {"full name, upper case", "OTTOLINE CANAREE"},
          {"name and income", "Canaree,7654321"},
          {"name and postal code", "Canaree,99901"},
          {"source id", "canary-000000001"}};
}

std::vector<std::string> UnseenCanaries(const People& people, absl::string_view channel) {
  // Enough of the channel around the place for its own bytes to get in the way.
  constexpr size_t kAround = 4096;
  const size_t middle = channel.size() / 2;
  const size_t begin = middle - std::min(middle, kAround);
  const absl::string_view before = channel.substr(begin, middle - begin);
  const absl::string_view after = channel.substr(middle, kAround);
  std::vector<std::string> unseen;
  for (const Written& text : CanaryTexts()) {
    for (const Written& encoded : EveryEncoding(text.bytes)) {
      // The edges end any word, number or run of the channel that the place happened to cut.
      const std::string planted = absl::StrCat(before, "\"", encoded.bytes, "\"", after);
      const std::vector<Finding> findings = Scan(people, planted);
      const uint64_t from = before.size(), to = from + encoded.bytes.size() + 2;
      const bool seen = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
        return finding.offset + 8 >= from && finding.offset <= to;
      });
      if (!seen) unseen.push_back(absl::StrCat(text.encoding, ", ", encoded.encoding));
    }
  }
  return unseen;
}

}  // namespace vouch::privacy
