// When the answer is YES, when NO, and where the edges between them lie.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "policies/engine/explain/edges.h"
#include "policies/engine/explain/sections.h"
#include "policies/engine/explain/words.h"

namespace vouch::policies::explain {
namespace {

// More rows than anybody reads; the rest is counted.
constexpr size_t kMostEdges = 1000;

bool BarePeriod(const Condition& leaf) {
  return leaf.period.kind == PeriodRule::Kind::kLastDays && leaf.threshold.constants.empty() &&
         leaf.threshold.rows.empty() && !leaf.threshold.share.has_value();
}

std::string PeriodWords(const PeriodRule& period) {
  switch (period.kind) {
    case PeriodRule::Kind::kNone:
    case PeriodRule::Kind::kLastDays:
      return "";
    case PeriodRule::Kind::kFixed:
      if (period.fixed.kind == PeriodKind::kTaxYear) {
        return absl::StrCat(" for tax year ", period.fixed.number);
      }
      return absl::StrCat(" for the month ", absl::StripPrefix(period.text, "month-"));
    case PeriodRule::Kind::kLatestTaxYear:
      return " for the latest tax year on file that has ended";
    case PeriodRule::Kind::kLastFullMonth:
      return " for the last full calendar month before the day of the question";
    case PeriodRule::Kind::kAsOfToday:
      return " as last known";
  }
  return "";
}

// Whose value a comparison in a question about a group looks at, before the value itself.
std::string MembersWords(const Condition& leaf, bool negated) {
  if (leaf.members == GroupMembers::kNotSaid) return "";
  // What does not hold for every member fails for one.
  const bool every = (leaf.members == GroupMembers::kAll) != negated;
  return every ? "for every member, " : "for at least one member, ";
}

std::string SubjectWords(const Condition& leaf) {
  const std::string fact =
      leaf.fact == "age" ? "the age in whole years on the day of the question"
                         : absl::StrCat("“", NameWords(leaf.fact), "”", PeriodWords(leaf.period));
  return leaf.sum_over_group
             ? absl::StrCat("the sum of ", fact,
                            " over all members (an amount held per return counts once)")
             : fact;
}

std::string ThresholdWords(const Threshold& threshold) {
  if (threshold.share.has_value()) {
    const Threshold::TableShare& share = *threshold.share;
    std::string text = absl::StrCat(
        Grouped(share.percent), "% of the amount in the table “", share.table, "” (",
        share.edition == "in-force" ? "the edition in effect on the day of the question"
                                    : absl::StrCat("edition ", share.edition),
        ")");
    std::vector<std::string> by;
    for (const auto& [dimension, parameter] : share.row) by.push_back(NameWords(parameter));
    if (!by.empty()) absl::StrAppend(&text, " for the given ", Joined(by));
    return text;
  }
  if (!threshold.rows.empty()) {
    std::vector<std::string> by;
    for (const auto& [parameter, value] : threshold.rows.front().when) {
      by.push_back(NameWords(parameter));
    }
    return absl::StrCat("the value listed for the given ", Joined(by));
  }
  return threshold.constants.empty() ? "" : ValueWords(threshold.constants.front());
}

std::string ListWords(const std::vector<FactValue>& values) {
  std::vector<std::string> words;
  words.reserve(values.size());
  for (const FactValue& value : values) words.push_back(ValueWords(value));
  return Joined(words, "or");
}

bool IsSet(const Explained& in, const Condition& leaf) {
  const FactDefinition* fact = in.facts == nullptr ? nullptr : in.facts->Find(leaf.fact);
  return fact != nullptr && fact->type == FactType::kCodeSet;
}

// "is at or below $45,000.00", or the opposite.
std::string PredicateWords(const Explained& in, const Condition& leaf, bool negated) {
  const std::string value = ThresholdWords(leaf.threshold);
  const std::vector<FactValue>& constants = leaf.threshold.constants;
  switch (leaf.comparison) {
    case Comparison::kAtMost:
      return absl::StrCat(negated ? "is above " : "is at or below ", value);
    case Comparison::kLessThan:
      return absl::StrCat(negated ? "is at or above " : "is below ", value);
    case Comparison::kAtLeast:
      return absl::StrCat(negated ? "is below " : "is at or above ", value);
    case Comparison::kMoreThan:
      return absl::StrCat(negated ? "is at or below " : "is above ", value);
    case Comparison::kOnOrBefore:
      return absl::StrCat(negated ? "is later than " : "is on or before ", value);
    case Comparison::kOnOrAfter:
      return absl::StrCat(negated ? "is earlier than " : "is on or after ", value);
    case Comparison::kBetween: {
      const std::string low = constants.empty() ? "" : ValueWords(constants.front());
      const std::string high = constants.empty() ? "" : ValueWords(constants.back());
      return negated ? absl::StrCat("is below ", low, " or above ", high)
                     : absl::StrCat("is from ", low, " to ", high, ", both included");
    }
    case Comparison::kIs:
      if (IsSet(in, leaf)) {
        return absl::StrCat(negated ? "does not hold the code " : "holds the code ", value);
      }
      if (!constants.empty() && constants.front().type == FactType::kYesNo) {
        return (constants.front().number != 0) != negated ? "is yes" : "is no";
      }
      return absl::StrCat(negated ? "is not " : "is ", value);
    case Comparison::kIsOneOf:
      if (IsSet(in, leaf)) {
        return absl::StrCat(negated ? "holds none of the codes " : "holds any of the codes ",
                            ListWords(constants));
      }
      return absl::StrCat(negated ? "is none of " : "is ", ListWords(constants));
  }
  return "";
}

std::string LeafWords(const Explained& in, const Condition& leaf, bool negated) {
  const std::string subject = absl::StrCat(MembersWords(leaf, negated), SubjectWords(leaf));
  if (leaf.period.kind != PeriodRule::Kind::kLastDays || leaf.fact == "age") {
    return absl::StrCat(subject, " ", PredicateWords(in, leaf, negated));
  }
  const std::string days = absl::StrCat(" within the last ", Counted(leaf.period.days, "day"),
                                        " before the day of the question, that day included");
  std::string text = absl::StrCat(subject, negated ? " does not lie" : " lies", days);
  if (!BarePeriod(leaf)) {
    absl::StrAppend(&text, negated ? ", or " : ", and ", PredicateWords(in, leaf, negated));
  }
  return text;
}

size_t Leaves(const Condition& condition) {
  if (condition.kind == Condition::Kind::kLeaf) return 1;
  size_t count = 0;
  for (const Condition& child : condition.children) count += Leaves(child);
  return count;
}

// Writes one direction of a condition, YES or (negated) NO, as nested items. By De Morgan, which
// holds in Kleene's logic too, "not" moves down to the leaves.
class ConditionList {
 public:
  ConditionList(const Explained& in, Page* page) : in_(in), page_(page) {}

