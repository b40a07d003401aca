#include "policies/engine/diff/diff.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policies/engine/diff/changes.h"
#include "policies/engine/fields.h"

namespace vouch::policies::diff {
namespace {

constexpr Effect kEffects[] = {Effect::kWidens, Effect::kNarrows, Effect::kCannotTell,
                               Effect::kNeutral};

std::string PlaceOf(absl::string_view file, const Position& position) {
  return position.line == 0
             ? ""
             : absl::StrCat(Shown(file, 200), ":", position.line, ":", position.column);
}

Json PositionJson(const Position& position) {
  if (position.line == 0) return nullptr;
  return Json{{"line", position.line}, {"column", position.column}};
}

}  // namespace

Side SideOf(const HeldAgreement& held, const ReferenceTables& tables, absl::string_view text) {
  return {&held.agreement, &held.facts, &tables, text};
}

absl::string_view EffectName(Effect effect) {
  switch (effect) {
    case Effect::kNeutral:
      return "NEUTRAL";
    case Effect::kNarrows:
      return "NARROWS";
    case Effect::kWidens:
      return "WIDENS";
    case Effect::kCannotTell:
      return "CANNOT TELL";
  }
  return "";
}

bool Difference::Has(Effect effect) const {
  return std::any_of(changes.begin(), changes.end(),
                     [effect](const Change& change) { return change.effect == effect; });
}

bool Difference::EndsChangeover() const {
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    // How long a changeover lasts is the newer revision's to say.
    if (change.path == "dates.changeover") return false;
    return change.effect == Effect::kNarrows ||
           (change.effect == Effect::kCannotTell && !change.words);
  });
}

std::string Difference::Verdict() const {
  std::vector<absl::string_view> names;
  for (const Effect effect : {Effect::kWidens, Effect::kNarrows, Effect::kCannotTell}) {
    if (Has(effect)) names.push_back(EffectName(effect));
  }
  return names.empty() ? std::string(EffectName(Effect::kNeutral)) : absl::StrJoin(names, " and ");
}

Difference Compare(const Side& before, const Side& after) {
  Changes changes(before, after);
  CompareTerms(&changes);
  ComparePins(&changes);
  ComparePeople(&changes);
  CompareQuestions(&changes);
  CompareProtections(&changes);
  Difference difference;
  difference.same_bytes = !before.text.empty() && before.text == after.text;
  difference.changes = changes.Take();
  return difference;
}

bool EndsChangeover(const HeldAgreement& before, const HeldAgreement& after,
                    const ReferenceTables& tables) {
  return Compare(SideOf(before, tables), SideOf(after, tables)).EndsChangeover();
}

std::string ToText(const Difference& difference, absl::string_view before_name,
                   absl::string_view after_name) {
  std::string text = absl::StrCat(Shown(before_name, 200), " -> ", Shown(after_name, 200), ": ");
  if (difference.changes.empty()) {
    absl::StrAppend(&text, difference.same_bytes
                               ? "the same file.\n"
                               : "NEUTRAL. Only comments, order or spacing differ.\n");
    return text;
  }
  std::vector<std::string> counts;
  for (const Effect effect : kEffects) {
    const auto count =
        std::count_if(difference.changes.begin(), difference.changes.end(),
                      [effect](const Change& change) { return change.effect == effect; });
    if (count > 0) counts.push_back(absl::StrCat(count, " ", EffectName(effect)));
  }
  absl::StrAppend(&text, difference.Verdict(), "\n", absl::StrJoin(counts, ", "), "\n");
  for (const Change& change : difference.changes) {
    const std::string was = PlaceOf(before_name, change.before);
    const std::string is = PlaceOf(after_name, change.after);
    absl::StrAppend(&text, "\n", EffectName(change.effect), "  ", change.text, "\n");
    if (!change.example.text.empty()) {
      absl::StrAppend(&text, "  For example: ", change.example.text, "\n");
    }
    if (!was.empty() || !is.empty()) {
      absl::StrAppend(&text, "  ", was, was.empty() || is.empty() ? "" : " -> ", is, "\n");
    }
  }
  return text;
}

std::string ToJson(const Difference& difference, absl::string_view before_name,
                   absl::string_view after_name) {
  Json changes = Json::array();
  for (const Change& change : difference.changes) {
    changes.push_back(Json{{"effect", EffectName(change.effect)},
                           {"path", change.path},
                           {"text", change.text},
                           {"example", change.example.text},
                           {"before", PositionJson(change.before)},
                           {"after", PositionJson(change.after)}});
  }
  Json all{{"before", Shown(before_name, 200)},
           {"after", Shown(after_name, 200)},
           {"verdict", difference.Verdict()},
           {"widens", difference.Widens()},
           {"narrows", difference.Narrows()},
           {"cannot_tell", difference.CannotTell()},
           {"ends_changeover", difference.EndsChangeover()},
           {"changes", std::move(changes)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vouch::policies::diff
