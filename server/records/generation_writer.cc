#include "server/records/generation_writer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace vouch::server::records {

absl::StatusOr<PresentGeneration> PresentGeneration::Open(const FolderLock& lock,
                                                          const crypto::HmacKey& person_key) {
  PresentGeneration present;
  absl::StatusOr<Manifest> manifest = ReadManifest(lock.folder());
  if (absl::IsNotFound(manifest.status())) return present;
  if (!manifest.ok()) return manifest.status();
  if (manifest->person_check != PersonCheck(person_key)) {
    return absl::FailedPreconditionError(
        "person.key is not the one these records were loaded with: every person would become "
        "somebody new; restore the key");
  }
  const auto in_folder = [&](const std::string& name) {
    return absl::StrCat(lock.folder(), "/", name);
  };
  absl::StatusOr<std::unique_ptr<FactsFile>> facts =
      FactsFile::Open(in_folder(manifest->facts_file));
  if (!facts.ok()) return facts.status();
  absl::StatusOr<std::shared_ptr<const Overlay>> overlay =
      Overlay::Read(in_folder(manifest->overlay_file));
  if (!overlay.ok()) return overlay.status();
  present.manifest = std::move(*manifest);
  present.facts = std::move(*facts);
  present.overlay = std::move(*overlay);
  return present;
}

uint64_t HandleNumbers::Tag(const PersonHandle& person) {
  uint32_t tag;
  std::memcpy(&tag, person.data(), sizeof(tag));
  return tag;
}

void HandleNumbers::Place(uint64_t slot) {
  size_t at = Spread(slot >> 32) & (slots_.size() - 1);
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = slot;
}

void HandleNumbers::Reserve(size_t people) {
  size_t size = std::max<size_t>(slots_.size(), 1024);
  while (size * 7 / 10 < people) size *= 2;
  if (size == slots_.size()) return;
  std::vector<uint64_t> old(size, 0);
  old.swap(slots_);
  for (const uint64_t slot : old) {
    if (slot != 0) Place(slot);
  }
}

void HandleNumbers::Insert(const PersonHandle& person, uint32_t number) {
  Reserve(++used_);
  Place(Tag(person) << 32 | (uint64_t{number} + 1));
}

absl::StatusOr<std::unique_ptr<GenerationWriter>> GenerationWriter::Begin(
    const FolderLock& lock, const PresentGeneration& present,
    std::shared_ptr<const FactColumns> columns, crypto::IdentityUse use) {
  auto writer = std::unique_ptr<GenerationWriter>(new GenerationWriter());
  writer->folder_ = lock.folder();
  writer->generation_ = present.manifest.has_value() ? present.manifest->generation + 1 : 1;
  writer->columns_ = columns;
  const auto path = [&](absl::string_view kind) {
    return absl::StrCat(lock.folder(), "/", kind, ".", writer->generation_);
  };
  absl::StatusOr<FactsWriter> facts = FactsWriter::Create(path("facts"), std::move(columns));
  if (!facts.ok()) return facts.status();
  writer->facts_.emplace(std::move(*facts));
  absl::StatusOr<IdentitiesWriter> identities = IdentitiesWriter::Create(path("identities"), use);
  if (!identities.ok()) return identities.status();
  writer->identities_.emplace(std::move(*identities));

  if (!present.manifest.has_value()) return writer;
  const uint32_t rows = present.facts->rows();
  const size_t row_size = present.facts->columns()->row_size();
  writer->numbers_.Reserve(rows);
  uint32_t last = rows;
  for (const auto& [record, change] : present.overlay->changes()) {
    last = std::max(last, record + 1);
  }
  for (uint32_t record = 0; record < last; ++record) {
    PersonHandle person;
    if (const OverlayChange* change = present.overlay->Find(record); change != nullptr) {
      person = change->person;
    } else {
      const uint8_t* row = present.facts->Row(record);
      // Carried on unseen, a damaged handle would make this person somebody new.
      if (row == nullptr || !RowIntact(row, row_size, record)) {
        return absl::DataLossError(
            absl::StrCat(present.manifest->facts_file, ": row ", record,
                         " is damaged; restore the file from a backup before the next load"));
      }
      CopyHandle(row, &person);
    }
    const absl::StatusOr<uint32_t> number = writer->AddNumber(person);
    if (!number.ok()) return number.status();
  }
  return writer;
}

absl::StatusOr<uint32_t> GenerationWriter::AddNumber(const PersonHandle& person) {
  const uint32_t number = facts_->rows();
  if (number >= kNoRecord - 1) return absl::ResourceExhaustedError("record numbers are used up");
  const absl::StatusOr<uint8_t*> row = facts_->Row(number);
  if (!row.ok()) return row.status();
  columns_->MakeAbsentRow(person, number, *row);
  numbers_.Insert(person, number);
  written_.push_back(false);
  return number;
}

absl::StatusOr<uint32_t> GenerationWriter::NumberOf(const PersonHandle& person) {
  const absl::optional<uint32_t> known = numbers_.Find(person, [&](uint32_t number) {
    const absl::StatusOr<uint8_t*> row = facts_->Row(number);
    PersonHandle handle;
    CopyHandle(*row, &handle);
    return handle == person;
  });
  if (known.has_value()) return *known;
  return AddNumber(person);
}

absl::StatusOr<absl::optional<uint32_t>> GenerationWriter::Put(const PersonHandle& person,
                                                               absl::string_view row,
                                                               const SealedIdentity& identity) {
  if (row.size() != columns_->row_size()) std::abort();
  const absl::StatusOr<uint32_t> number = NumberOf(person);
  if (!number.ok()) return number.status();
  if (written_[*number]) return absl::optional<uint32_t>();
  const absl::StatusOr<uint8_t*> place = facts_->Row(*number);
  if (!place.ok()) return place.status();
  std::memcpy(*place, row.data(), row.size());
  columns_->Renumber(*number, *place);
  identities_->Append(*number, identity);
  written_[*number] = true;
  ++people_;
  return absl::optional<uint32_t>(*number);
}

absl::Status GenerationWriter::FinishFiles(Manifest* manifest) {
  if (absl::Status s = facts_->Finish(); !s.ok()) return s;
  if (absl::Status s = identities_->Finish(); !s.ok()) return s;
  manifest->generation = generation_;
  manifest->people = people_;
  manifest->facts_file = absl::StrCat("facts.", generation_);
  manifest->identities_file = absl::StrCat("identities.", generation_);
  manifest->overlay_file = absl::StrCat("overlay.", generation_);
  return absl::OkStatus();
}

}  // namespace vouch::server::records
