// Pairs of files with known legal effect, from tests/policies/diff/pairs: each says what was edited
// and every change that must be found, with its effect, its place and what its example says.
#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/paths.h"
#include "tests/policies/diff/opened.h"

namespace vouch::policies::diff {
namespace {

struct Edit {
  std::string file;
  std::string from;
  std::string to;
};
struct Pair {
  std::string name;
  bool draft = false;  // not a later revision
  std::vector<Edit> edits;
  std::vector<std::string> expected;
};

Pair ReadPair(const std::string& name) {
  Pair pair;
  pair.name = name;
  const std::string text = PairFile(absl::StrCat(name, ".pair"));
  for (absl::string_view part : absl::StrSplit(text, "=== ")) {
    const size_t end = part.find('\n');
    const absl::string_view head = part.substr(0, end);
    absl::string_view body = part.substr(end + 1);
    absl::ConsumeSuffix(&body, "\n");
    if (absl::ConsumePrefix(&part, "change ")) {
      pair.edits.push_back({std::string(part.substr(0, part.find('\n'))), std::string(body), ""});
    } else if (head == "to") {
      pair.edits.back().to = std::string(body);
    } else if (head == "draft") {
      pair.draft = true;
    } else if (head == "expect") {
      pair.expected = absl::StrSplit(body, '\n', absl::SkipEmpty());
    }
  }
  return pair;
}

std::vector<std::string> PairNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(
           absl::StrCat(VOUCH_SOURCE_DIR, "/tests/policies/diff/pairs"))) {
    if (entry.path().extension() == ".pair") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Texts Edited(const Pair& pair) {
  Texts texts;
  for (const Edit& edit : pair.edits) {
    std::string* text = edit.file == "facts"       ? &texts.facts
                        : edit.file == "guideline" ? &texts.guideline
                                                   : &texts.agreement;
    const size_t at = text->find(edit.from);
    EXPECT_NE(at, std::string::npos) << edit.from;
    if (at != std::string::npos) text->replace(at, edit.from.size(), edit.to);
  }
  if (!pair.draft) {
    const std::string digest = crypto::Hex(crypto::Sha256(Open(Texts()).text));
    texts.agreement = absl::StrReplaceAll(
        texts.agreement, {{"revision: 1", "revision: 2"},
                          {"replaces: \"none\"", absl::StrCat("replaces: \"", digest, "\"")}});
  }
  return texts;
}

bool Fits(const Change& change, absl::string_view expected) {
  const std::vector<std::string> parts = absl::StrSplit(expected, " | ");
  if (absl::StrCat(EffectName(change.effect), " ", change.path) != parts[0]) return false;
  const std::string said = absl::StrCat(change.text, " ", change.example.text);
  return std::all_of(parts.begin() + 1, parts.end(),
                     [&said](const std::string& part) { return absl::StrContains(said, part); });
}

std::string Described(const Difference& difference) {
  return ToText(difference, "before.yaml", "after.yaml");
}

class PairsTest : public testing::TestWithParam<std::string> {};

TEST_P(PairsTest, HasTheKnownEffect) {
  const Pair pair = ReadPair(GetParam());
  const Opened before = Open(Texts());
  const Opened after = Open(Edited(pair));
  ASSERT_NE(before.held, nullptr) << before.report.ToText(before.text);
  ASSERT_NE(after.held, nullptr) << after.report.ToText(after.text);

  const Difference difference = Compare(before.side(), after.side());
  std::vector<std::string> missing = pair.expected;
  for (const Change& change : difference.changes) {
    if (!pair.draft &&
        (change.path == "agreement.revision" || change.path == "agreement.replaces")) {
      EXPECT_EQ(change.effect, Effect::kNeutral);
      continue;
    }
    const auto found = std::find_if(missing.begin(), missing.end(),
                                    [&change](const auto& one) { return Fits(change, one); });
    if (found == missing.end()) {
      ADD_FAILURE() << "not expected: " << EffectName(change.effect) << " " << change.path << "\n"
                    << change.text << "\n"
                    << change.example.text;
    } else {
      missing.erase(found);
    }
  }
  EXPECT_TRUE(missing.empty()) << "missing: " << absl::StrJoin(missing, "\n") << "\n"
                               << Described(difference);
}

TEST_P(PairsTest, ExamplesComeOutAsTheySay) {
  const Opened before = Open(Texts());
  const Opened after = Open(Edited(ReadPair(GetParam())));
  ASSERT_TRUE(before.held != nullptr && after.held != nullptr);
  for (const Change& change : Compare(before.side(), after.side()).changes) {
    const Example& example = change.example;
    const bool directed = change.effect == Effect::kWidens || change.effect == Effect::kNarrows;
    EXPECT_EQ(!example.text.empty(), directed) << change.text;
    if (example.question.empty()) continue;
    const auto expect = [&](Outcome outcome, Outcome said) {
      if (said == Outcome::kAnswered) {
        EXPECT_NE(outcome, Outcome::kRefused) << example.text;
      } else {
        EXPECT_EQ(outcome, said) << example.text;
      }
    };
    expect(OutcomeAt(before, example), example.before);
    expect(OutcomeAt(after, example), example.after);
  }
}

TEST_P(PairsTest, BackwardsTheOtherWayRound) {
  Pair pair = ReadPair(GetParam());
  pair.draft = true;
  const Opened before = Open(Texts());
  const Opened after = Open(Edited(pair));
  ASSERT_TRUE(before.held != nullptr && after.held != nullptr);
  const Difference forth = Compare(before.side(), after.side());
  const Difference back = Compare(after.side(), before.side());
  EXPECT_EQ(forth.Widens(), back.Narrows()) << Described(forth) << Described(back);
  EXPECT_EQ(forth.Narrows(), back.Widens()) << Described(forth) << Described(back);
  EXPECT_EQ(forth.CannotTell(), back.CannotTell()) << Described(forth) << Described(back);
}

TEST_P(PairsTest, EveryChangeHasItsPlaceInTheFileThatHasIt) {
  const Opened before = Open(Texts());
  const Opened after = Open(Edited(ReadPair(GetParam())));
  ASSERT_TRUE(before.held != nullptr && after.held != nullptr);
  for (const Change& change : Compare(before.side(), after.side()).changes) {
    EXPECT_TRUE(change.before.line > 0 || change.after.line > 0) << change.text;
  }
}

INSTANTIATE_TEST_SUITE_P(Pairs, PairsTest, testing::ValuesIn(PairNames()), [](const auto& one) {
  return absl::StrReplaceAll(one.param, {{"-", "_"}});
});

TEST(PairFilesTest, AreManyAndComparedWithThemselvesNothing) {
  EXPECT_GE(PairNames().size(), 30u);
  const Opened opened = Open(Texts());
  const Difference difference = Compare(opened.side(), opened.side());
  EXPECT_TRUE(difference.changes.empty());
  EXPECT_TRUE(difference.same_bytes);
  EXPECT_TRUE(difference.Neutral());
  EXPECT_FALSE(difference.EndsChangeover());
}

}  // namespace
}  // namespace vouch::policies::diff
