#include "crypto/tiles.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "crypto/digest.h"

namespace vouch::crypto {
namespace {

// A log in memory: all tiles as they stand at `size`, made from the definition.
class MemoryLog final : public LogReader {
 public:
  explicit MemoryLog(uint64_t size) {
    std::vector<Digest> hashes;
    for (uint64_t i = 0; i < size; ++i) {
      entries_.push_back(absl::StrCat("entry ", i));
      hashes.push_back(LeafHash(AsBytes(entries_.back())));
      leaves_.push_back(hashes.back());
    }
    while (!hashes.empty()) {
      levels_.push_back(hashes);
      std::vector<Digest> above;
      for (size_t i = 0; i + 256 <= hashes.size(); i += 256) {
        CompactRange range;
        for (size_t j = i; j < i + 256; ++j) range.Append(hashes[j]);
        above.push_back(range.Root());
      }
      hashes = std::move(above);
    }
  }

  absl::StatusOr<std::vector<Digest>> ReadTile(const Tile& tile) const override {
    ++reads[tile.level];
    const uint64_t begin = tile.index * 256;
    if (tile.level >= static_cast<int>(levels_.size()) || tile.width == 0 ||
        begin + tile.width > levels_[tile.level].size()) {
      return absl::NotFoundError("no such tile");
    }
    const auto& level = levels_[tile.level];
    return std::vector<Digest>(level.begin() + begin, level.begin() + begin + tile.width);
  }
  absl::StatusOr<std::vector<std::string>> ReadBundle(uint64_t index,
                                                      uint32_t width) const override {
    if (index * 256 + width > entries_.size()) return absl::NotFoundError("no such bundle");
    return std::vector<std::string>(entries_.begin() + index * 256,
                                    entries_.begin() + index * 256 + width);
  }

  const std::vector<Digest>& leaves() const { return leaves_; }
  absl::Span<const Digest> First(uint64_t size) const {
    return absl::MakeConstSpan(leaves_).subspan(0, size);
  }
  std::vector<std::string> entries_;
  std::vector<std::vector<Digest>> levels_;
  mutable std::map<int, int> reads;

