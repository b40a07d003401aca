#include "server/ledger/tree/tile_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "tests/server/ledger/tree/growing_log.h"

namespace vouch::server::ledger::tree {
namespace {

class TileStoreTest : public testing::Test {
 protected:
  void Open() {
    store_.reset();
    auto store = log_.Open(folder_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void OpenAt(uint64_t size) {
    log_.GrowTo(size);
    Open();
  }
  absl::Status Refusal() { return log_.Open(folder_).status(); }
  // Some tiles and bundles of each level, at the present size and at some before, and proofs.
  void ExpectWhole(uint32_t seed) {
    std::mt19937_64 random(seed);
    ASSERT_EQ(store_->size(), log_.entries.size());
    ASSERT_EQ(store_->range().Root(), log_.range.Root());
    for (int round = 0; round < 60; ++round) {
      const uint64_t size = round == 0 ? store_->size() : 1 + random() % store_->size();
      const auto tiles = crypto::TilesOf(size);
      // The last few are of the upper levels.
      const crypto::Tile tile =
          round % 2 == 0 ? tiles[random() % tiles.size()]
                         : tiles[tiles.size() - 1 - random() % std::min<size_t>(6, tiles.size())];
      const auto hashes = store_->ReadTile(tile);
      ASSERT_TRUE(hashes.ok()) << crypto::TilePath(tile) << hashes.status();
      ASSERT_EQ(*hashes, log_.Tile(tile)) << crypto::TilePath(tile);
      if (tile.level > 0) continue;
      const auto bundle = store_->ReadBundle(tile.index, tile.width);
      ASSERT_TRUE(bundle.ok()) << bundle.status();
      for (size_t i = 0; i < bundle->size(); ++i) {
        ASSERT_EQ((*bundle)[i], GrowingLog::EntryOf(tile.index * 256 + i));
      }
      const uint64_t index = random() % size;
      const auto proof = crypto::InclusionProofFromTiles(*store_, index, store_->size());
      ASSERT_TRUE(proof.ok()) << proof.status();
      ASSERT_TRUE(crypto::VerifyInclusion(log_.leaves[index], index, store_->size(), *proof,
                                          log_.range.Root())
                      .ok());
      const auto consistent = crypto::ConsistencyProofFromTiles(*store_, size, store_->size());
      ASSERT_TRUE(consistent.ok()) << consistent.status();
      ASSERT_TRUE(crypto::VerifyConsistency(size, crypto::RangeFromTiles(*store_, size)->Root(),
                                            store_->size(), log_.range.Root(), *consistent)
                      .ok());
    }
  }
  std::string Segment(int number) const {
    return absl::StrCat(folder_.path(), "/tree/entries-000000000", number, ".segment");
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  ScratchFolder folder_;
  GrowingLog log_;
  std::unique_ptr<TileStore> store_;
};

TEST_F(TileStoreTest, BeginsEmpty) {
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(store_->size(), 0u);
  EXPECT_EQ(store_->range().Root(), crypto::EmptyRoot());
  EXPECT_TRUE(absl::IsNotFound(store_->ReadTile({0, 0, 1}).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadBundle(0, 1).status()));
  EXPECT_TRUE(store_->Verify().ok());
}

TEST_F(TileStoreTest, GrowsInUnevenStepsThroughRestarts) {
  std::mt19937 random(20261122);
  ASSERT_NO_FATAL_FAILURE(Open());
  const uint64_t stops[] = {1, 2, 255, 256, 257, 700, 65535, 65536, 65537, 131071, 131072, 140003};
  for (uint64_t stop : stops) {
    while (log_.entries.size() < stop) {
      const uint64_t before = log_.entries.size();
      const uint64_t step = random() % 4 == 0 ? 1 + random() % 9000 : 1 + random() % 600;
      log_.GrowTo(std::min(stop, before + step));
      const absl::Status status =
          random() % 2 == 0 ? store_->Append(log_.LeavesFrom(before)) : store_->CatchUp(log_.range);
      ASSERT_TRUE(status.ok()) << status;
      if (random() % 20 == 0) {
        ASSERT_NO_FATAL_FAILURE(Open());
      }
    }
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(static_cast<uint32_t>(stop))) << stop;
    ASSERT_NO_FATAL_FAILURE(Open());
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(static_cast<uint32_t>(stop))) << stop;
  }
  EXPECT_EQ(store_->segments(), 2u);
  EXPECT_TRUE(store_->Verify().ok());
}

TEST_F(TileStoreTest, ServesEverySmallerWidthOfATile) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536 + 700));
  for (uint64_t index : {0u, 255u, 256u, 257u, 258u}) {
    const auto whole = store_->ReadTile({0, index, index == 258 ? 188u : 256u});
    ASSERT_TRUE(whole.ok()) << whole.status();
    for (uint32_t width = 1; width <= whole->size(); ++width) {
      const auto part = store_->ReadTile({0, index, width});
      ASSERT_TRUE(part.ok());
      ASSERT_TRUE(std::equal(part->begin(), part->end(), whole->begin()));
      ASSERT_EQ(part->size(), width);
    }
  }
  for (const crypto::Tile& beyond :
       {crypto::Tile{0, 258, 189}, crypto::Tile{0, 259, 1}, crypto::Tile{1, 1, 3},
        crypto::Tile{1, 2, 1}, crypto::Tile{2, 0, 2}, crypto::Tile{3, 0, 1}, crypto::Tile{63, 0, 1},
        crypto::Tile{0, UINT64_MAX, 1}, crypto::Tile{0, 0, 0}, crypto::Tile{0, 0, 257},
        crypto::Tile{-1, 0, 1}}) {
    EXPECT_TRUE(absl::IsNotFound(store_->ReadTile(beyond).status())) << beyond.level;
  }
  EXPECT_TRUE(absl::IsNotFound(store_->ReadBundle(258, 189).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadBundle(0, 257).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadBundle(UINT64_MAX, 1).status()));
}

