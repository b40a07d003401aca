// Builds conditions in tests the way the reader does from a file.
#ifndef VOUCH_TESTS_POLICIES_CONDITIONS_H_
#define VOUCH_TESTS_POLICIES_CONDITIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "policies/engine/agreement.h"

namespace vouch::policies {

inline PeriodRule Timeless() { return PeriodRule(); }
inline PeriodRule Fixed(absl::string_view period) {
  PeriodRule rule;
  rule.kind = PeriodRule::Kind::kFixed;
  rule.fixed = *ParsePeriod(period);
  return rule;
}
inline PeriodRule Rule(PeriodRule::Kind kind) {
  PeriodRule rule;
  rule.kind = kind;
  return rule;
}
inline PeriodRule LastDays(int32_t days) {
  PeriodRule rule;
  rule.kind = PeriodRule::Kind::kLastDays;
  rule.days = days;
  return rule;
}

inline Condition Leaf(const std::string& fact, PeriodRule period, Comparison comparison,
                      std::vector<FactValue> constants) {
  Condition leaf;
  leaf.kind = Condition::Kind::kLeaf;
  leaf.fact = fact;
  leaf.period = std::move(period);
  leaf.comparison = comparison;
  leaf.threshold.constants = std::move(constants);
  return leaf;
}

// Names a case of a parametrised test.
struct CaseName {
  template <typename Info>
  std::string operator()(const Info& one) const {
    return one.param.name;
  }
};

}  // namespace vouch::policies

#endif  // VOUCH_TESTS_POLICIES_CONDITIONS_H_
