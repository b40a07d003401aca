// What the normalisation profiles are made of. Private to crypto/: callers see crypto/identity.h.
#ifndef VOUCH_CRYPTO_SPELLING_H_
#define VOUCH_CRYPTO_SPELLING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "crypto/identity.h"

namespace vouch::crypto {

// The profiles. They live for ever.
const SpellingRules& Names1();
const SpellingRules& Nac1();

inline bool IsName(Attribute attribute) {
  return attribute == Attribute::kGivenName || attribute == Attribute::kMiddleName ||
         attribute == Attribute::kFamilyName;
}

// The longest raw value either profile reads, in bytes.
inline constexpr size_t kMaxRawBytes = 512;

// "<attribute>: <expected>" as InvalidArgument. Callers pass constant text, never the value.
absl::Status InvalidValue(Attribute attribute, absl::string_view expected);

// One code point of a folded name. Letters carry their own value, already folded.
struct FoldedChar {
  enum class Kind : uint8_t { kLetter, kMark, kDigit, kHyphen, kJoiner, kSpace, kOther };
  char32_t code_point;
  Kind kind;
};
// Steps 1 to 8 of docs/protocol-identities.md, "Names": decoding, refusals, NFKD, marks, case, the
// folding table, classes.
absl::StatusOr<std::vector<FoldedChar>> FoldName(Attribute attribute, absl::string_view raw);
// The same for one ASCII character, for the path almost every name takes.
FoldedChar::Kind AsciiKind(char c);
// InvalidArgument unless `raw` is at most kMaxRawBytes and free of control characters and '?'.
absl::Status CheckAsciiName(Attribute attribute, absl::string_view raw);

void AppendUtf8(char32_t code_point, std::string* out);

// Without the ASCII white space around it.
absl::string_view Trimmed(absl::string_view raw);

// A Social Security number as nine digits, its rules checked for `use`.
absl::StatusOr<std::string> NineDigitSsn(absl::string_view raw, IdentityUse use);
// A real day as YYYY-MM-DD, not after `today`, within 130 years.
absl::StatusOr<std::string> DateOfBirth(absl::string_view raw, absl::CivilDay today);
absl::StatusOr<std::string> TaxpayerId(absl::string_view raw, IdentityUse use);
absl::StatusOr<std::string> PostalCode(absl::string_view raw);
absl::StatusOr<std::string> AlienNumber(absl::string_view raw);
absl::StatusOr<std::string> EmployerId(absl::string_view raw);
// Upper-case letters and digits, at most 40, separators dropped: case and national numbers.
absl::StatusOr<std::string> PlainIdentifier(Attribute attribute, absl::string_view raw);

// American Soundex as the U.S. National Archives describe it ("R163"), of a normal form in lower
// case; empty when it holds a letter outside a-z. Spaces are passed over.
std::string Soundex(absl::string_view normal_name);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_SPELLING_H_