 private:
  std::vector<Digest> leaves_;
};

Digest RootOf(absl::Span<const Digest> leaves) {
  CompactRange range;
  for (const Digest& leaf : leaves) range.Append(leaf);
  return range.Root();
}

TEST(TilePathTest, IsAsTheSpecificationWritesIt) {
  EXPECT_EQ(TilePath({0, 1234067, 256}), "tile/0/x001/x234/067");
  EXPECT_EQ(TilePath({0, 0, 256}), "tile/0/000");
  EXPECT_EQ(TilePath({1, 0, 17}), "tile/1/000.p/17");
  EXPECT_EQ(TilePath({2, 1000, 1}), "tile/2/x001/000.p/1");
  EXPECT_EQ(BundlePath(273, 112), "tile/entries/273.p/112");
  EXPECT_EQ(BundlePath(999999, 256), "tile/entries/x999/999");
}

TEST(TilePathTest, ReadsBackWhatItWrites) {
  for (uint64_t index :
       {uint64_t{0}, uint64_t{999}, uint64_t{1000}, uint64_t{1234067}, UINT64_MAX}) {
    for (uint32_t width : {1u, 255u, 256u}) {
      for (int level : {0, 7, 63}) {
        auto name = ReadTilePath(TilePath({level, index, width}));
        ASSERT_TRUE(name.ok());
        EXPECT_FALSE(name->entries);
        EXPECT_EQ(name->tile, (Tile{level, index, width}));
      }
      auto name = ReadTilePath(BundlePath(index, width));
      ASSERT_TRUE(name.ok());
      EXPECT_TRUE(name->entries);
      EXPECT_EQ(name->tile, (Tile{0, index, width}));
    }
  }
}

TEST(TilePathTest, RefusesEveryOtherPath) {
  for (const char* bad : {"",
                          "tile",
                          "tile/",
                          "tile/0",
                          "tile/0/",
                          "tile/0/0",
                          "tile/0/00",
                          "tile/0/0000",
                          "tile/0/x000/001",
                          "tile/0/001/002",
                          "tile/0/x001",
                          "tile/0/001/",
                          "tile/0/x001/x002",
                          "tile/00/000",
                          "tile/64/000",
                          "tile/-1/000",
                          "tile/+1/000",
                          "tile/0/+01",
                          "tile/0/-01",
                          "tile/0/000.p",
                          "tile/0/000.p/",
                          "tile/0/000.p/0",
                          "tile/0/000.p/256",
                          "tile/0/000.p/01",
                          "tile/0/000.p/-1",
                          "tile/0/000.p/1/2",
                          "tile/entries",
                          "tile/entries/0",
                          "/tile/0/000",
                          "tile//000",
                          "tile/0//000",
                          "tile/0/../000",
                          "tile/8/0/000",
                          "tile/data/0/000",
                          "tile/0/x018/x446/x744/x073/x709/x551/616",
                          "tile/0/000 ",
                          "checkpoint"}) {
    EXPECT_FALSE(ReadTilePath(bad).ok()) << bad;
  }
}

TEST(TileWidthTest, IsThatOfTheSpecificationsExample) {
  EXPECT_EQ(TileWidthAt(0, 272, 70000), 256u);
  EXPECT_EQ(TileWidthAt(0, 273, 70000), 112u);
  EXPECT_EQ(TileWidthAt(0, 274, 70000), 0u);
  EXPECT_EQ(TileWidthAt(1, 0, 70000), 256u);
  EXPECT_EQ(TileWidthAt(1, 1, 70000), 17u);
  EXPECT_EQ(TileWidthAt(2, 0, 70000), 1u);
  EXPECT_EQ(TileWidthAt(3, 0, 70000), 0u);
  EXPECT_EQ(TilesOf(70000).size(), 274u + 2 + 1);
  EXPECT_EQ(TilesOf(256).size(), 2u);
  EXPECT_TRUE(TilesOf(0).empty());
  EXPECT_EQ(TileWidthAt(7, 0, uint64_t{1} << 63), 128u);
  EXPECT_EQ(TileWidthAt(8, 0, uint64_t{1} << 63), 0u);
  EXPECT_EQ(TileWidthAt(0, UINT64_MAX, UINT64_MAX), 0u);
}

TEST(BundleTest, CarriesEntriesOfEveryLength) {
  const std::vector<std::string> entries = {"a", "", std::string(300, 'b'),
                                            std::string(kLargestEntry, 'c')};
  auto bytes = EncodeBundle(entries);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->substr(0, 5), std::string("\0\1a\0\0", 5));
  EXPECT_EQ(*DecodeBundle(*bytes, 4), entries);
  EXPECT_FALSE(EncodeBundle({std::string(kLargestEntry + 1, 'd')}).ok());
}

TEST(BundleTest, RefusesAnotherNumberOfEntriesAndPieces) {
  const std::vector<std::string> entries = {"abc", "de"};
  const std::string bytes = *EncodeBundle(entries);
  EXPECT_FALSE(DecodeBundle(bytes, 1).ok());
  EXPECT_FALSE(DecodeBundle(bytes, 3).ok());
  EXPECT_FALSE(DecodeBundle(bytes, 3, true).ok());
  EXPECT_EQ(*DecodeBundle(bytes, 1, true), std::vector<std::string>{"abc"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeBundle(bytes.substr(0, size), 2).ok()) << size;
  }
  EXPECT_FALSE(DecodeBundle(bytes + "x", 2).ok());
  EXPECT_FALSE(DecodeTile(std::string(63, 'x'), 2).ok());
  EXPECT_FALSE(DecodeTile(std::string(96, 'x'), 2).ok());
  EXPECT_EQ(DecodeTile(std::string(64, 'x'), 2)->size(), 2u);
}

class TileProofTest : public testing::Test {
 protected:
  static const MemoryLog& log() {
    static const MemoryLog* const log = new MemoryLog(70001);
    return *log;
  }
  static uint64_t SomeSize(std::mt19937_64* random) {
    static constexpr uint64_t kSizes[] = {1,   2,     255,   256,   257,   511,  512,
                                          513, 65535, 65536, 65537, 70000, 70001};
    return (*random)() % 2 == 0 ? kSizes[(*random)() % std::size(kSizes)] : 1 + (*random)() % 70001;
  }
};

TEST_F(TileProofTest, ProvesAnyEntryAtAnySize) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 80; ++round) {
    const uint64_t size = SomeSize(&random);
    const uint64_t index = random() % size;
    auto proof = InclusionProofFromTiles(log(), index, size);
    ASSERT_TRUE(proof.ok()) << proof.status();
    const auto leaves = log().First(size);
    EXPECT_TRUE(VerifyInclusion(leaves[index], index, size, *proof, RootOf(leaves)).ok())
        << index << " " << size;
  }
}

