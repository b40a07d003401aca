// The reference tables of this folder, as built into the programs. A node never reads them from
// here: `vouch` writes copies into the node's agreements folder, where people can read them and an
// agreement's pin is compared with the file's digest
// (docs/decisions/2026-11-21-reference-tables-are-files-of-the-node.md).
#ifndef VOUCH_POLICIES_REFERENCE_BUILT_IN_H_
#define VOUCH_POLICIES_REFERENCE_BUILT_IN_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vouch::policies::reference {

struct BuiltInFile {
  absl::string_view name;   // "hhs-poverty-guidelines.yaml"
  absl::string_view bytes;  // the file, byte for byte
};

// Ordered by name; lives as long as the program.
absl::Span<const BuiltInFile> BuiltInTables();

}  // namespace vouch::policies::reference

#endif  // VOUCH_POLICIES_REFERENCE_BUILT_IN_H_
