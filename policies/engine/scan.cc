#include "policies/engine/scan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "policies/engine/tree.h"
#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

class CharacterScan {
 public:
  CharacterScan(absl::string_view file, Report* report) : file_(file), report_(report) {}

  ScannedText Run(absl::string_view bytes) {
    if (bytes.size() > kMostFileBytes) {
      Add("file/too-large", 1, 1, "",
          absl::StrCat("the file has ", bytes.size(), " bytes; at most ", kMostFileBytes,
                       " are read"),
          "split it, or check that it is the file you meant");
      text_.parseable = false;
      return std::move(text_);
    }
    if (absl::StartsWith(bytes, "\xEF\xBB\xBF")) {
      Add("yaml/byte-order-mark", 1, 1, "",
          "the file begins with a byte order mark, which some editors add unseen",
          "save it as \"UTF-8\" (not \"UTF-8 with BOM\"), or run `vouch agreement fmt`");
      bytes.remove_prefix(3);
    } else if (absl::StartsWith(bytes, "\xFF\xFE") || absl::StartsWith(bytes, "\xFE\xFF")) {
      Add("file/not-utf8", 1, 1, "", "the file is UTF-16, not UTF-8", "save it as UTF-8");
      text_.parseable = false;
      return std::move(text_);
    }
    for (absl::string_view line : absl::StrSplit(bytes, '\n')) AddLine(line);
    return std::move(text_);
  }

 private:
  void AddLine(absl::string_view line) {
    const int number = static_cast<int>(text_.lines.size()) + 1;
    if (absl::EndsWith(line, "\r")) {
      line.remove_suffix(1);
      if (!carriage_return_) {
        Add("yaml/line-ending", number, static_cast<int>(CodePointCount(line)) + 1, "",
            "lines end with CR LF (Windows line endings); they end with LF alone",
            "choose \"LF\" in your editor, or run `vouch agreement fmt`");
      }
      carriage_return_ = true;
    }
    if (line.size() > kMostLineBytes) {
      Add("file/line-too-long", number, 1, line,
          absl::StrCat("this line has ", line.size(), " bytes; at most ", kMostLineBytes,
                       " are read"),
          "begin long text with `|` and break its lines; write lists item by item");
      text_.parseable = false;
      line = line.substr(0, kMostLineBytes);
    }
    ScannedLine scanned;
    scanned.original = line;
    scanned.text = std::string(line);
    int column = 1;
    bool tab = false;
    for (size_t at = 0; at < line.size(); ++column) {
      const CodePoint point = DecodeUtf8(line.substr(at));
      if (!point.valid) {
        Add("file/not-utf8", number, column, line.substr(at, 1),
            "this byte is not UTF-8 text; the file was probably saved in another encoding",
            "save the file as UTF-8");
        text_.parseable = false;
      } else if (point.value == '\t') {
        if (!tab) {
          Add("yaml/tab", number, column, "\\t", "a tab; only spaces are used",
              "replace it with spaces, two for each level");
        }
        tab = true;
        scanned.text[at] = ' ';
      } else if (point.value < 0x20 || point.value == 0x7F) {
        Add("yaml/control-character", number, column, line.substr(at, 1),
            "a control character, which nobody can see", "delete it");
        scanned.text[at] = ' ';
      } else if (IsHidden(point.value)) {
        Add("yaml/hidden-character", number, column, line.substr(at, point.size),
            absl::StrFormat("the character U+%04X cannot be seen, or changes the order in which "
                            "others are shown; what is printed must be what is signed",
                            static_cast<uint32_t>(point.value)),
            "delete it");
      }
      at += point.size;
    }
    text_.lines.push_back(std::move(scanned));
  }

  void Add(absl::string_view rule, int line, int column, absl::string_view offending,
           std::string message, std::string mend) {
    Finding finding;
    finding.rule = std::string(rule);
    finding.file = std::string(file_);
    finding.position = {line, column};
    finding.offending = Shown(offending);
    finding.message = std::move(message);
    finding.mend = std::move(mend);
    finding.cite = CiteForRule(rule);
    report_->Add(std::move(finding));
    // Line endings and the byte order mark say nothing about the line they are found on.
    if (rule != "yaml/line-ending" && rule != "yaml/byte-order-mark") {
      text_.faulty_lines.insert(line);
    }
  }

  absl::string_view file_;
  Report* report_;
  ScannedText text_;
  bool carriage_return_ = false;
};

}  // namespace

int ScannedLine::Column(size_t offset) const {
  int shift = 0;
  for (const Edit& edit : edits) {
    if (edit.at <= offset) shift += edit.added;
  }
  const int at = static_cast<int>(offset) - shift;
  const size_t bytes = at < 0 ? 0 : static_cast<size_t>(at);
  // Marks come mostly from left to right; counting on from the last one keeps long lines cheap.
  const size_t end = std::min(bytes, original.size());
  if (end < counted_bytes_) counted_bytes_ = counted_points_ = 0;
  counted_points_ += CodePointCount(original.substr(counted_bytes_, end - counted_bytes_));
  counted_bytes_ = end;
  return static_cast<int>(counted_points_) + 1;
}

void ScannedLine::Insert(size_t at, absl::string_view what) {
  text.insert(at, what.data(), what.size());
  edits.push_back({at, static_cast<int>(what.size())});
}

std::string ScannedText::Mended() const {
  std::string out;
  for (const ScannedLine& line : lines) absl::StrAppend(&out, line.text, "\n");
  return out;
}

Position ScannedText::PositionAt(int line, int column) const {
  if (lines.empty()) return {1, 1};
  if (line < 0) line = 0;
  if (static_cast<size_t>(line) >= lines.size()) line = static_cast<int>(lines.size()) - 1;
  const ScannedLine& scanned = lines[static_cast<size_t>(line)];
  return {line + 1, scanned.Column(static_cast<size_t>(column < 0 ? 0 : column))};
}

ScannedText ScanCharacters(absl::string_view file, absl::string_view bytes, Report* report) {
  return CharacterScan(file, report).Run(bytes);
}

ScannedText ScanText(absl::string_view file, absl::string_view bytes, Report* report) {
  ScannedText text = ScanCharacters(file, bytes, report);
  if (text.parseable) ScanStructure(file, &text, report);
  return text;
}

}  // namespace vouch::policies
