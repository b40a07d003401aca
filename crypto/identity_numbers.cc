// Numbers, dates and codes: what is valid, and the one form they are hashed in.
#include <algorithm>
#include <initializer_list>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crypto/spelling.h"

namespace vouch::crypto {
namespace {

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

bool AllZeros(absl::string_view text) {
  return text.find_first_not_of('0') == absl::string_view::npos;
}

int Number(absl::string_view digits) {
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  return value;
}

// The digits of `raw` when its groups have exactly these lengths, all joined or all parted by the
// same separator, a hyphen or a space; empty otherwise.
std::string DigitGroups(absl::string_view raw, std::initializer_list<size_t> groups) {
  raw = Trimmed(raw);
  size_t total = 0;
  for (size_t size : groups) total += size;
  if (raw.size() == total && AllDigits(raw)) return std::string(raw);
  if (raw.size() != total + groups.size() - 1) return "";
  std::string digits;
  char separator = 0;
  size_t at = 0;
  for (size_t size : groups) {
    if (at > 0) {
      const char c = raw[at++];
      if ((c != '-' && c != ' ') || (separator != 0 && c != separator)) return "";
      separator = c;
    }
    const absl::string_view group = raw.substr(at, size);
    if (!AllDigits(group)) return "";
    digits.append(group.data(), group.size());
    at += size;
  }
  return digits;
}

// Upper-case letters and digits of `raw` without spaces and the separators - . / _; empty when it
// holds anything else or more than `most`.
std::string PlainCode(absl::string_view raw, size_t most) {
  std::string code;
  for (char c : Trimmed(raw)) {
    if (absl::ascii_isalnum(c)) {
      code.push_back(absl::ascii_toupper(c));
    } else if (c != ' ' && c != '-' && c != '.' && c != '/' && c != '_') {
      return "";
    }
    if (code.size() > most) return "";
  }
  return code;
}

// The fourth and fifth digits the IRS assigns: 50-65, 70-88, 90-92, 94-99.
bool IsAssignedItinGroup(int group) {
  return (group >= 50 && group <= 65) || (group >= 70 && group <= 88) ||
         (group >= 90 && group <= 92) || (group >= 94 && group <= 99);
}

}  // namespace

absl::Status InvalidValue(Attribute attribute, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(AttributeName(attribute), ": ", expected));
}

absl::string_view Trimmed(absl::string_view raw) { return absl::StripAsciiWhitespace(raw); }

absl::StatusOr<std::string> NineDigitSsn(absl::string_view raw, IdentityUse use) {
  constexpr Attribute kAttribute = Attribute::kSocialSecurityNumber;
  std::string digits = DigitGroups(raw, {3, 2, 4});
  if (digits.empty()) {
    return InvalidValue(kAttribute,
                        "expected nine digits, as 123456789, 123-45-6789 or 123 45 6789");
  }
  const absl::string_view text = digits;
  const absl::string_view area = text.substr(0, 3);
  if (use == IdentityUse::kTest && area[0] != '9') {
    return InvalidValue(kAttribute, "a test person's area (first three digits) is 900 to 999");
  }
  if (use == IdentityUse::kLive && (area == "000" || area == "666" || area[0] == '9')) {
    return InvalidValue(kAttribute, "no area (first three digits) is 000, 666 or 900 to 999");
  }
  if (text.substr(3, 2) == "00") {
    return InvalidValue(kAttribute, "no group (fourth and fifth digits) is 00");
  }
  if (text.substr(5) == "0000") {
    return InvalidValue(kAttribute, "no serial (last four digits) is 0000");
  }
  return digits;
}

