#include "policies/engine/tree.h"

#include <algorithm>
#include <exception>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policies/engine/scan.h"
#include "policies/engine/unicode.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace vouch::policies {
namespace {

// Thrown by the builder, caught in ReadTree: yaml-cpp has no other way to be told to stop.
struct TooMuch : std::exception {};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(absl::string_view file, const ScannedText& text, Report* report, Tree* tree)
      : file_(file), text_(text), report_(report), tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node = NodeAtMark(mark);
    CheckMarks("", anchor, node.position);
    const absl::string_view raw = RawAt(mark);
    for (absl::string_view word : {"null", "Null", "NULL", "~"}) {
      if (absl::StartsWith(raw, word)) {
        node.kind = Node::Kind::kScalar;
        node.text = std::string(word);
        break;
      }
    }
    Place(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Node node = NodeAtMark(mark);
    Add("yaml/alias", node.position, "*", "an alias; nothing is written once and used elsewhere",
        "write the value out here");
    Place(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = NodeAtMark(mark);
    node.kind = Node::Kind::kScalar;
    node.text = value;
    CheckMarks(tag, anchor, node.position);
    const absl::string_view raw = RawAt(mark);
    if (tag == "?" || raw.empty()) {
      node.style = Node::Style::kPlain;
      if (!absl::StartsWith(raw, value)) {
        Add("yaml/multi-line-text", node.position, value,
            "text goes on over several lines; plain text ends with its line",
            "join the lines in one pair of quotes, or begin the text with `|` on its key's line");
      }
    } else if (raw[0] == '|' || raw[0] == '>') {
      node.style = Node::Style::kBlock;
    } else {
      node.style = Node::Style::kQuoted;
    }
    Place(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Start(mark, tag, anchor, Node::Kind::kSequence);
  }
  void OnSequenceEnd() override { End(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Start(mark, tag, anchor, Node::Kind::kMapping);
  }
  void OnMapEnd() override { End(); }

  // Closes what is open, after the parser gave up, so that what was read can be used.
  void Finish() {
    while (!open_.empty()) End();
  }

 private:
  // A mapping or list under construction.
  struct Open {
    Node node;
    bool is_key = false;  // it stands where a key should
    bool has_key = false;
    std::string key;
    Position key_position;
    std::set<std::string> keys;
  };

  void Add(absl::string_view rule, Position position, absl::string_view offending,
           std::string message, std::string mend) {
    // On a line that is faulty already this is most likely the mending's doing.
    if (tree_->faulty_lines.count(position.line) > 0) return;
    Finding finding;
    finding.rule = std::string(rule);
    finding.file = std::string(file_);
    finding.position = position;
    finding.offending = Shown(offending);
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    finding.cite = CiteForRule(rule);
    report_->Add(std::move(finding));
  }

  Node NodeAtMark(const YAML::Mark& mark) {
    if (++values_ > kMostValues) throw TooMuch();
    Node node;
    node.position = text_.PositionAt(mark.line, mark.column);
    return node;
  }

  absl::string_view RawAt(const YAML::Mark& mark) const {
    const size_t line = static_cast<size_t>(std::max(mark.line, 0));
    const size_t column = static_cast<size_t>(std::max(mark.column, 0));
    if (line >= text_.lines.size() || column >= text_.lines[line].text.size()) return "";
    return absl::string_view(text_.lines[line].text).substr(column);
  }

  void CheckMarks(absl::string_view tag, YAML::anchor_t anchor, Position position) {
    if (anchor != 0) {
      Add("yaml/anchor", position, "&", "an anchor; nothing is written once and used elsewhere",
          "delete it and write the value where it is needed");
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      Add("yaml/tag", position, tag, "a tag; what kind a value is follows from its key",
          "delete it");
    }
  }

  void Start(const YAML::Mark& mark, absl::string_view tag, YAML::anchor_t anchor,
             Node::Kind kind) {
    if (open_.size() >= kMostDepth) throw TooMuch();
    Open open;
    open.node = NodeAtMark(mark);
    open.node.kind = kind;
    CheckMarks(tag, anchor, open.node.position);
    open.is_key = WantsKey();
    open_.push_back(std::move(open));
  }

  void End() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.has_key) {
      // The parser stopped between a key and its value.
      Node none;
      none.position = done.key_position;
      done.node.entries.push_back({done.key, done.key_position, std::move(none)});
    }
    if (done.is_key) {
      Add("yaml/complex-key", done.node.position, "", "brackets where a key should be",
          "keys are plain words: write `key: value`");
      Node key;
      key.kind = Node::Kind::kScalar;
      key.position = done.node.position;
      Place(std::move(key));
      return;
    }
    Place(std::move(done.node));
  }

  bool WantsKey() const {
    return !open_.empty() && open_.back().node.kind == Node::Kind::kMapping &&
           !open_.back().has_key;
  }

  void Place(Node node) {
    if (open_.empty()) {
      tree_->root = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::kSequence) {
      if (node.kind == Node::Kind::kEmpty) {
        node.position = parent.node.position;
        Add("yaml/empty-value", node.position, "-", "a list item without a value",
            "write its value, or delete the dash or comma");
      }
      parent.node.items.push_back(std::move(node));
      return;
    }
    if (!parent.has_key) {
      PlaceKey(std::move(node), &parent);
      return;
    }
    parent.has_key = false;
    if (node.kind == Node::Kind::kEmpty) {
      node.position = parent.key_position;
      Add("yaml/empty-value", node.position, parent.key,
          absl::StrCat("`", Shown(parent.key), "` has no value"),
          "write its value, or delete the line if the key may be left out");
    }
    if (!parent.keys.insert(parent.key).second) {
      const auto first = std::find_if(parent.node.entries.begin(), parent.node.entries.end(),
                                      [&](const Node::Entry& e) { return e.key == parent.key; });
      Add("yaml/duplicate-key", parent.key_position, parent.key,
          absl::StrCat("`", Shown(parent.key), "` is written twice; the first is in line ",
                       first == parent.node.entries.end() ? 0 : first->position.line),
          "delete one of them");
      return;
    }
    parent.node.entries.push_back({parent.key, parent.key_position, std::move(node)});
  }

  void PlaceKey(Node node, Open* parent) {
    if (node.kind == Node::Kind::kEmpty || node.text.empty()) {
      Add("yaml/complex-key", node.position, "", "a colon without a key before it",
          "write `key: value`");
    }
    parent->key = std::move(node.text);
    parent->key_position = node.position;
    parent->has_key = true;
  }

  absl::string_view file_;
  const ScannedText& text_;
  Report* report_;
  Tree* tree_;
  std::vector<Open> open_;
  size_t values_ = 0;
};

// Characters that were written as escapes reach a value only now.
void CheckHidden(absl::string_view file, const Tree& tree, const Node& node, Report* report) {
  const auto check = [&](absl::string_view text, Position position) {
    for (size_t at = 0; at < text.size();) {
      const CodePoint point = DecodeUtf8(text.substr(at));
      const bool control = (point.value < 0x20 && point.value != '\n') || point.value == 0x7F;
      if ((!point.valid || control || IsHidden(point.value)) &&
          tree.faulty_lines.count(position.line) == 0 && node.style != Node::Style::kBlock) {
        Finding finding;
        finding.rule = "yaml/hidden-character";
        finding.file = std::string(file);
        finding.position = position;
        finding.offending = Shown(text);
        finding.message = "this text holds a character that cannot be seen";
        finding.mend = "delete it";
        finding.cite = CiteForRule(finding.rule);
        report->Add(std::move(finding));
        return;
      }
      at += point.size;
    }
  };
  check(node.text, node.position);
  for (const Node::Entry& entry : node.entries) {
    check(entry.key, entry.position);
    CheckHidden(file, tree, entry.value, report);
  }
  for (const Node& item : node.items) CheckHidden(file, tree, item, report);
}

Finding SyntaxFinding(absl::string_view file, Position position, std::string message) {
  Finding finding;
  finding.rule = "yaml/syntax";
  finding.file = std::string(file);
  finding.position = position;
  finding.message = std::move(message);
  finding.mend = "look at this line and the one above: indentation, quotes, brackets, colons";
  finding.cite = CiteForRule(finding.rule);
  return finding;
}

}  // namespace

