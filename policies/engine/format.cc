#include "policies/engine/format.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policies/engine/reference.h"
#include "policies/engine/tree.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

std::string WithPlainLineEnds(absl::string_view bytes) {
  absl::ConsumePrefix(&bytes, "\xEF\xBB\xBF");
  std::string text;
  for (const absl::string_view line : absl::StrSplit(bytes, '\n')) {
    absl::StrAppend(&text, absl::StripSuffix(line, "\r"), "\n");
  }
  while (absl::EndsWith(text, "\n\n")) text.pop_back();
  return text;
}

// Where quotes are open, brackets, and comments begin, along a line of structure.
class LineWalk {
 public:
  explicit LineWalk(absl::string_view line) : line_(line) {}

  // Brackets that this line opens more than it closes; `comment` is where one begins.
  int Depth(size_t* comment) const {
    int depth = 0;
    char quote = '\0';
    *comment = line_.size();
    for (size_t i = 0; i < line_.size(); ++i) {
      const char c = line_[i];
      if (quote != '\0') {
        if (c == '\\' && quote == '"') {
          ++i;
        } else if (c == quote) {
          quote = '\0';
        }
        continue;
      }
      const bool begins = i == 0 || absl::StrContains(" [{,:", line_.substr(i - 1, 1));
      if ((c == '"' || c == '\'') && begins) quote = c;
      if (c == '#' && (i == 0 || line_[i - 1] == ' ')) {
        *comment = i;
        break;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
    }
    return depth;
  }

 private:
  absl::string_view line_;
};

size_t IndentOf(absl::string_view line) {
  const size_t at = line.find_first_not_of(' ');
  return at == absl::string_view::npos ? line.size() : at;
}

bool IsBlank(absl::string_view line) { return IndentOf(line) == line.size(); }
bool IsDash(absl::string_view text) { return text == "-" || absl::StartsWith(text, "- "); }

// Gives every level two spaces.
class Indenter {
 public:
  std::string Run(absl::string_view text) {
    const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
    for (size_t i = 0; i < lines.size();) i = Take(lines, i);
    FlushComments(0, 0);
    std::string out = absl::StrJoin(out_, "\n");
    while (absl::EndsWith(out, "\n")) out.pop_back();
    return out + "\n";
  }

 private:
  struct Level {
    size_t was = 0;
    size_t is = 0;
    bool dash = false;
  };

  // Takes the line at `i` with the prose or brackets that belong to it; the next line's number.
  size_t Take(const std::vector<absl::string_view>& lines, size_t i) {
    const absl::string_view line = lines[i];
    if (IsBlank(line) || line[IndentOf(line)] == '#') {
      comments_.push_back(line);
      return i + 1;
    }
    const size_t was = IndentOf(line);
    absl::string_view rest = line.substr(was);
    const std::vector<Level> before = levels_;
    size_t is = Enter(was, IsDash(rest));
    FlushCommentsAt(before, was, is);
    // The column of the innermost key or value: what stands behind dashes.
    size_t inner = was;
    std::string made(is, ' ');
    while (IsDash(rest)) {
      made += "-";
      const size_t skip = rest.find_first_not_of(' ', 1);
      if (skip == absl::string_view::npos) {
        rest = "";
        break;
      }
      made += " ";
      inner += skip;
      rest = rest.substr(skip);
      if (rest[0] == '#') break;
      levels_.push_back({inner, made.size(), IsDash(rest)});
    }
    size_t comment = 0;
    int depth = LineWalk(rest).Depth(&comment);
    const absl::string_view value = absl::StripTrailingAsciiWhitespace(rest.substr(0, comment));
    absl::StrAppend(&made, absl::StripTrailingAsciiWhitespace(rest));
    out_.push_back(made);
    ++i;
    const bool alone = value == "|" || value == "|-";
    if (alone || absl::EndsWith(value, " |") || absl::EndsWith(value, " |-")) {
      // Prose right behind a dash is further in than the dash, not than itself.
      const size_t key = alone && levels_.size() > 1 ? levels_[levels_.size() - 2].was : inner;
      return TakeProse(lines, i, key, levels_.back().is);
    }
    for (; depth > 0 && i < lines.size(); ++i) {
      depth += LineWalk(lines[i]).Depth(&comment);
      TakeContinuation(lines[i], was, is);
    }
    return i;
  }

  size_t Enter(size_t was, bool dash) {
    while (!levels_.empty() && (levels_.back().was > was ||
                                (levels_.back().was == was && levels_.back().dash && !dash))) {
      levels_.pop_back();
    }
    const bool known = !levels_.empty() && levels_.back().was == was && levels_.back().dash == dash;
    if (!known) levels_.push_back({was, levels_.empty() ? 0 : levels_.back().is + 2, dash});
    return levels_.back().is;
  }

  void TakeContinuation(absl::string_view line, size_t was, size_t is) {
    if (IsBlank(line)) {
      out_.emplace_back();
      return;
    }
    const size_t own = IndentOf(line);
    const size_t further = own > was ? own - was : 2;
    out_.push_back(absl::StrCat(std::string(is + further, ' '),
                                absl::StripTrailingAsciiWhitespace(line.substr(own))));
  }

