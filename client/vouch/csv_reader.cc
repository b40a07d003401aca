#include "client/vouch/csv_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace vouch::client {
namespace {

constexpr size_t kLargestRow = 1 << 20;
constexpr int kEnd = std::char_traits<char>::eof();

}  // namespace

absl::StatusOr<CsvReader> CsvReader::Open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  char mark[3] = {};
  in.read(mark, 3);
  if (absl::string_view(mark, 3) != "\xEF\xBB\xBF") {
    in.clear();
    in.seekg(0);
  }
  return CsvReader(path, std::move(in));
}

absl::Status CsvReader::Bad(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(path_, ":", row_line_, ": ", what));
}

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string>* cells) {
  while (true) {
    const absl::StatusOr<bool> there = ReadRow(cells);
    if (!there.ok() || !*there) return there;
    if (cells->size() > 1 || !cells->front().empty()) return true;
  }
}

absl::StatusOr<bool> CsvReader::ReadRow(std::vector<std::string>* cells) {
  cells->clear();
  row_line_ = line_;
  if (in_.peek() == kEnd) return false;
  std::streambuf& bytes = *in_.rdbuf();
  std::string cell;
  size_t size = 0;
  bool quoted = false, was_quoted = false;
  while (true) {
    const int byte = bytes.sbumpc();
    if (byte == kEnd && quoted) return Bad("a quote is opened here and never closed");
    if (byte != kEnd && ++size > kLargestRow) return Bad("the row is longer than 1 MiB");
    if (byte == '\n') ++line_;
    if (quoted) {
      if (byte != '"') {
        cell.push_back(static_cast<char>(byte));
      } else if (bytes.sgetc() == '"') {
        bytes.sbumpc();
        cell.push_back('"');
      } else {
        quoted = false;
      }
      continue;
    }
    if (byte == '\r' && (bytes.sgetc() == '\n' || bytes.sgetc() == kEnd)) continue;
    if (byte == ',' || byte == '\n' || byte == kEnd) {
      cells->push_back(std::move(cell));
      cell.clear();
      was_quoted = false;
      if (byte != ',') return true;
    } else if (byte == '"' && cell.empty() && !was_quoted) {
      quoted = was_quoted = true;
    } else if (byte == '"' || was_quoted) {
      return Bad("a quote stands within a cell; double it, and put the whole cell in quotes");
    } else {
      cell.push_back(static_cast<char>(byte));
    }
  }
}

std::string CsvCell(absl::string_view text) {
  if (text.find_first_of(",\"\r\n") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace vouch::client
