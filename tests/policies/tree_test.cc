#include "policies/engine/tree.h"

#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vouch::policies {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// What is reported for a text: rule, line, column.
using Found = std::tuple<std::string, int, int>;

std::vector<Found> Findings(absl::string_view text) {
  Report report;
  ReadTree("a.yaml", text, &report);
  std::vector<Found> found;
  for (const Finding& f : report.findings()) {
    found.emplace_back(f.rule, f.position.line, f.position.column);
    EXPECT_FALSE(f.message.empty());
    EXPECT_FALSE(f.mend.empty());
    EXPECT_FALSE(f.cite.empty());
  }
  return found;
}

Tree MustRead(absl::string_view text) {
  Report report;
  absl::optional<Tree> tree = ReadTree("a.yaml", text, &report);
  EXPECT_TRUE(report.findings().empty()) << report.ToText(text);
  EXPECT_TRUE(tree.has_value());
  return tree.has_value() ? *tree : Tree();
}

TEST(ReadTreeTest, KnowsWhereEveryKeyAndValueStands) {
  const Tree tree = MustRead(
      "# comment\n"
      "a: \"x\"\n"
      "größe: {b: 1, c: [2, \"drei\"]}   # behind\n"
      "list:\n"
      "  - k: v\n"
      "    l: |\n"
      "      text\n"
      "      more\n"
      "  - 5\n");
  EXPECT_EQ(tree.root.entries.size(), 3u);
  EXPECT_EQ(tree.root.entries[1].key, "größe");
  const Node& flow = tree.root.entries[1].value;
  EXPECT_EQ(flow.position.line, 3);
  EXPECT_EQ(flow.position.column, 8);  // code points, not bytes
  EXPECT_EQ(flow.entries[1].position.column, 15);
  EXPECT_EQ(flow.entries[1].value.items[1].text, "drei");
  EXPECT_EQ(flow.entries[1].value.items[1].position.column, 22);
  EXPECT_EQ(NodeAt(tree.root, "list[1].l").text, "text\nmore\n");
  EXPECT_EQ(NodeAt(tree.root, "list[1].l").style, Node::Style::kBlock);
  EXPECT_EQ(NodeAt(tree.root, "list[1]").position.line, 5);
  EXPECT_EQ(NodeAt(tree.root, "list[1]").position.column, 5);
  EXPECT_EQ(NodeAt(tree.root, "list[2]").text, "5");
}

TEST(ReadTreeTest, ANodeAtAPathThatEndsEarlyIsTheLastOnIt) {
  const Tree tree = MustRead("a:\n  b: 1\n");
  EXPECT_EQ(&NodeAt(tree.root, "a.x.y"), &NodeAt(tree.root, "a"));
  EXPECT_EQ(&NodeAt(tree.root, "a[3]"), &NodeAt(tree.root, "a"));
}

TEST(ReadTreeTest, AListMayStandUnderItsKey) {
  const Tree tree = MustRead("a:\n- 1\n- 2\nb: 3\n");
  EXPECT_EQ(NodeAt(tree.root, "a").items.size(), 2u);
}

TEST(ReadTreeTest, BracketsMayGoOnOverLines) {
  const Tree tree = MustRead("a: [1,\n    2,  # two\n    3]\nb: {\n  c: 1\n}\n");
  EXPECT_EQ(NodeAt(tree.root, "a").items.size(), 3u);
  EXPECT_EQ(NodeAt(tree.root, "b.c").text, "1");
}

TEST(ReadTreeTest, ListsWithinListsKeepTheirShape) {
  const Tree tree = MustRead("a:\n  - - 1\n    - 2\n  -\n    b: 3\n    c: 4\n  - - - 5\n");
  EXPECT_EQ(NodeAt(tree.root, "a[1]").items.size(), 2u);
  EXPECT_EQ(NodeAt(tree.root, "a[2].c").text, "4");
  EXPECT_EQ(NodeAt(tree.root, "a[3][1][1]").text, "5");
}

