// Every file that people edit (agreements, fact catalogues, node.yaml, mappings, reference tables)
// is read here: a strict YAML subset with positions, and one field table that drives the reader,
// its errors and the generated JSON Schema.
#ifndef VOUCH_POLICIES_ENGINE_SOURCE_H_
#define VOUCH_POLICIES_ENGINE_SOURCE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vouch::policies {

// One-based; zero when there is none.
struct Position {
  int line = 0;
  int column = 0;
};

enum class Severity { kNote, kWarning, kError };

// One thing wrong or worth knowing, in the words every tool shows.
struct Finding {
  Severity severity = Severity::kError;
  std::string rule;  // stable id, e.g. "yaml/duplicate-key"
  std::string file;
  Position position;
  std::string path;       // e.g. "questions[2].yes_when"
  std::string offending;  // the offending text; shortened, control characters escaped
  std::string message;    // what is wrong and what was expected
  std::string mend;       // how to mend it, "did you mean" included
  std::string cite;       // section or statute the rule comes from
};

// Findings in order of position. Not thread-safe.
class Report {
 public:
  void Add(Finding finding);
  const std::vector<Finding>& findings() const { return findings_; }
  bool HasErrors() const;
  // True when an error says that the file is not readable at all (exit code 3 in the tools).
  bool Unreadable() const;
  // For people: file:line:column, message, the source line with a caret, mend, citation. `source`
  // is the text the findings are about; empty when it is not at hand.
  std::string ToText(absl::string_view source) const;
  // For tools: a JSON array with the same words.
  std::string ToJson() const;

 private:
  std::vector<Finding> findings_;
};

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_SOURCE_H_
