// The explanation as plain text, for terminals and mail.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_TEXT_PAGE_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_TEXT_PAGE_H_

#include <string>

#include "policies/engine/explain/document.h"

namespace vouch::policies::explain {

// Lines of at most 80 characters, as far as words allow. "[12]" behind a sentence is its line of
// the file. Control, bidirectional and invisible characters are written as \u{HEX}.
std::string TextPage(const Document& document);

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_TEXT_PAGE_H_