TEST(ReadTreeTest, ProseKeepsItsQuotesColonsAndHashes) {
  const Tree tree =
      MustRead("a: |\n  She said: \"no\" # not a comment\n\n    - indented\nb: >-\n  x\n  y\n");
  EXPECT_EQ(NodeAt(tree.root, "a").text, "She said: \"no\" # not a comment\n\n  - indented\n");
  EXPECT_EQ(NodeAt(tree.root, "b").text, "x y");
}

struct Trap {
  const char* name;
  const char* text;
  std::vector<Found> found;
};

class TrapTest : public ::testing::TestWithParam<Trap> {};

TEST_P(TrapTest, IsReportedWhereItIs) { EXPECT_EQ(Findings(GetParam().text), GetParam().found); }

INSTANTIATE_TEST_SUITE_P(
    All, TrapTest,
    ::testing::Values(
        Trap{"DuplicateKey", "a: 1\nb: 2\na: 3\n", {{"yaml/duplicate-key", 3, 1}}},
        Trap{"DuplicateKeyInBrackets", "x: {a: 1, a: 2}\n", {{"yaml/duplicate-key", 1, 11}}},
        Trap{"UnclosedQuoteAtItsBeginning",
             "a: \"x\nb: \"y\"\nc: 1\n",
             {{"yaml/unclosed-quote", 1, 4}}},
        Trap{"UnclosedSingleQuote", "a: 'x\nb: 1\n", {{"yaml/unclosed-quote", 1, 4}}},
        Trap{"UnclosedQuoteInBrackets",
             "a: {b: \"x, c: 1}\nd: 2\n",
             {{"yaml/unclosed-quote", 1, 8}}},
        Trap{"TwoUnclosedQuotes",
             "a: \"x\nb: \"y\nc: 1\n",
             {{"yaml/unclosed-quote", 1, 4}, {"yaml/unclosed-quote", 2, 4}}},
        Trap{"QuoteWithinQuotes", "a: \"x \"y\" z\"\n", {{"yaml/text-after-value", 1, 8}}},
        Trap{"UnclosedBrace", "a: {b: 1\nc: 2\n", {{"yaml/unclosed-bracket", 1, 4}}},
        Trap{"UnclosedBracketBeforeComment",
             "a: [1, 2  # two\nc: 2\n",
             {{"yaml/unclosed-bracket", 1, 4}}},
        Trap{"UnclosedAtTheEnd", "a: [1, {b: 2}\n", {{"yaml/unclosed-bracket", 1, 4}}},
        Trap{"WrongCloser", "a: [{b: 1]\nc: 2\n", {{"yaml/unclosed-bracket", 1, 5}}},
        Trap{"CloserOfNothing", "a: [1}\nb: 1\n", {{"yaml/unclosed-bracket", 1, 6}}},
        Trap{"MisplacedItemJoinsItsNeighbour",
             "a:\n  - x\n   - y\n  - z\n",
             {{"yaml/misplaced-item", 3, 4}}},
        Trap{"MisplacedItemAfterQuotes",
             "a:\n  - \"x\"\n    - \"y\"\n",
             {{"yaml/misplaced-item", 3, 5}}},
        Trap{"MisplacedItemOfKeys",
             "a:\n  - b: 1\n    c: 2\n   - b: 3\n     c: 4\n",
             {{"yaml/misplaced-item", 4, 4}}},
        Trap{"MisplacedKey", "a:\n  b: 1\n   c: 2\n  d: 3\n", {{"yaml/indentation", 3, 4}}},
        Trap{"KeyBetweenLevels", "a:\n    b: 1\n  c: 2\n", {{"yaml/indentation", 3, 3}}},
        Trap{"ItemOnItsKeysLine", "a: - 1\n", {{"yaml/misplaced-item", 1, 4}}},
        Trap{"MultiLinePlainText", "a: one\n  two\nb: 1\n", {{"yaml/multi-line-text", 2, 3}}},
        Trap{"MultiLineQuotedText",
             "a: \"one\n  two\"\nb: 1\n",
             {{"yaml/unclosed-quote", 1, 4}, {"yaml/missing-key", 2, 3}}},
        Trap{"Anchor", "a: &x 1\n", {{"yaml/anchor", 1, 4}}},
        Trap{"Alias", "a: 1\nb: *x\n", {{"yaml/alias", 2, 4}}},
        Trap{"AliasInBrackets", "b: [*x, *y]\n", {{"yaml/alias", 1, 5}, {"yaml/alias", 1, 9}}},
        Trap{"AnchorOfAMapping", "a: &x\n  b: 1\n", {{"yaml/anchor", 1, 4}}},
        Trap{"Tag", "a: !!str 1\n", {{"yaml/tag", 1, 4}}},
        Trap{"TagInBrackets", "a: [!x 1]\n", {{"yaml/tag", 1, 5}}},
        Trap{"MergeKey", "a:\n  <<: {b: 1}\n", {{"yaml/merge-key", 2, 3}}},
        Trap{"MergeKeyInBrackets", "a: {<<: {b: 1}}\n", {{"yaml/merge-key", 1, 5}}},
        Trap{"MarkedKey",
             "? a\n: 1\nb: 2\n",
             {{"yaml/complex-key", 1, 1}, {"yaml/missing-key", 2, 1}}},
        Trap{"Tab", "a:\n\tb: 1\n", {{"yaml/tab", 2, 1}}},
        Trap{"TabBetween", "a:\t1\n", {{"yaml/tab", 1, 3}}},
        Trap{"WindowsLineEndings", "a: 1\r\nb: 2\r\n", {{"yaml/line-ending", 1, 5}}},
        Trap{"ByteOrderMark",
             "\xEF\xBB\xBF"
             "a: 1\n",
             {{"yaml/byte-order-mark", 1, 1}}},
        Trap{"Utf16",
             "\xFF\xFE"
             "a\0",
             {{"file/not-utf8", 1, 1}}},
        Trap{"NotUtf8", "a: 1\nb: \"M\xFCller\"\n", {{"file/not-utf8", 2, 6}}},
        Trap{"OverlongUtf8",
             "a: \"\xC0\xAF\"\n",
             {{"file/not-utf8", 1, 5}, {"file/not-utf8", 1, 6}}},
        Trap{"BidirectionalControl", "a: \"x\u202Ey\"\n", {{"yaml/hidden-character", 1, 6}}},
        Trap{"BidirectionalControlInComment",
             "a: 1 # x\u2066y\n",
             {{"yaml/hidden-character", 1, 9}}},
        Trap{"NoWidth", "a\u200B: 1\n", {{"yaml/hidden-character", 1, 2}}},
        Trap{"Escaped", "a: \"x\\u202Ey\"\n", {{"yaml/escape", 1, 6}}},
        Trap{"Bell", "a: \"x\x07y\"\n", {{"yaml/control-character", 1, 6}}},
        Trap{"SmartQuotes", "a: \u201Cx: y\u201D\nb: 1\n", {{"yaml/smart-quotes", 1, 4}}},
        Trap{"SmartQuotesInBrackets",
             "a: [\u201Cx\u201D, 1]\nb: 1\n",
             {{"yaml/smart-quotes", 1, 5}}},
        Trap{"SecondDocument", "a: 1\n---\nb: 2\n", {{"yaml/several-documents", 2, 1}}},
        Trap{"DocumentMarker", "---\na: 1\n", {{"yaml/document-marker", 1, 1}}},
        Trap{"Directive", "%YAML 1.1\na: 1\n", {{"yaml/directive", 1, 1}}},
        Trap{"EmptyValue", "a: 1\nb:\nc: 2\n", {{"yaml/empty-value", 2, 1}}},
        Trap{"EmptyValueInBrackets", "a: {b: , c: 1}\n", {{"yaml/empty-value", 1, 5}}},
        Trap{"EmptyItem", "a:\n  -\n  - 1\n", {{"yaml/empty-value", 2, 3}}},
        Trap{"ColonInText", "title: Income: a check\nb: 1\n", {{"yaml/colon-in-text", 1, 14}}},
        Trap{"HashInText", "title: Check #2 of many\n", {}},
        Trap{"HashAfterSpaceInText", "title: Check it #2\n", {{"yaml/hash-in-text", 1, 17}}},
        Trap{"NoSpaceBehindColon", "a:1\nb: 2\n", {{"yaml/missing-space", 1, 2}}},
        Trap{"NoSpaceBehindColonInBrackets", "a: {b:1, c: 2}\n", {{"yaml/missing-space", 1, 6}}},
        Trap{"NoSpaceBehindDash", "a:\n  -\"x\"\n  - \"y\"\n", {{"yaml/missing-space", 2, 3}}},
        Trap{"NoColon", "a: 1\nb \"x\"\n", {{"yaml/missing-key", 2, 1}}},
        Trap{"BlockTextOnItsKeysLine", "a: | text\n  more\n", {{"yaml/block-text", 1, 4}}},
        Trap{"OddStart", "a: @x\nb: `y\n", {{"yaml/odd-start", 1, 4}, {"yaml/odd-start", 2, 4}}},
        Trap{"NothingButComments", "# x\n\n", {{"file/empty", 1, 1}}},
        Trap{"Nothing", "", {{"file/empty", 1, 1}}}),
    [](const ::testing::TestParamInfo<Trap>& trap) { return std::string(trap.param.name); });

