#include "policies/engine/agreement.h"

#include <algorithm>

#include "policies/engine/agreement_fields.h"

namespace vouch::policies {

bool ParameterRule::Allows(const ParameterValue& value) const {
  if (range.has_value()) {
    const int64_t* number = absl::get_if<int64_t>(&value);
    return number != nullptr && *number >= range->first && *number <= range->second;
  }
  const std::string* code = absl::get_if<std::string>(&value);
  return code != nullptr && std::find(codes.begin(), codes.end(), *code) != codes.end();
}

absl::string_view ComparisonKey(Comparison comparison) {
  switch (comparison) {
    case Comparison::kAtMost:
      return "at_most";
    case Comparison::kLessThan:
      return "less_than";
    case Comparison::kAtLeast:
      return "at_least";
    case Comparison::kMoreThan:
      return "more_than";
    case Comparison::kBetween:
      return "between";
    case Comparison::kIs:
      return "is";
    case Comparison::kIsOneOf:
      return "is_one_of";
    case Comparison::kOnOrBefore:
      return "on_or_before";
    case Comparison::kOnOrAfter:
      return "on_or_after";
  }
  return "";
}

const Question* Agreement::FindQuestion(absl::string_view question_id) const {
  for (const Question& question : questions) {
    if (question.id == question_id) return &question;
  }
  return nullptr;
}

bool Agreement::HasPurpose(absl::string_view purpose_id) const {
  return std::any_of(purposes.begin(), purposes.end(),
                     [&](const Purpose& purpose) { return purpose.id == purpose_id; });
}

bool Agreement::IsAsker(absl::string_view agency) const {
  return std::find(asks.begin(), asks.end(), agency) != asks.end();
}

absl::string_view Agreement::AskerBehind(absl::string_view agency) const {
  const auto asker = std::find(asks.begin(), asks.end(), agency);
  if (asker != asks.end()) return *asker;
  const auto contractor = acting_for.find(std::string(agency));
  if (contractor == acting_for.end() || !IsAsker(contractor->second)) return "";
  return contractor->second;
}

absl::TimeZone Agreement::zone() const {
  absl::TimeZone zone;
  // Checked when the agreement was read; on failure `zone` is UTC.
  absl::LoadTimeZone(time_zone, &zone);
  return zone;
}

absl::optional<Agreement> ReadAgreement(absl::string_view name, absl::string_view bytes,
                                        const KnownNames& known, Report* report) {
  return ReadDocument<Agreement>(
      name, bytes, *AgreementShape(), report,
      [&known](Agreement* agreement, const Node& root, Reading* reading) {
        CheckAgreement(agreement, known, root, reading);
      });
}

}  // namespace vouch::policies
