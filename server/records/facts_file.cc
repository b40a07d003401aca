#include "server/records/facts_file.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace vouch::server::records {

namespace {

using policies::FactType;
using policies::FactValue;

constexpr FileKind kFactsKind{"VOUCHFCT", 1};
constexpr size_t kHandle = 0;
constexpr size_t kSum = 32;    // over the row with this field zero, and the record number
constexpr size_t kState = 36;  // 1: present
constexpr size_t kNulls = 37;  // bit set: no value held
constexpr size_t kMostColumns = 1000;
constexpr size_t kReturnWidth = 8;
// Set beside a column's type where its values have returns. Files without any are as they were.
constexpr uint8_t kWithReturn = 0x80;

size_t Width(FactType type) {
  switch (type) {
    case FactType::kMoney:
    case FactType::kWholeNumber:
    case FactType::kCodeSet:
      return 8;
    case FactType::kDate:
      return 4;
    case FactType::kCode:
      return 2;
    case FactType::kYesNo:
      return 1;
  }
  return 8;
}

uint32_t RowSum(const uint8_t* row, size_t row_size, uint32_t record) {
  const uint32_t head = DamageSum(crypto::ByteSpan(row, kSum), record);
  return DamageSum(crypto::ByteSpan(row + kState, row_size - kState), head);
}

absl::Status Misfit(const FactColumn& column, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("fact ", column.fact, ": expected ", expected));
}

// The number that stands for a value in its column.
absl::StatusOr<int64_t> Stored(const FactColumn& column, const FactValue& value) {
  if (value.type != column.type) return Misfit(column, "a value of the column's type");
  const auto place = [&](const std::string& code) {
    return std::find(column.codes.begin(), column.codes.end(), code) - column.codes.begin();
  };
  const auto none = static_cast<ptrdiff_t>(column.codes.size());
  switch (column.type) {
    case FactType::kMoney:
    case FactType::kWholeNumber:
      return value.number;
    case FactType::kDate:
      if (value.number < INT32_MIN || value.number > INT32_MAX) {
        return Misfit(column, "a date within five million years");
      }
      return value.number;
    case FactType::kYesNo:
      if (value.number != 0 && value.number != 1) return Misfit(column, "yes or no");
      return value.number;
    case FactType::kCode:
      if (value.codes.size() != 1 || place(value.codes[0]) == none) {
        return Misfit(column, "one of the codes that the fact catalogue lists");
      }
      return place(value.codes[0]);
    case FactType::kCodeSet: {
      uint64_t bits = 0;
      for (const std::string& code : value.codes) {
        if (place(code) == none) {
          return Misfit(column, "codes that the fact catalogue lists");
        }
        bits |= uint64_t{1} << place(code);
      }
      return static_cast<int64_t>(bits);
    }
  }
  return Misfit(column, "a known type");
}

}  // namespace

bool RowIntact(const uint8_t* row, size_t row_size, uint32_t record) {
  uint32_t sum;
  std::memcpy(&sum, row + kSum, sizeof(sum));
  return sum == RowSum(row, row_size, record);
}

bool RowPresent(const uint8_t* row) { return row[kState] == 1; }

void CopyHandle(const uint8_t* row, PersonHandle* person) {
  std::memcpy(person->data(), row + kHandle, person->size());
}

absl::StatusOr<std::shared_ptr<const FactColumns>> FactColumns::Make(
    std::vector<FactColumn> columns) {
  if (columns.size() > kMostColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat("at most ", kMostColumns, " columns of facts, found ", columns.size()));
  }
  auto made = std::shared_ptr<FactColumns>(new FactColumns());
  size_t offset = kNulls + (columns.size() + 7) / 8;
  for (size_t i = 0; i < columns.size(); ++i) {
    const FactColumn& column = columns[i];
    const size_t most_codes = column.type == FactType::kCodeSet ? 64 : 65535;
    if (column.fact.empty() || column.fact.size() > 255 || column.codes.size() > most_codes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "fact ", column.fact, ": a name of 1 to 255 bytes and at most ", most_codes, " codes"));
    }
    for (const uint16_t other : made->by_fact_[column.fact]) {
      if (columns[other].period == column.period) {
        return absl::InvalidArgumentError(
            absl::StrCat("fact ", column.fact, ": the same period appears twice"));
      }
    }
    made->by_fact_[column.fact].push_back(static_cast<uint16_t>(i));
    made->offsets_.push_back(static_cast<uint32_t>(offset));
    offset += Width(column.type) + (column.with_return ? kReturnWidth : 0);
  }
  made->row_size_ = (offset + 7) / 8 * 8;
  made->columns_ = std::move(columns);
  return std::shared_ptr<const FactColumns>(std::move(made));
}

