#include "policies/engine/line_scan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policies/engine/tree.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {

bool OnlyCommentFrom(absl::string_view text, size_t at) {
  const size_t first = text.find_first_not_of(' ', at);
  return first == absl::string_view::npos ||
         (text[first] == '#' && (first == 0 || text[first - 1] == ' '));
}

void LineScan::Add(absl::string_view rule, int number, int column, absl::string_view offending,
                   std::string message, std::string mend) {
  text_->faulty_lines.insert(number);
  Finding finding;
  finding.rule = std::string(rule);
  finding.file = std::string(file_);
  finding.position = {number, column};
  finding.offending = Shown(offending);
  finding.message = std::move(message);
  finding.mend = std::move(mend);
  finding.cite = CiteForRule(rule);
  report_->Add(std::move(finding));
}

void LineScan::AddAt(absl::string_view rule, size_t at, absl::string_view offending,
                     std::string message, std::string mend) {
  Add(rule, number_, line().Column(at), offending, std::move(message), std::move(mend));
}

void LineScan::Blank(size_t from, size_t to) {
  for (size_t i = from; i < to && i < line().text.size(); ++i) line().text[i] = ' ';
}

void LineScan::ScanMark(size_t at) {
  const absl::string_view t = text();
  size_t end = at;
  while (end < t.size() && t[end] != ' ' && t[end] != ',' && t[end] != ']' && t[end] != '}') {
    ++end;
  }
  const absl::string_view word = t.substr(at, end - at);
  if (t[at] == '&') {
    AddAt("yaml/anchor", at, word, "an anchor; nothing is written once and used elsewhere",
          "delete it and write the value where it is needed");
  } else if (t[at] == '*') {
    AddAt("yaml/alias", at, word, "an alias; nothing is written once and used elsewhere",
          "write the value out here");
  } else {
    AddAt("yaml/tag", at, word, "a tag; what kind a value is follows from its key", "delete it");
  }
  if (t[at] == '*') {
    std::fill(line().text.begin() + static_cast<std::ptrdiff_t>(at),
              line().text.begin() + static_cast<std::ptrdiff_t>(end), 'x');
  } else {
    Blank(at, end);
  }
}

bool LineScan::CheckPlainStart(size_t at) {
  const absl::string_view t = text();
  const CodePoint point = DecodeUtf8(t.substr(at));
  if (IsSmartQuote(point.value)) {
    AddAt("yaml/smart-quotes", at, t.substr(at, point.size),
          "a typographic quotation mark, as word processors put in; quotes are straight here",
          "replace it, and the one that closes the text, with \"");
    return true;
  }
  if (t[at] == '@' || t[at] == '`' || t[at] == '%' || t[at] == ',' || t[at] == ']' ||
      t[at] == '}') {
    AddAt("yaml/odd-start", at, t.substr(at, 1), "a value cannot begin with this character",
          std::string(kQuoteIt));
    line().text[at] = 'x';
    return true;
  }
  return false;
}

size_t LineScan::ScanQuoted(size_t at, bool in_flow) {
  const char quote = text()[at];
  for (size_t i = at + 1; i < text().size(); ++i) {
    if (text()[i] == '\\' && quote == '"') {
      if (i + 1 >= text().size()) break;
      if (text()[i + 1] != '"' && text()[i + 1] != '\\') {
        AddAt("yaml/escape", i, text().substr(i, 2),
              "of the backslash sequences only \\\" and \\\\ are used",
              "write the character itself; for several lines begin the text with `|`");
        line().text[i] = '/';
      }
      ++i;
    } else if (text()[i] == quote) {
      if (quote == '\'' && i + 1 < text().size() && text()[i + 1] == quote) {
        ++i;
      } else {
        return i + 1;
      }
    }
  }
  AddAt("yaml/unclosed-quote", at, text().substr(at), "this quote is not closed on its line",
        absl::StrCat("put ", std::string(1, quote),
                     " at the end of the text; text of several lines begins with `|`"));
  size_t end = text().size();
  while (end > at + 1 && (text()[end - 1] == ' ' || text()[end - 1] == '\\')) {
    line().text[--end] = ' ';
  }
  while (in_flow && end > at + 1 && absl::StrContains("]}, ", text()[end - 1])) --end;
  line().Insert(end, std::string(1, quote));
  return end + 1;
}

void LineScan::AfterValue(size_t end, absl::string_view what) {
  if (OnlyCommentFrom(text(), end)) return;
  const size_t at = text().find_first_not_of(' ', end);
  AddAt("yaml/text-after-value", at, text().substr(at), absl::StrCat("there is more behind ", what),
        "delete it; a double quote within text is written \\\", a comment needs a space before #");
  Blank(at, text().size());
}

}  // namespace vouch::policies
