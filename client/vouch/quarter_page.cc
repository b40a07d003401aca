#include "client/vouch/quarter_page.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/vouch/console.h"
#include "policies/engine/explain/html_page.h"
#include "policies/engine/explain/words.h"
#include "policies/engine/page_shell.h"

namespace vouch::client {
namespace {

namespace explain = policies::explain;
using server::ledger::oversight::Cell;

std::string CountText(const Cell& cell) {
  return cell.shown ? explain::Grouped(static_cast<int64_t>(cell.count)) : "not shown";
}

std::string Rule(uint64_t minimum) {
  return absl::StrCat(
      "Counts from 1 to ", minimum - 1,
      " are not shown, and where one alone would be missing, so that it could be found by "
      "subtraction, neither is the next smallest. Where many counts are nearly all ones, their "
      "names are left out as well. A question about a household counts once.");
}

// A bar for each count that is shown. The numbers stand in the table below it, so what the picture
// says is said twice.
std::string Plot(const ReportRow& row, const std::string& id) {
  constexpr int kBar = 22;
  constexpr int kLabels = 320;
  constexpr int kWidth = 310;
  uint64_t most = 1;
  for (const Cell& cell : row.counts.cells) most = std::max(most, cell.shown ? cell.count : 0);
  const auto count = static_cast<int>(row.counts.cells.size());
  std::string out =
      absl::StrCat("<svg role=\"img\" aria-labelledby=\"", id, "-t ", id, "-d\" viewBox=\"0 0 720 ",
                   count * kBar + 4, "\" width=\"100%\">\n<title id=\"", id, "-t\">",
                   explain::Escaped(row.title), "</title>\n<desc id=\"", id,
                   "-d\">A bar for each count; the table that follows has the same "
                   "numbers.</desc>\n");
  int y = 2;
  for (const Cell& cell : row.counts.cells) {
    const auto length =
        cell.shown
            ? static_cast<int>(static_cast<double>(cell.count) * kWidth / static_cast<double>(most))
            : 0;
    absl::StrAppend(&out, "<text x=\"", kLabels - 8, "\" y=\"", y + 15, "\" text-anchor=\"end\">",
                    explain::Escaped(cell.name), "</text>\n");
    if (length > 0) {
      absl::StrAppend(&out, "<rect x=\"", kLabels, "\" y=\"", y + 3, "\" width=\"", length,
                      "\" height=\"", kBar - 7, "\"/>\n");
    }
    absl::StrAppend(&out, "<text x=\"", kLabels + length + 6, "\" y=\"", y + 15, "\">",
                    CountText(cell), "</text>\n");
    y += kBar;
  }
  absl::StrAppend(&out, "</svg>\n");
  return out;
}

std::string TableHtml(const ReportRow& row) {
  std::string out =
      absl::StrCat("<table><caption>", explain::Escaped(row.title),
                   ", in numbers</caption>\n<tr><th scope=\"col\">which</th><th scope=\"col\">"
                   "how many</th></tr>\n");
  for (const Cell& cell : row.counts.cells) {
    absl::StrAppend(&out, "<tr><td>", explain::Escaped(cell.name), "</td><td>", CountText(cell),
                    "</td></tr>\n");
  }
  absl::StrAppend(&out, "<tr><td>all</td><td>", CountText(row.counts.total),
                  "</td></tr>\n</table>\n");
  return out;
}

std::string RowsHtml(const std::vector<ReportRow>& rows, const std::string& id) {
  std::string out;
  size_t number = 0;
  for (const ReportRow& row : rows) {
    if (row.counts.cells.empty()) continue;
    absl::StrAppend(&out, "<h3>", explain::Escaped(row.title), "</h3>\n",
                    Plot(row, absl::StrCat(id, "-", ++number)), TableHtml(row));
  }
  return out;
}

void AppendRows(const std::vector<ReportRow>& rows, std::string* out) {
  for (const ReportRow& row : rows) {
    if (row.counts.cells.empty()) continue;
    absl::StrAppend(out, "  ", row.title, "\n");
    size_t widest = 3;
    for (const Cell& cell : row.counts.cells) widest = std::max(widest, cell.name.size());
    const auto line = [&](const std::string& name, const Cell& cell) {
      absl::StrAppend(out, "    ", name, std::string(widest - name.size() + 2, ' '),
                      CountText(cell), "\n");
    };
    for (const Cell& cell : row.counts.cells) line(cell.name, cell);
    line("all", row.counts.total);
  }
}

nlohmann::ordered_json CellJson(const Cell& cell) {
  return cell.shown ? nlohmann::ordered_json(cell.count) : nlohmann::ordered_json();
}

nlohmann::ordered_json RowsJson(const std::vector<ReportRow>& rows) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const ReportRow& row : rows) {
    nlohmann::ordered_json counts = nlohmann::ordered_json::object();
    for (const Cell& cell : row.counts.cells) counts[cell.name] = CellJson(cell);
    json[row.id] = {{"counts", counts}, {"all", CellJson(row.counts.total)}};
  }
  return json;
}

constexpr absl::string_view kPlotStyle =
    "\nsvg { display: block; margin: .6rem 0; break-inside: avoid; }\n"
    "svg text { font: 13px system-ui, \"Liberation Sans\", sans-serif; fill: #1c1c1c; }\n"
    "svg rect { fill: #23395b; }\n";

}  // namespace

