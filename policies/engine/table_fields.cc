// ReadReferenceTable: format "vouch-table/1".
#include "policies/engine/table_fields.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "policies/engine/reference.h"

namespace vouch::policies {
namespace {

constexpr int64_t kMostCents = 1000000000000;

ShapeOf<ReferenceTable::Edition> EditionShape() {
  using Edition = ReferenceTable::Edition;
  using Row = ReferenceTable::Row;
  const ShapeOf<Row> row = Map<Row>(
      "a row",
      {
          Optional<Row>("region", Code(), &Row::region,
                        "The region; left out when the amounts hold everywhere.", "\"contiguous\""),
          Required<Row>("first_person", Number(1, kMostCents), &Row::first_person,
                        "The amount for one person, in whole cents.", "1596000"),
          Required<Row>("each_more", Number(0, kMostCents), &Row::each_more,
                        "What each further person adds, in whole cents.", "568000"),
      });
  TextRule year;
  year.most = 4;
  year.pattern = "[12][0-9]{3}";
  year.expected = "a year such as \"2026\"";
  return Map<Edition>(
      "an edition",
      {
          Required<Edition>("year", Text(year), &Edition::year,
                            "The name under which agreements choose it.", "\"2026\""),
          Required<Edition>("effective", Day(), &Edition::effective,
                            "The day from which it is in force.", "\"2026-01-13\""),
          Required<Edition>("citation", Prose(300), &Edition::citation, "Where it was published.",
                            "\"91 FR 1797 (15 January 2026)\""),
          Required<Edition>("rows", List(row, 1, 1000), &Edition::rows, "The amounts.",
                            "[{region: \"contiguous\", first_person: 1596000, each_more: 568000}]"),
      });
}

void CheckTable(ReferenceTable* table, const Node& root, Reading* reading) {
  if (reading->failed()) return;
  std::set<std::string> years;
  for (size_t i = 0; i < table->editions.size(); ++i) {
    const ReferenceTable::Edition& edition = table->editions[i];
    const std::string path = absl::StrCat("editions[", i + 1, "]");
    const Reading::Step step(reading, path);
    if (!years.insert(edition.year).second) {
      reading->Error("table/edition-repeated", NodeAt(root, path + ".year").position, edition.year,
                     absl::StrCat("the edition ", edition.year, " is listed twice"),
                     "delete one of them");
    }
    if (i > 0 && edition.effective <= table->editions[i - 1].effective) {
      reading->Error("table/edition-order", NodeAt(root, path + ".effective").position,
                     absl::FormatCivilTime(edition.effective),
                     "editions are listed by the day they take effect, the oldest first",
                     "move this edition, or mend its day");
    }
    std::set<std::string> regions;
    for (size_t j = 0; j < edition.rows.size(); ++j) {
      if (regions.insert(edition.rows[j].region).second) continue;
      reading->Error(
          "table/row-repeated", NodeAt(root, absl::StrCat(path, ".rows[", j + 1, "]")).position,
          edition.rows[j].region, "this edition has two rows for one region", "delete one of them");
    }
  }
}

}  // namespace

const ShapeOf<ReferenceTable>& ReferenceTableShape() {
  using Table = ReferenceTable;
  const auto build = [] {
    // The title and the kind of amounts are for readers of the file; nothing is computed from them.
    const auto ignore = [](const std::string&, Table*) {};
    const ShapeOf<Table> about = Map<Table>(
        "what the table is",
        {
            Required<Table>("name", Id(), &Table::name, "The name that agreements use.",
                            "\"hhs-poverty-guidelines\""),
            Required<Table>("title", Put<Table>(Prose(300), ignore), Itself<Table>, "Its title.",
                            "\"HHS poverty guidelines\""),
            Required<Table>("source", Prose(500), &Table::source,
                            "Who publishes it, and under which statute.",
                            "\"Annual Update of the HHS Poverty Guidelines; 42 U.S.C. 9902(2)\""),
            Required<Table>("amounts", Put<Table>(Exactly("cents-a-year"), ignore), Itself<Table>,
                            "What the amounts are: whole cents for one year.", "\"cents-a-year\""),
        });
    return Map<Table>("a reference table",
                      {
                          FormatField<Table>("vouch-table/1"),
                          Required<Table>("table", about, Itself<Table>, "What the table is.", ""),
                          Required<Table>("editions", List(EditionShape(), 1, 200),
                                          &Table::editions, "Its editions, the oldest first.", ""),
                      });
  };
  static const auto* const kShape = new ShapeOf<Table>(build());
  return *kShape;
}

absl::optional<ReferenceTable> ReadReferenceTable(absl::string_view name, absl::string_view bytes,
                                                  const FileDigest& digest, Report* report) {
  absl::optional<ReferenceTable> table =
      ReadDocument<ReferenceTable>(name, bytes, *ReferenceTableShape(), report, CheckTable);
  if (table.has_value()) table->digest = digest;
  return table;
}

}  // namespace vouch::policies
