// The field table of reference tables, format "vouch-table/1".
#ifndef VOUCH_POLICIES_ENGINE_TABLE_FIELDS_H_
#define VOUCH_POLICIES_ENGINE_TABLE_FIELDS_H_

#include "policies/engine/agreement_fields.h"
#include "policies/engine/reference.h"

namespace vouch::policies {

const ShapeOf<ReferenceTable>& ReferenceTableShape();

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_TABLE_FIELDS_H_
