// What is looked at in a file's text before it is parsed: characters, quotes, brackets, indentation
// and the parts of YAML we leave out. yaml-cpp accepts or misplaces these (a quote that is never
// closed swallows the rest of the file without an error), so they are found here, and mended in a
// copy so that the rest of the file can still be read for further errors.
#ifndef VOUCH_POLICIES_ENGINE_SCAN_H_
#define VOUCH_POLICIES_ENGINE_SCAN_H_

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policies/engine/source.h"

namespace vouch::policies {

// One line of the file and of its mended copy.
class ScannedLine {
 public:
  absl::string_view original;  // without line ending; bytes of the file scanned
  std::string text;            // mended
  struct Edit {
    size_t at = 0;  // byte offset in `text` from which the shift holds
    int added = 0;  // bytes added there, negative for removed
  };
  std::vector<Edit> edits;

  // The 1-based code point column in the file of a byte offset in `text`.
  int Column(size_t offset) const;
  void Insert(size_t at, absl::string_view what);

 private:
  mutable size_t counted_bytes_ = 0;
  mutable size_t counted_points_ = 0;
};

struct ScannedText {
  std::vector<ScannedLine> lines;
  std::set<int> faulty_lines;  // 1-based
  bool parseable = true;

  std::string Mended() const;
  // From yaml-cpp's zero-based line and byte column.
  Position PositionAt(int line, int column) const;
};

// Errors go to `report`. The result points into `bytes`.
ScannedText ScanText(absl::string_view file, absl::string_view bytes, Report* report);

// The half of it that looks at characters only: encoding, line endings, tabs, hidden characters.
ScannedText ScanCharacters(absl::string_view file, absl::string_view bytes, Report* report);

// The half that looks at structure, on what ScanCharacters left.
void ScanStructure(absl::string_view file, ScannedText* text, Report* report);

}  // namespace vouch::policies

#endif  // VOUCH_POLICIES_ENGINE_SCAN_H_
