#include "policies/engine/explain/html_page.h"

namespace vouch::policies::explain {

// Sizes are relative and no paper is named, so that Letter and A4 both print. Contrast is at least
// 7 to 1 for text (WCAG 2.1, 1.4.6). Long words break anywhere rather than widen the page.
absl::string_view HtmlStyle() {
  return R"css(
:root { color-scheme: light; }
* { box-sizing: border-box; }
html { font-size: 100%; -webkit-text-size-adjust: 100%; scroll-behavior: auto; }
body { margin: 0; background: #fdfcf9; color: #1c1c1c; line-height: 1.55;
  font-family: Georgia, "Source Serif 4", "Liberation Serif", "Times New Roman", serif;
  overflow-wrap: anywhere; }
body > header, body > nav, main, body > footer { max-width: 46rem; margin: 0 auto; padding: 0 1.25rem; }
body > header { padding-top: 3rem; border-bottom: 2px solid #23395b; padding-bottom: 1.25rem; }
.kind { margin: 0; color: #4a4a4a; font-family: system-ui, "Liberation Sans", sans-serif;
  font-size: .85rem; letter-spacing: .06em; text-transform: uppercase; }
h1, h2, h3, h4, h5, th, caption, nav, footer, dt, .n, .no, button, label, legend, .note
  { font-family: system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: .4rem 0 .8rem; color: #14233b; unicode-bidi: isolate; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .6rem; color: #14233b; line-height: 1.3; }
h3 { font-size: 1.08rem; margin: 1.8rem 0 .5rem; color: #23395b; line-height: 1.35; }
h4, h5 { font-size: 1rem; margin: 1.4rem 0 .4rem; color: #23395b; }
p { margin: .6rem 0; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; font-size: .95rem; }
dl.facts dt { color: #4a4a4a; font-size: .85rem; padding-top: .1rem; }
dl.facts dd { margin: 0; min-width: 0; }
.test { display: inline-block; margin: .2rem 0 0; padding: .1rem .6rem; border: 1px solid #7a4b00;
  color: #6b4100; background: #fff4dc; border-radius: .2rem; font-size: .9rem; }
a { color: #0b4a8f; }
a:focus-visible, button:focus-visible, textarea:focus-visible, input:focus-visible
  { outline: 3px solid #0b4a8f; outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; background: #fff; padding: .5rem 1rem; z-index: 1; }
nav ol { columns: 2; column-gap: 2rem; padding-left: 1.4rem; margin: .5rem 0 0; font-size: .92rem; }
nav h2 { margin-top: 1.6rem; font-size: 1rem; }
.s { unicode-bidi: isolate; }
.n { font-size: .68rem; vertical-align: .35em; line-height: 1; margin-left: .2em; color: #3d5a80;
  text-decoration: none; white-space: nowrap; }
.n:hover { text-decoration: underline; }
blockquote { margin: .5rem 0 .8rem; padding: .35rem 1rem; border-left: 3px solid #9db2cf; background: #f3f5f9; }
blockquote p { margin: 0; }
ul { margin: .4rem 0 .8rem; padding-left: 1.4rem; }
ul ul { margin: .1rem 0; }
li { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .9rem 0 1.1rem; width: 100%; font-size: .92rem;
  font-variant-numeric: tabular-nums lining-nums; }
caption { text-align: left; font-size: .85rem; color: #3a3a3a; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #d8d5cc; }
th { font-size: .8rem; font-weight: 600; color: #3a3a3a; border-bottom-color: #6b7a90; }
/* A word of usual length is not broken; a longer one breaks before it widens the page. */
th, td { min-width: 14ch; }
td { unicode-bidi: isolate; }
td.ref, th.ref { text-align: right; padding-right: 0; min-width: 4.5ch; width: 4.5ch; }
.source { font-family: "Liberation Mono", ui-monospace, Consolas, monospace; font-size: .8rem; line-height: 1.5;
  border: 1px solid #d8d5cc; background: #fff; padding: .5rem 0; margin: .8rem 0; }
.l { display: flex; padding: 0 .6rem 0 0; break-inside: avoid; }
.l:target { background: #fff0b8; }
.no { flex: 0 0 4.2em; text-align: right; padding-right: 1em; color: #555; user-select: none; font-size: .95em; }
.l code { flex: 1 1 auto; min-width: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit;
  unicode-bidi: isolate; }
body > footer { border-top: 2px solid #23395b; margin-top: 2.5rem; padding-top: 1rem; padding-bottom: 3rem; font-size: .88rem; }
footer ul { padding-left: 1.1rem; }
.good { color: #14532d; } .bad { color: #8b1a1a; }
@media (max-width: 40rem) { nav ol { columns: 1; } body > header { padding-top: 1.5rem; }
  dl.facts { grid-template-columns: 1fr; } }
@media print {
  @page { margin: 20mm 18mm 22mm; }
  body { background: #fff; font-size: 10.5pt; line-height: 1.4; }
  body > header, body > nav, main, body > footer { max-width: none; padding-left: 0; padding-right: 0; }
  body > header { padding-top: 0; }
  .skip, .screen { display: none; }
  h2, h3, h4, caption { break-after: avoid; }
  tr, blockquote, li, table.short { break-inside: avoid; }
  p { orphans: 3; widows: 3; }
  thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
  .n::before { content: "["; } .n::after { content: "]"; }
  .n { color: #333; }
  .print-page { break-before: page; }
  .l:target { background: none; }
  .wide { overflow: visible; }
  .source { border: 0; padding: 0; font-size: 8pt; }
}
)css";
}

}  // namespace vouch::policies::explain
