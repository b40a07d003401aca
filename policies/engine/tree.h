// A file of the strict YAML subset as a tree in which every value and every key has its position.
// docs/agreements.md section 2 describes the subset.
#ifndef VOUCH_POLICIES_ENGINE_TREE_H_
#define VOUCH_POLICIES_ENGINE_TREE_H_

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "policies/engine/source.h"

namespace vouch::policies {

inline constexpr size_t kMostFileBytes = 262144;
inline constexpr size_t kMostLineBytes = 8192;
inline constexpr size_t kMostValues = 50000;  // keys and values in one file
inline constexpr size_t kMostDepth = 32;      // of mappings and lists within each other

struct Node {
  enum class Kind { kScalar, kMapping, kSequence, kEmpty };
  enum class Style { kPlain, kQuoted, kBlock };
  struct Entry;

  Kind kind = Kind::kEmpty;
  Style style = Style::kPlain;
  Position position;           // of the first character; of the key when there is no value
  std::string text;            // kScalar
  std::vector<Entry> entries;  // kMapping, in file order; keys are unique
  std::vector<Node> items;     // kSequence

  // The value under `key`, or nullptr.
  const Node* Find(absl::string_view key) const;
};
struct Node::Entry {
  std::string key;
  Position position;
  Node value;
};

struct Tree {
  Node root;
  // False when parsing had to stop before the end: what seems missing may stand further down.
  bool complete = true;
  // Lines with an error of form. What their values say was mended by guess and is not judged.
  std::set<int> faulty_lines;
};

// Reads one file. Every error of form is reported, rules "file/..." and "yaml/...". The tree is
// returned even then, as far as it could be made out, so that errors of content can be reported in
// the same run: who uses what a tree says looks at `report` first. nullopt when there is nothing.
absl::optional<Tree> ReadTree(absl::string_view file, absl::string_view bytes, Report* report);

// The value at a path such as "questions[2].yes_when.fact", items counted from one; the nearest
// value above it when the path leads nowhere.
const Node& NodeAt(const Node& root, absl::string_view path);

// The section of docs/agreements.md that explains a rule.
std::string CiteForRule(absl::string_view rule);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_TREE_H_
