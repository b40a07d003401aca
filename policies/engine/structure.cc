// ScanStructure: quotes, brackets, indentation, and the parts of YAML that are left out.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policies/engine/line_scan.h"
#include "policies/engine/tree.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

bool IsSpaceOrEnd(absl::string_view text, size_t at) {
  return at >= text.size() || text[at] == ' ';
}

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; }

// The length of a plain key that `text` begins with and that a colon and a space or the line's end
// follow; 0 when there is none.
size_t PlainKeyLength(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && i > 0 && text[i - 1] == ' ') return 0;
    if (text[i] == ':' && IsSpaceOrEnd(text, i + 1)) return i;
  }
  return 0;
}

class StructureScan : private LineScan {
 public:
  StructureScan(absl::string_view file, ScannedText* text, Report* report)
      : LineScan(file, text, report) {}

  void Run() {
    for (number_ = 1; number_ <= static_cast<int>(text_->lines.size()); ++number_) {
      if (!text_->parseable) return;
      ScanLine();
    }
    if (!flow_.empty() && text_->parseable) CloseBrackets();
  }

 private:
  // A block mapping or list that is open, by the column of its keys or dashes.
  struct Level {
    size_t column;
    bool list;
  };
  struct Bracket {
    char open;
    int line;
    int column;
  };

  void ScanLine() {
    size_t indent = text().find_first_not_of(' ');
    if (shift_from_ > 0 && indent != absl::string_view::npos) indent = ApplyShift(indent);
    if (in_block_text_) {
      if (indent == absl::string_view::npos || indent > block_text_parent_) return;
      in_block_text_ = false;
    }
    if (indent == absl::string_view::npos || text()[indent] == '#') return;
    if (!flow_.empty()) {
      if (indent > flow_indent_ || text()[indent] == ']' || text()[indent] == '}') {
        ScanFlow(indent);
        last_content_ = number_;
        return;
      }
      CloseBrackets();
    }
    if (indent == 0 && ScanDocumentMark()) return;
    ScanBlockLine(indent);
    last_content_ = number_;
  }

  // Lines that belong to one moved by MoveTo move with it.
  size_t ApplyShift(size_t indent) {
    if (indent < shift_from_) {
      shift_from_ = 0;
      return indent;
    }
    return Shift(indent);
  }
  size_t Shift(size_t indent) {
    if (shift_ < 0) {
      const size_t removed = std::min(indent, static_cast<size_t>(-shift_));
      line().text.erase(0, removed);
      line().edits.push_back({0, -static_cast<int>(removed)});
      return indent - removed;
    }
    line().Insert(0, std::string(static_cast<size_t>(shift_), ' '));
    return indent + static_cast<size_t>(shift_);
  }
  size_t MoveTo(size_t indent, size_t column) {
    shift_from_ = indent;
    shift_ = static_cast<int>(column) - static_cast<int>(indent);
    return Shift(indent);
  }

  bool ScanDocumentMark() {
    const absl::string_view t = text();
    if (t[0] == '%') {
      AddAt("yaml/directive", 0, t, "a YAML directive; none is used here", "delete the line");
      Blank(0, t.size());
      return true;
    }
    if (!((absl::StartsWith(t, "---") || absl::StartsWith(t, "...")) && IsSpaceOrEnd(t, 3))) {
      return false;
    }
    if (levels_.empty()) {
      AddAt("yaml/document-marker", 0, t, "a document marker; a file is one document",
            "delete the line");
      Blank(0, t.size());
      return true;
    }
    AddAt("yaml/several-documents", 0, t,
          "a second document begins here; a file is one document, and the rest would be ignored",
          "delete this line, or move what follows to a file of its own");
    for (size_t i = static_cast<size_t>(number_) - 1; i < text_->lines.size(); ++i) {
      text_->lines[i].text.clear();
    }
    return true;
  }

