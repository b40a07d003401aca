// Rule pack privacy, on limits and on what can be learned.
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "policies/engine/lint/checks.h"

namespace vouch::policies::lint {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

void WideLimit(Finder* find) {
  const Limits& limits = find->agreement().limits;
  const std::string values = "limits.per_person.different_values";
  if (limits.different_values.count > find->Figure("values")) {
    find->Add(values,
              absl::StrCat("an asker may put ", limits.different_values.count,
                           " different values to one person: enough to narrow a figure down step "
                           "by step"),
              "allow as many as one case needs, seldom more than 2");
  }
  if (limits.different_values.every < kDay * find->Figure("afresh_days")) {
    find->Add(
        values,
        absl::StrCat("the count of different values starts afresh after ",
                     SpanText(limits.different_values.every), ", so patience finds any figure"),
        "write every: \"agreement\"");
  }
  const double days =
      std::max(1.0, absl::ToDoubleHours(std::min(limits.times_asked.every, kDay * 3660)) / 24);
  if (static_cast<double>(limits.times_asked.count) / days >
      static_cast<double>(find->Figure("asked_a_day"))) {
    find->Add("limits.per_person.times_asked",
              absl::StrFormat("one person may be asked about %.3g times a day: a change in the "
                              "answer is seen on the day it happens",
                              static_cast<double>(limits.times_asked.count) / days),
              "allow what renewals and retries need");
  }
  if (UsableWithin(limits.new_people, kDay) >=
      static_cast<uint64_t>(find->Figure("new_people_a_day"))) {
    find->Add("limits.new_people",
              absl::StrCat(UsableWithin(limits.new_people, kDay),
                           " new people a day cover a state's residents within days"),
              "write what the program's busiest day needs");
  }
}

std::string FactName(const FactDisclosure& fact) {
  return absl::StrCat("`", fact.fact, "`", fact.period.empty() ? "" : " ", fact.period,
                      fact.of_group ? ", added up over a group" : "");
}

std::string Bands(uint64_t bands) {
  return bands == std::numeric_limits<uint64_t>::max() ? "any number of" : absl::StrCat(bands);
}

// "in line 43", or "in other.yaml:43" seen from another file.
std::string Where(const Together& all, const Cut& cut, size_t from) {
  const LintFile& file = all.each[cut.agreement].file();
  return cut.agreement == from ? absl::StrCat("line ", cut.position.line)
                               : absl::StrCat(file.name, ":", cut.position.line);
}

std::string VariantOf(const Together& all, const Cut& cut) {
  return VariantName(all.each[cut.agreement].agreement().questions[cut.question], cut.parameters);
}

std::string WidthText(FactType type, uint64_t width) {
  if (type == FactType::kMoney) return AmountText(type, static_cast<int64_t>(width));
  if (type == FactType::kDate) return absl::StrCat(width, width == 1 ? " day" : " days");
  return absl::StrCat(width);
}

void Bracketing(Together* all) {
  for (const FactDisclosure& fact : all->disclosure.facts) {
    if (!fact.narrowest.has_value() || !fact.bracket_reachable || fact.moves) continue;
    const Bracket& bracket = *fact.narrowest;
    // Reported where the later of the two stands.
    const bool high_later = bracket.high.agreement > bracket.low.agreement ||
                            (bracket.high.agreement == bracket.low.agreement &&
                             bracket.high.position.line >= bracket.low.position.line);
    const Cut& here = high_later ? bracket.high : bracket.low;
    const Cut& there = high_later ? bracket.low : bracket.high;
    Finder& find = all->each[here.agreement];
    const absl::string_view figure = fact.type == FactType::kMoney  ? "cents"
                                     : fact.type == FactType::kDate ? "days"
                                                                    : "whole_numbers";
    const bool narrow = bracket.width() <= static_cast<uint64_t>(find.Figure(figure));
    const Learned& term = fact.learned.term;
    const std::string limits =
        absl::StrCat("over the term the limits allow ", term.values,
                     term.values == 1 ? " value" : " different values", " a person, which tell ",
                     Bands(term.bands), " bands apart");
    const std::string between = absl::StrCat(AmountText(fact.type, bracket.low.at), " and ",
                                             AmountText(fact.type, bracket.high.at - 1));
    const std::string how =
        bracket.values_needed == 1
            ? absl::StrCat("YES to ", VariantOf(*all, here))
            : absl::StrCat("together with ", VariantOf(*all, there), " (",
                           Where(*all, there, here.agreement), "), ", VariantOf(*all, here));
    find.AddAt(narrow ? find.rule().severity : Severity::kNote, here.position,
               QuestionPath(here.question) + ".yes_when",
               absl::StrCat(how, " places ", FactName(fact), " between ", between, ", ",
                            WidthText(fact.type, bracket.width()), " wide; ", limits),
               bracket.values_needed == 1
                   ? "ask with one threshold, not two"
                   : "draw the thresholds further apart, or allow one different value a person");
  }
}

void LearnedOverTheTerm(Together* all) {
  for (const FactDisclosure& fact : all->disclosure.facts) {
    if (fact.moves || fact.cuts.empty()) continue;
    const Learned& term = fact.learned.term;
    Finder& find = all->each.back();
    if (term.bands <= static_cast<uint64_t>(find.Figure("bands"))) continue;
    const Learned& window = fact.learned.window;
    find.Add(
        "limits.per_person.different_values",
        absl::StrCat("within ", SpanText(window.over), " an asker may try ", window.values,
                     " of the values of ", FactName(fact), ", but over the term ", term.values,
                     all->each.size() > 1 ? " (all agreements between these parties together)" : "",
                     ", which place it in one of ", Bands(term.bands), " bands"),
        "write every: \"agreement\" with a small count, or cap the fact in the catalogue "
        "(different_values)");
  }
}

void MovingThreshold(Together* all) {
  for (const FactDisclosure& fact : all->disclosure.facts) {
    if (!fact.moves || fact.learned.term.answers < 2 || fact.cuts.empty()) continue;
    const Cut& cut = fact.cuts.front();
    Finder& find = all->each[cut.agreement];
    find.AddAt(find.rule().severity, cut.position, QuestionPath(cut.question) + ".yes_when",
               absl::StrCat("what is asked about ", FactName(fact),
                            " moves on with the calendar: the same question asked again shows on "
                            "which day the answer changed, as closely as ",
                            find.agreement().limits.times_asked.count, " questions in ",
                            SpanText(find.agreement().limits.times_asked.every),
                            " can; different_values does not bound that, times_asked does"),
               "allow few times_asked, and let answer_good_for spare the others");
  }
}

void NoCapAcrossAgreements(Together* all) {
  std::set<std::string> ids;
  for (const Finder& find : all->each) ids.insert(find.agreement().id);
  if (ids.size() < 2) return;
  for (const FactDisclosure& fact : all->disclosure.facts) {
    std::map<std::string, size_t> users;  // agreement id -> where in `each`
    Position position;
    std::string path;
    bool capped = false;
    for (size_t i = 0; i < all->each.size(); ++i) {
      const Finder& find = all->each[i];
      const FactCatalogue* facts = find.file().agreed.facts;
      const FactDefinition* defined = facts == nullptr ? nullptr : facts->Find(fact.fact);
      capped = capped || (defined != nullptr && defined->different_values.has_value());
      for (size_t q = 0; q < find.agreement().questions.size(); ++q) {
        ForEachLeaf(find.agreement(), q, [&](const Condition& leaf, const std::string& at) {
          if (leaf.fact != fact.fact) return;
          users[find.agreement().id] = i;
          position = leaf.position;
          path = at;
        });
      }
    }
    if (capped || users.size() < 2 || fact.fact == "age") continue;
    std::vector<std::string> names;
    size_t last = 0;
    for (const auto& [id, at] : users) {
      names.push_back(absl::StrCat("`", id, "`"));
      last = std::max(last, at);
    }
    Finder& find = all->each[last];
    find.AddAt(find.rule().severity, position, path,
               absl::StrCat(FactName(fact), " is asked about under ", absl::StrJoin(names, " and "),
                            "; the limits of each count for themselves, and together they allow ",
                            fact.learned.term.values, " different values over the term"),
               "let the answering agency cap the fact in its catalogue: different_values: {count: "
               "2, every: \"1 year\"}");
  }
}

void OverlappingGroups(Together* all) {
  if (!all->disclosure.groups.has_value()) return;
  const GroupDisclosure& groups = *all->disclosure.groups;
  for (Finder& find : all->each) {
    for (size_t q = 0; q < find.agreement().questions.size(); ++q) {
      if (find.agreement().questions[q].group_at_most == 0) continue;
      find.Add(
          QuestionPath(q) + ".about",
          absl::StrCat("the same question about {A, B} and then about {A} tells what B adds",
                       groups.sums ? ", and for whoever knows B's amount each other B cuts A's "
                                     "where no threshold is written"
                                   : "",
                       "; a person may be asked about in ", groups.groups,
                       " different groups within ", SpanText(groups.window), ", so up to ",
                       Bands(groups.outcomes), " combinations of answers tell members apart"),
          "allow as few different_values as one case needs: each group a person is in counts as "
          "one");
      return;
    }
  }
}

void SeveralAskers(Finder* find) {
  const Agreement& agreement = find->agreement();
  if (agreement.asks.size() < 2) return;
  const uint64_t values =
      std::min(UsableWithin(agreement.limits.different_values, absl::Hours(24 * 366)),
               UsableWithin(agreement.limits.times_asked, absl::Hours(24 * 366)));
  find->Add("parties.asks[2]",
            absl::StrCat(agreement.asks.size(),
                         " agencies ask under one agreement: their tokens for a person are the "
                         "same, so that together they can tell whom both asked about, and limits "
                         "hold for each, so that together they may try ",
                         values * agreement.asks.size(), " different values a person in a year"),
            "make an agreement for each asking agency");
}

void TellAll(Finder* find) {
  for (size_t i = 0; i < find->agreement().questions.size(); ++i) {
    if (find->agreement().questions[i].tell != Tell::kAll) continue;
    find->Add(QuestionPath(i) + ".tell",
              "an UNDETERMINED says why, also that there is no record of the person: who asks "
              "learns who is on record, whatever the answer",
              "write \"safe\" (only that the data are too old) or \"nothing\"");
  }
}

void TransferableReceipts(Finder* find) {
  if (!find->agreement().jws_receipts) return;
  find->Add("receipts",
            "an answer about a person may be had as one signed text, which shows to anybody who "
            "holds it what was answered, for as long as the key is known",
            "list \"jws\" where somebody besides the two agencies must be shown answers; else "
            "take `receipts` out");
}

}  // namespace

std::vector<Check> PrivacyChecks() {
  return {{"privacy/wide-limit", WideLimit},
          {"privacy/learned-over-term", nullptr, LearnedOverTheTerm},
          {"privacy/bracket", nullptr, Bracketing},
          {"privacy/moving-threshold", nullptr, MovingThreshold},
          {"privacy/no-cap-across-agreements", nullptr, NoCapAcrossAgreements},
          {"privacy/overlapping-groups", nullptr, OverlappingGroups},
          {"privacy/several-askers", SeveralAskers},
          {"privacy/tell-all", TellAll},
          {"privacy/transferable-receipts", TransferableReceipts}};
}

}  // namespace vouch::policies::lint
