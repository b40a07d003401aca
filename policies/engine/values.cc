#include "policies/engine/values.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace vouch::policies {
namespace {

// Exactly `digits` decimal digits: "2025" and never "+2025", " 2025" or "02025".
absl::optional<int32_t> ParseDigits(absl::string_view text, size_t digits) {
  if (text.size() != digits) return absl::nullopt;
  int32_t number = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return absl::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

}  // namespace

std::string PeriodName(const Period& period) {
  switch (period.kind) {
    case PeriodKind::kNone:
      return "none";
    case PeriodKind::kTaxYear:
      return absl::StrFormat("tax-year-%04d", period.number);
    case PeriodKind::kMonth:
      return absl::StrFormat("month-%04d-%02d", period.number / 12, period.number % 12 + 1);
    case PeriodKind::kAsOf:
      return "as-of";
  }
  return "";
}

absl::optional<Period> ParsePeriod(absl::string_view text) {
  if (text == "none") return Period{PeriodKind::kNone, 0};
  if (text == "as-of") return Period{PeriodKind::kAsOf, 0};
  if (absl::ConsumePrefix(&text, "tax-year-")) {
    const absl::optional<int32_t> year = ParseDigits(text, 4);
    if (!year.has_value() || *year == 0) return absl::nullopt;
    return Period{PeriodKind::kTaxYear, *year};
  }
  if (absl::ConsumePrefix(&text, "month-")) {
    if (text.size() != 7 || text[4] != '-') return absl::nullopt;
    const absl::optional<int32_t> year = ParseDigits(text.substr(0, 4), 4);
    const absl::optional<int32_t> month = ParseDigits(text.substr(5), 2);
    if (!year.has_value() || *year == 0 || !month.has_value()) return absl::nullopt;
    if (*month < 1 || *month > 12) return absl::nullopt;
    return Period{PeriodKind::kMonth, *year * 12 + *month - 1};
  }
  return absl::nullopt;
}

absl::string_view AnswerName(Answer answer) {
  switch (answer) {
    case Answer::kYes:
      return "YES";
    case Answer::kNo:
      return "NO";
    case Answer::kUndetermined:
      return "UNDETERMINED";
  }
  return "";
}

absl::string_view UndeterminedReasonName(UndeterminedReason reason) {
  switch (reason) {
    case UndeterminedReason::kNotTold:
      return "NOT_TOLD";
    case UndeterminedReason::kNoRecord:
      return "NO_RECORD";
    case UndeterminedReason::kSeveralFound:
      return "SEVERAL_FOUND";
    case UndeterminedReason::kMismatch:
      return "MISMATCH";
    case UndeterminedReason::kTooOld:
      return "TOO_OLD";
    case UndeterminedReason::kNotHeld:
      return "NOT_HELD";
    case UndeterminedReason::kHeldBack:
      return "HELD_BACK";
    case UndeterminedReason::kLimitUsedUp:
      return "LIMIT_USED_UP";
  }
  return "";
}

}  // namespace vouch::policies
