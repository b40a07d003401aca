// Every file that people edit (agreements, fact catalogues, node.yaml, mappings, reference tables)
// is read here: a strict YAML subset with positions, and one field table that drives the reader,
// its errors and the generated JSON Schema.
#ifndef VOUCH_POLICIES_ENGINE_SOURCE_H_
#define VOUCH_POLICIES_ENGINE_SOURCE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace vouch::policies {

// One-based; zero when there is none.
struct Position {
  int line = 0;
  int column = 0;
};

enum class Severity { kNote, kWarning, kError };

// Who answers for a finding that the parties waived, in the agreement's own words.
struct WaivedBy {
  std::string by;
  std::string reason;
  std::string until;  // the last day it is good for
};

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
  std::string page;       // of a rule pack's rule: where it is explained
  absl::optional<WaivedBy> waived = absl::nullopt;  // then it is shown, and is no error
};

// Findings, file by file in the order the files were first named, and by position within each.
// Keeps the first kMostFindings and counts the rest: a broken file cannot use up memory. Not
// thread-safe.
class Report {
 public:
  static constexpr size_t kMostFindings = 500;
  void Add(Finding finding);
  void Merge(const Report& other);
  // How many findings there was no room for; errors among them still count in HasErrors.
  size_t left_out() const { return left_out_; }
  const std::vector<Finding>& findings() const { return findings_; }
  bool HasErrors() const;
  // True when an error (rule "file/..." or "yaml/...") says that a file is not well formed, so that
  // what it means cannot be judged (exit code 3 in the tools).
  bool Unreadable() const;
  // For people: file:line:column, message, the source line with a caret, mend, citation. `source`
  // is the text the findings are about; empty when it is not at hand.
  std::string ToText(absl::string_view source) const;
  // For tools: a JSON array with the same words.
  std::string ToJson() const;

 private:
  std::vector<Finding> findings_;
  size_t left_out_ = 0;
  bool has_errors_ = false;
  bool unreadable_ = false;
};

// Text that may come from a hostile file, made fit for a terminal or log: at most `most` code
// points, control, bidirectional and invisible characters and bytes that are not UTF-8 written as
// \u{HEX} or \xHH.
std::string Shown(absl::string_view text, size_t most = 60);

// The one of `names` that `word` most likely stands for, or empty when none is near. Letter case,
// hyphen against underscore, and swapped neighbours count as near.
std::string Nearest(absl::string_view word, const std::vector<std::string>& names);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_SOURCE_H_
