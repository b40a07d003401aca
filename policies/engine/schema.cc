#include "policies/engine/schema.h"

#include "policies/engine/agreement_fields.h"
#include "policies/engine/table_fields.h"

namespace vouch::policies {

std::vector<SchemaFile> EngineSchemas() {
  return {
      {"agreement.schema.json", SchemaFor(*AgreementShape(), "A data-sharing agreement")},
      {"facts.schema.json", SchemaFor(*FactCatalogueShape(), "A fact catalogue")},
      {"table.schema.json", SchemaFor(*ReferenceTableShape(), "A reference table")},
  };
}

std::string SchemaText(const Json& schema) {
  return schema.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vouch::policies