absl::StatusOr<std::string> TaxpayerId(absl::string_view raw, IdentityUse use) {
  constexpr Attribute kAttribute = Attribute::kIndividualTaxpayerId;
  std::string digits = DigitGroups(raw, {3, 2, 4});
  if (digits.empty() || digits[0] != '9') {
    return InvalidValue(kAttribute, "expected nine digits of which the first is 9");
  }
  const bool assigned = IsAssignedItinGroup(Number(absl::string_view(digits).substr(3, 2)));
  if (use == IdentityUse::kLive && !assigned) {
    return InvalidValue(kAttribute, "the fourth and fifth digits are 50-65, 70-88, 90-92 or 94-99");
  }
  if (use == IdentityUse::kTest && assigned) {
    return InvalidValue(kAttribute,
                        "a test person's fourth and fifth digits are ones the IRS does not assign, "
                        "such as 01");
  }
  return digits;
}

absl::StatusOr<std::string> DateOfBirth(absl::string_view raw, absl::CivilDay today) {
  constexpr Attribute kAttribute = Attribute::kDateOfBirth;
  const absl::string_view text = Trimmed(raw);
  std::string digits;
  if (text.size() == 8 && AllDigits(text)) {
    digits = std::string(text);
  } else if (text.size() == 10 && (text[4] == '-' || text[4] == '/') && text[7] == text[4]) {
    digits = absl::StrCat(text.substr(0, 4), text.substr(5, 2), text.substr(8, 2));
  }
  if (digits.empty() || !AllDigits(digits)) {
    return InvalidValue(kAttribute,
                        "expected year, month and day as YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD; the "
                        "order of day and month in other forms cannot be told");
  }
  const absl::string_view parts = digits;
  const int year = Number(parts.substr(0, 4));
  const int month = Number(parts.substr(4, 2));
  const int day = Number(parts.substr(6, 2));
  const absl::CivilDay date(year, month, day);
  // CivilDay carries 30 February over into March.
  if (date.year() != year || date.month() != month || date.day() != day) {
    return InvalidValue(kAttribute, "is no day of the calendar");
  }
  if (date > today) return InvalidValue(kAttribute, "lies in the future");
  if (date < absl::CivilDay(today.year() - 130, today.month(), today.day())) {
    return InvalidValue(kAttribute, "lies more than 130 years back");
  }
  return absl::StrCat(parts.substr(0, 4), "-", parts.substr(4, 2), "-", parts.substr(6, 2));
}

absl::StatusOr<std::string> PostalCode(absl::string_view raw) {
  constexpr Attribute kAttribute = Attribute::kPostalCode;
  const std::string zip_plus_4 = DigitGroups(raw, {5, 4});
  std::string code = zip_plus_4.empty() ? PlainCode(raw, 10) : zip_plus_4.substr(0, 5);
  if (code.size() < 2 || AllZeros(code)) {
    return InvalidValue(kAttribute,
                        "expected a ZIP code (12345 or 12345-6789) or another country's code of 2 "
                        "to 10 letters and digits");
  }
  return code;
}

absl::StatusOr<std::string> AlienNumber(absl::string_view raw) {
  constexpr Attribute kAttribute = Attribute::kAlienNumber;
  const std::string code = PlainCode(raw, 10);
  absl::string_view digits = code;
  if (absl::StartsWith(digits, "A")) digits.remove_prefix(1);
  if (digits.size() < 7 || digits.size() > 9 || !AllDigits(digits) || AllZeros(digits)) {
    return InvalidValue(kAttribute, "expected 7 to 9 digits, with or without an A before them");
  }
  return absl::StrCat(std::string(9 - digits.size(), '0'), digits);
}

absl::StatusOr<std::string> EmployerId(absl::string_view raw) {
  std::string digits = DigitGroups(raw, {2, 7});
  if (digits.empty() || absl::StartsWith(digits, "00")) {
    return InvalidValue(Attribute::kEmployerId,
                        "expected nine digits, as 12-3456789 or 123456789, not beginning with 00");
  }
  return digits;
}

absl::StatusOr<std::string> PlainIdentifier(Attribute attribute, absl::string_view raw) {
  std::string code = PlainCode(raw, 40);
  if (code.empty() || AllZeros(code)) {
    return InvalidValue(attribute,
                        "expected 1 to 40 letters A-Z and digits, not all zeros; spaces and "
                        "- . / _ between them are passed over");
  }
  return code;
}

}  // namespace vouch::crypto
