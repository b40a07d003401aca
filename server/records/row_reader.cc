#include "server/records/row_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/records/mapped_file.h"

namespace vouch::server::records {

namespace {

using nlohmann::json;

// The file, byte by byte.
class ByteStream {
 public:
  static absl::StatusOr<ByteStream> Open(const std::string& path) {
    ByteStream stream;
    stream.path_ = path;
    stream.file_ = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status;
    if (!stream.file_.ok() || fstat(stream.file_.number(), &status) != 0) {
      return SystemError("cannot be opened", path);
    }
    stream.total_ = static_cast<uint64_t>(status.st_size);
    stream.buffer_.resize(size_t{1} << 18);
    // A byte order mark.
    if (stream.Peek() == 0xef) {
      if (stream.filled_ >= 3 && stream.buffer_[1] == '\xbb' && stream.buffer_[2] == '\xbf') {
        stream.at_ = 3;
      }
    }
    return stream;
  }
  // -1 at the end.
  int Peek() {
    if (at_ == filled_ && !Fill()) return -1;
    return static_cast<uint8_t>(buffer_[at_]);
  }
  int Take() {
    const int byte = Peek();
    if (byte >= 0) ++at_;
    return byte;
  }
  // What is at hand, without a further read.
  absl::string_view Ready() const { return absl::string_view(buffer_.data() + at_, filled_ - at_); }
  void Skip(size_t size) { at_ += size; }
  uint64_t read() const { return before_ + at_; }
  uint64_t total() const { return total_; }
  const absl::Status& status() const { return status_; }

 private:
  bool Fill() {
    before_ += filled_;
    at_ = filled_ = 0;
    while (status_.ok()) {
      const ssize_t n = ::read(file_.number(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) status_ = SystemError("cannot be read", path_);
      filled_ = n > 0 ? static_cast<size_t>(n) : 0;
      return n > 0;
    }
    return false;
  }
  std::string path_;
  Descriptor file_;
  std::string buffer_;
  size_t at_ = 0, filled_ = 0;
  uint64_t before_ = 0, total_ = 0;
  absl::Status status_;
};

class CsvReader final : public RowReader {
 public:
  explicit CsvReader(ByteStream stream) : stream_(std::move(stream)) {}

  absl::Status ReadHeader(const std::string& path, const std::vector<std::string>& columns) {
    RawRow header;
    const absl::StatusOr<bool> read = ReadRow(&header);
    if (!read.ok()) return read.status();
    const auto wrong = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": line 1: ", what));
    };
    if (!*read) return wrong("expected a header with the columns' names; the file is empty");
    if (!header.error.empty()) return wrong(header.error);
    std::map<std::string, size_t> places;
    for (size_t i = 0; i < header.ends.size(); ++i) {
      if (!places.emplace(Field(header, i), i).second) {
        return wrong(absl::StrCat("column ", i + 1, " has a name that another column has"));
      }
    }
    std::vector<std::string> missing;
    for (const std::string& column : columns) {
      const auto found = places.find(column);
      if (found == places.end()) {
        missing.push_back(column);
      } else {
        wanted_.push_back(found->second);
      }
    }
    if (!missing.empty()) {
      return wrong(absl::StrCat("the mapping names columns that the header lacks: ",
                                absl::StrJoin(missing, ", ")));
    }
    width_ = header.ends.size();
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(RawRow* row) override {
    const absl::StatusOr<bool> read = ReadRow(row);
    if (!read.ok() || !*read) return read;
    row->number = ++rows_;
    if (row->error.empty() && row->ends.size() != width_) {
      row->error =
          absl::StrCat("expected ", width_, " fields as in the header, found ", row->ends.size());
    }
    return true;
  }

  void Columns(RawRow* row, std::vector<absl::optional<std::string>>* values) const override {
    values->clear();
    for (const size_t place : wanted_) {
      std::string field = Field(*row, place);
      if (field.empty()) {
        values->emplace_back();
      } else {
        values->emplace_back(std::move(field));
      }
    }
  }

  uint64_t bytes_read() const override { return stream_.read(); }
  uint64_t bytes_total() const override { return stream_.total(); }

 private:
  static std::string Field(const RawRow& row, size_t place) {
    const size_t from = place == 0 ? 0 : row.ends[place - 1];
    return row.text.substr(from, row.ends[place] - from);
  }

  // Leaves the stream after the row's line end.
  absl::StatusOr<bool> ReadRow(RawRow* row) {
    row->error.clear();
    row->text.clear();
    row->ends.clear();
    row->line = line_;
    if (stream_.Peek() < 0) {
      if (!stream_.status().ok()) return stream_.status();
      return false;
    }
    while (row->error.empty()) {
      const int end = stream_.Peek() == '"' ? QuotedField(row) : PlainField(row);
      if (!row->error.empty()) break;
      row->ends.push_back(static_cast<uint32_t>(row->text.size()));
      if (end == ',') continue;
      if (!stream_.status().ok()) return stream_.status();
      if (!IsText(row->text)) row->error = "is not UTF-8 text";
      return true;
    }
    SkipLine();
    if (!stream_.status().ok()) return stream_.status();
    return true;
  }

  // Both return ',' after a field with another behind it, '\n' after a row's last.
  int PlainField(RawRow* row) {
    for (;;) {
      const absl::string_view ready = stream_.Ready();
      const size_t plain = std::min(ready.find_first_of(",\"\r\n"), ready.size());
      row->text.append(ready.data(), plain);
      stream_.Skip(plain);
      if (row->text.size() > kLargestRow) return Fail(row, "is longer than 1 MiB");
      const int byte = stream_.Peek();
      if (byte == '"') return Fail(row, "has a quote inside a field that is not quoted");
      if (byte == ',' || byte == '\n' || byte == '\r' || byte < 0) return FieldEnd(row);
    }
  }