  void ScanBlockLine(size_t indent) {
    bool dash = text()[indent] == '-' && IsSpaceOrEnd(text(), indent + 1);
    if (!dash && text()[indent] == '-' && !StartsNumberOrMark(indent)) {
      AddAt("yaml/missing-space", indent, text().substr(indent),
            "a list item needs a space behind its dash", "write `- ` and then the item");
      line().Insert(indent + 1, " ");
      dash = true;
    }
    InsertSpaceAfterColon(indent);
    const bool key = !dash && KeyEnd(indent) > 0;
    if (!dash && !key) {
      ScanLooseLine(indent);
      return;
    }
    indent = CheckIndentation(indent, dash);
    if (!text_->parseable) return;
    open_ = false;
    plain_before_ = false;
    size_t at = indent;
    while (at < text().size() && text()[at] == '-' && IsSpaceOrEnd(text(), at + 1)) {
      Enter(at, true);
      at = text().find_first_not_of(' ', at + 1);
      if (at == absl::string_view::npos || OnlyCommentFrom(text(), at)) {
        open_ = true;
        return;
      }
      InsertSpaceAfterColon(at);
    }
    const size_t colon = KeyEnd(at);
    if (colon > 0) {
      Enter(at, false);
      CheckKey(at, colon);
      at = text().find_first_not_of(' ', colon + 1);
      if (at == absl::string_view::npos || OnlyCommentFrom(text(), at)) {
        open_ = true;
        return;
      }
    }
    ScanValue(at);
  }

  bool StartsNumberOrMark(size_t at) {
    const absl::string_view t = text();
    return at + 1 < t.size() && (absl::ascii_isdigit(t[at + 1]) || t[at + 1] == '-');
  }

  void Enter(size_t column, bool list) {
    if (levels_.empty() || levels_.back().column < column ||
        (levels_.back().column == column && list && !levels_.back().list)) {
      levels_.push_back({column, list});
      if (levels_.size() > kMostDepth) TooDeep(column);
    }
  }

  void TooDeep(size_t at) {
    AddAt("file/too-deep", at, "",
          absl::StrCat("more than ", kMostDepth, " levels within each other"),
          "check the indentation and brackets above");
    text_->parseable = false;
  }

  // `key:value` is one word to YAML. The space that was surely meant is put in.
  void InsertSpaceAfterColon(size_t at) {
    const absl::string_view t = text();
    size_t end = at;
    while (end < t.size() && IsNameCharacter(t[end])) ++end;
    if (end == at || end + 1 >= t.size() || t[end] != ':' || t[end + 1] == ' ') return;
    if (absl::ascii_isdigit(t[at])) return;
    AddAt("yaml/missing-space", end, t.substr(at),
          absl::StrCat("`", t.substr(at, end - at), ":` needs a space behind the colon"),
          absl::StrCat("write `", t.substr(at, end - at),
                       ": ` and then the value; text with a colon in it is quoted"));
    line().Insert(end + 1, " ");
  }

  // The offset of the colon that ends the key at `at`, or 0.
  size_t KeyEnd(size_t at) {
    const absl::string_view t = text();
    if (at >= t.size()) return 0;
    if (t[at] == '"' || t[at] == '\'') {
      const size_t close = t.find(t[at], at + 1);
      if (close == absl::string_view::npos) return 0;
      const size_t colon = t.find_first_not_of(' ', close + 1);
      return colon != absl::string_view::npos && t[colon] == ':' && IsSpaceOrEnd(t, colon + 1)
                 ? colon
                 : 0;
    }
    if (t[at] == '{' || t[at] == '[' || t[at] == '|' || t[at] == '>') return 0;
    const size_t length = PlainKeyLength(t.substr(at));
    return length == 0 ? 0 : at + length;
  }

  void CheckKey(size_t at, size_t colon) {
    const absl::string_view key = text().substr(at, colon - at);
    if (key == "<<") {
      AddAt("yaml/merge-key", at, key, "a merge key; nothing is taken over from elsewhere",
            "write the keys out here");
    } else if (absl::StartsWith(key, "? ") || key == "?") {
      AddAt("yaml/complex-key", at, key, "a key marked with `?`; keys are plain words",
            "write `key: value`");
      Blank(at, at + 1);
    } else if (key.find_first_of("&*!") == 0) {
      ScanMark(at);
    }
  }

