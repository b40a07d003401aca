#include "policies/engine/explain/text_page.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policies/engine/explain/html_page.h"
#include "policies/engine/unicode.h"

namespace vouch::policies::explain {
namespace {

constexpr size_t kWidth = 80;

class Text {
 public:
  void Line(absl::string_view text) { absl::StrAppend(&out_, text, "\n"); }
  void Blank() { out_.append("\n"); }

  // `first` begins the first line; the others are indented as far.
  void Wrapped(absl::string_view first, absl::string_view text) {
    const std::string indent(CodePointCount(first), ' ');
    std::string line(first);
    size_t width = indent.size();
    bool empty = true;
    for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
      const size_t size = CodePointCount(word);
      if (!empty && width + 1 + size > kWidth) {
        Line(line);
        line = indent;
        width = indent.size();
        empty = true;
      }
      absl::StrAppend(&line, empty ? "" : " ", word);
      width += size + (empty ? 0 : 1);
      empty = false;
    }
    Line(line);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string WithLine(const Sentence& sentence) {
  return absl::StrCat(Visible(sentence.text), " [", sentence.line, "]");
}

void WriteParagraph(const Block& block, Text* out) {
  std::string together;
  for (const Sentence& sentence : block.sentences) {
    if (sentence.quoted) {
      if (!together.empty()) out->Wrapped("  ", together);
      together.clear();
      out->Wrapped("    | ", WithLine(sentence));
    } else {
      absl::StrAppend(&together, together.empty() ? "" : " ", WithLine(sentence));
    }
  }
  if (!together.empty()) out->Wrapped("  ", together);
}

void WriteTable(const Table& table, Text* out) {
  std::vector<size_t> widths(table.heading.size(), 0);
  const auto widen = [&widths](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], CodePointCount(Visible(cells[i])));
    }
  };
  widen(table.heading);
  for (const Row& row : table.rows) widen(row.cells);
  size_t total = 0;
  for (const size_t width : widths) total += width + 2;
  if (!table.caption.empty()) out->Wrapped("  ", absl::StrCat(Visible(table.caption), ":"));
  if (total > kWidth + 20) {
    // Too wide to stand side by side.
    for (const Row& row : table.rows) {
      for (size_t i = 0; i < row.cells.size() && i < table.heading.size(); ++i) {
        out->Wrapped(i == 0 ? "  - " : "    ",
                     absl::StrCat(Visible(table.heading[i]), ": ", Visible(row.cells[i]),
                                  i + 1 == row.cells.size() ? absl::StrCat(" [", row.line, "]")
                                                            : std::string()));
      }
    }
    return;
  }
  const auto line = [&](const std::vector<std::string>& cells, const std::string& end) {
    std::string text = "   ";
    for (size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
      const std::string cell = Visible(cells[i]);
      absl::StrAppend(&text, " ", cell, std::string(widths[i] - CodePointCount(cell) + 1, ' '));
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    out->Line(absl::StrCat(text, end));
  };
  line(table.heading, "");
  for (const Row& row : table.rows) line(row.cells, absl::StrCat(" [", row.line, "]"));
}

void WriteBlocks(const std::vector<Block>& blocks, Text* out) {
  for (const Block& block : blocks) {
    switch (block.kind) {
      case Block::Kind::kParagraph:
        WriteParagraph(block, out);
        break;
      case Block::Kind::kList:
        for (const Sentence& sentence : block.sentences) {
          out->Wrapped(absl::StrCat(std::string(2 * sentence.depth + 2, ' '), "- "),
                       WithLine(sentence));
        }
        break;
      case Block::Kind::kTable:
        WriteTable(block.table, out);
        break;
    }
    out->Blank();
  }
}

}  // namespace

std::string TextPage(const Document& document) {
  Text out;
  out.Wrapped("", Visible(document.title));
  out.Wrapped(
      "", absl::StrCat(Visible(document.agreement_id), ", revision ", document.revision,
                       ", in plain words. [12] means line 12 of ", Visible(document.file), "."));
  out.Blank();
  size_t number = 0;
  for (const Section& section : document.sections) {
    out.Line(absl::StrCat(++number, ". ", Visible(section.title)));
    out.Blank();
    WriteBlocks(section.blocks, &out);
    for (const Section& part : section.parts) {
      out.Wrapped("  ", Visible(part.title));
      out.Blank();
      WriteBlocks(part.blocks, &out);
    }
  }
  out.Line("Signatures and digest");
  out.Blank();
  for (const std::string& line : SignatureLines(document)) out.Wrapped("  ", Visible(line));
  out.Wrapped("  ", absl::StrCat("Revision ", document.revision, ", SHA-256 ",
                                 Visible(document.digest), "."));
  return out.Take();
}

}  // namespace vouch::policies::explain
