// Writes the files of the next generation beside those of the present one.
#ifndef VOUCH_SERVER_RECORDS_GENERATION_WRITER_H_
#define VOUCH_SERVER_RECORDS_GENERATION_WRITER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "server/records/facts_file.h"
#include "server/records/manifest.h"
#include "server/records/overlay.h"
#include "server/records/sealed_identities.h"

namespace vouch::server::records {

// The generation that counts now, as far as the next one needs it.
struct PresentGeneration {
  absl::optional<Manifest> manifest;  // nullopt: nothing was ever loaded
  std::unique_ptr<FactsFile> facts;
  std::shared_ptr<const Overlay> overlay;

  // FailedPrecondition when person.key is not the one the handles were made with.
  static absl::StatusOr<PresentGeneration> Open(const FolderLock& lock,
                                                const crypto::HmacKey& person_key);
};

// Record numbers by handle: 8 bytes a slot, with 32 bits of the handle so that a foreign record's
// row is hardly ever touched.
class HandleNumbers {
 public:
  // `same(number)` says whether a record has the handle that is looked for.
  template <typename Same>
  absl::optional<uint32_t> Find(const PersonHandle& person, const Same& same) const {
    if (slots_.empty()) return absl::nullopt;
    for (size_t at = Home(person);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == 0) return absl::nullopt;
      const auto number = static_cast<uint32_t>(slots_[at]) - 1;
      if (slots_[at] >> 32 == Tag(person) && same(number)) return number;
    }
  }
  // The handle must not be there yet.
  void Insert(const PersonHandle& person, uint32_t number);
  void Reserve(size_t people);

 private:
  static uint64_t Tag(const PersonHandle& person);
  static uint64_t Spread(uint64_t tag) { return tag * 0x9e3779b97f4a7c15u >> 20; }
  size_t Home(const PersonHandle& person) const {
    return Spread(Tag(person)) & (slots_.size() - 1);
  }
  void Place(uint64_t slot);
  std::vector<uint64_t> slots_;
  size_t used_ = 0;
};

// Every number ever given out is carried over with its handle; people who are not written again
// keep a row without facts. Files are removed unless Publish succeeded.
class GenerationWriter {
 public:
  static absl::StatusOr<std::unique_ptr<GenerationWriter>> Begin(
      const FolderLock& lock, const PresentGeneration& present,
      std::shared_ptr<const FactColumns> columns, crypto::IdentityUse use);

  // Writes one person, whose row is renumbered. Returns the record number, or nullopt when the
  // person was written before.
  absl::StatusOr<absl::optional<uint32_t>> Put(const PersonHandle& person, absl::string_view row,
                                               const SealedIdentity& identity);
  uint32_t rows() const { return facts_->rows(); }
  uint64_t people() const { return people_; }
  // Syncs both files. They can then be read; `manifest` names them.
  absl::Status FinishFiles(Manifest* manifest);

 private:
  GenerationWriter() = default;
  absl::StatusOr<uint32_t> NumberOf(const PersonHandle& person);
  absl::StatusOr<uint32_t> AddNumber(const PersonHandle& person);

  std::string folder_;
  uint64_t generation_ = 0;
  std::shared_ptr<const FactColumns> columns_;
  absl::optional<FactsWriter> facts_;
  absl::optional<IdentitiesWriter> identities_;
  HandleNumbers numbers_;
  std::vector<bool> written_;
  uint64_t people_ = 0;
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_GENERATION_WRITER_H_