// Segments whose headers are all there is of them: a start reads no more, and the levels above are
// made of their roots alone.
TEST_F(TileStoreTest, StacksTilesAboveManySegments) {
  const uint64_t bundles = 1024 + 65536 * 32 + 256 * 32 + 257 * 8;
  crypto::CompactRange segments;
  std::vector<crypto::Digest> roots;
  std::filesystem::create_directories(folder_.path() + "/tree");
  for (uint64_t number = 0; number < 520; ++number) {
    roots.push_back(crypto::LeafHash(crypto::AsBytes(absl::StrCat("segment ", number))));
    segments.Append(roots.back());
    crypto::ByteWriter header;
    header.U32(0x564c5347).U32(1).U64(number).U32(65536).ShortText(kOrigin).Raw(roots.back());
    crypto::ByteWriter end;
    end.U64(bundles);
    std::string name = absl::StrCat(number);
    name.insert(0, 10 - name.size(), '0');
    const std::string path = absl::StrCat(folder_.path(), "/tree/entries-", name, ".segment");
    std::ofstream out(path, std::ios::binary);
    out << header.str();
    out.seekp(static_cast<std::streamoff>(bundles - 8));
    out << end.str();
  }
  const uint64_t size = uint64_t{520} * 65536;
  auto store =
      TileStore::Open(log_.Options(folder_), *crypto::CompactRange::From(size, segments.roots()));
  ASSERT_TRUE(store.ok()) << store.status();
  for (uint64_t index : {0u, 1u}) {
    const auto tile = (*store)->ReadTile({2, index, 256});
    ASSERT_TRUE(tile.ok()) << tile.status();
    EXPECT_TRUE(std::equal(tile->begin(), tile->end(), roots.begin() + index * 256));
  }
  EXPECT_EQ((*store)->ReadTile({2, 2, 8})->back(), roots[519]);
  const auto above = (*store)->ReadTile({3, 0, 2});
  ASSERT_TRUE(above.ok()) << above.status();
  crypto::CompactRange second;
  for (size_t i = 256; i < 512; ++i) second.Append(roots[i]);
  EXPECT_EQ((*above)[1], second.Root());
  EXPECT_TRUE(absl::IsNotFound((*store)->ReadTile({3, 0, 3}).status()));
  crypto::CompactRange old;
  for (size_t i = 0; i < 300; ++i) old.Append(roots[i]);
  const auto proof = crypto::ConsistencyProofFromTiles(**store, uint64_t{300} * 65536, size);
  ASSERT_TRUE(proof.ok()) << proof.status();
  EXPECT_TRUE(
      crypto::VerifyConsistency(uint64_t{300} * 65536, old.Root(), size, segments.Root(), *proof)
          .ok());
}

TEST_F(TileStoreTest, NeedsTheJournalNoMoreForWhatIsClosed) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(70000));
  log_.archived_below = 65536;
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(1));
  EXPECT_TRUE(store_->Verify().ok());
}

TEST_F(TileStoreTest, IsRebuiltFromTheEntriesWhenItsFilesAreGone) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(70000));
  const std::string before = Read(Segment(0));
  std::filesystem::remove_all(folder_.path() + "/tree");
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(Read(Segment(0)), before);
}

