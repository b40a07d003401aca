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

void PeopleOnRecord::ForEach(const Visit& visit) const {
  for (uint32_t record = 0; record < facts_->rows(); ++record) {
    if (overlay_->Find(record) == nullptr && !VisitRow(record, facts_->Row(record), visit)) return;
  }
  for (const auto& [record, change] : overlay_->changes()) {
    if (change.deleted || change.row.size() != facts_->columns()->row_size()) continue;
    if (!VisitRow(record, reinterpret_cast<const uint8_t*>(change.row.data()), visit)) return;
  }
}

bool PeopleOnRecord::VisitRow(uint32_t record, const uint8_t* row, const Visit& visit) const {
  if (row == nullptr || !records::RowIntact(row, facts_->columns()->row_size(), record) ||
      !records::RowPresent(row)) {
    return true;
  }
  records::PersonHandle person{};
  records::CopyHandle(row, &person);
  return visit(person, records::RowFacts(facts_->columns().get(), row));
}

}  // namespace vouch::server::ledger::oversight
