// The explanation as one page for a browser or printer: no script, nothing fetched from anywhere,
// everything from the file escaped.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_HTML_PAGE_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_HTML_PAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policies/engine/explain/document.h"

namespace vouch::policies::explain {

// Control, bidirectional and invisible characters as \u{HEX}, bytes that are not UTF-8 as \xHH.
std::string Visible(absl::string_view text);
// The same, fit to stand in HTML, as text or within quotes in an attribute.
std::string Escaped(absl::string_view text);

// A whole page.
std::string HtmlPage(const Document& document);

// The parts of it, for pages that hold more: sections with headings from <h`level`> on (2 to 4),
// the source with an id "line-N" for each line, and the rules of style that they need.
std::string HtmlSections(const Document& document, int level);
std::string HtmlSource(absl::string_view source);
absl::string_view HtmlStyle();

// A sentence for each agency and signer, and one when nobody looked.
std::vector<std::string> SignatureLines(const Document& document);

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_HTML_PAGE_H_
