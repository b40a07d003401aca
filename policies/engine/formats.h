// Which of our formats a file says it has.
#ifndef VOUCH_POLICIES_ENGINE_FORMATS_H_
#define VOUCH_POLICIES_ENGINE_FORMATS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace vouch::policies {

// "vouch-agreement" of the line `format: "vouch-agreement/1"`, or empty when there is none. Good
// enough to choose the reader, which then judges. Points into `bytes`.
absl::string_view FormatOf(absl::string_view bytes);

// Whether files of this format lie among agreements. One that is misspelt is nothing that may be
// passed over: it is most likely an agreement, which would be gone without a word.
bool IsKnownFormat(absl::string_view format);

// What to do about a file whose format is not known.
std::string FormatMend(absl::string_view format);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_FORMATS_H_
