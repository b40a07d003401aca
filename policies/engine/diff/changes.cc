#include "policies/engine/diff/changes.h"

#include <algorithm>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vouch::policies::diff {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::CivilDay kFirstDay(1970, 1, 1);

absl::optional<Tree> TreeOf(absl::string_view text) {
  if (text.empty()) return absl::nullopt;
  Report ignored;
  return ReadTree("", text, &ignored);
}

Position PlaceOf(const absl::optional<Tree>& tree, const std::string& path) {
  if (!tree.has_value() || path.empty()) return {};
  return NodeAt(tree->root, path).position;
}

absl::string_view OutcomeText(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRefused:
      return "refused";
    case Outcome::kAnswered:
      return "answered";
    case Outcome::kYes:
      return "YES";
    case Outcome::kNo:
      return "NO";
    case Outcome::kUndetermined:
      return "UNDETERMINED";
  }
  return "";
}

}  // namespace

Changes::Changes(const Side& before, const Side& after)
    : before_(before),
      after_(after),
      before_tree_(TreeOf(before.text)),
      after_tree_(TreeOf(after.text)),
      first_day_(std::max(before.agreement->effective, after.agreement->effective)),
      last_day_(std::min(before.agreement->expires, after.agreement->expires)) {
  if (first_day_ > last_day_) {
    first_day_ = after.agreement->effective;
    last_day_ = after.agreement->expires;
  }
}

void Changes::Add(Effect effect, const Place& place, std::string text, Example example,
                  bool words) {
  Change change;
  change.effect = effect;
  // Where one file has nothing, what it stands in is named instead.
  const bool gone = absl::StartsWith(place.before, place.after);
  change.path = gone ? place.before : place.after;
  change.before = PlaceOf(before_tree_, absl::StrCat(place.before, place.within_before));
  change.after = PlaceOf(after_tree_, absl::StrCat(place.after, place.within_after));
  change.text = std::move(text);
  change.example = std::move(example);
  change.words = words;
  changes_.push_back(std::move(change));
}

void Changes::Widens(const Place& place, std::string text, Example example) {
  Add(Effect::kWidens, place, std::move(text), std::move(example), false);
}
void Changes::Narrows(const Place& place, std::string text, Example example) {
  Add(Effect::kNarrows, place, std::move(text), std::move(example), false);
}
void Changes::Both(const Place& place, const std::string& text, Example widens, Example narrows) {
  Widens(place, text, std::move(widens));
  Narrows(place, text, std::move(narrows));
}
void Changes::Neutral(const Place& place, std::string text) {
  Add(Effect::kNeutral, place, std::move(text), {}, false);
}
void Changes::CannotTell(const Place& place, std::string text) {
  Add(Effect::kCannotTell, place, std::move(text), {}, false);
}
void Changes::Worded(const Place& place, absl::string_view what) {
  Add(Effect::kCannotTell, place,
      absl::StrCat(what, ": the words differ. Read both; no answer changes by them."), {}, true);
}

Example Changes::Asked(bool by_after) const {
  const Agreement& agreement = by_after ? after() : before();
  Example example;
  if (!agreement.asks.empty()) example.requester = agreement.asks[0];
  if (!agreement.questions.empty()) {
    example.question = agreement.questions[0].id;
    example.parameters = FirstValues(agreement.questions[0]);
  }
  if (!agreement.purposes.empty()) example.purpose = agreement.purposes[0].id;
  const absl::CivilDay day = std::min(std::max(first_day_, agreement.effective), agreement.expires);
  example.at = absl::FromCivil(absl::CivilHour(day) + 12, agreement.zone());
  example.before = by_after ? Outcome::kRefused : Outcome::kAnswered;
  example.after = by_after ? Outcome::kAnswered : Outcome::kRefused;
  return example;
}

Example Changes::Tell(const Example& told, const Agreement& agreement) {
  Example example = told;
  const absl::CivilSecond local = absl::ToCivilSecond(example.at, agreement.zone());
  std::string when = absl::FormatCivilTime(absl::CivilDay(local));
  if (local != absl::CivilSecond(absl::CivilHour(absl::CivilDay(local)) + 12)) {
    absl::StrAppend(&when, " at ", absl::FormatTime("%H:%M:%S", example.at, agreement.zone()), " ",
                    agreement.time_zone);
  }
  std::string text = absl::StrCat(example.requester, " asks \"", example.question, "\" for \"",
                                  example.purpose, "\" on ", when);
  if (!example.parameters.empty()) {
    absl::StrAppend(&text, " with ", ParametersText(example.parameters));
  }
  const bool answers = example.before != Outcome::kRefused && example.after != Outcome::kRefused;
  if (answers && example.facts.empty()) {
    absl::StrAppend(&text, " about a person of whom nothing it looks at is held");
  }
  for (size_t i = 0; i < example.facts.size(); ++i) {
    const Example::Held& held = example.facts[i];
    absl::StrAppend(&text, i == 0 ? " about a person with " : ", ", held.fact);
    if (held.period.kind == PeriodKind::kTaxYear || held.period.kind == PeriodKind::kMonth) {
      absl::StrAppend(&text, " (", PeriodName(held.period), ")");
    }
    absl::StrAppend(&text, " ", ValueText(held.value));
  }
  absl::StrAppend(&text, ": was ", OutcomeText(example.before), ", would be ",
                  OutcomeText(example.after), ".");
  example.text = std::move(text);
  return example;
}

Example Changes::TellAfter(const Example& example) const { return Tell(example, after()); }
Example Changes::TellBefore(const Example& example) const { return Tell(example, before()); }

Example Changes::Words(std::string text) {
  Example example;
  example.text = std::move(text);
  return example;
}

