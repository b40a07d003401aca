#include "policies/engine/explain/page.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "policies/engine/explain/words.h"

namespace vouch::policies::explain {
namespace {

// Where a path leads: the value, and the line of its key or, for an item, of itself.
struct Place {
  const Node* node;
  int line;
};

Place Find(const Node& root, absl::string_view path) {
  Place place{&root, root.position.line};
  if (path.empty()) return place;
  for (absl::string_view step : absl::StrSplit(path, '.')) {
    const size_t bracket = step.find('[');
    const absl::string_view key = step.substr(0, bracket);
    const Node::Entry* found = nullptr;
    for (const Node::Entry& entry : place.node->entries) {
      if (absl::string_view(entry.key) == key) found = &entry;
    }
    if (found == nullptr) return place;
    place = {&found->value, found->position.line};
    if (bracket == absl::string_view::npos) continue;
    size_t index = 0;
    if (!absl::SimpleAtoi(step.substr(bracket + 1, step.size() - bracket - 2), &index) ||
        index == 0 || index > place.node->items.size()) {
      return place;
    }
    place.node = &place.node->items[index - 1];
    place.line = place.node->position.line;
  }
  return place;
}

}  // namespace

int Page::LineOf(absl::string_view path) const {
  const int line = Find(tree_.root, path).line;
  return line > 0 ? line : 1;
}

std::string Page::TextAt(absl::string_view path) const {
  const Place place = Find(tree_.root, path);
  return place.node->kind == Node::Kind::kScalar ? place.node->text : "";
}

void Page::BeginSection(std::string id, std::string title, absl::string_view path) {
  Section section;
  section.id = std::move(id);
  section.title = std::move(title);
  section.line = LineOf(path);
  sections_.push_back(std::move(section));
  in_part_ = false;
  fresh_paragraph_ = true;
}

void Page::BeginPart(std::string id, std::string title, absl::string_view path) {
  Section part;
  part.id = std::move(id);
  part.title = std::move(title);
  part.line = LineOf(path);
  sections_.back().parts.push_back(std::move(part));
  in_part_ = true;
  fresh_paragraph_ = true;
}

void Page::EndPart() {
  in_part_ = false;
  fresh_paragraph_ = true;
}

Block& Page::BlockOf(Block::Kind kind) {
  std::vector<Block>& all = blocks();
  if (all.empty() || all.back().kind != kind || fresh_paragraph_) {
    all.emplace_back();
    all.back().kind = kind;
  }
  fresh_paragraph_ = false;
  return all.back();
}

void Page::SayOnLine(int line, std::string text) {
  Sentence sentence;
  sentence.text = std::move(text);
  sentence.line = line;
  BlockOf(Block::Kind::kParagraph).sentences.push_back(std::move(sentence));
}

void Page::Paragraph() { fresh_paragraph_ = true; }

void Page::Quote(absl::string_view path, absl::string_view text) {
  fresh_paragraph_ = true;
  SayOnLine(LineOf(path), OneLine(text));
  blocks().back().sentences.back().quoted = true;
  fresh_paragraph_ = true;
}

void Page::ItemOnLine(int line, std::string text, int depth) {
  Sentence sentence;
  sentence.text = std::move(text);
  sentence.line = line;
  sentence.depth = depth;
  BlockOf(Block::Kind::kList).sentences.push_back(std::move(sentence));
}

void Page::QuotedItem(absl::string_view path, absl::string_view text) {
  Item(path, OneLine(text));
  blocks().back().sentences.back().quoted = true;
}

void Page::BeginTable(std::string caption, std::vector<std::string> heading) {
  blocks().emplace_back();
  Block& block = blocks().back();
  block.kind = Block::Kind::kTable;
  block.table.caption = std::move(caption);
  block.table.heading = std::move(heading);
  fresh_paragraph_ = false;
}

void Page::AddRowOnLine(int line, std::vector<std::string> cells) {
  Row row;
  row.cells = std::move(cells);
  row.line = line;
  blocks().back().table.rows.push_back(std::move(row));
}

}  // namespace vouch::policies::explain
