// Rows to be loaded, one after the other: of a file, CSV as RFC 4180 says, strictly, or JSON Lines,
// both UTF-8; or from elsewhere (postgres_rows.h).
#ifndef VOUCH_SERVER_RECORDS_ROW_READER_H_
#define VOUCH_SERVER_RECORDS_ROW_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace vouch::server::records {

enum class InputFormat : uint8_t { kCsv = 1, kJsonLines = 2 };

// One row as it stands in the file. `error` says what is wrong with it, never what is in it.
struct RawRow {
  uint64_t number = 0;  // the first row after a CSV header is 1
  uint64_t line = 0;    // where it starts, from 1; 0: not in a file
  std::string error;    // empty: the row is well formed
  // The fields' text, one after the other, and where each ends. JSON Lines: the line.
  std::string text;
  std::vector<uint32_t> ends;
};

// The most bytes one row may have.
inline constexpr size_t kLargestRow = size_t{1} << 20;

class RowReader {
 public:
  virtual ~RowReader() = default;
  // False at the end of the file. A row that is not well formed comes back with `error`, and
  // reading goes on with the next line. A Status is for the file: it cannot be read.
  virtual absl::StatusOr<bool> Next(RawRow* row) = 0;
  // The text of columns of a well-formed row: nullopt where it holds no value. `error` of the row
  // is set when it turns out not to be well formed after all. Thread-safe.
  virtual void Columns(RawRow* row, std::vector<absl::optional<std::string>>* values) const = 0;
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t bytes_total() const = 0;  // 0: not known
};

// Gives the rows of some input, with the columns named, in their order.
using OpenInput =
    std::function<absl::StatusOr<std::unique_ptr<RowReader>>(const std::vector<std::string>&)>;

// Well-formed UTF-8 (RFC 3629) without NUL.
bool IsText(absl::string_view text);

// Opens `path` for the columns named, in their order. InvalidArgument when a CSV header is missing,
// not well formed, holds a name twice, or lacks one of `columns`. A byte order mark is skipped.
absl::StatusOr<std::unique_ptr<RowReader>> OpenRows(const std::string& path, InputFormat format,
                                                    const std::vector<std::string>& columns);

}  // namespace vouch::server::records

#endif  // VOUCH_SERVER_RECORDS_ROW_READER_H_
