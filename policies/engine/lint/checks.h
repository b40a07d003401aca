// What the rules look at: one function a rule, found by the rule's id.
#ifndef VOUCH_POLICIES_ENGINE_LINT_CHECKS_H_
#define VOUCH_POLICIES_ENGINE_LINT_CHECKS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policies/engine/agreement.h"
#include "policies/engine/lint/condition_logic.h"
#include "policies/engine/lint/disclosure.h"
#include "policies/engine/lint/lint.h"
#include "policies/engine/lint/rules.h"
#include "policies/engine/tree.h"

namespace vouch::policies::lint {

// A file with what is computed of it once for all rules.
struct Subject {
  const LintFile& file;
  Tree tree;
  std::vector<ConditionLogic> logic;  // of each question
};

// One rule looking at one agreement.
class Finder {
 public:
  Finder(const Rule& rule, const Subject& subject, const LintOptions& options,
         std::vector<Finding>* out)
      : rule_(rule), subject_(subject), options_(options), out_(out) {}

  const Rule& rule() const { return rule_; }
  const LintFile& file() const { return subject_.file; }
  const Agreement& agreement() const { return *subject_.file.agreed.agreement; }
  const std::vector<ConditionLogic>& logic() const { return subject_.logic; }
  const LintOptions& options() const { return options_; }
  const Node& At(absl::string_view path) const { return NodeAt(subject_.tree.root, path); }
  // Of the rule's pack; aborts when the pack lacks it, which a test would have seen.
  int64_t Figure(absl::string_view name) const;

  // `path` as in tree.h; the nearest value above it where nothing stands there.
  void Add(absl::string_view path, std::string message, std::string mend);
  void AddAs(Severity severity, absl::string_view path, std::string message, std::string mend);
  void AddAt(Severity severity, Position position, absl::string_view path, std::string message,
             std::string mend);

 private:
  const Rule& rule_;
  const Subject& subject_;
  const LintOptions& options_;
  std::vector<Finding>* out_;
};

// One rule looking at all agreements between the same two parties.
struct Together {
  std::string asker;
  std::vector<Finder> each;      // in the order of `disclosure`'s agreements
  const Disclosure& disclosure;  // of all of them
};

struct Check {
  absl::string_view rule;
  void (*alone)(Finder*);  // one of the two
  void (*together)(Together*) = nullptr;
};

std::vector<Check> FederalChecks();
std::vector<Check> KeyChecks();
std::vector<Check> PrivacyChecks();
std::vector<Check> TextChecks();
std::vector<Check> LogicChecks();
std::vector<Check> WordingChecks();

// Calls `visit` for every comparison of a question, with its path such as
// "questions[1].yes_when.all_of[2]".
void ForEachLeaf(const Agreement& agreement, size_t question,
                 const std::function<void(const Condition& leaf, const std::string& path)>& visit);
// "questions[2]" for the second.
std::string QuestionPath(size_t question);

}  // namespace vouch::policies::lint

#endif  // VOUCH_POLICIES_ENGINE_LINT_CHECKS_H_
