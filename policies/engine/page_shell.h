// How every page of ours begins: no script, nothing fetched from anywhere.
#ifndef VOUCH_POLICIES_ENGINE_PAGE_SHELL_H_
#define VOUCH_POLICIES_ENGINE_PAGE_SHELL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace vouch::policies {

enum class PageUse {
  kAlone,   // a file, opened or mailed: the page itself forbids what it does without
  kServed,  // by a program whose headers forbid the same, and let its own forms through
};

// Up to and with <body>. `title` is escaped already; `style` is rules of style.
std::string PageHead(PageUse use, absl::string_view title, absl::string_view style);

inline constexpr absl::string_view kPageEnd = "</body>\n</html>\n";

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_PAGE_SHELL_H_
