// Two texts line by line: what `fmt --diff` prints, and the redline page of `diff --html`.
#ifndef VOUCH_POLICIES_ENGINE_DIFF_REDLINE_H_
#define VOUCH_POLICIES_ENGINE_DIFF_REDLINE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policies/engine/diff/diff.h"

namespace vouch::policies::diff {

struct DiffLine {
  int before = 0;  // line number, from 1; 0 when it was added
  int after = 0;   // 0 when it was taken out
  absl::string_view text;
};
// Fewest changed lines, except for texts that have little in common: what differs between their
// first and last common lines is then taken out and put in whole.
std::vector<DiffLine> LineDiff(absl::string_view before, absl::string_view after);

// Changed lines with three around them, marked - and +. Everything else as Shown shows it.
std::string LineDiffText(const std::vector<DiffLine>& lines);

// One self-contained page without script: the changes in legal effect on top, each linked to its
// lines, below both texts in one with what was taken out and put in, told apart by marks and words,
// not by colour alone. Everything from the files is escaped.
std::string RedlinePage(const Difference& difference, const Side& before,
                        absl::string_view before_name, const Side& after,
                        absl::string_view after_name);

}  // namespace vouch::policies::diff

#endif  // VOUCH_POLICIES_ENGINE_DIFF_REDLINE_H_
