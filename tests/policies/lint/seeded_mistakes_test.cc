// tests/policies/data/mistakes/seeded.json: mistakes that officers make, each a small edit of a
// template, with the rule, place and words of what `check` must say about it. The table of them in
// docs/agreements-mistakes.md is compared; VOUCH_WRITE_MISTAKES=1 writes it anew.
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "policies/engine/unicode.h"
#include "tests/paths.h"
#include "tests/policies/lint/checked.h"

namespace vouch::policies::lint {
namespace {

using nlohmann::json;

std::vector<std::pair<std::string, std::string>> EditsOf(const json& list) {
  std::vector<std::pair<std::string, std::string>> edits;
  for (const json& edit : list) edits.emplace_back(edit["replace"], edit["with"]);
  return edits;
}

struct Made {
  std::string text;
  Report report;
};

Made Make(const json& mistake, const LintOptions& options) {
  const std::string name = mistake["template"];
  const std::string facts = TemplateText(name, "facts.yaml");
  std::string before;
  if (mistake.contains("before")) {
    before = Edited(TemplateText(mistake["before"]["template"], "agreement.yaml"),
                    EditsOf(mistake["before"]["edits"]));
  }
  std::string text = Edited(TemplateText(name, "agreement.yaml"), EditsOf(mistake["edits"]));
  text = absl::StrReplaceAll(
      text, {{"\"DIGEST\"",
              absl::StrCat("\"", before.empty() ? std::string(64, 'a') : DigestOf(before), "\"")}});
  const std::string edited_facts =
      mistake.contains("fact_edits") ? Edited(facts, EditsOf(mistake["fact_edits"])) : facts;
  return {text, CheckText(text, facts, edited_facts, before, options)};
}

// What stands at a position, to the end of its line.
std::string TextAt(const std::string& text, Position position) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (position.line < 1 || position.line > static_cast<int>(lines.size())) return "";
  const std::string& line = lines[static_cast<size_t>(position.line) - 1];
  const absl::string_view before =
      FirstCodePoints(line, static_cast<size_t>(std::max(0, position.column - 1)));
  return line.substr(before.size());
}

std::string At(const Finding& finding) {
  return absl::StrCat(finding.position.line, ":", finding.position.column);
}

bool HasAll(const std::string& text, const json& words) {
  for (const std::string word : words) {
    if (!absl::StrContains(text, word)) return false;
  }
  return true;
}

const Finding* FindWanted(const Report& report, const json& wanted) {
  for (const Finding& finding : report.findings()) {
    if (finding.rule == wanted["rule"] && At(finding) == wanted["at"] &&
        HasAll(finding.message, wanted["says"]) && HasAll(finding.mend, wanted["mend"])) {
      return &finding;
    }
  }
  return nullptr;
}

class SeededMistakesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    all_ = json::parse(FileText("mistakes/seeded.json"));
    options_ = OptionsOn(absl::CivilDay(2026, 11, 22));
  }
  json all_;
  LintOptions options_;
};

TEST_F(SeededMistakesTest, ThereAreFortyOfAllKinds) {
  std::map<std::string, int> kinds;
  for (const json& mistake : all_) ++kinds[mistake["kind"]];
  EXPECT_GE(all_.size(), 40u);
  for (const char* kind : {"typo", "trap", "legal", "privacy", "logic", "waiver", "many"}) {
    EXPECT_GE(kinds[kind], 3) << kind;
  }
}

TEST_F(SeededMistakesTest, EachIsFoundAtItsPlaceWithWhatToDo) {
  for (const json& mistake : all_) {
    SCOPED_TRACE(mistake["mistake"].get<std::string>());
    const Made made = Make(mistake, options_);
    for (const json& wanted : mistake["finds"]) {
      const Finding* found = FindWanted(made.report, wanted);
      ASSERT_NE(found, nullptr) << wanted.dump() << "\n" << made.report.ToText(made.text);
      const std::string points_at = wanted["points_at"];
      EXPECT_TRUE(absl::StartsWith(TextAt(made.text, found->position), points_at))
          << TextAt(made.text, found->position);
      EXPECT_FALSE(found->mend.empty());
    }
  }
}

// What is not wrong is not called wrong.
TEST_F(SeededMistakesTest, NothingElseIsAnError) {
  for (const json& mistake : all_) {
    SCOPED_TRACE(mistake["mistake"].get<std::string>());
    const Made made = Make(mistake, options_);
    size_t errors = 0;
    for (const Finding& finding : made.report.findings()) {
      if (finding.severity != Severity::kError) continue;
      ++errors;
      bool expected = false;
      for (const json& wanted : mistake["finds"]) {
        expected = expected || (finding.rule == wanted["rule"] && At(finding) == wanted["at"]);
      }
      EXPECT_TRUE(expected) << finding.rule << " " << At(finding) << " " << finding.message;
    }
    EXPECT_LE(errors, mistake["finds"].size());
  }
}

std::string Cell(std::string text) {
  text = Shown(text, 400);
  return absl::StrReplaceAll(text, {{"|", "\\|"}});
}

TEST_F(SeededMistakesTest, TheTableInTheDocsIsThis) {
  std::string table =
      "# Mistakes that `check` finds\n"
      "\n"
      "Seeded into templates by `tests/policies/lint/seeded_mistakes_test.cc`, which compares this "
      "page\n"
      "with what `vouch agreement check` says. Each row: the mistake, the rule, line and column in "
      "the\n"
      "spoilt file, the message, and how to mend it.\n"
      "\n"
      "| | kind | mistake | rule | line:column | message | mend |\n"
      "|---|---|---|---|---|---|---|\n";
  int number = 0;
  for (const json& mistake : all_) {
    ++number;
    const Made made = Make(mistake, options_);
    for (const json& wanted : mistake["finds"]) {
      const Finding* found = FindWanted(made.report, wanted);
      if (found == nullptr) continue;
      absl::StrAppend(&table, "| ", number, " | ", mistake["kind"].get<std::string>(), " | ",
                      Cell(mistake["mistake"]), " | `", found->rule, "` | ", At(*found), " | ",
                      Cell(found->message), " | ", Cell(found->mend), " |\n");
    }
  }
  const std::string path = "docs/agreements-mistakes.md";
  if (std::getenv("VOUCH_WRITE_MISTAKES") != nullptr) {
    std::ofstream(absl::StrCat(VOUCH_SOURCE_DIR, "/", path)) << table;
  }
  EXPECT_EQ(SourceText(path), table);
}

}  // namespace
}  // namespace vouch::policies::lint