namespace {

std::string GoneWords(const QuarterReport& report) {
  if (report.gone == 0) return "";
  return absl::StrCat(
      explain::Grouped(static_cast<int64_t>(report.gone)), report.gone == 1 ? " entry" : " entries",
      report.gone_before.has_value()
          ? absl::StrCat(", none younger than ", TimeText(*report.gone_before), ",")
          : "",
      " ", report.gone == 1 ? "is" : "are",
      " no longer in this journal (pruned, or archived): what of this quarter is among them is not "
      "counted.");
}

std::string NothingWords(const QuarterReport& report) {
  return report.gone == 0 && report.lost.empty()
             ? "Nothing was asked in this quarter."
             : "Nothing that this journal still holds was asked in this quarter.";
}

// What is missing from the counts, a sentence each.
std::vector<std::string> MissingWords(const QuarterReport& report) {
  std::vector<std::string> sentences;
  if (!report.ends.empty()) {
    sentences.push_back(absl::StrCat(
        "The quarter is not over: it ends on ", report.ends,
        " (UTC), and what is asked until then is not counted. Whoever sees this report and that of "
        "the whole quarter sees the difference; publish only the latter."));
  }
  if (report.gone > 0) sentences.push_back(GoneWords(report));
  for (const std::string& lost : report.lost) {
    sentences.push_back(absl::StrCat(lost, " What of this quarter is among them is not counted."));
  }
  return sentences;
}

}  // namespace

std::string QuarterReport::Text() const {
  std::string out = absl::StrCat("LEDGER REPORT ", quarter, "\n", responder, ", from ", origin,
                                 ", made ", TimeText(made), "\n", Rule(minimum), "\n");
  for (const std::string& missing : MissingWords(*this)) absl::StrAppend(&out, missing, "\n");
  for (const ReportAgreement& agreement : agreements) {
    absl::StrAppend(&out, "\n", agreement.id,
                    agreement.title.empty() ? "" : absl::StrCat(": ", agreement.title), "\n");
    AppendRows(agreement.rows, &out);
    for (const std::string& sentence : agreement.sentences) {
      absl::StrAppend(&out, "  ", sentence, "\n");
    }
  }
  if (agreements.empty()) absl::StrAppend(&out, "\n", NothingWords(*this), "\n");
  if (!elsewhere.empty()) {
    absl::StrAppend(&out, "\nUnder no agreement\n");
    AppendRows(elsewhere, &out);
  }
  return out;
}

std::string QuarterReport::Html() const {
  std::string out = absl::StrCat(
      policies::PageHead(policies::PageUse::kAlone,
                         absl::StrCat("Ledger report ", quarter, ", ", explain::Escaped(responder)),
                         absl::StrCat(explain::HtmlStyle(), kPlotStyle)),
      "<header>\n<p class=\"kind\">Ledger "
      "report</p>\n<h1>",
      explain::Escaped(responder), ", ", quarter,
      "</h1>\n<dl class=\"facts\">\n<dt>Ledger</dt><dd>", explain::Escaped(origin),
      "</dd>\n<dt>Made</dt><dd>", TimeText(made), "</dd>\n</dl>\n</header>\n<main>\n<p>",
      Rule(minimum), "</p>\n");
  for (const std::string& missing : MissingWords(*this)) {
    absl::StrAppend(&out, "<p>", explain::Escaped(missing), "</p>\n");
  }
  size_t number = 0;
  for (const ReportAgreement& agreement : agreements) {
    absl::StrAppend(&out, "<section>\n<h2>", explain::Escaped(agreement.id),
                    agreement.title.empty() ? "" : ": ", explain::Escaped(agreement.title),
                    "</h2>\n");
    for (const std::string& sentence : agreement.sentences) {
      absl::StrAppend(&out, "<p>", explain::Escaped(sentence), "</p>\n");
    }
    absl::StrAppend(&out, RowsHtml(agreement.rows, absl::StrCat("plot-", ++number)),
                    "</section>\n");
  }
  if (agreements.empty()) absl::StrAppend(&out, "<p>", NothingWords(*this), "</p>\n");
  if (!elsewhere.empty()) {
    absl::StrAppend(&out, "<section>\n<h2>Under no agreement</h2>\n", RowsHtml(elsewhere, "plot-0"),
                    "</section>\n");
  }
  absl::StrAppend(&out, "</main>\n", policies::kPageEnd);
  return out;
}

nlohmann::ordered_json QuarterReport::ToJson() const {
  nlohmann::ordered_json json;
  json["format"] = "vouch-ledger-report/1";
  json["responder"] = responder;
  json["origin"] = origin;
  json["quarter"] = quarter;
  json["made"] = TimeText(made);
  json["minimum_count"] = minimum;
  if (gone > 0) {
    json["not_in_journal"] = {{"entries", gone}};
    if (gone_before.has_value()) json["not_in_journal"]["before"] = TimeText(*gone_before);
  }
  if (!lost.empty()) json["lost"] = lost;
  if (!ends.empty()) json["not_over_until"] = ends;
  json["agreements"] = nlohmann::ordered_json::array();
  for (const ReportAgreement& agreement : agreements) {
    json["agreements"].push_back({{"agreement", agreement.id},
                                  {"title", agreement.title},
                                  {"rows", RowsJson(agreement.rows)},
                                  {"says", agreement.sentences}});
  }
  json["under_no_agreement"] = RowsJson(elsewhere);
  return json;
}

}  // namespace vouch::client
