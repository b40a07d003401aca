// The JSON Schemas that editors use, generated from the field tables.
#ifndef VOUCH_POLICIES_ENGINE_SCHEMA_H_
#define VOUCH_POLICIES_ENGINE_SCHEMA_H_

#include <string>
#include <vector>

#include "policies/engine/fields.h"

namespace vouch::policies {

struct SchemaFile {
  std::string name;  // "agreement.schema.json"
  Json schema;
};
// Of every format of this room: agreement, facts, table. JSON Schema draft 7, which the YAML
// language servers of editors understand.
std::vector<SchemaFile> EngineSchemas();

// As written to a file: indented by two, with a line feed at the end.
std::string SchemaText(const Json& schema);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_SCHEMA_H_
