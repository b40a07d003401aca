#include "client/vouch/draft_page.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/vouch/agreement_explanation.h"
#include "client/vouch/agreement_linting.h"
#include "client/vouch/agreement_source.h"
#include "crypto/digest.h"
#include "policies/engine/diff/diff.h"
#include "policies/engine/explain/html_page.h"
#include "policies/engine/page_shell.h"
#include "policies/engine/tree.h"

namespace vouch::client {
namespace {

namespace diff = policies::diff;
namespace explain = policies::explain;
using explain::Escaped;
using policies::Severity;

constexpr char kStyle[] = R"css(
.draft { max-width: none; }
textarea { width: 100%; min-height: 30rem; padding: .8rem; font-family: "Liberation Mono", ui-monospace,
  Consolas, monospace; font-size: .85rem; line-height: 1.5; border: 1px solid #6b7a90; background: #fff;
  color: #1c1c1c; resize: vertical; tab-size: 2; }
.buttons { display: flex; flex-wrap: wrap; gap: .6rem; margin: .8rem 0; }
button { font-size: 1rem; padding: .5rem 1.1rem; border: 1px solid #23395b; background: #fff; color: #14233b;
  border-radius: .25rem; cursor: pointer; }
button.first { background: #23395b; color: #fff; }
button.end { border-color: #8b1a1a; color: #8b1a1a; }
.said { padding: .6rem 1rem; border-left: 4px solid #14532d; background: #eef6f0; }
.said.bad { border-left-color: #8b1a1a; background: #fbeeee; }
.finding { border: 1px solid #d8d5cc; background: #fff; padding: .6rem 1rem; margin: .6rem 0; list-style: none; }
.finding p { margin: .2rem 0; }
.finding pre { margin: .3rem 0; white-space: pre-wrap; font-family: "Liberation Mono", ui-monospace, monospace;
  font-size: .8rem; background: #f3f5f9; padding: .3rem .6rem; }
.findings { padding: 0; }
.error { border-left: 4px solid #8b1a1a; } .warning { border-left: 4px solid #a15c00; }
.note-finding { border-left: 4px solid #3d5a80; }
.rule { color: #4a4a4a; font-size: .85rem; }
)css";

std::string SheetText() { return absl::StrCat(explain::HtmlStyle(), kStyle); }

absl::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      break;
  }
  return "error";
}

std::string FileName(const std::string& path) { return path.substr(FolderOf(path).size()); }

// The line that a finding is about; empty when there is none.
absl::string_view LineOf(const std::map<std::string, std::string>& sources,
                         const policies::Finding& finding) {
  const auto source = sources.find(finding.file);
  if (source == sources.end() || finding.position.line < 1) return "";
  absl::string_view rest = source->second;
  for (int line = 1; line < finding.position.line; ++line) {
    const size_t end = rest.find('\n');
    if (end == absl::string_view::npos) return "";
    rest.remove_prefix(end + 1);
  }
  return rest.substr(0, rest.find('\n'));
}

void WriteFinding(const policies::Finding& finding,
                  const std::map<std::string, std::string>& sources, const std::string& path,
                  std::string* out) {
  const bool waived = finding.waived.has_value();
  const absl::string_view severity = waived ? "waived" : SeverityName(finding.severity);
  std::string place = Escaped(FileName(finding.file));
  if (finding.position.line > 0) {
    absl::StrAppend(&place, ", line ", finding.position.line, ", column ", finding.position.column);
    if (finding.file == path) {
      place = absl::StrCat("<a href=\"#line-", finding.position.line, "\">", place, "</a>");
    }
  }
  absl::StrAppend(out, "<li class=\"finding ",
                  waived || finding.severity == Severity::kNote ? "note-finding" : severity,
                  "\">\n<p><strong>", severity, "</strong> in ", place, ": ",
                  Escaped(finding.message), "</p>\n");
  const absl::string_view line = absl::StripSuffix(LineOf(sources, finding), "\r");
  if (!line.empty()) absl::StrAppend(out, "<pre>", Escaped(line), "</pre>\n");
  if (!finding.mend.empty()) absl::StrAppend(out, "<p>mend: ", Escaped(finding.mend), "</p>\n");
  if (waived) {
    absl::StrAppend(out, "<p>waived by ", Escaped(finding.waived->by), " until ",
                    Escaped(finding.waived->until), ": ", Escaped(finding.waived->reason),
                    "</p>\n");
  }
  absl::StrAppend(out, "<p class=\"rule\">", Escaped(finding.rule),
                  finding.cite.empty() ? "" : "; see ", Escaped(finding.cite), "</p>\n</li>\n");
}

void WriteFindings(const policies::Report& report,
                   const std::map<std::string, std::string>& sources, const std::string& path,
                   std::string* out) {
  size_t errors = 0;
  size_t others = 0;
  for (const policies::Finding& finding : report.findings()) {
    const bool error = finding.severity == Severity::kError && !finding.waived.has_value();
    (error ? errors : others) += 1;
  }
  absl::StrAppend(out,
                  "<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n",
                  "<p>", errors, errors == 1 ? " error, " : " errors, ", others,
                  others == 1 ? " note or warning." : " notes and warnings.", "</p>\n");
  if (errors + others > 0) out->append("<ol class=\"findings\">\n");
  for (const policies::Finding& finding : report.findings()) {
    WriteFinding(finding, sources, path, out);
  }
  if (errors + others > 0) out->append("</ol>\n");
  if (report.left_out() > 0) {
    absl::StrAppend(out, "<p>", report.left_out(), " more were left out.</p>\n");
  }
  out->append("</section>\n");
}

void WriteChange(const diff::Change& change, std::string* out) {
  const bool alarming = change.effect == diff::Effect::kWidens;
  absl::StrAppend(out, "<li class=\"finding ",
                  alarming                                     ? "error"
                  : change.effect == diff::Effect::kCannotTell ? "warning"
                                                               : "note-finding",
                  "\">\n<p><strong>", diff::EffectName(change.effect), "</strong>");
  if (change.after.line > 0) {
    absl::StrAppend(out, ", <a href=\"#line-", change.after.line, "\">line ", change.after.line,
                    "</a>");
  } else if (change.before.line > 0) {
    absl::StrAppend(out, ", line ", change.before.line, " of the file before");
  }
  absl::StrAppend(out, ": ", Escaped(change.text), "</p>\n");
  if (!change.example.text.empty()) {
    absl::StrAppend(out, "<p>For example: ", Escaped(change.example.text), "</p>\n");
  }
  out->append("</li>\n");
}

// What `after` changes in legal effect; nothing to say when it is the same file.
void WriteDifference(const std::string& id, const std::string& title, const AgreementSource& before,
                     const AgreementSource& after, std::string* out) {
  if (before.bytes == after.bytes) return;
  absl::StrAppend(out, "<section aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">",
                  Escaped(title), "</h2>\n");
  if (before.held == nullptr || after.held == nullptr) {
    out->append("<p>What changes in legal effect is said here once neither text has errors.</p>\n");
  } else {
    const diff::Difference difference =
        diff::Compare(diff::SideOf(*before.held, before.catalog->tables(), before.bytes),
                      diff::SideOf(*after.held, after.catalog->tables(), after.bytes));
    absl::StrAppend(out, "<p>In all: <strong>", difference.Verdict(), "</strong>.</p>\n");
    if (!difference.changes.empty()) out->append("<ol class=\"findings\">\n");
    for (const diff::Change& change : difference.changes) WriteChange(change, out);
    if (!difference.changes.empty()) out->append("</ol>\n");
  }
  out->append("</section>\n");
}

std::string Hidden(absl::string_view name, absl::string_view value) {
  return absl::StrCat("<input type=\"hidden\" name=\"", name, "\" value=\"", Escaped(value),
                      "\">\n");
}

std::string Button(absl::string_view action, absl::string_view text, absl::string_view kind = "") {
  return absl::StrCat("<button type=\"submit\" name=\"action\" value=\"", action, "\" class=\"",
                      kind, "\">", text, "</button>\n");
}

std::string Head(const std::string& title) {
  return policies::PageHead(policies::PageUse::kServed, Escaped(title), SheetText());
}

void WriteForm(const PageRequest& request, const std::string& text, const std::string& based_on,
               std::string* out) {
  // A line feed behind <textarea> is not part of its text: HTML, 13.2.6.4.7.
  absl::StrAppend(
      out,
      "<form method=\"post\" enctype=\"multipart/form-data\" action=\"./\" "
      "accept-charset=\"utf-8\">\n",
      Hidden("token", request.token), Hidden("based_on", based_on),
      "<h2 id=\"text\"><label for=\"draft\">The text</label></h2>\n"
      "<textarea id=\"draft\" name=\"text\" rows=\"30\" spellcheck=\"false\" autocomplete=\"off\" "
      "autocapitalize=\"off\" wrap=\"soft\">\n");
  // Not Escaped: line feeds and tabs stay what they are; the text was made visible before.
  for (const char c : text) {
    switch (c) {
      case '&':
        out->append("&amp;");
        break;
      case '<':
        out->append("&lt;");
        break;
      default:
        out->push_back(c);
    }
  }
  absl::StrAppend(out, "</textarea>\n<div class=\"buttons\">\n",
                  Button("check", "Check, without saving", "first"), Button("save", "Save"),
                  "</div>\n</form>\n");
}

}  // namespace

std::vector<std::string> DraftPage::Styles() {
  return {SheetText(), std::string(explain::HtmlStyle())};
}

PageReply DraftPage::Show(const PageRequest& request, const std::string& text,
                          const std::string& based_on, const Notice& notice) const {
  policies::Report report;
  const AgreementSource source = OpenAgreementText(file_.path(), text, &report);
  const bool readable = source.held != nullptr && !report.HasErrors();
  LintSources({&source}, BuiltInLintOptions(people_), &report);
  const std::string name = FileName(file_.path());
  PageReply reply;
  std::string& out = reply.html;
  out = Head(absl::StrCat(name, ": draft"));
  absl::StrAppend(
      &out,
      "<a class=\"skip\" href=\"#main\">Skip to the draft</a>\n<header>\n<p class=\"kind\">Draft "
      "agreement</p>\n<h1>",
      Escaped(name), "</h1>\n<dl class=\"facts\">\n<dt>File</dt><dd>", Escaped(file_.path()),
      "</dd>\n<dt>Saved version</dt><dd><code>", Escaped(based_on),
      "</code></dd>\n</dl>\n</header>\n",
      "<nav aria-label=\"On this page\">\n<ol>\n<li><a href=\"#text\">The text</a></li>\n"
      "<li><a href=\"#findings\">Findings</a></li>\n<li><a href=\"#meaning\">What it "
      "means</a></li>\n"
      "<li><a href=\"#source\">The text with line numbers</a></li>\n"
      "<li><a href=\"print\">Page for printing, of the saved version</a></li>\n</ol>\n</nav>\n"
      "<main id=\"main\">\n");
  if (!notice.text.empty()) {
    absl::StrAppend(&out, "<p class=\"said",
                    notice.bad ? " bad\" role=\"alert\">" : "\" role=\"status\">",
                    Escaped(notice.text), "</p>\n");
  }
  if (file_.IsSigned()) {
    out.append(
        "<p class=\"said bad\">This file is signed. It cannot be saved here: make the next "
        "revision instead.</p>\n");
  }
  const std::string editable = EditableText(text);
  if (editable != text) {
    out.append(
        "<p class=\"said bad\">The file holds characters that nobody sees, or line endings of "
        "another system. In the box below they are written out as \\u{...} or mended; saving "
        "saves the text as you see it there.</p>\n");
  }
  WriteForm(request, editable, based_on, &out);
  WriteFindings(report, source.Sources(), file_.path(), &out);
  out.append("<section aria-labelledby=\"meaning\">\n<h2 id=\"meaning\">What it means</h2>\n");
  if (readable) {
    out.append(explain::HtmlSections(ExplainSource(source), 3));
  } else {
    out.append("<p>What the text means is said here once it has no errors.</p>\n");
  }
  out.append("</section>\n");
  policies::Report of_others;
  if (!against_.empty()) {
    const absl::StatusOr<AgreementSource> against = OpenAgreement(against_, &of_others);
    if (against.ok()) {
      WriteDifference("against", absl::StrCat("What changes against ", FileName(against_)),
                      *against, source, &out);
    }
  }
  if (const absl::StatusOr<AgreementSource> saved = OpenAgreement(file_.path(), &of_others);
      saved.ok()) {
    WriteDifference("changes", "What changes against the saved version", *saved, source, &out);
  }
  absl::StrAppend(
      &out,
      "<section aria-labelledby=\"source\">\n<h2 id=\"source\">The text with "
      "line numbers</h2>\n",
      explain::HtmlSource(text),
      "</section>\n</main>\n<footer>\n<form method=\"post\" enctype=\"multipart/form-data\" "
      "action=\"./\">\n",
      Hidden("token", request.token),
      "<p>This page runs on this machine only. What is not saved is lost when it ends.</p>\n",
      Button("quit", "End", "end"), "</form>\n</footer>\n", policies::kPageEnd);
  return reply;
}

PageReply DraftPage::Save(const PageRequest& request, const std::string& text) const {
  const auto based = request.fields.find("based_on");
  const std::string based_on = based == request.fields.end() ? "" : based->second;
  if (text.size() > policies::kMostFileBytes) {
    return Show(request, text, based_on, {"Not saved: the text has more than 256 KiB.", true});
  }
  const absl::Status replaced = file_.Replace(text, based_on);
  if (!replaced.ok()) {
    return Show(request, text, based_on,
                {absl::StrCat("Not saved: ", std::string(replaced.message()), "."), true});
  }
  return Show(request, text, crypto::Hex(crypto::Sha256(text)),
              {"Saved. What is found below may still be mended.", false});
}

PageReply DraftPage::Printable() const {
  const absl::StatusOr<std::string> text = file_.Read();
  policies::Report report;
  PageReply reply;
  if (text.ok()) {
    const AgreementSource source = OpenAgreementText(file_.path(), *text, &report);
    if (source.held != nullptr && !report.HasErrors()) {
      reply.html = explain::HtmlPage(ExplainSource(source));
      return reply;
    }
  }
  reply.html =
      absl::StrCat(Head("Nothing to print"),
                   "<main>\n<h1>Nothing to print</h1>\n<p>The saved version has errors; <a "
                   "href=\"./\">mend them first</a>.</p>\n</main>\n",
                   policies::kPageEnd);
  return reply;
}

PageReply DraftPage::Answer(const PageRequest& request) const {
  if (!request.submitted && request.page == "print") return Printable();
  if (!request.page.empty()) {
    PageReply reply;
    reply.status = 404;
    reply.html = absl::StrCat(Head("Not here"),
                              "<main>\n<h1>There is no such page</h1>\n<p><a "
                              "href=\"./\">The draft</a></p>\n</main>\n",
                              policies::kPageEnd);
    return reply;
  }
  if (!request.submitted) {
    const absl::StatusOr<std::string> text = file_.Read();
    if (!text.ok()) return Show(request, "", "", {std::string(text.status().message()), true});
    return Show(request, *text, crypto::Hex(crypto::Sha256(*text)), {});
  }
  const auto field = [&request](const std::string& name) {
    const auto found = request.fields.find(name);
    return found == request.fields.end() ? std::string() : found->second;
  };
  const std::string action = field("action");
  if (action == "quit") {
    PageReply reply;
    reply.html = absl::StrCat(Head("Ended"),
                              "<main>\n<h1>Ended</h1>\n<p>This page has ended; you can close "
                              "it.</p>\n</main>\n",
                              policies::kPageEnd);
    reply.end = true;
    return reply;
  }
  const std::string text = SubmittedText(field("text"));
  if (action == "save") return Save(request, text);
  return Show(request, text, field("based_on"), {"Checked, not saved.", false});
}

}  // namespace vouch::client
