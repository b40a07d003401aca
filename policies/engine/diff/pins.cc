// What is pinned: the fact catalogue as far as questions use it, tables, other files.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "policies/engine/diff/changes.h"
#include "policies/engine/diff/conditions.h"

namespace vouch::policies::diff {
namespace {

std::set<std::string> UsedFacts(const Agreement& agreement) {
  std::set<std::string> used;
  for (const Question& question : agreement.questions) {
    Leaves leaves;
    CollectLeaves(question.yes_when, &leaves);
    for (const Condition* leaf : leaves) {
      used.insert(leaf->fact == "age" ? "date_of_birth" : leaf->fact);
    }
  }
  return used;
}

bool SameCap(const absl::optional<CountLimit>& a, const absl::optional<CountLimit>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a.has_value() || (a->count == b->count && a->every == b->every);
}

// Whether answers may mean something else; a cap is compared by itself.
bool SameMeaning(const FactDefinition& a, const FactDefinition& b) {
  return a.type == b.type && a.period == b.period && a.held_per == b.held_per &&
         std::set<std::string>(a.codes.begin(), a.codes.end()) ==
             std::set<std::string>(b.codes.begin(), b.codes.end()) &&
         a.meaning == b.meaning && a.source_system == b.source_system;
}

std::string Differing(const FactDefinition& a, const FactDefinition& b) {
  if (a.type != b.type) return "its type";
  if (a.period != b.period) return "its kind of period";
  if (a.held_per != b.held_per) return "whether it is a person's or a return's";
  if (a.source_system != b.source_system) return "the system it comes from";
  if (a.meaning != b.meaning) return "what it means";
  return "its codes";
}

void CompareCap(const FactDefinition& a, const FactDefinition& b, const Changes::Place& place,
                Changes* changes) {
  if (SameCap(a.different_values, b.different_values)) return;
  const std::string what =
      absl::StrCat("Different questions and values on the fact ", b.name, " for one person");
  if (a.different_values.has_value() && b.different_values.has_value()) {
    CompareLimit(*a.different_values, *b.different_values, place, what, "different values on it",
                 changes);
    return;
  }
  const bool added = b.different_values.has_value();
  const CountLimit& cap = added ? *b.different_values : *a.different_values;
  const std::string words =
      absl::StrCat(cap.count + 1, " different values on it one after another: the last ",
                   added ? "was answered as far as the limits allow it, would not be."
                         : "was not answered, would be, as far as the limits allow it.");
  if (added) {
    changes->Narrows(place, absl::StrCat(what, ": at most ", LimitText(cap), ", were not bounded."),
                     Changes::Words(words));
  } else {
    changes->Widens(place,
                    absl::StrCat(what, ": no longer bounded, were at most ", LimitText(cap), "."),
                    Changes::Words(words));
  }
}

void CompareFacts(const Changes::Place& place, Changes* changes) {
  const FactCatalogue& a = *changes->before_side().facts;
  const FactCatalogue& b = *changes->after_side().facts;
  const std::set<std::string> by_before = UsedFacts(changes->before());
  for (const std::string& fact : UsedFacts(changes->after())) {
    const FactDefinition* was = a.Find(fact);
    const FactDefinition* is = b.Find(fact);
    // A fact that only one of them has is compared with the questions that use it.
    if (was == nullptr || is == nullptr) continue;
    if (by_before.count(fact) > 0 && !SameMeaning(*was, *is)) {
      changes->CannotTell(place,
                          absl::StrCat("The catalogue says something else of the fact ", fact, ": ",
                                       Differing(*was, *is), " differs. Read both."));
    }
    CompareCap(*was, *is, place, changes);
  }
}

bool SameCatalogue(const FactCatalogue& a, const FactCatalogue& b) {
  return a.agency == b.agency && a.version == b.version && a.facts.size() == b.facts.size() &&
         std::equal(a.facts.begin(), a.facts.end(), b.facts.begin(),
                    [](const FactDefinition& one, const FactDefinition& other) {
                      return one.name == other.name && SameMeaning(one, other) &&
                             SameCap(one.different_values, other.different_values);
                    });
}

}  // namespace

void ComparePins(Changes* changes) {
  const auto pins = [](const Agreement& agreement, bool files) {
    std::map<std::string, std::pair<std::string, size_t>> all;
    for (size_t i = 0; i < agreement.pins.size(); ++i) {
      const Pin& pin = agreement.pins[i];
      if (files == !pin.file.empty()) all[files ? pin.file : pin.table] = {pin.sha256, i};
    }
    return all;
  };
  const Changes::Place all = Changes::Same("agreement.pins");
  CompareFacts(all, changes);
  const bool same = SameCatalogue(*changes->before_side().facts, *changes->after_side().facts);
  for (const bool files : {true, false}) {
    const auto before = pins(changes->before(), files);
    const auto after = pins(changes->after(), files);
    // With one file on either side it is the catalogue, whatever it is called.
    const bool only = files && before.size() == 1 && after.size() == 1;
    for (const auto& [name, is] : after) {
      const auto was = only ? before.begin() : before.find(name);
      const std::string path = PlaceText("agreement.pins", is.second);
      if (was == before.end()) {
        changes->Neutral({"agreement.pins", path}, absl::StrCat("`", name, "` is pinned."));
        continue;
      }
      if (was->second.first == is.first) continue;
      const Changes::Place place = {PlaceText("agreement.pins", was->second.second), path};
      if (!files) {
        changes->Neutral(place,
                         absl::StrCat("The table ", name,
                                      " is another file. What that does to answers stands with "
                                      "the questions that use it."));
      } else if (only || !same) {
        changes->Neutral(place,
                         absl::StrCat("The catalogue `", name,
                                      "` is another file. What that does stands by itself."));
      } else {
        changes->CannotTell(
            place, absl::StrCat("The pinned file `", name, "` is another one. Read both."));
      }
    }
    for (const auto& [name, was] : before) {
      if (only || after.count(name) > 0) continue;
      changes->Neutral({PlaceText("agreement.pins", was.second), "agreement.pins"},
                       absl::StrCat("`", name, "` is no longer pinned."));
    }
  }
}

}  // namespace vouch::policies::diff