  int QuotedField(RawRow* row) {
    stream_.Take();
    for (;;) {
      const int byte = stream_.Take();
      if (byte < 0) return Fail(row, "has a quoted field that does not end");
      if (byte == '\n') ++line_;
      if (byte != '"') {
        row->text.push_back(static_cast<char>(byte));
        if (row->text.size() > kLargestRow) return Fail(row, "is longer than 1 MiB");
        continue;
      }
      if (stream_.Peek() != '"') break;
      row->text.push_back(static_cast<char>(stream_.Take()));
    }
    const int byte = stream_.Peek();
    if (byte != ',' && byte != '\n' && byte != '\r' && byte >= 0) {
      return Fail(row, "has text after a closing quote");
    }
    return FieldEnd(row);
  }

  int FieldEnd(RawRow* row) {
    const int byte = stream_.Take();
    if (byte == ',') return ',';
    if (byte == '\r' && stream_.Take() != '\n') {
      return Fail(row, "has a carriage return that is not part of a line end");
    }
    ++line_;
    return '\n';
  }

  static int Fail(RawRow* row, absl::string_view why) {
    row->error = std::string(why);
    return '\n';
  }

  void SkipLine() {
    for (int byte = stream_.Take(); byte >= 0; byte = stream_.Take()) {
      if (byte == '\n') {
        ++line_;
        return;
      }
    }
  }

  ByteStream stream_;
  std::vector<size_t> wanted_;
  size_t width_ = 0;
  uint64_t rows_ = 0;
  uint64_t line_ = 1;
};

class JsonLinesReader final : public RowReader {
 public:
  JsonLinesReader(ByteStream stream, std::vector<std::string> columns)
      : stream_(std::move(stream)), columns_(std::move(columns)) {}

  absl::StatusOr<bool> Next(RawRow* row) override {
    row->error.clear();
    row->text.clear();
    row->ends.clear();
    if (stream_.Peek() < 0) {
      if (!stream_.status().ok()) return stream_.status();
      return false;
    }
    for (bool ended = false; !ended && stream_.Peek() >= 0;) {
      const absl::string_view ready = stream_.Ready();
      const size_t end = ready.find('\n');
      ended = end != absl::string_view::npos;
      const size_t size = ended ? end : ready.size();
      if (row->text.size() <= kLargestRow) row->text.append(ready.data(), size);
      stream_.Skip(ended ? size + 1 : size);
    }
    if (!stream_.status().ok()) return stream_.status();
    row->number = row->line = ++rows_;
    if (row->text.size() > kLargestRow) row->error = "is longer than 1 MiB";
    return true;
  }

  void Columns(RawRow* row, std::vector<absl::optional<std::string>>* values) const override {
    values->assign(columns_.size(), absl::nullopt);
    std::set<std::string> seen;
    bool repeated = false;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
      if (event == json::parse_event_t::key && depth == 1) {
        repeated |= !seen.insert(parsed.get<std::string>()).second;
      }
      return true;
    };
    const json object = json::parse(row->text, watch, /*allow_exceptions=*/false);
    if (!object.is_object()) {
      row->error = "is not a JSON object";
      return;
    }
    if (repeated) {
      row->error = "has the same name twice";
      return;
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      const auto found = object.find(columns_[i]);
      if (found == object.end() || found->is_null()) continue;
      absl::optional<std::string> text = Text(*found);
      if (!text.has_value()) {
        row->error = absl::StrCat("column ", columns_[i],
                                  ": expected text, a whole number, true, false or a list of texts "
                                  "(write amounts with cents as text)");
        return;
      }
      if (!text->empty()) (*values)[i] = std::move(text);
    }
  }

  uint64_t bytes_read() const override { return stream_.read(); }
  uint64_t bytes_total() const override { return stream_.total(); }

 private:
  static absl::optional<std::string> Text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return std::string(value.get<bool>() ? "yes" : "no");
    if (value.is_number_unsigned()) return absl::StrCat(value.get<uint64_t>());
    if (value.is_number_integer()) return absl::StrCat(value.get<int64_t>());
    if (!value.is_array()) return absl::nullopt;
    // The spelling of a set in CSV: parts between semicolons, one alone for the empty set.
    std::vector<std::string> parts;
    for (const json& part : value) {
      if (!part.is_string()) return absl::nullopt;
      parts.push_back(part.get<std::string>());
    }
    return parts.empty() ? std::string(";") : absl::StrJoin(parts, ";");
  }

  ByteStream stream_;
  const std::vector<std::string> columns_;
  uint64_t rows_ = 0;
};

}  // namespace

bool IsText(absl::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  for (size_t i = 0; i < text.size();) {
    const uint8_t lead = at(i);
    if (lead == 0) return false;
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || i + more >= text.size()) {
      return false;
    }
    for (size_t k = 1; k <= more; ++k) {
      if ((at(i + k) & 0xc0) != 0x80) return false;
    }
    const uint8_t next = at(i + 1);
    if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f) ||
        (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

absl::StatusOr<std::unique_ptr<RowReader>> OpenRows(const std::string& path, InputFormat format,
                                                    const std::vector<std::string>& columns) {
  absl::StatusOr<ByteStream> stream = ByteStream::Open(path);
  if (!stream.ok()) return stream.status();
  if (format == InputFormat::kJsonLines) {
    return std::unique_ptr<RowReader>(
        std::make_unique<JsonLinesReader>(std::move(*stream), columns));
  }
  auto reader = std::make_unique<CsvReader>(std::move(*stream));
  if (absl::Status s = reader->ReadHeader(path, columns); !s.ok()) return s;
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace vouch::server::records