  // Prose keeps its own shape, spaces at line ends included: they are part of what it says.
  size_t TakeProse(const std::vector<absl::string_view>& lines, size_t i, size_t key, size_t is) {
    size_t end = i;
    size_t own = 0;
    for (size_t at = i; at < lines.size(); ++at) {
      if (IsBlank(lines[at])) continue;
      if (IndentOf(lines[at]) <= key) break;
      if (own == 0) own = IndentOf(lines[at]);
      end = at + 1;
    }
    for (; i < end; ++i) {
      if (lines[i].size() <= own && IsBlank(lines[i])) {
        out_.emplace_back();
      } else {
        out_.push_back(absl::StrCat(std::string(is + 2, ' '),
                                    lines[i].substr(std::min(own, IndentOf(lines[i])))));
      }
    }
    return i;
  }

  // A comment goes with the level it stood at, else with the line below it.
  void FlushCommentsAt(const std::vector<Level>& before, size_t was, size_t is) {
    for (const absl::string_view comment : comments_) {
      if (IsBlank(comment)) {
        out_.emplace_back();
        continue;
      }
      const size_t own = IndentOf(comment);
      size_t to = is;
      for (const Level& level : before) {
        if (level.was == own && own != was) to = level.is;
      }
      out_.push_back(absl::StrCat(std::string(to, ' '),
                                  absl::StripTrailingAsciiWhitespace(comment.substr(own))));
    }
    comments_.clear();
  }
  void FlushComments(size_t was, size_t is) { FlushCommentsAt(levels_, was, is); }

  std::vector<Level> levels_;
  std::vector<absl::string_view> comments_;
  std::vector<std::string> out_;
};

const Node* PlainAt(const Node& node, const Position& position) {
  if (node.kind == Node::Kind::kScalar) {
    const bool here =
        node.position.line == position.line && node.position.column == position.column;
    return here && node.style == Node::Style::kPlain ? &node : nullptr;
  }
  for (const Node::Entry& entry : node.entries) {
    if (const Node* found = PlainAt(entry.value, position)) return found;
  }
  for (const Node& item : node.items) {
    if (const Node* found = PlainAt(item, position)) return found;
  }
  return nullptr;
}

// Reads the file as what it says it is.
void ReadAny(absl::string_view name, absl::string_view text, const KnownNames& known,
             Report* report) {
  if (absl::StrContains(text, "vouch-facts/")) {
    (void)ReadFactCatalogue(name, text, report);
  } else if (absl::StrContains(text, "vouch-table/")) {
    (void)ReadReferenceTable(name, text, {}, report);
  } else {
    (void)ReadAgreement(name, text, known, report);
  }
}

// Quotes around every plain value that the reader wants quoted.
std::string WithQuotes(absl::string_view name, const std::string& text, const Tree& tree,
                       const KnownNames& known) {
  Report report;
  ReadAny(name, text, known, &report);
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  std::vector<const Node*> unquoted;
  for (const Finding& finding : report.findings()) {
    if (finding.rule != "field/quote-it") continue;
    if (const Node* node = PlainAt(tree.root, finding.position)) unquoted.push_back(node);
  }
  // From the right, so that columns stay true.
  std::sort(unquoted.begin(), unquoted.end(),
            [](const Node* a, const Node* b) { return a->position.column > b->position.column; });
  unquoted.erase(std::unique(unquoted.begin(), unquoted.end()), unquoted.end());
  for (const Node* node : unquoted) {
    std::string& line = lines[static_cast<size_t>(node->position.line) - 1];
    const size_t at = FirstCodePoints(line, static_cast<size_t>(node->position.column) - 1).size();
    if (!absl::StartsWith(absl::string_view(line).substr(at), node->text)) continue;
    if (absl::StrContains(node->text, '"') || absl::StrContains(node->text, '\\')) continue;
    line.replace(at, node->text.size(), absl::StrCat("\"", node->text, "\""));
  }
  return absl::StrJoin(lines, "\n");
}

bool SameContent(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.entries.size() != b.entries.size() ||
      a.items.size() != b.items.size()) {
    return false;
  }
  for (size_t i = 0; i < a.entries.size(); ++i) {
    if (a.entries[i].key != b.entries[i].key ||
        !SameContent(a.entries[i].value, b.entries[i].value)) {
      return false;
    }
  }
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!SameContent(a.items[i], b.items[i])) return false;
  }
  return true;
}

}  // namespace

absl::optional<std::string> Formatted(absl::string_view name, absl::string_view bytes,
                                      const KnownNames& known, Report* report) {
  const std::string plain = WithPlainLineEnds(bytes);
  Report own;
  const absl::optional<Tree> tree = ReadTree(name, plain, &own);
  if (!tree.has_value() || own.HasErrors()) {
    report->Merge(own);
    return absl::nullopt;
  }
  const std::string made = Indenter().Run(WithQuotes(name, plain, *tree, known));
  Report again;
  const absl::optional<Tree> read = ReadTree(name, made, &again);
  if (!read.has_value() || again.HasErrors() || !SameContent(tree->root, read->root)) {
    Finding finding;
    finding.rule = "format/not-mended";
    finding.file = std::string(name);
    finding.position = {1, 1};
    finding.message = "this file cannot be put in order without changing what it says";
    finding.mend = "give every level two spaces by hand; nothing was written";
    report->Add(std::move(finding));
    return absl::nullopt;
  }
  return made;
}

}  // namespace vouch::policies
