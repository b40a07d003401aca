#include "policies/engine/diff/redline.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policies/engine/page_shell.h"

namespace vouch::policies::diff {
namespace {

using Lines = std::vector<absl::string_view>;

constexpr size_t kContext = 3;
constexpr int kMostEdits = 1500;  // work and memory grow with its square
constexpr size_t kMostShown = 16384;

Lines SplitLines(absl::string_view text) {
  absl::ConsumeSuffix(&text, "\n");
  if (text.empty()) return {};
  return absl::StrSplit(text, '\n');
}

// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986): furthest points by diagonal for
// each number of edits, then back along them, so that what is called is called from the end.
template <typename Take, typename Put, typename Keep>
bool ShortestEdits(const Lines& a, const Lines& b, const Take& take, const Put& put,
                   const Keep& keep) {
  const int n = static_cast<int>(a.size());
  const int m = static_cast<int>(b.size());
  const int most = std::min(n + m, kMostEdits);
  std::vector<std::vector<int>> rounds;
  std::vector<int> furthest(static_cast<size_t>(2 * most) + 3, 0);
  const auto at = [most](int diagonal) { return static_cast<size_t>(diagonal + most + 1); };
  bool met = false;
  for (int edits = 0; edits <= most && !met; ++edits) {
    rounds.emplace_back(furthest.begin() + most - edits, furthest.begin() + most + edits + 3);
    for (int k = -edits; k <= edits && !met; k += 2) {
      const bool down = k == -edits || (k != edits && furthest[at(k - 1)] < furthest[at(k + 1)]);
      int x = down ? furthest[at(k + 1)] : furthest[at(k - 1)] + 1;
      while (x < n && x - k < m && a[static_cast<size_t>(x)] == b[static_cast<size_t>(x - k)]) ++x;
      furthest[at(k)] = x;
      met = x >= n && x - k >= m;
    }
  }
  if (!met) return false;
  int x = n;
  int y = m;
  for (int edits = static_cast<int>(rounds.size()) - 1; edits >= 0; --edits) {
    const std::vector<int>& round = rounds[static_cast<size_t>(edits)];
    // round[0] is diagonal -edits - 1.
    const auto value = [&round, edits](int k) { return round[static_cast<size_t>(k + edits + 1)]; };
    const int k = x - y;
    const bool down = k == -edits || (k != edits && value(k - 1) < value(k + 1));
    const int from = down ? k + 1 : k - 1;
    const int from_x = edits == 0 ? 0 : value(from);
    const int from_y = from_x - (edits == 0 ? 0 : from);
    while (x > from_x && y > from_y) keep(--x, --y);
    if (edits == 0) break;
    if (down) {
      put(x, --y);
    } else {
      take(--x, y);
    }
  }
  return true;
}

std::string Html(absl::string_view text) {
  return absl::StrReplaceAll(
      Shown(text, kMostShown),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

absl::string_view EffectClass(Effect effect) {
  switch (effect) {
    case Effect::kWidens:
      return "widens";
    case Effect::kNarrows:
      return "narrows";
    case Effect::kCannotTell:
      return "cannot";
    case Effect::kNeutral:
      break;
  }
  return "neutral";
}

constexpr char kStyle[] =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}"
    "li{margin:0 0 1rem;padding-left:.75rem;border-left:.3rem solid #767676}"
    "li.widens{border-color:#b50909}li.narrows{border-color:#005ea2}li.cannot{border-color:#936f38}"
    "ol{padding-left:2rem}.effect{font-weight:700}.example{margin:.25rem 0}"
    "a{color:#005ea2}a:focus{outline:.2rem solid #2491ff}"
    "table{border-collapse:collapse;width:100%;font:14px/1.5 ui-monospace,monospace}"
    "td{padding:0 .5rem;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere}"
    "td.n{color:#5c5c5c;text-align:right;width:1%;white-space:nowrap}td.m{width:1%}"
    "del{text-decoration:line-through}ins{text-decoration:none;font-weight:700}"
    "tr.take{background:#fbdcd9}tr.put{background:#dff2e1}"
    "tr:target{outline:.15rem solid #2491ff}"
    ".word{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}";

std::string Link(absl::string_view prefix, const Position& position, absl::string_view name) {
  if (position.line == 0) return "";
  return absl::StrCat("<a href=\"#", prefix, position.line, "\">", Html(name), " line ",
                      position.line, "</a>");
}

}  // namespace

std::vector<DiffLine> LineDiff(absl::string_view before, absl::string_view after) {
  const Lines a = SplitLines(before);
  const Lines b = SplitLines(after);
  size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<DiffLine> lines;
  const auto number = [](size_t index) { return static_cast<int>(index) + 1; };
  for (size_t i = 0; i < head; ++i) lines.push_back({number(i), number(i), a[i]});
  const Lines a_middle(a.begin() + static_cast<long>(head), a.end() - static_cast<long>(tail));
  const Lines b_middle(b.begin() + static_cast<long>(head), b.end() - static_cast<long>(tail));
  std::vector<DiffLine> middle;
  const auto old_line = [&](int x) { return head + static_cast<size_t>(x); };
  const bool short_enough = ShortestEdits(
      a_middle, b_middle,
      [&](int x, int) {
        middle.push_back({number(old_line(x)), 0, a[old_line(x)]});
      },
      [&](int, int y) {
        middle.push_back({0, number(old_line(y)), b[old_line(y)]});
      },
      [&](int x, int y) {
        middle.push_back({number(old_line(x)), number(old_line(y)), a[old_line(x)]});
      });
  if (short_enough) {
    lines.insert(lines.end(), middle.rbegin(), middle.rend());
  } else {
    for (size_t i = head; i < a.size() - tail; ++i) lines.push_back({number(i), 0, a[i]});
    for (size_t i = head; i < b.size() - tail; ++i) lines.push_back({0, number(i), b[i]});
  }
  for (size_t i = 0; i < tail; ++i) {
    const size_t x = a.size() - tail + i;
    const size_t y = b.size() - tail + i;
    lines.push_back({number(x), number(y), a[x]});
  }
  return lines;
}

std::string LineDiffText(const std::vector<DiffLine>& lines) {
  std::vector<bool> wanted(lines.size(), false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].before != 0 && lines[i].after != 0) continue;
    const size_t from = i < kContext ? 0 : i - kContext;
    for (size_t j = from; j < std::min(lines.size(), i + kContext + 1); ++j) wanted[j] = true;
  }
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!wanted[i]) continue;
    if (i > 0 && !wanted[i - 1]) absl::StrAppend(&text, "...\n");
    const DiffLine& line = lines[i];
    absl::StrAppend(&text,
                    line.after == 0    ? "-"
                    : line.before == 0 ? "+"
                                       : " ",
                    " ", Shown(line.text, kMostShown), "\n");
  }
  return text;
}

