#include "server/records/mapping.h"

#include "absl/strings/str_cat.h"

namespace vouch::server::records {

std::vector<std::string> CheckAgainstCatalogue(const Mapping& mapping,
                                               const policies::FactCatalogue& facts) {
  std::vector<std::string> misfits;
  for (const Mapping::MappedFact& mapped : mapping.facts) {
    const policies::FactDefinition* fact = facts.Find(mapped.fact);
    if (fact == nullptr) {
      misfits.push_back(
          absl::StrCat("fact ", mapped.fact, ": the fact catalogue does not list it"));
      continue;
    }
    if (fact->period != mapped.period.kind) {
      misfits.push_back(absl::StrCat("fact ", mapped.fact, ": period ",
                                     policies::PeriodName(mapped.period),
                                     " is not of the kind that the fact catalogue gives it"));
    }
    if (mapped.in_cents && fact->type != policies::FactType::kMoney) {
      misfits.push_back(absl::StrCat("fact ", mapped.fact, ": only money can be in cents"));
    }
  }
  return misfits;
}

}  // namespace vouch::server::records
