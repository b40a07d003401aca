// What the limits leave to be learned about one person.
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/explain/sections.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/lint/disclosure.h"

namespace vouch::policies::explain {
namespace {

constexpr char kValues[] = "limits.per_person.different_values";

std::string Many(uint64_t count) {
  return count > uint64_t{1000000000} ? "more than a thousand million"
                                      : Grouped(static_cast<int64_t>(count));
}

std::string WindowHeading(const lint::LearnedOverTime& learned) {
  return absl::StrCat("within ", lint::SpanText(learned.window.over));
}

void AddAll(const lint::Disclosure& all, Page* page) {
  page->BeginTable(
      "The most that one agency can ask about one person",
      {"in which time", "answers", "different combinations", "answers that can be told apart"});
  const auto row = [&](const std::string& time, const lint::Learned& learned) {
    page->AddRow(kValues, {time, Many(learned.answers), Many(learned.values), Many(learned.bands)});
  };
  if (all.all.window.over < all.all.term.over) row(WindowHeading(all.all), all.all.window);
  row("within one year", all.all.year);
  row("over the whole term", all.all.term);
}

std::string FactName(const lint::FactDisclosure& fact) {
  std::string name = NameWords(fact.fact);
  if (!fact.period.empty()) absl::StrAppend(&name, " (", fact.period, ")");
  if (fact.days_before) absl::StrAppend(&name, ", in days before the question");
  if (fact.of_group) absl::StrAppend(&name, ", added up over the members");
  return name;
}

std::string EdgeName(const lint::FactDisclosure& fact, int64_t at) {
  if (!fact.days_before) return lint::AmountText(fact.type, at);
  if (at > 0) return "the day after it";
  return absl::StrCat(Counted(-at, "day"), " before the day of the question");
}

int LineOfFact(const Explained& in, const lint::FactDisclosure& fact, const Page& page) {
  if (!fact.cuts.empty() && fact.cuts.front().position.line > 0) {
    return fact.cuts.front().position.line;
  }
  for (const Question& question : in.agreement.questions) {
    std::vector<const Condition*> open = {&question.yes_when};
    while (!open.empty()) {
      const Condition* condition = open.back();
      open.pop_back();
      if (condition->kind == Condition::Kind::kLeaf && condition->fact == fact.fact) {
        return condition->position.line;
      }
      for (const Condition& child : condition->children) open.push_back(&child);
    }
  }
  return page.LineOf("questions");
}

void AddFacts(const Explained& in, const lint::Disclosure& all, Page* page) {
  // Values that are counted over the whole life have no shorter window.
  const bool windows = all.all.window.over < all.all.term.over;
  std::vector<std::string> heading = {"fact", "combinations", "bands they draw"};
  if (windows) heading.push_back(WindowHeading(all.all));
  heading.insert(heading.end(), {"within one year", "over the term"});
  page->BeginTable("Into how many bands one person's value can be placed", heading);
  for (const lint::FactDisclosure& fact : all.facts) {
    std::vector<std::string> cells = {FactName(fact), Many(fact.variants), Many(fact.classes)};
    if (windows) cells.push_back(Many(fact.learned.window.bands));
    cells.insert(cells.end(), {Many(fact.learned.year.bands), Many(fact.learned.term.bands)});
    page->AddRowOnLine(LineOfFact(in, fact, *page), std::move(cells));
  }
  page->Paragraph();
  page->Say(kValues,
            "The bands follow from the limits: whoever tries k combinations, each chosen by the "
            "answer before it, can tell apart at most 2 to the power of k bands, and never more "
            "than the thresholds draw.");
  for (const lint::FactDisclosure& fact : all.facts) {
    const int line = LineOfFact(in, fact, *page);
    if (fact.moves) {
      page->SayOnLine(line,
                      absl::StrCat("For “", NameWords(fact.fact),
                                   "” the threshold moves with the day of the question: asked "
                                   "again later, the same question places it anew."));
    }
    if (!fact.narrowest.has_value()) continue;
    const lint::Bracket& bracket = *fact.narrowest;
    page->SayOnLine(
        bracket.low.position.line > 0 ? bracket.low.position.line : line,
        absl::StrCat("The two closest thresholds for “", NameWords(fact.fact), "” are ",
                     EdgeName(fact, bracket.low.at), " and ", EdgeName(fact, bracket.high.at), "; ",
                     fact.bracket_reachable
                         ? "the limits let an agency try both on one person and so place the value "
                           "between them."
                         : "the limits do not let an agency try both on one person."));
  }
}

}  // namespace

void AddLearned(const Explained& in, Page* page) {
  page->BeginSection("learned", "The most that can be learned about one person", "limits");
  page->Say("limits.per_person",
            "Each YES or NO tells something, and an agency may choose what it asks next by what it "
            "was told before; the limits on one person bound what all of it together can tell.");
  if (in.facts == nullptr || in.tables == nullptr) {
    page->Say(
        "agreement.pins",
        "How much that is cannot be worked out here: what the agreement pins is not at hand.");
    return;
  }
  const lint::Disclosure all =
      lint::MeasureDisclosure({lint::AgreedFacts{&in.agreement, in.facts, in.tables}});
  AddAll(all, page);
  if (!all.facts.empty()) AddFacts(in, all, page);
  if (!all.complete) {
    page->Say("questions",
              "There are more thresholds than were counted: the figures are too small.");
  }
  if (all.groups.has_value()) {
    const lint::GroupDisclosure& groups = *all.groups;
    page->Paragraph();
    page->Say("limits.per_person.different_values",
              absl::StrCat("A person can be asked about in ", Many(groups.groups),
                           groups.groups == 1 ? " group" : " different groups", " within ",
                           lint::SpanText(groups.window),
                           "; what the groups have in common tells something about each member: at "
                           "most ",
                           Many(groups.outcomes), " outcomes can be told apart."));
    if (groups.sums) {
      page->Say("questions",
                "Where amounts are added up, whoever knows those of the other members learns on "
                "which side of what they leave of the threshold the member's own amount lies.");
    }
  }
  page->Paragraph();
  page->Say(
      "limits.new_people",
      absl::StrCat("Whoever does not know whom to ask about can guess: the limit on new people "
                   "allows ",
                   Many(all.guesses_a_day), all.guesses_a_day == 1 ? " guess" : " guesses",
                   " in a day at who is on record."));
  if (all.askers > 1) {
    page->Say("parties.asks", absl::StrCat("There are ", Grouped(static_cast<int64_t>(all.askers)),
                                           " asking agencies: together they can learn as many "
                                           "times as much."));
  }
}

}  // namespace vouch::policies::explain
