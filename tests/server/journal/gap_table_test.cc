#include "server/journal/gap_table.h"

#include <cstdint>
#include <map>
#include <random>

#include "gtest/gtest.h"

namespace vouch::server::journal {
namespace {

struct Row {
  uint64_t key;
  uint32_t value;
  uint32_t filled;
  uint64_t order() const { return key; }
  bool empty() const { return filled == 0; }
};
using Table = GapTable<Row>;

const Row* FindIn(const Table& table, uint64_t key) {
  return table.Find(key, [&](const Row& row) { return row.key == key; });
}

// Every row of the model, at or behind its home, in order, and nothing else.
void ExpectHolds(const Table& table, const std::map<uint64_t, uint32_t>& model) {
  ASSERT_EQ(table.size(), model.size());
  for (const auto& [key, value] : model) {
    const Row* row = FindIn(table, key);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->value, value);
  }
  auto next = model.begin();
  size_t slot = 0;
  for (const Row& row : table.slots()) {
    if (!row.empty()) {
      ASSERT_NE(next, model.end());
      EXPECT_EQ(row.key, next->first);
      const auto home =
          static_cast<size_t>((static_cast<unsigned __int128>(row.key) * table.capacity()) >> 64);
      EXPECT_LE(home, slot);
      ++next;
    }
    ++slot;
  }
  EXPECT_EQ(next, model.end());
}

template <typename NextKey>
void GrowWith(size_t rows, size_t at_least, NextKey next_key) {
  Table table;
  std::map<uint64_t, uint32_t> model;
  size_t grown = 0;
  for (uint32_t i = 1; i <= rows; ++i) {
    const uint64_t key = next_key();
    if (!model.emplace(key, i).second) continue;
    const size_t before = table.capacity();
    table.Insert(Row{key, i, 1});
    if (table.capacity() == before) continue;
    ++grown;
    ExpectHolds(table, model);
  }
  ExpectHolds(table, model);
  EXPECT_GE(grown, at_least);
}

TEST(GapTableTest, HoldsEveryRowWheneverItGrew) {
  std::mt19937_64 random(20261122);
  GrowWith(30000, 20, [&] { return random(); });
}

TEST(GapTableTest, GrowsWhereRowsCrowdAtTheEnd) {
  std::mt19937_64 random(7);
  GrowWith(900, 6, [&] { return UINT64_MAX - random() % 5000; });
}

TEST(GapTableTest, GrowsWhereRowsCrowdInTheMiddleAndAtTheBeginning) {
  std::mt19937_64 random(8);
  GrowWith(12000, 10,
           [&] { return random() % 3 == 0 ? random() : (random() % 2 << 62) + random() % 4096; });
}

TEST(GapTableTest, ShrinksOnceMostRowsHaveGone) {
  std::mt19937_64 random(9);
  Table table;
  std::map<uint64_t, uint32_t> model;
  for (uint32_t i = 1; i <= 20000; ++i) {
    const uint64_t key = random();
    table.Insert(Row{key, i, 1});
    if (i % 10 == 0) model.emplace(key, i);
  }
  const size_t before = table.capacity();
  size_t from = 0;
  do {
    from = table.Sweep(from, 1000, [](const Row& row) { return row.value % 10 != 0; });
  } while (from != 0);
  EXPECT_LT(table.capacity(), before / 3);
  ExpectHolds(table, model);
}

}  // namespace
}  // namespace vouch::server::journal