const Node* Node::Find(absl::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

absl::optional<Tree> ReadTree(absl::string_view file, absl::string_view bytes, Report* report) {
  const ScannedText text = ScanText(file, bytes, report);
  if (!text.parseable) return absl::nullopt;
  Tree tree;
  tree.faulty_lines = text.faulty_lines;
  std::istringstream in(text.Mended());
  TreeBuilder builder(file, text, report, &tree);
  try {
    YAML::Parser parser(in);
    parser.HandleNextDocument(builder);
  } catch (const TooMuch&) {
    Finding finding =
        SyntaxFinding(file, {1, 1}, absl::StrCat("more than ", kMostValues, " keys and values"));
    finding.rule = "file/too-many-values";
    finding.mend = "check that this is the file you meant";
    finding.cite = CiteForRule(finding.rule);
    report->Add(std::move(finding));
    return absl::nullopt;
  } catch (const YAML::Exception& error) {
    const Position position = text.PositionAt(error.mark.line, error.mark.column);
    // Once something was mended by guess, the parser's complaint is most likely about the guess.
    if (text.faulty_lines.empty()) {
      report->Add(SyntaxFinding(file, position, absl::StrCat("this cannot be read: ", error.msg)));
    }
    tree.complete = false;
    builder.Finish();
  } catch (const std::exception&) {
    report->Add(SyntaxFinding(file, {1, 1}, "this cannot be read"));
    return absl::nullopt;
  }
  if (tree.root.kind == Node::Kind::kEmpty && tree.complete && text.faulty_lines.empty()) {
    Finding finding = SyntaxFinding(file, {1, 1}, "the file holds nothing but comments");
    finding.rule = "file/empty";
    finding.mend = "begin with the line `format: \"...\"`";
    report->Add(std::move(finding));
    return absl::nullopt;
  }
  CheckHidden(file, tree, tree.root, report);
  return tree;
}

const Node& NodeAt(const Node& root, absl::string_view path) {
  const Node* node = &root;
  for (absl::string_view step : absl::StrSplit(path, '.', absl::SkipEmpty())) {
    std::vector<absl::string_view> parts = absl::StrSplit(step, absl::ByAnyChar("[]"));
    const Node* next = node->Find(parts[0]);
    if (next == nullptr) return *node;
    node = next;
    for (size_t i = 1; i < parts.size(); ++i) {
      size_t index = 0;
      if (parts[i].empty()) continue;
      if (!absl::SimpleAtoi(parts[i], &index) || index < 1 || index > node->items.size()) {
        return *node;
      }
      node = &node->items[index - 1];
    }
  }
  return *node;
}

std::string CiteForRule(absl::string_view rule) {
  absl::string_view section = "5";
  if (absl::StartsWith(rule, "file/") || absl::StartsWith(rule, "yaml/")) section = "2";
  if (absl::StartsWith(rule, "field/")) section = "3";
  return absl::StrCat("docs/agreements.md section ", section, ", ", rule);
}

}  // namespace vouch::policies