std::string FactColumns::Encode() const {
  crypto::ByteWriter writer;
  writer.U32(static_cast<uint32_t>(columns_.size()));
  for (const FactColumn& column : columns_) {
    writer.ShortText(column.fact).U8(static_cast<uint8_t>(column.period.kind));
    const uint8_t with_return = column.with_return ? kWithReturn : 0;
    writer.U32(static_cast<uint32_t>(column.period.number));
    writer.U8(static_cast<uint8_t>(static_cast<uint8_t>(column.type) | with_return));
    writer.U32(static_cast<uint32_t>(column.codes.size()));
    for (const std::string& code : column.codes) writer.Field(code);
  }
  return std::move(writer).str();
}

absl::StatusOr<std::shared_ptr<const FactColumns>> FactColumns::Decode(absl::string_view bytes) {
  crypto::ByteReader reader(crypto::AsBytes(bytes));
  const uint32_t count = reader.U32();
  if (count > kMostColumns) return absl::DataLossError("damaged fact columns");
  std::vector<FactColumn> columns(count);
  for (FactColumn& column : columns) {
    column.fact = std::string(reader.ShortText());
    column.period.kind = static_cast<policies::PeriodKind>(reader.U8());
    column.period.number = static_cast<int32_t>(reader.U32());
    const uint8_t marked = reader.U8();
    column.with_return = (marked & kWithReturn) != 0;
    const uint8_t type = static_cast<uint8_t>(marked & ~kWithReturn);
    const uint32_t codes = reader.U32();
    if (!reader.ok() || type < 1 || type > 6 || codes > reader.remaining() / 4) {
      return absl::DataLossError("damaged fact columns");
    }
    column.type = static_cast<FactType>(type);
    for (uint32_t i = 0; i < codes; ++i) {
      column.codes.emplace_back(crypto::AsText(reader.Field()));
    }
  }
  if (!reader.Finished()) return absl::DataLossError("damaged fact columns");
  return Make(std::move(columns));
}

void FactColumns::Seal(uint32_t record, uint8_t* row) const {
  const uint32_t sum = RowSum(row, row_size_, record);
  std::memcpy(row + kSum, &sum, sizeof(sum));
}

void FactColumns::Renumber(uint32_t record, uint8_t* row) const { Seal(record, row); }

absl::Status FactColumns::MakeRow(const PersonHandle& person, uint32_t record,
                                  absl::Span<const absl::optional<FactValue>> values, uint8_t* row,
                                  absl::Span<const uint64_t> returns) const {
  std::memset(row, 0, row_size_);
  std::memcpy(row + kHandle, person.data(), person.size());
  row[kState] = 1;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i >= values.size() || !values[i].has_value()) {
      row[kNulls + i / 8] |= static_cast<uint8_t>(1u << (i % 8));
      continue;
    }
    const absl::StatusOr<int64_t> stored = Stored(columns_[i], *values[i]);
    if (!stored.ok()) return stored.status();
    const size_t width = Width(columns_[i].type);
    std::memcpy(row + offsets_[i], &*stored, width);
    if (columns_[i].with_return && i < returns.size()) {
      std::memcpy(row + offsets_[i] + width, &returns[i], kReturnWidth);
    }
  }
  Seal(record, row);
  return absl::OkStatus();
}

void FactColumns::MakeAbsentRow(const PersonHandle& person, uint32_t record, uint8_t* row) const {
  std::memset(row, 0, row_size_);
  std::memcpy(row + kHandle, person.data(), person.size());
  std::memset(row + kNulls, 0xff, (columns_.size() + 7) / 8);
  Seal(record, row);
}

absl::optional<FactValue> FactColumns::Value(size_t i, const uint8_t* row) const {
  if ((row[kNulls + i / 8] >> (i % 8) & 1) != 0) return absl::nullopt;
  const FactColumn& column = columns_[i];
  const uint8_t* at = row + offsets_[i];
  FactValue value;
  value.type = column.type;
  uint64_t raw = 0;
  std::memcpy(&raw, at, Width(column.type));
  switch (column.type) {
    case FactType::kMoney:
    case FactType::kWholeNumber:
    case FactType::kYesNo:
      value.number = static_cast<int64_t>(raw);
      break;
    case FactType::kDate:
      value.number = static_cast<int32_t>(raw);
      break;
    case FactType::kCode:
      if (raw >= column.codes.size()) return absl::nullopt;
      value.codes.push_back(column.codes[raw]);
      break;
    case FactType::kCodeSet:
      for (size_t bit = 0; bit < column.codes.size(); ++bit) {
        if ((raw >> bit & 1) != 0) value.codes.push_back(column.codes[bit]);
      }
      break;
  }
  return value;
}