TEST_F(TileStoreTest, StopsAtAnEntryThatWasChanged) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(70000));
  log_.entries[69000] += "x";
  // The bundle is not served, and the next start refuses.
  EXPECT_TRUE(absl::IsDataLoss(store_->ReadBundle(69000 / 256, 256).status()));
  EXPECT_TRUE(absl::IsDataLoss(store_->Verify()));
  EXPECT_TRUE(absl::IsDataLoss(Refusal())) << Refusal();
}

TEST_F(TileStoreTest, StopsAtEntriesThatWereSwappedDroppedOrAdded) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(66000));
  const GrowingLog good = log_;
  std::swap(log_.entries[65900], log_.entries[65901]);
  EXPECT_TRUE(absl::IsDataLoss(Refusal())) << Refusal();
  log_.entries = good.entries;
  log_.entries.erase(log_.entries.begin() + 65800);
  log_.entries.push_back(GrowingLog::EntryOf(66000));
  EXPECT_TRUE(absl::IsDataLoss(Refusal())) << Refusal();
  log_.entries = good.entries;
  log_.entries.insert(log_.entries.begin() + 65800, "another");
  EXPECT_TRUE(absl::IsDataLoss(Refusal())) << Refusal();
  log_.entries = good.entries;
  EXPECT_TRUE(Refusal().ok()) << Refusal();
}

TEST_F(TileStoreTest, LeavesNoSegmentOfEntriesThatWereChanged) {
  log_.GrowTo(70000);
  log_.entries[10] = "another";
  EXPECT_TRUE(absl::IsDataLoss(Refusal())) << Refusal();
  EXPECT_FALSE(std::filesystem::exists(Segment(0)));
  log_.entries[10] = GrowingLog::EntryOf(10);
  EXPECT_TRUE(Refusal().ok()) << Refusal();
}

TEST_F(TileStoreTest, NeverClosesEntriesOtherThanThoseTakenIn) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65000));
  log_.entries[100] = "another";
  const uint64_t before = log_.entries.size();
  log_.GrowTo(66000);
  EXPECT_TRUE(absl::IsDataLoss(store_->Append(log_.LeavesFrom(before))));
  EXPECT_FALSE(std::filesystem::exists(Segment(0)));
}

TEST_F(TileStoreTest, RefusesALogThatWasPutBack) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(70000));
  GrowingLog earlier;
  earlier.GrowTo(65535);
  const absl::Status status = earlier.Open(folder_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find("put back"), absl::string_view::npos) << status;
  // Taken in, but not yet closed: nothing is known of it after a restart.
  earlier.GrowTo(65536);
  EXPECT_TRUE(earlier.Open(folder_).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->CatchUp(earlier.range)));
}

TEST_F(TileStoreTest, RefusesAFolderOfAnotherLog) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536));
  TileStoreOptions options = log_.Options(folder_);
  options.origin = "irs.treasury.example/ledger/2028";
  EXPECT_TRUE(absl::IsDataLoss(TileStore::Open(options, log_.range).status()));
}

TEST_F(TileStoreTest, SeesEveryDamageToASegmentAndNeverServesIt) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536 + 10));
  const std::string good = Read(Segment(0));
  const uint64_t leaves = 1024;
  const uint64_t tiles = leaves + 65536 * 32;
  const uint64_t offsets = tiles + 256 * 32;
  const uint64_t bundles = offsets + 257 * 8;
  std::vector<uint64_t> places = {0, 5, 7, 10, 15, 18, 19, 20, 30, 53, 60, 84};
  for (uint64_t region : {leaves, tiles, offsets, bundles}) {
    places.insert(places.end(), {region, region + 8, region + 500, region + 1999});
  }
  places.push_back(good.size() - 1);
  for (uint64_t place : places) {
    std::string bent = good;
    bent[place] = static_cast<char>(bent[place] ^ 0x21);
    Write(Segment(0), bent);
    auto store = log_.Open(folder_);
    if (!store.ok()) continue;
    EXPECT_FALSE((*store)->Verify().ok()) << place;
    for (const crypto::Tile& tile : crypto::TilesOf(65536)) {
      const auto hashes = (*store)->ReadTile(tile);
      if (hashes.ok() && tile.index < 3) {
        EXPECT_EQ(*hashes, log_.Tile(tile)) << place;
      }
    }
    for (uint64_t index : {0u, 1u, 2u, 7u, 255u}) {
      const auto entries = (*store)->ReadBundle(index, 256);
      for (size_t i = 0; entries.ok() && i < entries->size(); ++i) {
        ASSERT_EQ((*entries)[i], GrowingLog::EntryOf(index * 256 + i)) << place;
      }
    }
  }
  for (uint64_t size : {uint64_t{0}, uint64_t{100}, leaves + 5, offsets, good.size() - 1}) {
    Write(Segment(0), good.substr(0, size));
    EXPECT_FALSE(Refusal().ok()) << size;
  }
  Write(Segment(0), good + "x");
  EXPECT_TRUE(absl::IsDataLoss(Refusal())) << Refusal();
  std::string newer = good;
  newer[7] = 3;
  Write(Segment(0), newer);
  EXPECT_TRUE(absl::IsFailedPrecondition(Refusal())) << Refusal();
  Write(Segment(0), good);
  EXPECT_TRUE(Refusal().ok()) << Refusal();
}