std::string RedlinePage(const Difference& difference, const Side& before,
                        absl::string_view before_name, const Side& after,
                        absl::string_view after_name) {
  const std::string title =
      absl::StrCat("What changes in ", after.agreement->id, ": revision ",
                   before.agreement->revision, " and revision ", after.agreement->revision);
  std::string page =
      absl::StrCat(PageHead(PageUse::kAlone, Html(title), kStyle), "<h1>", Html(title),
                   "</h1>\n<p>From ", Html(before_name), " to ", Html(after_name), ": <strong>",
                   difference.Verdict(), "</strong>.</p>\n<h2>Changes in legal effect</h2>\n");
  if (difference.changes.empty()) {
    absl::StrAppend(&page, "<p>None. At most comments, order or spacing differ.</p>\n");
  } else {
    absl::StrAppend(&page, "<ol>\n");
    for (const Change& change : difference.changes) {
      absl::StrAppend(&page, "<li class=\"", EffectClass(change.effect),
                      "\"><span class=\"effect\">", EffectName(change.effect), "</span> ",
                      Html(change.text));
      if (!change.example.text.empty()) {
        absl::StrAppend(&page, "<p class=\"example\">For example: ", Html(change.example.text),
                        "</p>");
      }
      std::vector<std::string> links;
      for (const std::string& link :
           {Link("b", change.before, before_name), Link("a", change.after, after_name)}) {
        if (!link.empty()) links.push_back(link);
      }
      absl::StrAppend(&page, " <span>", absl::StrJoin(links, ", "), "</span></li>\n");
    }
    absl::StrAppend(&page, "</ol>\n");
  }
  absl::StrAppend(&page,
                  "<h2>Both texts</h2>\n<p>Lines marked &minus; and struck through were taken out, "
                  "lines marked + and bold were put in.</p>\n<table>\n<thead class=\"word\"><tr>"
                  "<th>Line before</th><th>Line after</th><th>Mark</th><th>Text</th></tr></thead>\n"
                  "<tbody>\n");
  for (const DiffLine& line : LineDiff(before.text, after.text)) {
    const bool taken = line.after == 0;
    const bool put = line.before == 0;
    const std::string text = Html(line.text);
    const std::string was = line.before == 0 ? "" : absl::StrCat(line.before);
    const std::string is = line.after == 0 ? "" : absl::StrCat(line.after);
    absl::StrAppend(
        &page, "<tr",
        taken ? " class=\"take\""
        : put ? " class=\"put\""
              : "",
        was.empty() ? absl::StrCat(" id=\"a", is, "\"") : absl::StrCat(" id=\"b", was, "\""),
        "><td class=\"n\">", was, "</td><td class=\"n\"",
        was.empty() || is.empty() ? "" : absl::StrCat(" id=\"a", is, "\""), ">", is,
        "</td><td class=\"m\">",
        taken ? "&minus;<span class=\"word\"> taken out</span>"
        : put ? "+<span class=\"word\"> put in</span>"
              : "",
        "</td><td>",
        taken ? "<del>"
        : put ? "<ins>"
              : "",
        text,
        taken ? "</del>"
        : put ? "</ins>"
              : "",
        "</td></tr>\n");
  }
  absl::StrAppend(&page, "</tbody>\n</table>\n", kPageEnd);
  return page;
}

}  // namespace vouch::policies::diff