TEST_F(TileProofTest, ProvesAnyRange) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 50; ++round) {
    const uint64_t size = SomeSize(&random);
    const uint64_t first = random() % size;
    const uint64_t count = 1 + random() % std::min<uint64_t>(size - first, 600);
    auto proof = RangeProofFromTiles(log(), first, count, size);
    ASSERT_TRUE(proof.ok()) << proof.status();
    const auto leaves = log().First(size);
    EXPECT_TRUE(
        VerifyRange(leaves.subspan(first, count), first, size, *proof, RootOf(leaves)).ok());
  }
}

TEST_F(TileProofTest, ProvesConsistencyOfAnyTwoSizes) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 80; ++round) {
    const uint64_t size = SomeSize(&random);
    const uint64_t old_size = round % 20 == 0 ? round % 40 == 0 ? 0 : size : random() % size;
    auto proof = ConsistencyProofFromTiles(log(), old_size, size);
    ASSERT_TRUE(proof.ok()) << proof.status();
    EXPECT_TRUE(VerifyConsistency(old_size, RootOf(log().First(old_size)), size,
                                  RootOf(log().First(size)), *proof)
                    .ok())
        << old_size << " " << size;
  }
}

TEST_F(TileProofTest, GivesTheRangeALogGoesOnFrom) {
  for (uint64_t size : {0u, 1u, 255u, 256u, 65536u, 70001u}) {
    auto range = RangeFromTiles(log(), size);
    ASSERT_TRUE(range.ok()) << range.status();
    EXPECT_EQ(range->size(), size);
    EXPECT_EQ(range->Root(), RootOf(log().First(size)));
  }
}

TEST_F(TileProofTest, ReadsEachTileOnce) {
  log().reads.clear();
  ASSERT_TRUE(InclusionProofFromTiles(log(), 1000, 70000).ok());
  EXPECT_EQ(log().reads[0], 2);
  EXPECT_EQ(log().reads[1], 2);
  EXPECT_EQ(log().reads[2], 0);
}

TEST_F(TileProofTest, SaysWhatLiesBeyondTheLog) {
  EXPECT_TRUE(absl::IsOutOfRange(InclusionProofFromTiles(log(), 5, 5).status()));
  EXPECT_TRUE(absl::IsOutOfRange(RangeProofFromTiles(log(), 3, 3, 5).status()));
  EXPECT_TRUE(absl::IsOutOfRange(RangeProofFromTiles(log(), 3, 0, 5).status()));
  EXPECT_TRUE(absl::IsOutOfRange(RangeProofFromTiles(log(), 3, UINT64_MAX, 5).status()));
  EXPECT_TRUE(absl::IsOutOfRange(ConsistencyProofFromTiles(log(), 6, 5).status()));
  EXPECT_TRUE(absl::IsNotFound(InclusionProofFromTiles(log(), 5, 100000).status()));
}

TEST_F(TileProofTest, RecomputesTheWholeLog) {
  uint64_t seen = 0;
  for (uint64_t size : {0u, 256u, 70001u}) {
    seen = 0;
    auto range = RecomputeLog(log(), size, [&](uint64_t index, absl::string_view entry) {
      EXPECT_EQ(index, seen);
      EXPECT_EQ(entry, absl::StrCat("entry ", seen++));
      return absl::OkStatus();
    });
    ASSERT_TRUE(range.ok()) << range.status();
    EXPECT_EQ(seen, size);
    EXPECT_EQ(range->Root(), RootOf(log().First(size)));
  }
}

TEST_F(TileProofTest, FindsTheTileThatDoesNotAgree) {
  for (const Tile& tile :
       {Tile{0, 0, 256}, Tile{0, 273, 113}, Tile{1, 0, 256}, Tile{1, 1, 17}, Tile{2, 0, 1}}) {
    MemoryLog bent = log();
    bent.levels_[tile.level][tile.index * 256][7] ^= 1;
    const absl::Status status = RecomputeLog(bent, 70001).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_NE(status.message().find(TilePath(tile)), absl::string_view::npos) << status;
  }
  MemoryLog bent = log();
  bent.entries_[300] = "another";
  EXPECT_TRUE(absl::IsDataLoss(RecomputeLog(bent, 70001).status()));
  bent = log();
  std::swap(bent.entries_[69999], bent.entries_[70000]);
  EXPECT_TRUE(absl::IsDataLoss(RecomputeLog(bent, 70001).status()));
}

}  // namespace
}  // namespace vouch::crypto
