// Writes cases as files hold them.
#ifndef VOUCH_POLICIES_ENGINE_CASES_CASE_YAML_H_
#define VOUCH_POLICIES_ENGINE_CASES_CASE_YAML_H_

#include <string>

#include "absl/strings/string_view.h"
#include "policies/engine/cases/boundary.h"
#include "policies/engine/cases/case_file.h"

namespace vouch::policies::cases {

// One item of the list `cases`, indented by two spaces.
std::string CaseYaml(const Case& one);
// A whole file without cases that people wrote.
std::string NewCasesFile(absl::string_view agreement_id);
// `file` with its generated section replaced, or added at its end. The section begins with a line
// of its own, which says what it is, and reaches to the end of the file.
std::string WithGeneratedSection(absl::string_view file, const Generation& generation);

}  // namespace vouch::policies::cases

#endif  // VOUCH_POLICIES_ENGINE_CASES_CASE_YAML_H_