  void Write(const Condition& condition, bool negated, int depth) {
    if (condition.kind == Condition::Kind::kNot) {
      for (const Condition& child : condition.children) Write(child, !negated, depth);
      return;
    }
    if (condition.kind == Condition::Kind::kLeaf) {
      page_->ItemOnLine(condition.position.line,
                        absl::StrCat("(", ++leaves_, ") ", LeafWords(in_, condition, negated)),
                        depth);
      return;
    }
    if (depth >= 0) {
      page_->ItemOnLine(condition.position.line, absl::StrCat(HowMany(condition, negated), ":"),
                        depth);
    }
    for (const Condition& child : condition.children) Write(child, negated, depth + 1);
  }

  // "all of these hold", "at least one of these holds".
  static std::string HowMany(const Condition& condition, bool negated) {
    const bool all = (condition.kind == Condition::Kind::kAllOf) != negated;
    return all ? "all of these hold" : "at least one of these holds";
  }

 private:
  const Explained& in_;
  Page* page_;
  size_t leaves_ = 0;
};

// Below any number of "not".
const Condition& Inner(const Condition& condition, bool* negated) {
  const Condition* inner = &condition;
  while (inner->kind == Condition::Kind::kNot && inner->children.size() == 1) {
    *negated = !*negated;
    inner = &inner->children.front();
  }
  return *inner;
}

void AddDirection(const Explained& in, const Condition& whole, bool negated,
                  const std::string& answer, const std::string& path, Page* page) {
  const Condition& top = Inner(whole, &negated);
  page->Paragraph();
  if (top.kind == Condition::Kind::kLeaf) {
    page->SayOnLine(top.position.line, absl::StrCat("The answer is ", answer, " when ",
                                                    LeafWords(in, top, negated), "."));
    return;
  }
  page->Say(path, absl::StrCat("The answer is ", answer, " when ",
                               ConditionList::HowMany(top, negated), ":"));
  ConditionList(in, page).Write(top, negated, -1);
}

void CollectLeaves(const Condition& condition, bool negated,
                   std::vector<std::pair<const Condition*, bool>>* leaves) {
  if (condition.kind == Condition::Kind::kLeaf) leaves->emplace_back(&condition, negated);
  const bool inside = condition.kind == Condition::Kind::kNot ? !negated : negated;
  for (const Condition& child : condition.children) CollectLeaves(child, inside, leaves);
}

std::string Amount(FactType type, int64_t number) {
  FactValue value;
  value.type = type;
  value.number = number;
  return ValueWords(value);
}

// The words of a leaf's two sides: YES and NO where the leaf decides alone, else whether it holds.
struct Sides {
  std::string in;
  std::string out;
};

// Headings and cells of the edges that an interval has.
std::vector<std::string> EdgeHeadings(const Interval& interval, const Sides& sides) {
  std::vector<std::string> headings;
  if (interval.lowest.has_value()) {
    headings.push_back(absl::StrCat("highest that is ", sides.out));
    headings.push_back(absl::StrCat("lowest that is ", sides.in));
  }
  if (interval.highest.has_value()) {
    headings.push_back(absl::StrCat("highest that is ", sides.in));
    headings.push_back(absl::StrCat("lowest that is ", sides.out));
  }
  return headings;
}

std::vector<std::string> EdgeCells(const Interval& interval, FactType type) {
  std::vector<std::string> cells;
  if (interval.lowest.has_value()) {
    cells.push_back(Amount(type, *interval.lowest - 1));
    cells.push_back(Amount(type, *interval.lowest));
  }
  if (interval.highest.has_value()) {
    cells.push_back(Amount(type, *interval.highest));
    cells.push_back(Amount(type, *interval.highest + 1));
  }
  return cells;
}

// "$75,735.00 is YES; $75,735.01 is NO".
std::string EdgeWords(const Interval& interval, FactType type, const Sides& sides) {
  std::vector<std::string> words;
  if (interval.lowest.has_value()) {
    words.push_back(absl::StrCat(Amount(type, *interval.lowest - 1), " is ", sides.out));
    words.push_back(absl::StrCat(Amount(type, *interval.lowest), " is ", sides.in));
  }
  if (interval.highest.has_value()) {
    words.push_back(absl::StrCat(Amount(type, *interval.highest), " is ", sides.in));
    words.push_back(absl::StrCat(Amount(type, *interval.highest + 1), " is ", sides.out));
  }
  return absl::StrJoin(words, "; ");
}

std::string WhenWords(const Edge& edge, const Question& question) {
  std::vector<std::string> words;
  for (const ParameterRule& rule : question.parameters) {
    const auto found = edge.when.find(rule.name);
    if (found == edge.when.end()) continue;
    words.push_back(absl::StrCat(NameWords(rule.name), " ", ParameterWords(found->second)));
  }
  return absl::StrJoin(words, ", ");
}

// Days as examples, from the first day of the term.
void AddPeriodEdges(const Explained& in, const Condition& leaf, const Sides& sides, Page* page) {
  const absl::CivilDay asked = in.agreement.effective;
  const absl::CivilDay first = asked - leaf.period.days;
  page->SayOnLine(
      leaf.position.line,
      absl::StrCat("Asked on ", DateWords(asked), ": ", DateWords(first - 1), " is ", sides.out,
                   "; ", DateWords(first), " is ", sides.in, "; ", DateWords(asked), " is ",
                   sides.in, "; ", DateWords(asked + 1), " is ", sides.out, "."));
}

void AddAgeEdges(const Condition& leaf, const Interval& interval, const Sides& sides, Page* page) {
  const auto say = [&](int64_t years, const std::string& before, const std::string& from) {
    if (years < 1 || years > 150) return;
    page->SayOnLine(leaf.position.line,
                    absl::StrCat("The day before the ", Ordinal(years), " birthday is ", before,
                                 "; the ", Ordinal(years), " birthday is ", from,
                                 " (who was born on February 29 grows older on March 1 of a common "
                                 "year)."));
  };
  if (interval.lowest.has_value()) say(*interval.lowest, sides.out, sides.in);
  if (interval.highest.has_value()) say(*interval.highest + 1, sides.in, sides.out);
}

void AddEdgeTable(const std::vector<Edge>& edges, const Question& question, const Condition& leaf,
                  const Sides& sides, const std::string& caption, Page* page) {
  std::vector<std::string> heading;
  for (const ParameterRule& rule : question.parameters) {
    if (edges.front().when.count(rule.name) > 0) heading.push_back(NameWords(rule.name));
  }
  const size_t parameters = heading.size();
  const bool dated = edges.front().from.has_value();
  if (dated) heading.push_back("asked from");
  const Edge* ordered = nullptr;
  for (const Edge& edge : edges) {
    if (ordered == nullptr && edge.interval.has_value()) ordered = &edge;
  }
  const std::vector<std::string> edge_heading =
      ordered != nullptr ? EdgeHeadings(*ordered->interval, sides)
                         : std::vector<std::string>{absl::StrCat("is ", sides.in, " when")};
  heading.insert(heading.end(), edge_heading.begin(), edge_heading.end());
  page->BeginTable(caption, heading);
  for (const Edge& edge : edges) {
    std::vector<std::string> cells;
    for (const ParameterRule& rule : question.parameters) {
      const auto found = edge.when.find(rule.name);
      if (found != edge.when.end()) cells.push_back(ParameterWords(found->second));
    }
    cells.resize(parameters);
    if (dated) cells.push_back(absl::StrCat(DateWords(*edge.from), " (", edge.edition, ")"));
    if (edge.interval.has_value() && !edge.interval->Empty()) {
      for (std::string& cell : EdgeCells(*edge.interval, edge.type)) {
        cells.push_back(std::move(cell));
      }
    } else if (edge.code.has_value()) {
      cells.push_back(ValueWords(*edge.code));
    } else {
      cells.push_back(edge.interval.has_value() ? "no amount" : "not known");
    }
    cells.resize(heading.size());
    page->AddRowOnLine(leaf.position.line, std::move(cells));
  }
}

void AddLeafEdges(const Explained& in, const Question& question, const Condition& leaf,
                  const Sides& decides, const std::string& number, Page* page) {
  Sides sides = decides;
  page->Paragraph();
  if (leaf.period.kind == PeriodRule::Kind::kLastDays && leaf.fact != "age") {
    if (BarePeriod(leaf)) {
      AddPeriodEdges(in, leaf, decides, page);
      return;
    }
    page->SayOnLine(leaf.position.line,
                    absl::StrCat("The day", number.empty() ? "" : absl::StrCat(" of part ", number),
                                 " is held against the period and against what it is compared "
                                 "with; each has edges of its own, and neither decides alone."));
    sides = {"within", "outside"};
    AddPeriodEdges(in, leaf, sides, page);
  }
  const std::vector<Edge> edges = EdgesOf(leaf, question, in.agreement, in.tables, kMostEdges + 1);
  if (edges.empty()) return;
  const Edge* example = nullptr;
  for (const Edge& edge : edges) {
    const bool good = edge.interval.has_value() && !edge.interval->Empty();
    // A household of four is the example that readers know from every published table.
    const auto four = [](const Parameters::value_type& entry) {
      return entry.second == ParameterValue(int64_t{4});
    };
    bool of_four = false;
    for (const auto& entry : edge.when) of_four = of_four || four(entry);
    if (good && (example == nullptr || of_four)) example = &edge;
    if (good && of_four) break;
  }
  const std::string of =
      absl::StrCat(number.empty() ? "" : absl::StrCat(" of part ", number),
                   leaf.members == GroupMembers::kNotSaid ? "" : " for one member's value");
  if (example != nullptr) {
    const std::string when = WhenWords(*example, question);
    page->SayOnLine(leaf.position.line,
                    absl::StrCat("Both edges", of, ", exactly", when.empty() ? "" : ", for ", when,
                                 ": ", EdgeWords(*example->interval, example->type, sides), "."));
    if (leaf.fact == "age") AddAgeEdges(leaf, *example->interval, sides, page);
  } else if (leaf.threshold.share.has_value()) {
    page->SayOnLine(leaf.position.line,
                    absl::StrCat("The amounts", of, " cannot be worked out here: the table “",
                                 leaf.threshold.share->table,
                                 "” is not at hand, or lacks a row that is asked for."));
  }
  if (edges.size() == 1 && edges.front().when.empty()) return;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(edges.size(), kMostEdges));
  AddEdgeTable(std::vector<Edge>(edges.begin(), edges.begin() + shown), question, leaf, sides,
               absl::StrCat("Both edges", of, " for every combination that may be asked"), page);
  if (edges.size() > kMostEdges) {
    page->Paragraph();
    page->SayOnLine(leaf.position.line, absl::StrCat("The table ends after ", Grouped(kMostEdges),
                                                     " rows; there are more combinations."));
  }
}

}  // namespace

void AddCondition(const Explained& in, const Question& question, const std::string& path,
                  Page* page) {
  const std::string condition = absl::StrCat(path, ".yes_when");
  AddDirection(in, question.yes_when, false, "YES", condition, page);
  AddDirection(in, question.yes_when, true, "NO", condition, page);
}

void AddEdges(const Explained& in, const Question& question, Page* page) {
  std::vector<std::pair<const Condition*, bool>> leaves;
  CollectLeaves(question.yes_when, false, &leaves);
  const bool alone = Leaves(question.yes_when) == 1;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const auto& [leaf, negated] = leaves[i];
    const std::string number = alone ? "" : absl::StrCat("(", i + 1, ")");
    // One member's value is not the group's answer.
    const bool decides = alone && leaf->members == GroupMembers::kNotSaid;
    Sides sides = decides ? Sides{"YES", "NO"} : Sides{"within", "outside"};
    if (negated) std::swap(sides.in, sides.out);
    AddLeafEdges(in, question, *leaf, sides, number, page);
  }
}

}  // namespace vouch::policies::explain
