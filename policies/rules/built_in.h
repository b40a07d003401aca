// The rule packs of this folder and the pages that explain them, as built into the programs.
#ifndef VOUCH_POLICIES_RULES_BUILT_IN_H_
#define VOUCH_POLICIES_RULES_BUILT_IN_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vouch::policies::rules {

struct BuiltInFile {
  absl::string_view name;   // "us-federal.yaml", "us-federal.md"
  absl::string_view bytes;  // the file, byte for byte
};

// Ordered by name; lives as long as the program.
absl::Span<const BuiltInFile> BuiltInRuleFiles();

}  // namespace vouch::policies::rules

#endif  // VOUCH_POLICIES_RULES_BUILT_IN_H_
