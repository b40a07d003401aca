// What block lines and brackets have in common: one line of the file, its mending, and the values
// that may stand anywhere. Part of ScanStructure.
#ifndef VOUCH_POLICIES_ENGINE_LINE_SCAN_H_
#define VOUCH_POLICIES_ENGINE_LINE_SCAN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "policies/engine/scan.h"

namespace vouch::policies {

inline constexpr absl::string_view kQuoteIt = "put the whole text in straight double quotes";

// A comment, or nothing but spaces, from `at` on.
bool OnlyCommentFrom(absl::string_view text, size_t at);

class LineScan {
 protected:
  LineScan(absl::string_view file, ScannedText* text, Report* report)
      : text_(text), file_(file), report_(report) {}

  ScannedLine& line() { return text_->lines[static_cast<size_t>(number_) - 1]; }
  absl::string_view text() { return line().text; }

  void Add(absl::string_view rule, int number, int column, absl::string_view offending,
           std::string message, std::string mend);
  void AddAt(absl::string_view rule, size_t at, absl::string_view offending, std::string message,
             std::string mend);
  // Takes bytes out of the mended copy without moving what follows.
  void Blank(size_t from, size_t to);

  // Anchors, aliases, tags.
  void ScanMark(size_t at);
  // What a plain value may not begin with. True when the rest of the line is not worth scanning.
  bool CheckPlainStart(size_t at);
  // The offset behind a quoted text. It must close on its line; when it does not, it is closed at
  // the line's end, before brackets that end the line too.
  size_t ScanQuoted(size_t at, bool in_flow);
  // Reports anything but a comment from `end` on.
  void AfterValue(size_t end, absl::string_view what);

  ScannedText* text_;
  int number_ = 0;  // of the line, 1-based

 private:
  absl::string_view file_;
  Report* report_;
};

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_LINE_SCAN_H_
