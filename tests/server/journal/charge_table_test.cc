#include "server/journal/charge_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/server/journal/journal_fixture.h"

namespace vouch::server::journal {
namespace {

RowKey RandomKey(std::mt19937_64* random) {
  RowKey key;
  for (uint8_t& byte : key) byte = static_cast<uint8_t>((*random)());
  return key;
}

std::vector<std::pair<uint32_t, uint32_t>> MarksOf(const ChargeTable& table, const RowKey& key,
                                                   uint32_t now, const Lives& lives = {}) {
  Marks marks;
  table.Find(key, now, lives, &marks);
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  for (const policies::Mark& mark : marks) pairs.push_back({mark.second, mark.value});
  return pairs;
}
using Pairs = std::vector<std::pair<uint32_t, uint32_t>>;

TEST(ChargeTableTest, KeepsMarksInOrder) {
  ChargeTable table;
  const RowKey key = KeyNamed("a");
  Pairs expected;
  for (uint32_t i = 0; i < 3000; ++i) {
    table.Add(key, i % 7, 100000, 1000 + i, {});
    expected.push_back({1000 + i, i % 7});
    if (i < 20 || i % 500 == 0) {
      ASSERT_EQ(MarksOf(table, key, 1000 + i), expected);
    }
  }
  EXPECT_EQ(MarksOf(table, key, 4000), expected);
  EXPECT_EQ(table.size(), 1u);
}

TEST(ChargeTableTest, LosesARowTheSecondItDies) {
  ChargeTable table;
  const RowKey key = KeyNamed("a");
  table.Add(key, 1, 1600, 1000, {});
  EXPECT_EQ(MarksOf(table, key, 1599), (Pairs{{1000, 1}}));
  EXPECT_EQ(MarksOf(table, key, 1600), Pairs());
  table.Add(key, 2, 2200, 1600, {});
  EXPECT_EQ(MarksOf(table, key, 1600), (Pairs{{1600, 2}}));
}

TEST(ChargeTableTest, DropsMarksTheLongestWindowLeftBehind) {
  ChargeTable table;
  const RowKey key = KeyNamed("a");
  table.Add(key, 1, 1600, 1000, {});
  table.Add(key, 2, 1900, 1300, {});
  table.Add(key, 3, 2200, 1600, {});
  EXPECT_EQ(MarksOf(table, key, 1600), (Pairs{{1300, 2}, {1600, 3}}));
  table.Add(key, 4, 2900, 2199, {});
  EXPECT_EQ(MarksOf(table, key, 2199), (Pairs{{1600, 3}, {2199, 4}}));
}

TEST(ChargeTableTest, KeepsALifeLongRowThroughAShorterWindow) {
  ChargeTable table;
  Lives lives;
  lives.Set(kFirstLife, 5000);
  const RowKey key = KeyNamed("a");
  table.Add(key, 1, kFirstLife, 1000, lives);
  table.Add(key, 2, 1700, 1600, lives);
  EXPECT_EQ(MarksOf(table, key, 4999, lives), (Pairs{{1000, 1}, {1600, 2}}));
  EXPECT_EQ(MarksOf(table, key, 5000, lives), Pairs());
}

TEST(ChargeTableTest, FindsEveryRowWhileItGrows) {
  std::mt19937_64 random(1);
  ChargeTable table;
  std::vector<RowKey> keys;
  for (int i = 0; i < 200000; ++i) {
    keys.push_back(RandomKey(&random));
    keys.back()[15] %= 4;  // segments as full as those of ten million rows
    table.Add(keys.back(), static_cast<uint32_t>(i), 5000, 1000, {});
  }
  EXPECT_EQ(table.size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(MarksOf(table, keys[i], 1000), (Pairs{{1000, static_cast<uint32_t>(i)}}));
  }
  EXPECT_EQ(MarksOf(table, RandomKey(&random), 1000), Pairs());
  // 24 bytes a row, at a load that stays between 0.71 and 0.8.
  EXPECT_LT(table.bytes(), keys.size() * 24 * 3 / 2);
}

TEST(ChargeTableTest, AgreesWithAMapThroughAddingDyingAndSweeping) {
  std::mt19937_64 random(2);
  std::vector<RowKey> keys;
  for (int i = 0; i < 3000; ++i) {
    keys.push_back(RandomKey(&random));
    keys.back()[15] = static_cast<uint8_t>(i % 3);
    // Some share their first eight bytes, as one in 2^64 would.
    if (i % 10 == 0) std::fill_n(keys.back().begin(), 8, static_cast<uint8_t>(i % 4 * 85));
  }
  ChargeTable table;
  std::map<RowKey, std::pair<uint32_t, Pairs>> model;  // dies, marks
  uint32_t now = 1000;
  for (int step = 0; step < 60000; ++step) {
    now += random() % 4 == 0;
    const RowKey& key = keys[random() % keys.size()];
    const auto window = static_cast<uint32_t>(1 + random() % 3000);
    const auto value = static_cast<uint32_t>(random() % 5);
    auto& row = model[key];
    if (row.first <= now) row = {};
    row.first = std::max(row.first, now + window);
    const uint32_t longest = row.first - now;
    auto& marks = row.second;
    while (!marks.empty() && marks.front().first + longest <= now) marks.erase(marks.begin());
    marks.push_back({now, value});
    table.Add(key, value, now + window, now, {});
    table.Sweep(8, now, {});
    if (step % 16 == 0) {
      const RowKey& other = keys[random() % keys.size()];
      const auto& expected = model[other];
      ASSERT_EQ(MarksOf(table, other, now), expected.first > now ? expected.second : Pairs());
    }
  }
  for (size_t i = 0; i < 2000; ++i) table.Sweep(100, now + 10000, {});
  EXPECT_EQ(table.size(), 0u);
}

TEST(ChargeTableTest, GivesMemoryBackAfterTheDeadAreSwept) {
  std::mt19937_64 random(3);
  ChargeTable table;
  for (int i = 0; i < 100000; ++i) table.Add(RandomKey(&random), 1, 2000, 1000, {});
  const uint64_t before = table.bytes();
  for (size_t i = 0; i < 1000; ++i) table.Sweep(1000, 2000, {});
  EXPECT_EQ(table.size(), 0u);
  EXPECT_LT(table.bytes(), before / 4);
}

TEST(ChargeTableTest, ReadsBackWhatItSaved) {
  std::mt19937_64 random(4);
  ChargeTable table;
  std::vector<RowKey> keys;
  for (int i = 0; i < 20000; ++i) {
    keys.push_back(RandomKey(&random));
    for (uint64_t marks = 1 + random() % 4; marks > 0; --marks) {
      table.Add(keys.back(), static_cast<uint32_t>(random()), 5000, 1000, {});
    }
  }
  ChargeTable again;
  for (size_t segment = 0; segment < ChargeTable::kSegments; ++segment) {
    std::string bytes;
    table.Save(segment, &bytes);
    ASSERT_TRUE(again.Load(segment, crypto::AsBytes(bytes)));
  }
  EXPECT_EQ(again.size(), table.size());
  for (const RowKey& key : keys) ASSERT_EQ(MarksOf(again, key, 1000), MarksOf(table, key, 1000));
  for (const RowKey& key : keys) again.Add(key, 1, 5000, 1001, {});
  EXPECT_EQ(again.size(), table.size());
}

TEST(ChargeTableTest, LoadsNothingThatIsCutOrOutOfOrder) {
  std::mt19937_64 random(5);
  ChargeTable table;
  for (int i = 0; i < 200; ++i) {
    RowKey key = RandomKey(&random);
    key[15] = 0;
    table.Add(key, 1, 5000, 1000, {});
    table.Add(key, 2, 5000, 1000, {});
  }
  std::string bytes;
  table.Save(0, &bytes);
  for (size_t size = 0; size < bytes.size(); size += 1 + size / 16) {
    ChargeTable cut;
    EXPECT_FALSE(cut.Load(0, crypto::AsBytes(bytes.substr(0, size)))) << size;
  }
  ChargeTable longer;
  EXPECT_FALSE(longer.Load(0, crypto::AsBytes(bytes + std::string(8, 'x'))));
  std::string swapped = bytes;
  std::swap_ranges(swapped.begin() + 16, swapped.begin() + 16 + 24 * 50,
                   swapped.begin() + 16 + 24 * 100);
  ChargeTable disorder;
  EXPECT_FALSE(disorder.Load(0, crypto::AsBytes(swapped)));
}

}  // namespace
}  // namespace vouch::server::journal
