// One person's facts in a map, counting what is looked up.
#ifndef VOUCH_TESTS_FAKES_FAKE_FACT_SOURCE_H_
#define VOUCH_TESTS_FAKES_FAKE_FACT_SOURCE_H_

#include <map>
#include <string>
#include <utility>

#include "absl/time/civil_time.h"
#include "policies/engine/values.h"

namespace vouch::fakes {

inline policies::FactValue Number(policies::FactType type, int64_t number) {
  policies::FactValue value;
  value.type = type;
  value.number = number;
  return value;
}
inline policies::FactValue Money(int64_t cents) {
  return Number(policies::FactType::kMoney, cents);
}
inline policies::FactValue Whole(int64_t number) {
  return Number(policies::FactType::kWholeNumber, number);
}
inline policies::FactValue Day(int year, int month, int day) {
  return Number(policies::FactType::kDate,
                absl::CivilDay(year, month, day) - absl::CivilDay(1970, 1, 1));
}
inline policies::FactValue YesNo(bool yes) {
  return Number(policies::FactType::kYesNo, yes ? 1 : 0);
}
inline policies::FactValue Code(std::string code) {
  policies::FactValue value;
  value.type = policies::FactType::kCode;
  value.codes = {std::move(code)};
  return value;
}
inline policies::FactValue CodeSet(std::vector<std::string> codes) {
  policies::FactValue value;
  value.type = policies::FactType::kCodeSet;
  value.codes = std::move(codes);
  return value;
}

class FakeFactSource : public policies::FactSource {
 public:
  FakeFactSource& Hold(const std::string& fact, policies::Period period,
                       policies::FactValue value) {
    values_[{fact, period}] = std::move(value);
    return *this;
  }
  FakeFactSource& Hold(const std::string& fact, absl::string_view period,
                       policies::FactValue value) {
    return Hold(fact, *policies::ParsePeriod(period), std::move(value));
  }

  absl::optional<policies::FactValue> Find(absl::string_view fact,
                                           const policies::Period& period) const override {
    ++looked_up_[std::string(fact)];
    const auto found = values_.find({std::string(fact), period});
    if (found == values_.end()) return absl::nullopt;
    return found->second;
  }
  absl::optional<policies::Period> Latest(absl::string_view fact, policies::PeriodKind kind,
                                          int32_t not_after) const override {
    absl::optional<policies::Period> latest;
    for (const auto& [key, value] : values_) {
      if (key.first != fact || key.second.kind != kind || key.second.number > not_after) continue;
      if (!latest.has_value() || *latest < key.second) latest = key.second;
    }
    return latest;
  }

  // The return on which the fact's value for that period stands.
  FakeFactSource& OnReturn(const std::string& fact, absl::string_view period, uint64_t return_id) {
    returns_[{fact, *policies::ParsePeriod(period)}] = return_id;
    return *this;
  }
  absl::optional<uint64_t> ReturnOf(absl::string_view fact,
                                    const policies::Period& period) const override {
    ++looked_up_["return of " + std::string(fact)];
    const auto found = returns_.find({std::string(fact), period});
    if (found == returns_.end()) return absl::nullopt;
    return found->second;
  }

  const std::map<std::string, int>& looked_up() const { return looked_up_; }

 private:
  std::map<std::pair<std::string, policies::Period>, policies::FactValue> values_;
  std::map<std::pair<std::string, policies::Period>, uint64_t> returns_;
  mutable std::map<std::string, int> looked_up_;
};

}  // namespace vouch::fakes

#endif  // VOUCH_TESTS_FAKES_FAKE_FACT_SOURCE_H_