absl::optional<uint64_t> FactColumns::Return(size_t i, const uint8_t* row) const {
  if (!columns_[i].with_return || (row[kNulls + i / 8] >> (i % 8) & 1) != 0) return absl::nullopt;
  uint64_t pseudonym = 0;
  std::memcpy(&pseudonym, row + offsets_[i] + Width(columns_[i].type), kReturnWidth);
  if (pseudonym == 0) return absl::nullopt;
  return pseudonym;
}

absl::optional<FactValue> RowFacts::Find(absl::string_view fact,
                                         const policies::Period& period) const {
  if (row_ == nullptr) return absl::nullopt;
  const auto found = columns_->by_fact_.find(fact);
  if (found == columns_->by_fact_.end()) return absl::nullopt;
  for (const uint16_t column : found->second) {
    if (columns_->columns_[column].period == period) return columns_->Value(column, row_);
  }
  return absl::nullopt;
}

absl::optional<uint64_t> RowFacts::ReturnOf(absl::string_view fact,
                                            const policies::Period& period) const {
  if (row_ == nullptr) return absl::nullopt;
  const auto found = columns_->by_fact_.find(fact);
  if (found == columns_->by_fact_.end()) return absl::nullopt;
  for (const uint16_t column : found->second) {
    if (columns_->columns_[column].period == period) return columns_->Return(column, row_);
  }
  return absl::nullopt;
}

absl::optional<policies::Period> RowFacts::Latest(absl::string_view fact, policies::PeriodKind kind,
                                                  int32_t not_after) const {
  if (row_ == nullptr) return absl::nullopt;
  const auto found = columns_->by_fact_.find(fact);
  if (found == columns_->by_fact_.end()) return absl::nullopt;
  absl::optional<policies::Period> latest;
  for (const uint16_t column : found->second) {
    const policies::Period& period = columns_->columns_[column].period;
    if (period.kind != kind || period.number > not_after) continue;
    if (latest.has_value() && period.number <= latest->number) continue;
    if ((row_[kNulls + column / 8] >> (column % 8) & 1) == 0) latest = period;
  }
  return latest;
}

absl::StatusOr<std::unique_ptr<FactsFile>> FactsFile::Open(const std::string& path) {
  absl::StatusOr<MappedFile> file = MappedFile::Open(path, kFactsKind);
  if (!file.ok()) return file.status();
  auto columns = FactColumns::Decode(file->details());
  if (!columns.ok() || file->body().size() % (*columns)->row_size() != 0 ||
      file->body().size() / (*columns)->row_size() >= UINT32_MAX) {
    return absl::DataLossError(
        absl::StrCat(path, ": has a damaged header; load the records again"));
  }
  auto facts = std::unique_ptr<FactsFile>(new FactsFile());
  facts->file_ = std::move(*file);
  facts->columns_ = std::move(*columns);
  facts->rows_ = static_cast<uint32_t>(facts->file_.body().size() / facts->columns_->row_size());
  return facts;
}

const uint8_t* FactsFile::Row(uint32_t record) const {
  if (record >= rows_) return nullptr;
  return file_.body().data() + uint64_t{record} * columns_->row_size();
}

absl::StatusOr<FactsWriter> FactsWriter::Create(const std::string& path,
                                                std::shared_ptr<const FactColumns> columns) {
  absl::StatusOr<GrowingFile> file = GrowingFile::Create(path, columns->Encode().size());
  if (!file.ok()) return file.status();
  return FactsWriter(std::move(*file), std::move(columns));
}

absl::StatusOr<uint8_t*> FactsWriter::Row(uint32_t record) {
  const uint64_t size = columns_->row_size();
  if (record >= rows_) {
    if (absl::Status s = file_.Reserve((uint64_t{record} + 1) * size); !s.ok()) return s;
    rows_ = record + 1;
  }
  return file_.body() + record * size;
}

absl::Status FactsWriter::Finish() {
  return file_.Finish(kFactsKind, columns_->Encode(), uint64_t{rows_} * columns_->row_size());
}

}  // namespace vouch::server::records
