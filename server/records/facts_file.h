// Facts and person handles: fixed-width rows by record number, in a memory-mapped file. A row holds
// its person's handle, so that one read serves both.
#ifndef VOUCH_SERVER_RECORDS_FACTS_FILE_H_
#define VOUCH_SERVER_RECORDS_FACTS_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policies/engine/values.h"
#include "server/records/mapped_file.h"

namespace vouch::server::records {

// Stable across loads: HMAC(K_person, the source's own id). Never leaves the responder.
using PersonHandle = crypto::Digest;

// One fact for one period. Widths: money and whole numbers 8 bytes, dates 4, yes/no 1, a code 2
// (its place in `codes`), a set of codes 8 (a bit for each).
struct FactColumn {
  std::string fact;
  policies::Period period;
  policies::FactType type = policies::FactType::kWholeNumber;
  std::vector<std::string> codes;
  // Beside each value stand 8 bytes more: a pseudonym of the return it is on, 0 where none is
  // known.
  bool with_return = false;

  friend bool operator==(const FactColumn& a, const FactColumn& b) {
    return a.fact == b.fact && a.period == b.period && a.type == b.type && a.codes == b.codes &&
           a.with_return == b.with_return;
  }
};

// How rows are laid out. Immutable.
class FactColumns {
 public:
  // InvalidArgument: the same fact and period twice, too many columns (1000) or codes (65535; 64 in
  // a set), a name over 255 bytes.
  static absl::StatusOr<std::shared_ptr<const FactColumns>> Make(std::vector<FactColumn> columns);
  static absl::StatusOr<std::shared_ptr<const FactColumns>> Decode(absl::string_view bytes);
  std::string Encode() const;

  const std::vector<FactColumn>& columns() const { return columns_; }
  size_t row_size() const { return row_size_; }

  // Writes one row for a person who is present. `values` are in the order of columns, as are
  // `returns`, which count where a column has them. InvalidArgument, without the value, when one
  // does not fit its column.
  absl::Status MakeRow(const PersonHandle& person, uint32_t record,
                       absl::Span<const absl::optional<policies::FactValue>> values, uint8_t* row,
                       absl::Span<const uint64_t> returns = {}) const;
  // A row that keeps a number taken for a person who is no longer in the data.
  void MakeAbsentRow(const PersonHandle& person, uint32_t record, uint8_t* row) const;
  // The same row under a record number that was not known when it was made.
  void Renumber(uint32_t record, uint8_t* row) const;

 private:
  friend class RowFacts;
  FactColumns() = default;
  void Seal(uint32_t record, uint8_t* row) const;
  absl::optional<policies::FactValue> Value(size_t column, const uint8_t* row) const;
  absl::optional<uint64_t> Return(size_t column, const uint8_t* row) const;

  std::vector<FactColumn> columns_;
  std::vector<uint32_t> offsets_;
  size_t row_size_ = 0;
  absl::flat_hash_map<std::string, absl::InlinedVector<uint16_t, 4>> by_fact_;
};

// What a row starts with.
bool RowIntact(const uint8_t* row, size_t row_size, uint32_t record);
bool RowPresent(const uint8_t* row);
void CopyHandle(const uint8_t* row, PersonHandle* person);

// One person's facts: a view of a row, which must outlive it. Without a row, nothing is held.
class RowFacts final : public policies::FactSource {
 public:
  RowFacts() = default;
  RowFacts(const FactColumns* columns, const uint8_t* row) : columns_(columns), row_(row) {}
  absl::optional<policies::FactValue> Find(absl::string_view fact,
                                           const policies::Period& period) const override;
  absl::optional<policies::Period> Latest(absl::string_view fact, policies::PeriodKind kind,
                                          int32_t not_after) const override;
  absl::optional<uint64_t> ReturnOf(absl::string_view fact,
                                    const policies::Period& period) const override;

 private:
  const FactColumns* columns_ = nullptr;
  const uint8_t* row_ = nullptr;
};

// The finished file. Thread-safe.
class FactsFile {
 public:
  static absl::StatusOr<std::unique_ptr<FactsFile>> Open(const std::string& path);
  const std::shared_ptr<const FactColumns>& columns() const { return columns_; }
  // Record numbers given out so far, people no longer in the data included.
  uint32_t rows() const { return rows_; }
  // nullptr beyond rows().
  const uint8_t* Row(uint32_t record) const;

 private:
  FactsFile() = default;
  MappedFile file_;
  std::shared_ptr<const FactColumns> columns_;
  uint32_t rows_ = 0;
};

// Writes rows in any order; every number up to the last must be written once.
class FactsWriter {
 public:
  static absl::StatusOr<FactsWriter> Create(const std::string& path,
                                            std::shared_ptr<const FactColumns> columns);
  // Room for one row, zeroed at first. Valid until the next call. Fails only when the disk is full.
  absl::StatusOr<uint8_t*> Row(uint32_t record);
  uint32_t rows() const { return rows_; }
  absl::Status Finish();

 private:
  FactsWriter(GrowingFile file, std::shared_ptr<const FactColumns> columns)
      : file_(std::move(file)), columns_(std::move(columns)) {}
  GrowingFile file_;
  std::shared_ptr<const FactColumns> columns_;
  uint32_t rows_ = 0;
};

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_FACTS_FILE_H_