TEST_F(TileStoreTest, GoesOnWhileASegmentCannotBeWritten) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65000));
  // In the place of the file stands what cannot be replaced by one.
  std::filesystem::create_directories(Segment(0) + "/x");
  const auto grow = [&](uint64_t size) {
    const uint64_t before = log_.entries.size();
    log_.GrowTo(size);
    return store_->Append(log_.LeavesFrom(before));
  };
  EXPECT_TRUE(absl::IsUnavailable(grow(66000)));
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(1));
  EXPECT_TRUE(absl::IsUnavailable(grow(132000)));
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(2));
  EXPECT_EQ(store_->segments(), 0u);
  std::filesystem::remove_all(Segment(0));
  EXPECT_TRUE(grow(132001).ok());
  EXPECT_EQ(store_->segments(), 2u);
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(3));
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(4));
}

TEST_F(TileStoreTest, ClosesALogThatHasEnded) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536 + 700));
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Append(log_.LeavesFrom(0).subspan(0, 1))));
  log_.archived_below = UINT64_MAX;
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(1));
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_TRUE(store_->closed());
  ASSERT_NO_FATAL_FAILURE(ExpectWhole(2));
  EXPECT_TRUE(store_->Verify().ok());
  const std::string good = Read(Segment(1));
  for (uint64_t place :
       {uint64_t{1024 + 3}, uint64_t{1024 + 690 * 32}, uint64_t{good.size() - 1}}) {
    std::string bent = good;
    bent[place] = static_cast<char>(bent[place] ^ 4);
    Write(Segment(1), bent);
    auto store = log_.Open(folder_);
    if (!store.ok()) continue;
    EXPECT_TRUE(absl::IsDataLoss((*store)->Verify())) << place;
  }
}

TEST_F(TileStoreTest, ClosesALogOfWholeSegmentsAndAnEmptyOne) {
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_TRUE(store_->Close().ok());
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536));
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_EQ(store_->segments(), 1u);
}

TEST_F(TileStoreTest, IsWholeAfterAKillAtAnyTime) {
  log_.GrowTo(140000);
  std::mt19937 random(5);
  for (int round = 0; round < 12; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        std::filesystem::remove(Segment(1));
        auto store = log_.Open(folder_);
        if (!store.ok()) _exit(3);
      }
    }
    usleep(20000 + random() % 200000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    ASSERT_NO_FATAL_FAILURE(Open());
    ASSERT_NO_FATAL_FAILURE(ExpectWhole(static_cast<uint32_t>(round)));
    EXPECT_EQ(store_->segments(), 2u);
    for (const auto& file : std::filesystem::directory_iterator(folder_.path() + "/tree")) {
      EXPECT_EQ(file.path().extension(), ".segment");
    }
  }
}

TEST_F(TileStoreTest, ServesWhileItGrows) {
  log_.GrowTo(140000);
  GrowingLog begin;
  begin.GrowTo(60000);
  auto store = TileStore::Open(log_.Options(folder_), begin.range);
  ASSERT_TRUE(store.ok()) << store.status();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (uint32_t seed = 0; seed < 2; ++seed) {
    readers.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      while (!done) {
        const crypto::CompactRange range = (*store)->range();
        const uint64_t index = random() % range.size();
        const auto proof = crypto::InclusionProofFromTiles(**store, index, range.size());
        ASSERT_TRUE(proof.ok()) << proof.status();
        ASSERT_TRUE(
            crypto::VerifyInclusion(log_.leaves[index], index, range.size(), *proof, range.Root())
                .ok());
        ASSERT_TRUE((*store)->ReadBundle(index / 256, static_cast<uint32_t>(index % 256 + 1)).ok());
      }
    });
  }
  for (uint64_t at = 60000; at < 140000; at += 500) {
    ASSERT_TRUE((*store)->Append(log_.LeavesFrom(at).subspan(0, 500)).ok());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ((*store)->range().Root(), log_.range.Root());
}

