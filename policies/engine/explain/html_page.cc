#include "policies/engine/explain/html_page.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "policies/engine/page_shell.h"
#include "policies/engine/source.h"

namespace vouch::policies::explain {
namespace {

// The link to the line that a sentence or row comes from.
std::string LineLink(int line) {
  return absl::StrCat("<a class=\"n\" href=\"#line-", line, "\" aria-label=\"line ", line,
                      " of the agreement\">", line, "</a>");
}

std::string Span(const Sentence& sentence) {
  return absl::StrCat("<span class=\"s\">", Escaped(sentence.text), LineLink(sentence.line),
                      "</span>");
}

void WriteParagraph(const Block& block, std::string* out) {
  bool open = false;
  for (const Sentence& sentence : block.sentences) {
    if (sentence.quoted) {
      if (open) out->append("</p>\n");
      open = false;
      absl::StrAppend(out, "<blockquote><p dir=\"auto\">", Span(sentence), "</p></blockquote>\n");
      continue;
    }
    out->append(open ? " " : "<p>");
    out->append(Span(sentence));
    open = true;
  }
  if (open) out->append("</p>\n");
}

void WriteList(const Block& block, std::string* out) {
  int depth = -1;
  for (const Sentence& sentence : block.sentences) {
    const int wanted = sentence.depth < 0 ? 0 : sentence.depth;
    if (wanted <= depth) out->append("</li>\n");
    for (; depth > wanted; --depth) out->append("</ul></li>\n");
    for (; depth < wanted; ++depth) {
      out->append(depth + 1 < wanted ? "<ul><li>" : "<ul>");
    }
    absl::StrAppend(out, "<li>", Span(sentence));
  }
  for (; depth >= 0; --depth) out->append("</li></ul>\n");
}

void WriteTable(const Table& table, std::string* out) {
  // A short table is not torn apart on paper.
  absl::StrAppend(out, "<div class=\"wide\"><table class=\"",
                  table.rows.size() <= 8 ? "short" : "long", "\">\n<caption>",
                  Escaped(table.caption), "</caption>\n<thead><tr>");
  for (const std::string& heading : table.heading) {
    absl::StrAppend(out, "<th scope=\"col\">", Escaped(heading), "</th>");
  }
  out->append("<th scope=\"col\" class=\"ref\">line</th></tr></thead>\n<tbody>\n");
  for (const Row& row : table.rows) {
    out->append("<tr>");
    for (const std::string& cell : row.cells) {
      absl::StrAppend(out, "<td>", Escaped(cell), "</td>");
    }
    absl::StrAppend(out, "<td class=\"ref\">", LineLink(row.line), "</td></tr>\n");
  }
  out->append("</tbody></table></div>\n");
}

void WriteBlocks(const std::vector<Block>& blocks, std::string* out) {
  for (const Block& block : blocks) {
    switch (block.kind) {
      case Block::Kind::kParagraph:
        WriteParagraph(block, out);
        break;
      case Block::Kind::kList:
        WriteList(block, out);
        break;
      case Block::Kind::kTable:
        WriteTable(block.table, out);
        break;
    }
  }
}

void WriteSection(const Section& section, int level, std::string* out) {
  const std::string id = Escaped(section.id);
  absl::StrAppend(out, "<section aria-labelledby=\"", id, "\">\n<h", level, " id=\"", id, "\">",
                  Escaped(section.title), "</h", level, ">\n");
  WriteBlocks(section.blocks, out);
  for (const Section& part : section.parts) WriteSection(part, level + 1, out);
  out->append("</section>\n");
}

std::string Signatures(const Document& document) {
  std::string out = "<h2 id=\"signatures\">Signatures and digest</h2>\n<ul>\n";
  for (const std::string& line : SignatureLines(document)) {
    absl::StrAppend(&out, "<li>", Escaped(line), "</li>\n");
  }
  absl::StrAppend(&out, "</ul>\n<p>Agreement ", Escaped(document.agreement_id), ", revision ",
                  document.revision, ". SHA-256 of the exact file: <code>",
                  Escaped(document.digest), "</code></p>\n");
  return out;
}

}  // namespace

std::string Visible(absl::string_view text) {
  return Shown(text, std::numeric_limits<size_t>::max());
}

std::string Escaped(absl::string_view text) {
  const std::string visible = Visible(text);
  std::string out;
  out.reserve(visible.size());
  for (const char c : visible) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&quot;");
        break;
      case '\'':
        out.append("&#39;");
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::vector<std::string> SignatureLines(const Document& document) {
  std::vector<std::string> lines;
  if (document.signatures.empty()) {
    lines.push_back("Whether it is signed was not looked at.");
  }
  for (const AgencySignatures& agency : document.signatures) {
    lines.push_back(absl::StrCat(agency.agency, ": ", agency.state,
                                 !agency.complete.has_value() ? ""
                                 : *agency.complete           ? " (complete)"
                                                              : " (NOT COMPLETE)"));
    for (const Signer& signer : agency.signers) {
      lines.push_back(absl::StrCat(agency.agency, ", ", signer.name,
                                   signer.when.empty() ? "" : absl::StrCat(", ", signer.when),
                                   signer.valid
                                       ? (agency.complete.has_value() ? ": valid" : ": fits")
                                       : absl::StrCat(": NOT VALID, ", signer.why_not)));
    }
  }
  return lines;
}

std::string HtmlSections(const Document& document, int level) {
  std::string out;
  for (const Section& section : document.sections) WriteSection(section, level, &out);
  return out;
}

std::string HtmlSource(absl::string_view source) {
  std::string out = "<div class=\"source\">\n";
  absl::ConsumeSuffix(&source, "\n");
  int line = 0;
  for (const absl::string_view text : absl::StrSplit(source, '\n')) {
    ++line;
    absl::StrAppend(&out, "<div class=\"l\" id=\"line-", line, "\"><span class=\"no\">", line,
                    "</span><code>", Escaped(text), "</code></div>\n");
  }
  out.append("</div>\n");
  return out;
}

std::string HtmlPage(const Document& document) {
  std::string out =
      PageHead(PageUse::kAlone,
               absl::StrCat(Escaped(document.title), " (", Escaped(document.agreement_id),
                            ", revision ", document.revision, ")"),
               HtmlStyle());
  absl::StrAppend(&out,
                  "<a class=\"skip\" href=\"#main\">Skip to the explanation</a>\n<header>\n"
                  "<p class=\"kind\">Data-sharing agreement in plain words</p>\n<h1 dir=\"auto\">",
                  Escaped(document.title), "</h1>\n<dl class=\"facts\">\n<dt>Agreement</dt><dd>",
                  Escaped(document.agreement_id), "</dd>\n<dt>Revision</dt><dd>", document.revision,
                  "</dd>\n<dt>File</dt><dd>", Escaped(document.file),
                  "</dd>\n<dt>SHA-256</dt><dd><code>", Escaped(document.digest),
                  "</code></dd>\n</dl>\n",
                  document.test_only ? "<p class=\"test\">For tests only: it does not cover real "
                                       "people.</p>\n"
                                     : "",
                  "</header>\n");
  out.append("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n");
  for (const Section& section : document.sections) {
    absl::StrAppend(&out, "<li><a href=\"#", Escaped(section.id), "\">", Escaped(section.title),
                    "</a></li>\n");
  }
  out.append(
      "<li><a href=\"#source\">The agreement itself</a></li>\n"
      "<li><a href=\"#signatures\">Signatures and digest</a></li>\n</ol>\n</nav>\n"
      "<main id=\"main\">\n<p class=\"note\">The small number behind a sentence is the line of the "
      "agreement that it comes from.</p>\n");
  absl::StrAppend(
      &out, HtmlSections(document, 2),
      "<section class=\"print-page\" aria-labelledby=\"source\">\n<h2 id=\"source\">The "
      "agreement itself</h2>\n",
      HtmlSource(document.source), "</section>\n</main>\n<footer>\n", Signatures(document),
      "</footer>\n", kPageEnd);
  return out;
}

}  // namespace vouch::policies::explain