  // Where the line's key or dash may stand; mends and reports when it stands elsewhere.
  size_t CheckIndentation(size_t indent, bool dash) {
    if (levels_.empty()) return indent;
    if (indent > levels_.back().column) {
      if (open_) return indent;
      return Misplaced(indent, dash, NearestLevel(indent, dash));
    }
    Level deeper = levels_.back();
    while (levels_.size() > 1 && levels_.back().column > indent) {
      deeper = levels_.back();
      levels_.pop_back();
    }
    if (levels_.back().column == indent) {
      if (levels_.back().list == dash) return indent;
      if (dash && open_) return indent;  // a list may stand under its key's own column
      if (!dash && levels_.size() > 1 && levels_[levels_.size() - 2].column == indent) {
        levels_.pop_back();
        return indent;
      }
      return Misplaced(indent, dash, NearestLevel(indent, dash));
    }
    if (levels_.back().column > indent) return Misplaced(indent, dash, levels_.back().column);
    // Between two levels: an item belongs to a list and a key to a mapping; else the nearer one.
    const Level shallower = levels_.back();
    bool to_deeper = deeper.column - indent <= indent - shallower.column;
    if (deeper.list != shallower.list) to_deeper = deeper.list == dash;
    if (to_deeper) levels_.push_back(deeper);
    return Misplaced(indent, dash, to_deeper ? deeper.column : shallower.column);
  }

  size_t NearestLevel(size_t indent, bool dash) {
    for (size_t i = levels_.size(); i-- > 0;) {
      if (levels_[i].list == dash && levels_[i].column <= indent) {
        levels_.resize(i + 1);
        return levels_[i].column;
      }
    }
    return levels_.back().column;
  }

  size_t Misplaced(size_t indent, bool dash, size_t column) {
    const absl::string_view what = dash ? "list item" : "key";
    // Columns in the file, which is not where they are in the mended copy once lines have moved.
    const int here = line().Column(indent);
    const int wanted = here + static_cast<int>(column) - static_cast<int>(indent);
    AddAt(dash ? "yaml/misplaced-item" : "yaml/indentation", indent, text().substr(indent),
          absl::StrCat("this ", what, " begins in column ", here,
                       ", which is under none of those above"),
          absl::StrCat("begin it in column ", wanted, ", or under the one it belongs to"));
    return MoveTo(indent, column);
  }

  // A line that is neither an item nor a key: a value on its own, or something gone wrong.
  void ScanLooseLine(size_t indent) {
    const absl::string_view t = text();
    if (t[indent] == '?' && IsSpaceOrEnd(t, indent + 1)) {
      AddAt("yaml/complex-key", indent, t.substr(indent),
            "a key marked with `?`; keys are plain words", "write `key: value`");
      Blank(0, t.size());
      return;
    }
    if (open_ && !levels_.empty() && indent > levels_.back().column) {
      open_ = false;
      plain_before_ = false;
      ScanValue(indent);
      return;
    }
    if (plain_before_ && !levels_.empty() && indent > levels_.back().column) {
      AddAt("yaml/multi-line-text", indent, t.substr(indent),
            "text goes on from the line above; plain text ends with its line",
            "join the lines in one pair of quotes, or begin the text with `|` on its key's line");
    } else if (levels_.empty() && (t[indent] == '{' || t[indent] == '[')) {
      AddAt("yaml/missing-key", indent, t.substr(indent),
            "the file begins with a bracket; it is a list of `key: value` lines",
            "write each key on a line of its own");
    } else {
      AddAt("yaml/missing-key", indent, t.substr(indent),
            "this line is neither `key: value` nor a list item `- value`",
            "put a colon and a space behind the key, or quote the text on its key's line");
    }
    Blank(0, t.size());
  }

