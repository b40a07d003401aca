#include "server/records/row_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/records/loaded_folder.h"

namespace vouch::server::records {
namespace {

using testing::HasSubstr;

class RowReaderTest : public testing::Test {
 protected:
  // The values of each row, columns joined with '|' ("-" for none); "!why" for a bad row.
  std::vector<std::string> Read(const std::string& text, InputFormat format = InputFormat::kCsv) {
    WriteWhole(folder_.File("input"), text);
    auto reader = OpenRows(folder_.File("input"), format, {"a", "b"});
    if (!reader.ok()) return {"refused: " + std::string(reader.status().message())};
    std::vector<std::string> rows;
    RawRow row;
    for (;;) {
      const absl::StatusOr<bool> more = (*reader)->Next(&row);
      if (!more.ok() || !*more) break;
      std::vector<absl::optional<std::string>> values;
      if (row.error.empty()) (*reader)->Columns(&row, &values);
      std::string shown = row.error.empty() ? "" : "!" + row.error;
      for (size_t i = 0; i < values.size() && row.error.empty(); ++i) {
        shown += (i == 0 ? "" : "|") + values[i].value_or("-");
      }
      rows.push_back(shown);
      lines_.push_back(row.line);
    }
    return rows;
  }
  TemporaryFolder folder_;
  std::vector<uint64_t> lines_;
};

using Rows = std::vector<std::string>;

TEST_F(RowReaderTest, ReadsPlainAndQuotedFields) {
  EXPECT_EQ(Read("a,b\n1,2\r\n\"x,y\",\"say \"\"hi\"\"\"\n,\"\"\n"),
            Rows({"1|2", "x,y|say \"hi\"", "-|-"}));
}

TEST_F(RowReaderTest, TheLastLineNeedsNoEnd) {
  EXPECT_EQ(Read("a,b\n1,2"), Rows({"1|2"}));
  EXPECT_EQ(Read("a,b\n1,"), Rows({"1|-"}));
  EXPECT_EQ(Read("a,b\n1,\"2\""), Rows({"1|2"}));
}

TEST_F(RowReaderTest, AQuotedFieldMaySpanLines) {
  EXPECT_EQ(Read("a,b\n\"1\r\n1\",2\n3,4\n"), Rows({"1\r\n1|2", "3|4"}));
  EXPECT_EQ(lines_, std::vector<uint64_t>({2, 4}));
}

TEST_F(RowReaderTest, ColumnsAreFoundByNameInAnyOrder) {
  EXPECT_EQ(Read("x,b,a\n1,2,3\n"), Rows({"3|2"}));
}

TEST_F(RowReaderTest, AByteOrderMarkIsSkipped) {
  EXPECT_EQ(Read("\xef\xbb\xbf"
                 "a,b\n1,2\n"),
            Rows({"1|2"}));
}

TEST_F(RowReaderTest, GoesOnAfterABadRow) {
  const Rows rows = Read("a,b\n1\n1,2,3\n1,2\"2\n\"1\"x,2\n1\r2,3\n\n\xff,2\n5,6\n");
  ASSERT_EQ(rows.size(), 8u);
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(rows[i][0], '!') << i << rows[i];
  EXPECT_EQ(rows[7], "5|6");
  EXPECT_EQ(lines_, std::vector<uint64_t>({2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_F(RowReaderTest, AQuotedFieldThatDoesNotEndIsOneBadRow) {
  const Rows rows = Read("a,b\n1,2\n\"3,4\n5,6\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[1], HasSubstr("does not end"));
}

TEST_F(RowReaderTest, ARowHasABound) {
  const Rows rows = Read("a,b\n" + std::string(kLargestRow + 2, 'x') + ",2\n3,4\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0], HasSubstr("1 MiB"));
  EXPECT_EQ(rows[1], "3|4");
}

TEST_F(RowReaderTest, OnlyUtf8IsText) {
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3"}) {
    EXPECT_EQ(Read(std::string("a,b\n1,") + bad + "\n")[0][0], '!');
  }
  EXPECT_EQ(Read("a,b\n\xc3\xb8,\xe2\x82\xac\xf0\x9f\x98\x80\n")[0],
            "\xc3\xb8|\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(Read(std::string("a,b\n1,\0\n", 8))[0][0], '!');
}

TEST_F(RowReaderTest, AHeaderMustHaveEveryColumnOnce) {
  EXPECT_THAT(Read("a,c\n1,2\n")[0], HasSubstr("lacks: b"));
  EXPECT_THAT(Read("a,b,a\n1,2,3\n")[0], HasSubstr("column 3"));
  EXPECT_THAT(Read("")[0], HasSubstr("empty"));
}

TEST_F(RowReaderTest, JsonLinesGiveTextNumbersYesNoAndLists) {
  EXPECT_EQ(Read("{\"a\":\"x\",\"b\":12}\n{\"b\":true,\"a\":null}\r\n{\"a\":[\"p\",\"q\"],"
                 "\"b\":[]}\n{\"a\":-3}",
                 InputFormat::kJsonLines),
            Rows({"x|12", "-|yes", "p;q|;", "-3|-"}));
}

TEST_F(RowReaderTest, JsonLinesRefuseWhatIsAmbiguous) {
  const Rows rows = Read(
      "{\"a\":1.5}\n{\"a\":1,\"a\":2}\n[1]\n{\"a\":{}}\n\n{\"a\":\"\xff\"}\n{\"a\":\n{\"a\":1}\n",
      InputFormat::kJsonLines);
  ASSERT_EQ(rows.size(), 8u);
  for (size_t i = 0; i < 7; ++i) EXPECT_EQ(rows[i][0], '!') << i;
  EXPECT_EQ(rows[7], "1|-");
}

}  // namespace
}  // namespace vouch::server::records