// Prunes a segment of the folder, keeping every thousandth entry.
class PruningTest : public TileStoreTest {
 protected:
  static bool Keep(absl::string_view entry) {
    int number = 0;
    return sscanf(std::string(entry).c_str(), "entry %d", &number) == 1 && number % 1000 == 0;
  }
  absl::Status Prune(uint64_t number) {
    auto file = SegmentFile::Open(Segment(static_cast<int>(number)), kOrigin, number);
    return file.ok() ? file->Prune(Keep).status() : file.status();
  }
};

TEST_F(PruningTest, LeavesTheTreeAndTheEntriesThatAreKept) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(2 * 65536 + 300));
  const uint64_t before = std::filesystem::file_size(Segment(0));
  ASSERT_TRUE(Prune(0).ok());
  // What was dropped is nowhere in the file, and what has no place in it is not read again.
  EXPECT_EQ(Read(Segment(0)).find("entry 1 "), std::string::npos);
  EXPECT_NE(Read(Segment(0)).find("entry 65000 "), std::string::npos);
  EXPECT_LT(std::filesystem::file_size(Segment(0)), before / 2);
  log_.archived_below = 65536;
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(store_->first_entry(), 65536u);
  EXPECT_EQ(store_->range().Root(), log_.range.Root());
  EXPECT_TRUE(store_->Verify().ok());
  for (const crypto::Tile& tile : crypto::TilesOf(store_->size())) {
    const auto hashes = store_->ReadTile(tile);
    ASSERT_TRUE(hashes.ok()) << crypto::TilePath(tile);
    ASSERT_EQ(*hashes, log_.Tile(tile)) << crypto::TilePath(tile);
  }
  EXPECT_TRUE(absl::IsNotFound(store_->ReadBundle(0, 256).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadBundle(255, 1).status()));
  EXPECT_TRUE(store_->ReadBundle(256, 256).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->ReadEntry(1).status()));
  for (const uint64_t kept : {0, 131, 1000, 65000, 65536, 65537}) {
    const auto entry = store_->ReadEntry(kept);
    if (kept % 1000 == 0 || kept >= 65536) {
      ASSERT_TRUE(entry.ok()) << kept << entry.status();
      EXPECT_EQ(*entry, GrowingLog::EntryOf(kept));
    } else {
      EXPECT_TRUE(absl::IsNotFound(entry.status())) << kept;
    }
  }
}

TEST_F(PruningTest, OfALogThatHasEndedReachesItsLastEntry) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536 + 700));
  ASSERT_TRUE(store_->Close().ok());
  log_.archived_below = UINT64_MAX;
  ASSERT_TRUE(Prune(0).ok());
  ASSERT_TRUE(Prune(1).ok());
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(store_->first_entry(), 65536u + 700);
  EXPECT_TRUE(store_->Verify().ok());
  EXPECT_EQ(*store_->ReadEntry(66000), GrowingLog::EntryOf(66000));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadEntry(66001).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadEntry(65536 + 700).status()));
}

TEST_F(PruningTest, IsRefusedForASegmentThatIsDamaged) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536));
  const std::string good = Read(Segment(0));
  std::string bent = good;
  const size_t place = bent.find("entry 40000 ");
  ASSERT_NE(place, std::string::npos);
  bent[place] = 'E';
  Write(Segment(0), bent);
  EXPECT_TRUE(absl::IsDataLoss(Prune(0)));
  EXPECT_EQ(Read(Segment(0)), bent);
}

TEST_F(PruningTest, WhatWasKeptIsHeldAgainstItsLeaf) {
  ASSERT_NO_FATAL_FAILURE(OpenAt(65536));
  ASSERT_TRUE(Prune(0).ok());
  const std::string good = Read(Segment(0));
  for (const char* bit : {"entry 7000 ", "entry 65000 "}) {
    std::string bent = good;
    bent[bent.find(bit)] = 'E';
    Write(Segment(0), bent);
    auto file = SegmentFile::Open(Segment(0), kOrigin, 0);
    ASSERT_TRUE(file.ok());
    const int number = bit[6] == '7' ? 7000 : 65000;
    EXPECT_TRUE(absl::IsDataLoss(file->KeptEntry(static_cast<uint32_t>(number)).status()));
  }
  // Cut short, or with something behind it.
  for (const std::string& bent : {good.substr(0, good.size() - 1), good + "x",
                                  good.substr(0, good.size() - 100), good.substr(0, 5000)}) {
    Write(Segment(0), bent);
    EXPECT_TRUE(absl::IsDataLoss(SegmentFile::Open(Segment(0), kOrigin, 0).status()));
  }
}

}  // namespace
}  // namespace vouch::server::ledger::tree
