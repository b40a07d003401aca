#include "server/ledger/oversight/people_on_record.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/records/manifest.h"

namespace vouch::server::ledger::oversight {

absl::StatusOr<PeopleOnRecord> PeopleOnRecord::Open(const std::string& records_folder) {
  PeopleOnRecord people;
  absl::StatusOr<records::Manifest> manifest = records::ReadManifest(records_folder);
  if (!manifest.ok()) return manifest.status();
  auto facts = records::FactsFile::Open(absl::StrCat(records_folder, "/", manifest->facts_file));
  if (!facts.ok()) return facts.status();
  auto overlay = records::Overlay::Read(absl::StrCat(records_folder, "/", manifest->overlay_file));
  if (!overlay.ok()) return overlay.status();
  auto holds = records::Holds::Read(records::HoldsPath(records_folder));
  if (!holds.ok()) return holds.status();
  people.facts_ = *std::move(facts);
  people.overlay_ = *std::move(overlay);
  people.holds_ = *std::move(holds);
  return people;
}

absl::Status PeopleOnRecord::ForEach(const Visit& visit) const {
  uint64_t damaged = 0;
  bool more = true;
  for (uint32_t record = 0; more && record < facts_->rows(); ++record) {
    if (overlay_->Find(record) != nullptr) continue;
    more = VisitRow(record, facts_->Row(record), visit, &damaged);
  }
  for (const auto& [record, change] : overlay_->changes()) {
    if (!more) break;
    if (change.deleted) continue;
    if (change.row.size() != facts_->columns()->row_size()) {
      ++damaged;
      continue;
    }
    more = VisitRow(record, reinterpret_cast<const uint8_t*>(change.row.data()), visit, &damaged);
  }
  // Whoever stopped has found what was looked for.
  if (damaged == 0 || !more) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      damaged, " rows of the records are damaged: load the records again, then run this again"));
}

bool PeopleOnRecord::VisitRow(uint32_t record, const uint8_t* row, const Visit& visit,
                              uint64_t* damaged) const {
  if (row == nullptr || !records::RowIntact(row, facts_->columns()->row_size(), record)) {
    ++*damaged;
    return true;
  }
  if (!records::RowPresent(row)) return true;
  records::PersonHandle person{};
  records::CopyHandle(row, &person);
  return visit(person, records::RowFacts(facts_->columns().get(), row));
}

}  // namespace vouch::server::ledger::oversight
