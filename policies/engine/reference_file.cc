// The format "vouch-table/1".
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policies/engine/fields.h"
#include "policies/engine/reference.h"

namespace vouch::policies {
namespace {

// A thousand million dollars: far above any household's guideline, far below any overflow.
constexpr int64_t kMostCents = 100'000'000'000;

ShapeOf<ReferenceTable::Row> RowShape() {
  using Row = ReferenceTable::Row;
  return Map<Row>(
      "a row of an edition",
      {
          Optional<Row>("region", Name(), &Row::region,
                        "Where the amounts hold; left out in a table that is the same everywhere.",
                        "\"alaska\""),
          Required<Row>("first_person", Number(1, kMostCents), &Row::first_person,
                        "The amount for one person, in cents.", "1596000"),
          Required<Row>("each_more", Number(0, kMostCents), &Row::each_more,
                        "What each further person adds, in cents.", "568000"),
      });
}

ShapeOf<ReferenceTable::Edition> EditionShape() {
  using Edition = ReferenceTable::Edition;
  TextRule year;
  year.pattern = "[0-9]{4}";
  year.expected = "a year in quotes, such as \"2026\"";
  return Map<Edition>(
      "an edition of the table",
      {
          Required<Edition>("year", Text(year), &Edition::year,
                            "The name by which agreements choose this edition.", "\"2026\""),
          Required<Edition>("effective", Day(), &Edition::effective,
                            "The first day on which this edition is the one in force.",
                            "\"2026-01-13\""),
          Required<Edition>("citation", Text(), &Edition::citation,
                            "Where the amounts were published.", "\"91 FR 1797\""),
          Required<Edition>("rows", List(RowShape(), 1, 1000), &Edition::rows,
                            "The amounts, one row for each region.",
                            "[{region: \"alaska\", first_person: 1995000, each_more: 710000}]"),
      });
}

struct TableFile {
  ReferenceTable table;
  std::string title;
  std::string amounts;
};

ShapeOf<TableFile> TableShape() {
  const ShapeOf<TableFile> heading = Map<TableFile>(
      "the table's heading",
      {
          Required<TableFile>(
              "name", Id(), [](TableFile* file) { return &file->table.name; },
              "The name by which agreements and pins name the table.",
              "\"hhs-poverty-guidelines\""),
          Required<TableFile>("title", Text(), &TableFile::title, "The table's name for people.",
                              "\"HHS poverty guidelines\""),
          Required<TableFile>(
              "source", Text(), [](TableFile* file) { return &file->table.source; },
              "Who publishes the amounts, and under which law.",
              "\"Federal Register; 42 U.S.C. 9902(2)\""),
          Required<TableFile>("amounts", Exactly("cents-a-year"), &TableFile::amounts,
                              "What the amounts are: whole cents for one year.",
                              "\"cents-a-year\""),
      });
  return Map<TableFile>(
      "a reference table",
      {
          FormatField<TableFile>("vouch-table/1"),
          Required<TableFile>("table", heading, Itself<TableFile>, "What this table is.",
                              "{name: \"hhs-poverty-guidelines\"}"),
          Required<TableFile>(
              "editions", List(EditionShape(), 1, 200),
              [](TableFile* file) { return &file->table.editions; },
              "The editions, the earliest first.", "[{year: \"2026\"}]"),
      });
}

void CheckEditions(const ReferenceTable& table, const Node& root, Reading* reading) {
  const Node* editions = root.Find("editions");
  if (editions == nullptr || editions->items.size() != table.editions.size()) return;
  std::set<std::string> years;
  for (size_t i = 0; i < table.editions.size(); ++i) {
    const ReferenceTable::Edition& edition = table.editions[i];
    const Node& node = editions->items[i];
    if (!years.insert(edition.year).second) {
      reading->Error("table/edition-twice", node.position, edition.year,
                     absl::StrCat("the edition \"", edition.year, "\" is there twice"),
                     "give each edition its own year, or remove one of them");
    }
    if (i > 0 && edition.effective <= table.editions[i - 1].effective) {
      reading->Error("table/edition-order", node.position, edition.year,
                     "an edition takes effect after the one before it in the file",
                     "order the editions by the day they take effect, the earliest first");
    }
    std::set<std::string> regions;
    for (const ReferenceTable::Row& row : edition.rows) {
      if (regions.insert(row.region).second) continue;
      reading->Error(
          "table/region-twice", node.position, row.region,
          absl::StrCat("the edition \"", edition.year, "\" has two rows for \"", row.region, "\""),
          "keep one row for each region");
    }
  }
}

}  // namespace

absl::optional<ReferenceTable> ReadReferenceTable(absl::string_view name, absl::string_view bytes,
                                                  const FileDigest& digest, Report* report) {
  static const ShapeOf<TableFile>* const kShape = new ShapeOf<TableFile>(TableShape());
  absl::optional<TableFile> file = ReadDocument<TableFile>(
      name, bytes, **kShape, report, [](TableFile* read, const Node& root, Reading* reading) {
        CheckEditions(read->table, root, reading);
      });
  if (!file.has_value()) return absl::nullopt;
  file->table.digest = digest;
  return std::move(file->table);
}

}  // namespace vouch::policies
