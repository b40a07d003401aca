// Comma-separated values as spreadsheets write them (RFC 4180): quotes, commas and line breaks in
// quotes, CRLF or LF, a byte order mark.
#ifndef VOUCH_CLIENT_VOUCH_CSV_READER_H_
#define VOUCH_CLIENT_VOUCH_CSV_READER_H_

#include <fstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vouch::client {

// Reads a file row by row in bounded memory.
class CsvReader {
 public:
  // NotFound when the file cannot be read.
  static absl::StatusOr<CsvReader> Open(const std::string& path);
  CsvReader(CsvReader&&) = default;

  // The next row that is not empty; false at the end. InvalidArgument, with the line and no
  // contents, for a quote that is not closed or stands within a cell, and for a row over 1 MiB.
  absl::StatusOr<bool> Next(std::vector<std::string>* cells);

 private:
  CsvReader(std::string path, std::ifstream in) : path_(std::move(path)), in_(std::move(in)) {}
  absl::Status Bad(absl::string_view what) const;
  absl::StatusOr<bool> ReadRow(std::vector<std::string>* cells);

  std::string path_;
  std::ifstream in_;
  uint64_t line_ = 1;      // being read
  uint64_t row_line_ = 1;  // where the row began
};

// A cell as it is written: quoted where it must be.
std::string CsvCell(absl::string_view text);

}  // namespace vouch::client

#endif  // VOUCH_CLIENT_VOUCH_CSV_READER_H_
