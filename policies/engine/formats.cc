#include "policies/engine/formats.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policies/engine/source.h"

namespace vouch::policies {
namespace {

const std::vector<std::string>& Formats() {
  static const auto* const kFormats =
      new std::vector<std::string>{"vouch-agreement", "vouch-facts", "vouch-table", "vouch-cases",
                                   "vouch-mapping",   "vouch-node",  "vouch-rules"};
  return *kFormats;
}

}  // namespace

absl::string_view FormatOf(absl::string_view bytes) {
  for (absl::string_view line : absl::StrSplit(bytes, '\n')) {
    absl::ConsumePrefix(&line, "\xEF\xBB\xBF");
    if (!absl::StartsWith(line, "format:")) continue;
    const size_t from = line.find("vouch-");
    if (from == absl::string_view::npos) return "";
    const size_t to = line.find_first_of("/\"' \r", from);
    return line.substr(from, to == absl::string_view::npos ? to : to - from);
  }
  return "";
}

bool IsKnownFormat(absl::string_view format) {
  return std::find(Formats().begin(), Formats().end(), format) != Formats().end();
}

std::string FormatMend(absl::string_view format) {
  const std::string near = Nearest(format, Formats());
  return near.empty() ? "begin with `format: \"vouch-agreement/1\"`, or move it out of the folder"
                      : absl::StrCat("did you mean `format: \"", near, "/1\"`?");
}

}  // namespace vouch::policies