TEST(ReadTreeTest, GoesOnAfterAnUnclosedQuote) {
  Report report;
  const absl::optional<Tree> tree = ReadTree("a.yaml", "a: \"x\nb:\n  c: 1\n", &report);
  ASSERT_TRUE(tree.has_value());
  EXPECT_TRUE(tree->complete);
  EXPECT_EQ(NodeAt(tree->root, "b.c").text, "1");
  EXPECT_EQ(NodeAt(tree->root, "b.c").position.column, 6);
}

TEST(ReadTreeTest, ColumnsStayTrueOnMendedLines) {
  Report report;
  const absl::optional<Tree> tree =
      ReadTree("a.yaml", "a:\n  - b: 1\n   - b: [2, 3]\n     c: {d:4, e: 5}\n", &report);
  ASSERT_TRUE(tree.has_value());
  ASSERT_EQ(NodeAt(tree->root, "a").items.size(), 2u);
  EXPECT_EQ(NodeAt(tree->root, "a[2].b[2]").position.column, 13);
  EXPECT_EQ(NodeAt(tree->root, "a[2].c.e").position.column, 18);
}

TEST(ReadTreeTest, RefusesDepthBombs) {
  std::string flow = "a: ";
  std::string block;
  for (int i = 0; i < 5000; ++i) {
    flow += "[";
    if (i < 300) absl::StrAppend(&block, std::string(static_cast<size_t>(i), ' '), "a:\n");
  }
  EXPECT_THAT(Findings(flow), ElementsAre(Found("file/too-deep", 1, 35)));
  EXPECT_THAT(Findings(block), ElementsAre(Found("file/too-deep", 33, 33)));
}

TEST(ReadTreeTest, RefusesSizeBombs) {
  EXPECT_THAT(Findings(absl::StrCat("a: \"", std::string(kMostFileBytes, 'x'), "\"\n")),
              ElementsAre(Found("file/too-large", 1, 1)));
  std::string many = "a: [";
  for (size_t i = 0; i <= kMostValues; ++i) many += i % 1000 == 0 ? "1,\n " : "1,";
  EXPECT_THAT(Findings(many + "]\n"), ElementsAre(Found("file/too-many-values", 1, 1)));
}

TEST(ReadTreeTest, RefusesLinesNobodyReads) {
  EXPECT_THAT(Findings(absl::StrCat("a: 1\nb: \"", std::string(kMostLineBytes, 'x'), "\"\n")),
              ElementsAre(Found("file/line-too-long", 2, 1)));
}

TEST(ReadTreeTest, ReportsABoundedNumberOfFindings) {
  std::string tabs;
  for (int i = 0; i < 20000; ++i) tabs += "\t:\n";
  Report report;
  ReadTree("a.yaml", tabs, &report);
  EXPECT_LE(report.findings().size(), Report::kMostFindings);
  EXPECT_TRUE(report.HasErrors());
}

}  // namespace
}  // namespace vouch::policies