  void ScanValue(size_t at) {
    const absl::string_view t = text();
    const char c = t[at];
    if (c == '"' || c == '\'') {
      const size_t end = ScanQuoted(at, false);
      AfterValue(end, "the closing quote");
    } else if (c == '|' || c == '>') {
      ScanBlockHeader(at);
    } else if (c == '{' || c == '[') {
      flow_indent_ = text().find_first_not_of(' ');
      ScanFlow(at);
    } else if (c == '&' || c == '!' || c == '*') {
      ScanMark(at);
      const size_t next = text().find_first_not_of(' ', at);
      if (next == absl::string_view::npos) {
        open_ = true;
      } else {
        ScanValue(next);
      }
    } else if (c == '-' && IsSpaceOrEnd(t, at + 1)) {
      AddAt("yaml/misplaced-item", at, t.substr(at), "a list item on its key's line",
            "begin the list on the next line");
      Blank(at, at + 1);
    } else {
      ScanPlain(at);
    }
  }

  void ScanPlain(size_t at) {
    const absl::string_view t = text();
    plain_before_ = true;
    size_t end = t.find(" #", at);
    if (end == absl::string_view::npos) end = t.size();
    absl::string_view value = absl::StripTrailingAsciiWhitespace(t.substr(at, end - at));
    if (CheckPlainStart(at)) {
      for (char& c : line().text) {
        if (c == ':' && &c > &line().text[at]) c = '.';
      }
      return;
    }
    const size_t colon = value.find(": ");
    if (colon != absl::string_view::npos || absl::EndsWith(value, ":")) {
      const size_t where = at + (colon == absl::string_view::npos ? value.size() - 1 : colon);
      AddAt("yaml/colon-in-text", where, value,
            "a colon within text that is not quoted; YAML takes what is before it for a key",
            std::string(kQuoteIt));
      for (size_t i = at; i < at + value.size(); ++i) {
        if (line().text[i] == ':') line().text[i] = '.';
      }
    }
    if (end < text().size() && absl::StrContains(value, ' ')) {
      AddAt("yaml/hash-in-text", end + 1, text().substr(end + 1),
            "what follows ` #` is a comment, not part of the text before it",
            "quote the text; if this is a comment, it may stay behind the closing quote");
    }
  }

  void ScanBlockHeader(size_t at) {
    size_t end = at + 1;
    if (end < text().size() && text()[end] == '-') ++end;
    if (!OnlyCommentFrom(text(), end)) {
      AddAt("yaml/block-text", at, text().substr(at), "behind `|` nothing follows on the same line",
            "write `|` alone and begin the text on the next line, two spaces further in");
      Blank(end, text().size());
    }
    in_block_text_ = true;
    block_text_parent_ = levels_.empty() ? 0 : levels_.back().column;
  }

  // ---- within brackets

  void ScanFlow(size_t at) {
    while (at < text().size()) {
      const char c = text()[at];
      if (c == ' ' || c == ',' || c == ':') {
        ++at;
      } else if (c == '#') {
        // A comment only behind a space or at the start; otherwise part of some text.
        if (at == 0 || text()[at - 1] == ' ') break;
        ++at;
      } else if (c == '{' || c == '[') {
        flow_.push_back({c, number_, line().Column(at)});
        if (levels_.size() + flow_.size() > kMostDepth) {
          TooDeep(at);
          return;
        }
        ++at;
      } else if (c == '}' || c == ']') {
        at = ScanCloser(at);
        if (flow_.empty()) {
          AfterValue(at, "the closing bracket");
          return;
        }
      } else if (c == '"' || c == '\'') {
        at = ScanFlowQuoted(at);
      } else if (c == '&' || c == '!' || c == '*') {
        ScanMark(at);
      } else {
        at = ScanFlowPlain(at);
      }
    }
    flow_end_ = at;
  }

  size_t ScanFlowQuoted(size_t at) {
    const size_t end = ScanQuoted(at, true);
    const size_t next = text().find_first_not_of(' ', end);
    if (next == absl::string_view::npos || absl::StrContains(",:]}#", text()[next])) return end;
    AddAt("yaml/text-after-value", next, text().substr(next),
          "there is more behind the closing quote",
          "put a comma between values; a double quote within text is written \\\"");
    size_t stop = text().find_first_of(",]}", next);
    if (stop == absl::string_view::npos) stop = text().size();
    Blank(next, stop);
    return stop;
  }

