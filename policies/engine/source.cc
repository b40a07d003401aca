#include "policies/engine/source.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "policies/engine/unicode.h"

namespace vouch::policies {
namespace {

bool Before(const Finding& a, const Finding& b) {
  return std::make_pair(a.position.line, a.position.column) <
         std::make_pair(b.position.line, b.position.column);
}

absl::string_view SeverityName(const Finding& finding) {
  if (finding.waived.has_value()) return "waived";
  switch (finding.severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

// The line with a caret under the column, or nothing when the line is not at hand.
std::string Excerpt(absl::string_view source, Position position) {
  if (source.empty() || position.line < 1) return "";
  int line = 1;
  for (absl::string_view text : absl::StrSplit(source, '\n')) {
    if (line++ != position.line) continue;
    // Long lines are cut before the caret can leave the screen.
    constexpr int kWidth = 160;
    std::string shown = Shown(text, kWidth);
    std::string out = absl::StrFormat("%6d | %s\n", position.line, shown);
    if (position.column < 1 || position.column > kWidth) return out;
    // What stands before the caret is shown escaped, so the caret moves by what is shown.
    std::string before = Shown(FirstCodePoints(text, position.column - 1), kWidth);
    return absl::StrCat(out, "       | ", std::string(CodePointCount(before), ' '), "^\n");
  }
  return "";
}

// Optimal string alignment: insertions, deletions, changes and swaps of neighbours cost one each.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string Plain(absl::string_view word) {
  std::string out = absl::AsciiStrToLower(word);
  std::replace(out.begin(), out.end(), '-', '_');
  std::replace(out.begin(), out.end(), ' ', '_');
  return out;
}

}  // namespace

void Report::Add(Finding finding) {
  if (finding.severity == Severity::kError && !finding.waived.has_value()) {
    has_errors_ = true;
    if (absl::StartsWith(finding.rule, "yaml/") || absl::StartsWith(finding.rule, "file/")) {
      unreadable_ = true;
    }
  }
  if (findings_.size() >= kMostFindings) {
    ++left_out_;
    return;
  }
  auto same_file = [&](const Finding& f) { return f.file == finding.file; };
  auto first = std::find_if(findings_.begin(), findings_.end(), same_file);
  auto last = std::find_if_not(first, findings_.end(), same_file);
  findings_.insert(std::upper_bound(first, last, finding, Before), std::move(finding));
}

void Report::Merge(const Report& other) {
  for (const Finding& finding : other.findings_) Add(finding);
  left_out_ += other.left_out_;
  has_errors_ = has_errors_ || other.has_errors_;
  unreadable_ = unreadable_ || other.unreadable_;
}

bool Report::HasErrors() const { return has_errors_; }

bool Report::Unreadable() const { return unreadable_; }

std::string Report::ToText(absl::string_view source) const {
  std::string out;
  for (const Finding& f : findings_) {
    absl::StrAppend(&out, Shown(f.file, 200));
    if (f.position.line > 0) absl::StrAppend(&out, ":", f.position.line, ":", f.position.column);
    absl::StrAppend(&out, ": ", SeverityName(f), ": ", f.message, " [", f.rule, "]\n");
    absl::StrAppend(&out, Excerpt(source, f.position));
    if (!f.mend.empty()) absl::StrAppend(&out, "  mend: ", f.mend, "\n");
    if (!f.cite.empty()) absl::StrAppend(&out, "  see:  ", f.cite, "\n");
    if (!f.page.empty()) absl::StrAppend(&out, "  page: ", f.page, "\n");
    if (f.waived.has_value()) {
      absl::StrAppend(&out, "  waived by ", Shown(f.waived->by, 200), " until ", f.waived->until,
                      ": ", Shown(f.waived->reason, 2000), "\n");
    }
  }
  if (left_out_ > 0) {
    absl::StrAppend(&out, "and ", left_out_, " more findings; mend these first.\n");
  }
  return out;
}

std::string Report::ToJson() const {
  nlohmann::json all = nlohmann::json::array();
  for (const Finding& f : findings_) {
    nlohmann::json one = {{"severity", std::string(SeverityName(f))},
                          {"rule", f.rule},
                          {"file", f.file},
                          {"line", f.position.line},
                          {"column", f.position.column},
                          {"path", f.path},
                          {"offending", f.offending},
                          {"message", f.message},
                          {"mend", f.mend},
                          {"cite", f.cite}};
    if (!f.page.empty()) one["page"] = f.page;
    if (f.waived.has_value()) {
      one["waived"] = {
          {"by", f.waived->by}, {"reason", f.waived->reason}, {"until", f.waived->until}};
    }
    all.push_back(std::move(one));
  }
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Shown(absl::string_view text, size_t most) {
  std::string out;
  size_t at = 0;
  for (size_t count = 0; at < text.size(); ++count) {
    if (count == most) return absl::StrCat(out, "...");
    const CodePoint point = DecodeUtf8(text.substr(at));
    if (!point.valid) {
      absl::StrAppendFormat(&out, "\\x%02X", static_cast<unsigned char>(text[at]));
    } else if (IsHidden(point.value) || point.value < 0x20 || point.value == 0x7F) {
      absl::StrAppendFormat(&out, "\\u{%X}", static_cast<uint32_t>(point.value));
    } else {
      absl::StrAppend(&out, text.substr(at, point.size));
    }
    at += point.size;
  }
  return out;
}

std::string Nearest(absl::string_view word, const std::vector<std::string>& names) {
  const std::string plain = Plain(word.substr(0, 64));
  std::string best;
  // A third of the letters may be wrong: enough for slips, too little for another word.
  size_t best_distance = std::max<size_t>(1, plain.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(plain, Plain(name).substr(0, 64));
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace vouch::policies
