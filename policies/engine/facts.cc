// The fact catalogue, format "vouch-facts/1".
#include <set>

#include "absl/strings/str_cat.h"
#include "policies/engine/agreement_fields.h"

namespace vouch::policies {
namespace {

bool HasCodes(FactType type) { return type == FactType::kCode || type == FactType::kCodeSet; }

ShapeOf<FactDefinition> FactDefinitionShape() {
  using F = FactDefinition;
  const auto cap = [](F* fact) { return &fact->different_values.emplace(); };
  return Map<F>(
      "a fact",
      {
          Required<F>("name", Name(), &F::name, "Its name, as questions use it.",
                      "\"adjusted_gross_income\""),
          Required<F>(
              "type",
              Choice<FactType>({{{"money", "whole cents"}, FactType::kMoney},
                                {{"whole-number", ""}, FactType::kWholeNumber},
                                {{"date", ""}, FactType::kDate},
                                {{"yes-no", ""}, FactType::kYesNo},
                                {{"code", "one of the codes"}, FactType::kCode},
                                {{"codes", "any number of the codes"}, FactType::kCodeSet}}),
              &F::type, "What kind of value it has.", "\"money\""),
          Required<F>("period",
                      Choice<PeriodKind>(
                          {{{"none", "it has no time, such as a date of birth"}, PeriodKind::kNone},
                           {{"tax-year", "one value a tax year"}, PeriodKind::kTaxYear},
                           {{"month", "one value a calendar month"}, PeriodKind::kMonth},
                           {{"as-of", "the value as last known"}, PeriodKind::kAsOf}}),
                      &F::period, "The kind of time its values are about.", "\"tax-year\""),
          Required<F>("held_per",
                      Put<std::string>(ChoiceIndex({{"person", "each has their own"},
                                                    {"return", "shared by all on one return"}}),
                                       [](size_t index, std::string* out) {
                                         *out = index == 0 ? "person" : "return";
                                       }),
                      &F::held_per, "Whether the value is a person's or a return's.", "\"person\""),
          Optional<F>("codes", List(Code(), 1, 1000, true), &F::codes,
                      "For a code or codes: all there are.", "[\"enrolled\", \"suspended\"]"),
          Required<F>("meaning", Prose(2000), &F::meaning, "What it means, in words.",
                      "\"Adjusted gross income as last filed.\""),
          Required<F>("source_system", Prose(200), &F::source_system,
                      "The system of records it comes from.", "\"Individual Master File\""),
          Optional<F>("different_values", CountLimitShape({"hour", "day", "month", "year"}, false),
                      cap,
                      "At most so many different questions and values on this fact for one person "
                      "and asker, over all agreements.",
                      "{count: 3, every: \"1 year\"}"),
      });
}

void CheckFacts(FactCatalogue* catalogue, const Node& root, Reading* reading) {
  std::set<std::string> names;
  for (size_t i = 0; i < catalogue->facts.size(); ++i) {
    const FactDefinition& fact = catalogue->facts[i];
    const Node* list = root.Find("facts");
    // After an error within the list, items and facts do not correspond.
    if (list == nullptr || list->items.size() != catalogue->facts.size()) return;
    const Node& item = list->items[i];
    const auto at = [&](absl::string_view key) {
      const Node* node = item.Find(key);
      return node == nullptr ? item.position : node->position;
    };
    const Reading::Step facts(reading, "facts");
    const Reading::Step index(reading, i);
    if (!names.insert(fact.name).second) {
      reading->Error("facts/repeated", at("name"), fact.name,
                     absl::StrCat("the fact `", fact.name, "` is listed twice"),
                     "delete one, or give it another name");
    }
    if (fact.name == "age") {
      reading->Error("facts/reserved-name", at("name"), fact.name,
                     "`age` is computed from date_of_birth and cannot be a fact of its own",
                     "list date_of_birth instead, or give the fact another name");
    }
    if (fact.name == "date_of_birth" &&
        (fact.type != FactType::kDate || fact.period != PeriodKind::kNone)) {
      reading->Error("facts/date-of-birth", at("type"), "",
                     "`date_of_birth` is a date without a period; ages are computed from it",
                     "write `type: \"date\"` and `period: \"none\"`");
    }
    if (HasCodes(fact.type) && fact.codes.empty()) {
      reading->Error(
          "facts/codes", item.position, fact.name,
          absl::StrCat("facts[", i + 1, "], line ", item.position.line, ", needs `codes`"),
          "list every code the fact can be");
    }
    if (!HasCodes(fact.type) && !fact.codes.empty()) {
      reading->Error("facts/codes", at("codes"), fact.name,
                     "only a fact of type \"code\" or \"codes\" has `codes`",
                     "delete `codes`, or change the type");
    }
    for (const std::string& code : fact.codes) {
      if (ParseDay(code).has_value()) {
        reading->Error("facts/codes", at("codes"), code,
                       absl::StrCat("the code `", code, "` looks like a date"), "use another code");
      }
    }
  }
}

}  // namespace

const ShapeOf<FactCatalogue>& FactCatalogueShape() {
  using C = FactCatalogue;
  static const auto* const kShape = new ShapeOf<C>(Map<C>(
      "a fact catalogue",
      {
          FormatField<C>("vouch-facts/1"),
          Required<C>("agency", AgencyName(), &C::agency, "The agency that holds the facts.",
                      "\"irs.treasury.example\""),
          Required<C>("version", Text(), &C::version, "The catalogue's own version.", "\"2027.1\""),
          Required<C>("facts", List(FactDefinitionShape(), 1, 1000), &C::facts, "The facts.",
                      "[{name: \"date_of_birth\", type: \"date\", period: \"none\", held_per: "
                      "\"person\", meaning: \"Date of birth.\", source_system: \"NUMIDENT\"}]"),
      }));
  return *kShape;
}

absl::optional<FactCatalogue> ReadFactCatalogue(absl::string_view name, absl::string_view bytes,
                                                Report* report) {
  return ReadDocument<FactCatalogue>(name, bytes, *FactCatalogueShape(), report, CheckFacts);
}

const FactDefinition* FactCatalogue::Find(absl::string_view name) const {
  for (const FactDefinition& fact : facts) {
    if (fact.name == name) return &fact;
  }
  return nullptr;
}

}  // namespace vouch::policies
