// Puts a file in order without changing what it says: what `vouch agreement fmt` does.
#ifndef VOUCH_POLICIES_ENGINE_FORMAT_H_
#define VOUCH_POLICIES_ENGINE_FORMAT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "policies/engine/agreement.h"
#include "policies/engine/source.h"

namespace vouch::policies {

// Of an agreement, a fact catalogue or a reference table: no byte order mark, lines end with LF and
// one at the end, no spaces at line ends outside prose, two spaces for each level, quotes around
// text that YAML takes for something else. Every comment, every value and their order stay: the
// result is read again and compared. Idempotent. nullopt, and errors in `report`, where the form is
// broken in a way that only its author can mend; what a well-formed file says is not judged.
absl::optional<std::string> Formatted(absl::string_view name, absl::string_view bytes,
                                      const KnownNames& known, Report* report);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_FORMAT_H_
