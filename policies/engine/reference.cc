#include "policies/engine/reference.h"

#include <utility>

namespace vouch::policies {

absl::optional<int64_t> ReferenceTable::Amount(absl::string_view edition, absl::CivilDay day,
                                               absl::string_view region, int64_t persons) const {
  if (persons < 1) return absl::nullopt;
  const Edition* chosen = nullptr;
  for (const Edition& candidate : editions) {
    if (edition == "in-force") {
      if (candidate.effective > day) continue;
      if (chosen == nullptr || candidate.effective > chosen->effective) chosen = &candidate;
    } else if (candidate.year == edition) {
      chosen = &candidate;
    }
  }
  if (chosen == nullptr) return absl::nullopt;
  for (const Row& row : chosen->rows) {
    if (row.region != region) continue;
    int64_t more = 0;
    int64_t amount = 0;
    if (__builtin_mul_overflow(persons - 1, row.each_more, &more) ||
        __builtin_add_overflow(row.first_person, more, &amount)) {
      return absl::nullopt;
    }
    return amount;
  }
  return absl::nullopt;
}

void ReferenceTables::Add(ReferenceTable table) {
  std::string name = table.name;
  tables_[std::move(name)] = std::move(table);
}

const ReferenceTable* ReferenceTables::Find(absl::string_view name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : &found->second;
}

std::vector<std::string> ReferenceTables::Names() const {
  std::vector<std::string> names;
  names.reserve(tables_.size());
  for (const auto& [name, table] : tables_) names.push_back(name);
  return names;
}

absl::optional<int64_t> ReferenceTables::AmountFor(const Threshold::TableShare& share,
                                                   const Parameters& parameters,
                                                   absl::CivilDay day) const {
  const ReferenceTable* table = Find(share.table);
  if (table == nullptr) return absl::nullopt;
  int64_t persons = 1;
  std::string region;
  for (const auto& [dimension, parameter] : share.row) {
    const auto given = parameters.find(parameter);
    if (given == parameters.end()) return absl::nullopt;
    if (dimension == "persons" && absl::holds_alternative<int64_t>(given->second)) {
      persons = absl::get<int64_t>(given->second);
    } else if (dimension == "region" && absl::holds_alternative<std::string>(given->second)) {
      region = absl::get<std::string>(given->second);
    } else {
      return absl::nullopt;
    }
  }
  return table->Amount(share.edition, day, region, persons);
}

}  // namespace vouch::policies
