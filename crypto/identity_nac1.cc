// The profile "nac/1": the normal form of USDA's National Accuracy Clearinghouse
// (docs/protocol-identities.md). Its unkeyed SHA-512 is what Vouch refuses; only the form is taken.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

constexpr absl::string_view kSuffixes[] = {"i",   "ii",     "iii", "iv",     "v",  "vi",
                                           "vii", "viii",   "ix",  "junior", "jr", "jr.",
                                           "jnr", "senior", "sr",  "sr.",    "snr"};

// Lower case ASCII with hyphens as spaces, runs of spaces as one, none at the ends.
absl::StatusOr<std::string> Plain(absl::string_view raw) {
  absl::StatusOr<std::vector<FoldedChar>> folded = FoldName(Attribute::kFamilyName, raw);
  if (!folded.ok()) return folded.status();
  std::string plain;
  for (const FoldedChar& c : *folded) {
    switch (c.kind) {
      case FoldedChar::Kind::kLetter:
      case FoldedChar::Kind::kMark:
        if (c.code_point < 'a' || c.code_point > 'z') {
          return InvalidValue(Attribute::kFamilyName,
                              "nac/1 knows only names that can be written with the letters a-z");
        }
        plain.push_back(static_cast<char>(c.code_point));
        break;
      case FoldedChar::Kind::kHyphen:
      case FoldedChar::Kind::kSpace:
        if (!plain.empty() && plain.back() != ' ') plain.push_back(' ');
        break;
      default:
        // Kept for now: "jr." is a suffix and "jr," is none.
        plain.push_back(c.code_point < 0x80 ? static_cast<char>(c.code_point) : '\'');
    }
  }
  if (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

absl::StatusOr<std::string> LastName(absl::string_view raw) {
  absl::StatusOr<std::string> plain = Plain(raw);
  if (!plain.ok()) return plain.status();
  const size_t space = plain->rfind(' ');
  if (space != std::string::npos) {
    const absl::string_view last = absl::string_view(*plain).substr(space + 1);
    if (std::find(std::begin(kSuffixes), std::end(kSuffixes), last) != std::end(kSuffixes)) {
      plain->resize(space);
    }
  }
  plain->erase(std::remove_if(plain->begin(), plain->end(),
                              [](char c) { return c != ' ' && (c < 'a' || c > 'z'); }),
               plain->end());
  if (plain->find_first_not_of(' ') == std::string::npos) {
    return InvalidValue(Attribute::kFamilyName, "expected at least one letter");
  }
  return plain;
}

class Nac1Rules : public SpellingRules {
 public:
  absl::string_view name() const override { return "nac/1"; }

  absl::StatusOr<std::string> Normalize(Attribute attribute, absl::string_view raw, IdentityUse use,
                                        absl::CivilDay today) const override {
    switch (attribute) {
      case Attribute::kSocialSecurityNumber: {
        absl::StatusOr<std::string> digits = NineDigitSsn(raw, use);
        if (!digits.ok()) return digits;
        return absl::StrCat(digits->substr(0, 3), "-", digits->substr(3, 2), "-",
                            digits->substr(5));
      }
      case Attribute::kDateOfBirth:
        return DateOfBirth(raw, today);
      case Attribute::kFamilyName:
        return LastName(raw);
      default:
        return InvalidValue(attribute,
                            "nac/1 has rules for family_name, date_of_birth and "
                            "social_security_number only; use names/1 for this attribute");
    }
  }
};

}  // namespace

const SpellingRules& Nac1() {
  static const Nac1Rules rules;
  return rules;
}

}  // namespace vouch::crypto