  size_t ScanCloser(size_t at) {
    const char open = text()[at] == '}' ? '{' : '[';
    while (!flow_.empty() && flow_.back().open != open) {
      const bool matches_outer =
          std::any_of(flow_.begin(), flow_.end(), [&](const Bracket& b) { return b.open == open; });
      if (!matches_outer) {
        AddAt("yaml/unclosed-bracket", at, text().substr(at, 1),
              absl::StrCat("this closes no bracket; the open one is `",
                           std::string(1, flow_.back().open), "` in line ", flow_.back().line),
              "write the bracket that belongs to it");
        line().text[at] = flow_.back().open == '{' ? '}' : ']';
        break;
      }
      UnclosedBracket(flow_.back());
      line().Insert(at, flow_.back().open == '{' ? "}" : "]");
      ++at;
      flow_.pop_back();
    }
    flow_.pop_back();
    return at + 1;
  }

  size_t ScanFlowPlain(size_t at) {
    if (CheckPlainStart(at)) {
      size_t stop = text().find_first_of(",]}", at);
      if (stop == absl::string_view::npos) stop = text().size();
      for (size_t i = at; i < stop; ++i) {
        if (absl::StrContains(":{[", line().text[i])) line().text[i] = '.';
      }
      return stop;
    }
    size_t end = at;
    for (; end < text().size(); ++end) {
      const char c = text()[end];
      if (absl::StrContains(",[]{}", c)) break;
      if (c == '#' && text()[end - 1] == ' ') break;
      if (c != ':') continue;
      const absl::string_view word = text().substr(at, end - at);
      if (IsSpaceOrEnd(text(), end + 1) || absl::StrContains(",[]{}", text()[end + 1])) {
        if (word == "<<") {
          AddAt("yaml/merge-key", at, word, "a merge key; nothing is taken over from elsewhere",
                "write the keys out here");
        }
        break;
      }
      if (std::all_of(word.begin(), word.end(), IsNameCharacter) && !word.empty() &&
          !absl::ascii_isdigit(word[0])) {
        AddAt("yaml/missing-space", end, text().substr(at),
              absl::StrCat("`", word, ":` needs a space behind the colon"),
              absl::StrCat("write `", word,
                           ": ` and then the value; text with a colon in it is quoted"));
        line().Insert(end + 1, " ");
        break;
      }
    }
    return end;
  }

  void UnclosedBracket(const Bracket& bracket) {
    Add("yaml/unclosed-bracket", bracket.line, bracket.column, std::string(1, bracket.open),
        "this bracket is not closed",
        absl::StrCat("put ", bracket.open == '{' ? "}" : "]",
                     " behind its last value; lines that go on inside it are indented further"));
  }

  // The next line does not belong to the open brackets: they end with the last line that did.
  void CloseBrackets() {
    ScannedLine& last = text_->lines[static_cast<size_t>(std::max(last_content_, 1)) - 1];
    // Before a comment at the line's end, which would swallow them.
    size_t end = std::min(flow_end_, last.text.size());
    while (end > 0 && last.text[end - 1] == ' ') --end;
    while (!flow_.empty()) {
      UnclosedBracket(flow_.back());
      last.Insert(end++, flow_.back().open == '{' ? "}" : "]");
      flow_.pop_back();
    }
    text_->faulty_lines.insert(last_content_);
  }

  int last_content_ = 0;
  std::vector<Level> levels_;
  std::vector<Bracket> flow_;
  size_t flow_indent_ = 0;
  size_t flow_end_ = 0;        // where the last line within brackets ended, before its comment
  bool open_ = false;          // the line above ended where a value must follow
  bool plain_before_ = false;  // the line above ended with plain text
  bool in_block_text_ = false;
  size_t block_text_parent_ = 0;
  size_t shift_from_ = 0;
  int shift_ = 0;
};

}  // namespace

void ScanStructure(absl::string_view file, ScannedText* text, Report* report) {
  StructureScan(file, text, report).Run();
}

}  // namespace vouch::policies
