#include "server/journal/request_table.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

TEST(RequestTableTest, TakesTheFirstEightBytesOfTheContent) {
  crypto::Digest content = {};
  for (uint8_t i = 0; i < 32; ++i) content[i] = i;
  EXPECT_EQ(ContentPrefix(content), 0x0001020304050607u);
}

TEST(RequestTableTest, FindsWhatItRemembersUntilItDies) {
  RequestTable table;
  const uint64_t commit = RequestTable::kMostCommits - 1;
  table.Add(KeyNamed("a"), 77, {commit, RequestTable::kMostItems - 1}, 2000, 1000);
  const auto found = table.Find(KeyNamed("a"), 1999);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->content, 77u);
  EXPECT_EQ(found->where.commit, commit);
  EXPECT_EQ(found->where.item, RequestTable::kMostItems - 1);
  EXPECT_FALSE(table.Find(KeyNamed("a"), 2000).has_value());
  EXPECT_FALSE(table.Find(KeyNamed("b"), 1999).has_value());
}

TEST(RequestTableTest, TakesOverAnIdThatDied) {
  RequestTable table;
  table.Add(KeyNamed("a"), 1, {1, 0}, 2000, 1000);
  table.Add(KeyNamed("a"), 2, {9, 3}, 3000, 2000);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.Find(KeyNamed("a"), 2000)->content, 2u);
}

TEST(RequestTableTest, AddsNothingThatIsDeadAlready) {
  RequestTable table;
  table.Add(KeyNamed("a"), 1, {1, 0}, 1000, 1000);
  EXPECT_EQ(table.size(), 0u);
}

TEST(RequestTableTest, GrowsSweepsAndReadsBackWhatItSaved) {
  RequestTable table;
  constexpr uint64_t kRows = 50000;
  for (uint64_t i = 0; i < kRows; ++i) {
    table.Add(KeyNamed(absl::StrCat(i)), i, {i, 1}, i % 2 == 0 ? 2000 : 3000, 1000);
  }
  EXPECT_EQ(table.size(), kRows);
  for (size_t i = 0; i < 2000; ++i) table.Sweep(100, 2000);
  EXPECT_EQ(table.size(), kRows / 2);
  RequestTable again;
  for (size_t segment = 0; segment < RequestTable::kSegments; ++segment) {
    std::string bytes;
    table.Save(segment, &bytes);
    RequestTable cut;
    EXPECT_FALSE(cut.Load(segment, crypto::AsBytes(bytes.substr(0, bytes.size() - 1))));
    ASSERT_TRUE(again.Load(segment, crypto::AsBytes(bytes)));
  }
  EXPECT_EQ(again.size(), kRows / 2);
  for (uint64_t i = 0; i < kRows; ++i) {
    const auto found = again.Find(KeyNamed(absl::StrCat(i)), 2000);
    ASSERT_EQ(found.has_value(), i % 2 == 1) << i;
    if (found.has_value()) {
      ASSERT_EQ(found->where.commit, i);
    }
  }
}

}  // namespace
}  // namespace vouch::server::journal
