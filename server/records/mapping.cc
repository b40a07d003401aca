#include "server/records/mapping.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/fields.h"

namespace vouch::server::records {

namespace {

using policies::Map;
using policies::Node;
using policies::Optional;
using policies::Reading;
using policies::Required;
using policies::ShapeOf;
using policies::Text;

using ColumnNames = std::vector<std::string>;

// {column: "a"} or {columns: ["a", "b"]}.
ShapeOf<ColumnNames> ColumnsShape() {
  policies::MappingRules one;
  one.exactly_one_of = {{"column", "columns"}};
  const auto single = policies::Put<ColumnNames>(
      Text(), [](std::string column, ColumnNames* out) { *out = {std::move(column)}; });
  return Map<ColumnNames>(
      "where an attribute stands",
      {
          Optional<ColumnNames>("column", single, policies::Itself<ColumnNames>,
                                "The column that holds it.", "\"social_security_number\""),
          Optional<ColumnNames>("columns", policies::List(Text(), 1, 16, true),
                                policies::Itself<ColumnNames>,
                                "Several columns, where a person may have had several values.",
                                "[\"family_name\", \"former_family_name\"]"),
      },
      one);
}

ShapeOf<Mapping> IdentityShape() {
  std::vector<policies::Field<Mapping>> fields;
  for (const crypto::Attribute attribute : crypto::AllAttributes()) {
    const auto add = [attribute](ColumnNames columns, Mapping* out) {
      out->identity.push_back({attribute, std::move(columns)});
    };
    fields.push_back(Optional<Mapping>(
        std::string(crypto::AttributeName(attribute)), policies::Put<Mapping>(ColumnsShape(), add),
        policies::Itself<Mapping>, "The column or columns that hold this attribute.",
        "{column: \"social_security_number\"}"));
  }
  return Map<Mapping>("the identity attributes", std::move(fields));
}

ShapeOf<Mapping::MappedFact> FactShape() {
  using F = Mapping::MappedFact;
  const auto period = policies::Converted<policies::Period>(
      Text(),
      [](const std::string& text, const Node& node, Reading* reading, policies::Period* out) {
        const absl::optional<policies::Period> parsed = policies::ParsePeriod(text);
        if (!parsed.has_value()) {
          return reading->ValueError(
              "mapping/period", node, "this is not a fixed period",
              "write a period such as \"tax-year-2025\", \"month-2026-10\", \"as-of\" or "
              "\"none\"");
        }
        *out = *parsed;
        return true;
      });
  return Map<F>(
      "a fact",
      {
          Required<F>("fact", policies::Name(), &F::fact,
                      "The fact's name, as the fact catalogue has it.",
                      "\"adjusted_gross_income\""),
          Required<F>("column", Text(), &F::column, "The column that holds it.",
                      "\"adjusted_gross_income\""),
          Required<F>("period", period, &F::period,
                      "The period that the column's values describe; \"none\" for a fact without "
                      "time.",
                      "\"tax-year-2025\""),
          Optional<F>("money_in",
                      policies::Choice<bool>({{{"units", "written as 1234.56"}, false},
                                              {{"cents", "written as 123456"}, true}}),
                      &F::in_cents, "How amounts are written; units unless it says cents.",
                      "\"cents\""),
          Optional<F>(
              "return_id",
              Map<F>("the return's id",
                     {Required<F>("column", Text(), &F::return_id_column,
                                  "The column that holds it.", "\"return_id\"")}),
              policies::Itself<F>,
              "For a fact held per return: the source's own id of the return, the same for all who "
              "share it. Without it no sum over a group can be known.",
              "{column: \"return_id\"}"),
      });
}

ShapeOf<Mapping::Query> QueryShape() {
  using Q = Mapping::Query;
  return Map<Q>("a query",
                {
                    Optional<Q>("connection", Text(), &Q::connection,
                                "How to reach the database, as libpq has it, without a password. "
                                "What is left out comes from a service file, the PG* environment "
                                "and the password file.",
                                "\"service=tax-extract\""),
                    Required<Q>("query", policies::Prose(), &Q::text,
                                "One SELECT; the columns it gives are those named here.",
                                "\"SELECT * FROM vouch_extract ORDER BY source_id\""),
                });
}

const ShapeOf<Mapping>& MappingShape() {
  policies::MappingRules one;
  one.exactly_one_of = {{"date", "column"}};
  const auto day = policies::Put<Mapping>(
      policies::Day(), [](absl::CivilDay date, Mapping* out) { out->data_as_of = date; });
  const auto query = policies::Put<Mapping>(
      QueryShape(), [](Mapping::Query read, Mapping* out) { out->query = std::move(read); });
  static const auto* const kShape = new ShapeOf<Mapping>(Map<Mapping>(
      "a mapping",
      {
          policies::FormatField<Mapping>("vouch-mapping/1"),
          Required<Mapping>("agency", policies::AgencyName(), &Mapping::agency,
                            "The agency whose records these are.", "\"irs.treasury.example\""),
          Optional<Mapping>("postgresql", query, policies::Itself<Mapping>,
                            "The PostgreSQL query whose rows are loaded; without it, a file is.",
                            "{connection: \"service=tax-extract\", query: \"SELECT * FROM "
                            "vouch_extract\"}"),
          Required<Mapping>(
              "person_id",
              Map<Mapping>("the person's id",
                           {Required<Mapping>("column", Text(), &Mapping::person_id_column,
                                              "The column that holds it.", "\"source_id\"")}),
              policies::Itself<Mapping>,
              "The source's own id of a person: the same in every load, never given to another.",
              "{column: \"source_id\"}"),
          Required<Mapping>("identity", IdentityShape(), policies::Itself<Mapping>,
                            "What people are found by.",
                            "{social_security_number: {column: \"social_security_number\"}}"),
          Optional<Mapping>("facts", policies::List(FactShape(), 1, 1000), &Mapping::facts,
                            "What is held about them.",
                            "[{fact: \"adjusted_gross_income\", column: \"agi\", period: "
                            "\"tax-year-2025\"}]"),
          Required<Mapping>(
              "data_as_of",
              Map<Mapping>("the day of the data",
                           {Optional<Mapping>("date", day, policies::Itself<Mapping>,
                                              "The day, for the whole extract.", "\"2026-11-20\""),
                            Optional<Mapping>("column", Text(), &Mapping::data_as_of_column,
                                              "The column that holds it; the earliest day counts.",
                                              "\"as_of\"")},
                           one),
              policies::Itself<Mapping>, "The day the data describe.", "{date: \"2026-11-20\"}"),
      }));
  return *kShape;
}

void CheckMapping(Mapping* mapping, const Node& root, Reading* reading) {
  if (mapping->identity.empty()) {
    reading->Error("mapping/no-identity", policies::NodeAt(root, "identity").position, "",
                   "`identity` names no attribute, so nobody could be found",
                   "name at least one attribute and its column");
  }
  std::set<std::pair<std::string, policies::Period>> seen;
  for (size_t i = 0; i < mapping->facts.size(); ++i) {
    const Mapping::MappedFact& fact = mapping->facts[i];
    if (seen.emplace(fact.fact, fact.period).second) continue;
    reading->Error("mapping/repeated-fact",
                   policies::NodeAt(root, absl::StrCat("facts[", i + 1, "]")).position, fact.fact,
                   absl::StrCat("the fact `", fact.fact, "` is mapped twice for ",
                                policies::PeriodName(fact.period)),
                   "keep one of them, or give it another period");
  }
}

}  // namespace

absl::optional<Mapping> ReadMapping(absl::string_view name, absl::string_view bytes,
                                    policies::Report* report) {
  return policies::ReadDocument<Mapping>(name, bytes, *MappingShape(), report, CheckMapping);
}

nlohmann::ordered_json MappingSchema() {
  return policies::SchemaFor(*MappingShape(), "mapping.yaml");
}

std::vector<std::string> CheckAgainstCatalogue(const Mapping& mapping,
                                               const policies::FactCatalogue& facts) {
  std::vector<std::string> misfits;
  for (const Mapping::MappedFact& mapped : mapping.facts) {
    const policies::FactDefinition* fact = facts.Find(mapped.fact);
    if (fact == nullptr) {
      misfits.push_back(
          absl::StrCat("fact ", mapped.fact, ": the fact catalogue does not list it"));
      continue;
    }
    if (fact->period != mapped.period.kind) {
      misfits.push_back(absl::StrCat("fact ", mapped.fact, ": period ",
                                     policies::PeriodName(mapped.period),
                                     " is not of the kind that the fact catalogue gives it"));
    }
    if (mapped.in_cents && fact->type != policies::FactType::kMoney) {
      misfits.push_back(absl::StrCat("fact ", mapped.fact, ": only money can be in cents"));
    }
    if (!mapped.return_id_column.empty() && fact->held_per != "return") {
      misfits.push_back(absl::StrCat("fact ", mapped.fact,
                                     ": the fact catalogue holds it per person, so it has no "
                                     "return_id"));
    }
  }
  return misfits;
}

std::vector<std::string> MappingNotes(const Mapping& mapping,
                                      const policies::FactCatalogue& facts) {
  std::vector<std::string> notes;
  for (const Mapping::MappedFact& mapped : mapping.facts) {
    const policies::FactDefinition* fact = facts.Find(mapped.fact);
    if (fact == nullptr || fact->held_per != "return" || !mapped.return_id_column.empty()) continue;
    if (fact->type != policies::FactType::kMoney &&
        fact->type != policies::FactType::kWholeNumber) {
      continue;
    }
    notes.push_back(absl::StrCat("fact ", mapped.fact, " for ", policies::PeriodName(mapped.period),
                                 ": held per return, and the mapping names no return_id: sums over "
                                 "a group are UNDETERMINED"));
  }
  return notes;
}

}  // namespace vouch::server::records
