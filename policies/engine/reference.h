// Effective-dated reference tables (format "vouch-table/1"), such as the HHS poverty guidelines.
#ifndef VOUCH_POLICIES_ENGINE_REFERENCE_H_
#define VOUCH_POLICIES_ENGINE_REFERENCE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/source.h"

namespace vouch::policies {

// One table, all its editions. A row is found by a region-like code and a count of persons: the
// amount for the first person and for each further one, in integer cents.
struct ReferenceTable {
  std::string name;
  std::string source;
  FileDigest digest{};
  struct Row {
    std::string region;  // empty: the same everywhere
    int64_t first_person = 0;
    int64_t each_more = 0;
  };
  struct Edition {
    std::string year;
    absl::CivilDay effective;
    std::string citation;
    std::vector<Row> rows;
  };
  std::vector<Edition> editions;  // by effective date

  // Integer cents; nullopt when edition or region is unknown or persons < 1. `edition` is a year,
  // or "in-force" for the one whose effective date is the latest at or before `day`.
  absl::optional<int64_t> Amount(absl::string_view edition, absl::CivilDay day,
                                 absl::string_view region, int64_t persons) const;
};

class ReferenceTables {
 public:
  void Add(ReferenceTable table);
  const ReferenceTable* Find(absl::string_view name) const;
  std::vector<std::string> Names() const;
  // The amount that `share` is a percentage of, in integer cents; nullopt where no table, edition
  // or row covers the parameters, or a parameter is not of its dimension's type.
  absl::optional<int64_t> AmountFor(const Threshold::TableShare& share,
                                    const Parameters& parameters, absl::CivilDay day) const;

 private:
  std::map<std::string, ReferenceTable, std::less<>> tables_;
};

absl::optional<ReferenceTable> ReadReferenceTable(absl::string_view name, absl::string_view bytes,
                                                  const FileDigest& digest, Report* report);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_REFERENCE_H_
