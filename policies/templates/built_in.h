// The templates of this folder, as built into the programs, so that `vouch agreement new` works
// wherever vouch is installed.
#ifndef VOUCH_POLICIES_TEMPLATES_BUILT_IN_H_
#define VOUCH_POLICIES_TEMPLATES_BUILT_IN_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vouch::policies::templates {

struct BuiltInTemplateFile {
  absl::string_view folder;  // the template's name: "income-for-student-aid"
  absl::string_view name;    // "agreement.yaml", "facts.yaml", "cases.yaml", "mapping.yaml"
  absl::string_view bytes;   // the file, byte for byte
};

// Ordered by folder and name; lives as long as the program.
absl::Span<const BuiltInTemplateFile> BuiltInTemplates();

}  // namespace vouch::policies::templates

#endif  // VOUCH_POLICIES_TEMPLATES_BUILT_IN_H_
