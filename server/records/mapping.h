// How the columns of an agency's own extract become identities and facts: format "vouch-mapping/1"
// (docs/records.md).
#ifndef VOUCH_SERVER_RECORDS_MAPPING_H_
#define VOUCH_SERVER_RECORDS_MAPPING_H_

#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/types/optional.h"
#include "crypto/identity.h"
#include "nlohmann/json_fwd.hpp"
#include "policies/engine/agreement.h"
#include "policies/engine/source.h"
#include "policies/engine/values.h"

namespace vouch::server::records {

struct Mapping {
  std::string agency;
  std::string person_id_column;
  struct IdentityColumns {
    crypto::Attribute attribute = crypto::Attribute::kSocialSecurityNumber;
    std::vector<std::string> columns;  // several where a person may have had several values
  };
  std::vector<IdentityColumns> identity;
  struct MappedFact {
    std::string fact;
    std::string column;
    policies::Period period;
    bool in_cents = false;  // money written as whole cents rather than as 1234.56
    // For a fact held per return: the source's id of the return; empty when none is mapped, and
    // then no sum over a group can be known.
    std::string return_id_column = {};
  };
  std::vector<MappedFact> facts;
  // The query whose rows are loaded. Without it, a file is.
  struct Query {
    std::string connection;  // for libpq; never with a password
    std::string text;
  };
  absl::optional<Query> query;
  // One of the two. With a column, the data are as of the earliest day in it.
  absl::optional<absl::CivilDay> data_as_of;
  std::string data_as_of_column;
};

// Reads a mapping file; all findings go to `report`, and the value is returned when none is an
// error.
absl::optional<Mapping> ReadMapping(absl::string_view name, absl::string_view bytes,
                                    policies::Report* report);

// The JSON Schema of mapping files, as committed in policies/schema.
nlohmann::ordered_json MappingSchema();

// Where a mapping does not fit the fact catalogue: facts it does not list, periods of another kind,
// cents for what is not money, returns for what is held per person. Empty: it fits. Each says what
// was expected.
std::vector<std::string> CheckAgainstCatalogue(const Mapping& mapping,
                                               const policies::FactCatalogue& facts);
// What loads as it is and answers less than it could: amounts held per return without a return id.
std::vector<std::string> MappingNotes(const Mapping& mapping, const policies::FactCatalogue& facts);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_MAPPING_H_