std::vector<Change> Changes::Take() {
  std::stable_sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
    const int first = a.after.line > 0 ? a.after.line : a.before.line;
    const int second = b.after.line > 0 ? b.after.line : b.before.line;
    return first < second;
  });
  return std::move(changes_);
}

Parameters FirstValues(const Question& question) {
  Parameters values;
  for (const ParameterRule& rule : question.parameters) {
    if (rule.range.has_value()) {
      values[rule.name] = rule.range->first;
    } else if (!rule.codes.empty()) {
      values[rule.name] = rule.codes[0];
    }
  }
  return values;
}

std::string MoneyText(int64_t cents) {
  const absl::int128 size = cents < 0 ? -absl::int128(cents) : absl::int128(cents);
  std::string dollars = absl::StrCat(static_cast<uint64_t>(size / 100));
  for (size_t at = dollars.size(); at > 3;) {
    at -= 3;
    dollars.insert(at, ",");
  }
  const auto rest = static_cast<int>(size % 100);
  return absl::StrCat(cents < 0 ? "-" : "", "$", dollars, rest < 10 ? ".0" : ".", rest);
}

std::string ValueText(const FactValue& value) {
  switch (value.type) {
    case FactType::kMoney:
      return MoneyText(value.number);
    case FactType::kWholeNumber:
      return absl::StrCat(value.number);
    case FactType::kDate:
      return absl::FormatCivilTime(kFirstDay + value.number);
    case FactType::kYesNo:
      return value.number != 0 ? "true" : "false";
    case FactType::kCode:
    case FactType::kCodeSet:
      break;
  }
  if (value.codes.size() == 1) return absl::StrCat("\"", value.codes[0], "\"");
  return absl::StrCat("[", absl::StrJoin(value.codes, ", "), "]");
}

std::string ParametersText(const Parameters& parameters) {
  return absl::StrJoin(parameters, ", ", [](std::string* out, const Parameters::value_type& one) {
    absl::StrAppend(out, one.first, " ");
    if (absl::holds_alternative<int64_t>(one.second)) {
      absl::StrAppend(out, absl::get<int64_t>(one.second));
    } else {
      absl::StrAppend(out, "\"", absl::get<std::string>(one.second), "\"");
    }
  });
}

std::string SpanText(absl::Duration span) {
  if (span == absl::InfiniteDuration()) return "the agreement's whole life";
  const auto counted = [](int64_t count, absl::string_view unit) {
    return absl::StrCat(count, " ", unit, count == 1 ? "" : "s");
  };
  if (span > absl::ZeroDuration() && span % (366 * kDay) == absl::ZeroDuration()) {
    return counted(span / (366 * kDay), "year");
  }
  if (span > 31 * kDay && span % (31 * kDay) == absl::ZeroDuration()) {
    return counted(span / (31 * kDay), "month");
  }
  if (span % kDay == absl::ZeroDuration()) return counted(span / kDay, "day");
  if (span % absl::Hours(1) == absl::ZeroDuration()) return counted(span / absl::Hours(1), "hour");
  return counted(absl::ToInt64Seconds(span), "second");
}

std::string LimitText(const CountLimit& limit) {
  return absl::StrCat(limit.count,
                      limit.every == absl::InfiniteDuration() ? " in " : " within any ",
                      SpanText(limit.every));
}

std::string PlaceText(absl::string_view prefix, size_t zero_based) {
  return absl::StrCat(prefix, "[", zero_based + 1, "]");
}

bool LetsThroughNoMore(const CountLimit& inner, const CountLimit& outer) {
  if (inner.count <= 0) return true;
  if (outer.every == absl::InfiniteDuration() && inner.every != absl::InfiniteDuration()) {
    return false;
  }
  // At most `count` at once, and again as often as a window begins within the other's.
  absl::int128 bunches = 1;
  if (inner.every != absl::InfiniteDuration() && inner.every > absl::ZeroDuration()) {
    absl::Duration rest;
    bunches = absl::IDivDuration(outer.every, inner.every, &rest);
    if (rest > absl::ZeroDuration()) bunches += 1;
    bunches = std::max<absl::int128>(bunches, 1);
  }
  return bunches * inner.count <= outer.count;
}

namespace {

// Uses that `open` lets through and `closed` does not.
std::string Sequence(const CountLimit& open, const CountLimit& closed, absl::string_view use) {
  const std::string many = absl::StrCat(closed.count + 1, " ", use);
  if (open.count > closed.count) return absl::StrCat(many, " one after another");
  return absl::StrCat(many, " within ", SpanText(closed.every), ", never more than ", open.count,
                      " within any ", SpanText(open.every));
}

}  // namespace

void CompareLimit(const CountLimit& before, const CountLimit& after, const Changes::Place& place,
                  absl::string_view what, absl::string_view use, Changes* changes) {
  if (before.count == after.count && before.every == after.every) return;
  const std::string text =
      absl::StrCat(what, ": ", LimitText(before), ", now ", LimitText(after), ".");
  const bool widens = !LetsThroughNoMore(after, before);
  const bool narrows = !LetsThroughNoMore(before, after);
  if (widens) {
    changes->Widens(place, text,
                    Changes::Words(absl::StrCat(Sequence(after, before, use),
                                                ": the last was not answered, would be, as far as "
                                                "the other limits allow it.")));
  }
  if (narrows) {
    changes->Narrows(place, text,
                     Changes::Words(absl::StrCat(Sequence(before, after, use),
                                                 ": the last was answered as far as the other "
                                                 "limits allow it, would not be.")));
  }
  if (!widens && !narrows) {
    changes->Neutral(place, absl::StrCat(text, " Both let the same through."));
  }
}

}  // namespace vouch::policies::diff
