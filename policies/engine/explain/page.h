// Builds sections sentence by sentence, each with the line its place in the file has.
#ifndef VOUCH_POLICIES_ENGINE_EXPLAIN_PAGE_H_
#define VOUCH_POLICIES_ENGINE_EXPLAIN_PAGE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "policies/engine/explain/document.h"
#include "policies/engine/tree.h"

namespace vouch::policies::explain {

// A path into the file, such as "questions[2].on_yes", items counted from one.
class Page {
 public:
  explicit Page(const Tree& tree) : tree_(tree) {}

  // The line of the key or item at `path`; of the nearest one above it that there is.
  int LineOf(absl::string_view path) const;
  // What stands there, when it is one value; else empty.
  std::string TextAt(absl::string_view path) const;

  void BeginSection(std::string id, std::string title, absl::string_view path);
  // Within the section.
  void BeginPart(std::string id, std::string title, absl::string_view path);
  void EndPart();

  // A sentence of the paragraph or list begun last.
  void Say(absl::string_view path, std::string text) { SayOnLine(LineOf(path), std::move(text)); }
  void SayOnLine(int line, std::string text);
  void Paragraph();
  // A paragraph of its own in the parties' own words.
  void Quote(absl::string_view path, absl::string_view text);
  void Item(absl::string_view path, std::string text, int depth = 0) {
    ItemOnLine(LineOf(path), std::move(text), depth);
  }
  void ItemOnLine(int line, std::string text, int depth = 0);
  void QuotedItem(absl::string_view path, absl::string_view text);
  void BeginTable(std::string caption, std::vector<std::string> heading);
  void AddRow(absl::string_view path, std::vector<std::string> cells) {
    AddRowOnLine(LineOf(path), std::move(cells));
  }
  void AddRowOnLine(int line, std::vector<std::string> cells);

  std::vector<Section> Take() { return std::move(sections_); }

 private:
  Block& BlockOf(Block::Kind kind);
  std::vector<Block>& blocks() {
    return in_part_ ? sections_.back().parts.back().blocks : sections_.back().blocks;
  }

  const Tree& tree_;
  std::vector<Section> sections_;
  bool in_part_ = false;
  bool fresh_paragraph_ = true;
};

}  // namespace vouch::policies::explain

#endif  // VOUCH_POLICIES_ENGINE_EXPLAIN_PAGE_H_
