// The typed values that facts, thresholds and parameters are made of.
#ifndef VOUCH_POLICIES_ENGINE_VALUES_H_
#define VOUCH_POLICIES_ENGINE_VALUES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/types/optional.h"
#include "absl/types/variant.h"

namespace vouch::policies {

enum class FactType : uint8_t {
  kMoney = 1,        // integer cents
  kWholeNumber = 2,  // int64
  kDate = 3,         // days since 1970-01-01
  kYesNo = 4,        // 0 or 1
  kCode = 5,         // one of the codes the catalogue lists
  kCodeSet = 6,      // any of them
};

// One value of a fact or threshold. `number` holds money, whole numbers, dates and yes/no; `codes`
// holds one code or a set, in the catalogue's order.
struct FactValue {
  FactType type = FactType::kWholeNumber;
  int64_t number = 0;
  std::vector<std::string> codes;

  friend bool operator==(const FactValue& a, const FactValue& b) {
    return a.type == b.type && a.number == b.number && a.codes == b.codes;
  }
};

// What span of time a value of a fact describes.
enum class PeriodKind : uint8_t {
  kNone = 0,     // timeless: a date of birth
  kTaxYear = 1,  // number: the year
  kMonth = 2,    // number: year * 12 + month - 1
  kAsOf = 3,     // the value as last known; number: 0
};
struct Period {
  PeriodKind kind = PeriodKind::kNone;
  int32_t number = 0;

  friend bool operator==(const Period& a, const Period& b) {
    return a.kind == b.kind && a.number == b.number;
  }
  friend bool operator<(const Period& a, const Period& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.number < b.number;
  }
};
// "tax-year-2025", "month-2026-10", "as-of", "none": the one spelling of a fixed period, in mapping
// files as in messages.
std::string PeriodName(const Period& period);
absl::optional<Period> ParsePeriod(absl::string_view text);

// One person's facts, as the evaluator sees them.
class FactSource {
 public:
  virtual ~FactSource() = default;
  // The value held for the period, or nullopt when none is held.
  virtual absl::optional<FactValue> Find(absl::string_view fact, const Period& period) const = 0;
  // The latest period of `kind`, at most `not_after`, for which a value is held.
  virtual absl::optional<Period> Latest(absl::string_view fact, PeriodKind kind,
                                        int32_t not_after) const = 0;
  // For a fact held per return: a pseudonym of the return its value stands on, the same for all who
  // share that return; nullopt when none was loaded with it.
  virtual absl::optional<uint64_t> ReturnOf(absl::string_view fact, const Period& period) const {
    (void)fact;
    (void)period;
    return absl::nullopt;
  }
};

// A parameter's value in a request: a whole number or a code.
using ParameterValue = absl::variant<int64_t, std::string>;
using Parameters = std::map<std::string, ParameterValue>;

enum class Answer : uint8_t { kYes = 1, kNo = 2, kUndetermined = 3 };
// "YES", "NO", "UNDETERMINED".
absl::string_view AnswerName(Answer answer);

// Why an answer is UNDETERMINED. Stays inside the responder unless the agreement's `tell` says so.
enum class UndeterminedReason : uint8_t {
  kNotTold = 0,
  kNoRecord = 1,
  kSeveralFound = 2,
  kMismatch = 3,
  kTooOld = 4,
  kNotHeld = 5,
  kHeldBack = 6,
  kLimitUsedUp = 7,
};
absl::string_view UndeterminedReasonName(UndeterminedReason reason);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_VALUES_H_
