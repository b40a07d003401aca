// A log in memory that a tree is made from, and the tree's tiles by their definition.
#ifndef VOUCH_TESTS_SERVER_LEDGER_TREE_GROWING_LOG_H_
#define VOUCH_TESTS_SERVER_LEDGER_TREE_GROWING_LOG_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/merkle.h"
#include "crypto/tiles.h"
#include "server/ledger/tree/tile_store.h"

namespace vouch::server::ledger::tree {

constexpr char kOrigin[] = "irs.treasury.example/ledger/2027";

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "vouch-tree-XXXXXX").string();
    if (mkdtemp(&name[0]) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class GrowingLog {
 public:
  static std::string EntryOf(uint64_t index) {
    std::string entry = absl::StrCat("entry ", index, " ");
    entry.resize(entry.size() + index % 97, '.');
    return entry;
  }
  void GrowTo(uint64_t size) {
    while (entries.size() < size) {
      entries.push_back(EntryOf(entries.size()));
      leaves.push_back(crypto::LeafHash(crypto::AsBytes(entries.back())));
      range.Append(leaves.back());
    }
  }
  absl::Span<const crypto::Digest> LeavesFrom(uint64_t first) const {
    return absl::MakeConstSpan(leaves).subspan(first);
  }
  // At most 1000 at once, none before `archived_below`.
  EntrySource Source() const {
    return [this](uint64_t first, uint32_t count) -> absl::StatusOr<std::vector<std::string>> {
      if (first >= entries.size()) return absl::OutOfRangeError("not yet");
      if (first < archived_below) return absl::NotFoundError("archived");
      const uint64_t size = std::min<uint64_t>({count, 1000, entries.size() - first});
      return std::vector<std::string>(entries.begin() + first, entries.begin() + first + size);
    };
  }
  TileStoreOptions Options(const ScratchFolder& folder) const {
    return {folder.path() + "/tree", kOrigin, Source()};
  }
  absl::StatusOr<std::unique_ptr<TileStore>> Open(const ScratchFolder& folder) const {
    return TileStore::Open(Options(folder), range);
  }

  // Tile by the specification's formula.
  std::vector<crypto::Digest> Tile(const crypto::Tile& tile) const {
    std::vector<crypto::Digest> hashes;
    const uint64_t below = uint64_t{1} << (8 * tile.level);
    for (uint64_t i = 0; i < tile.width; ++i) {
      crypto::CompactRange node;
      for (const auto& leaf : LeavesFrom((tile.index * 256 + i) * below).subspan(0, below)) {
        node.Append(leaf);
      }
      hashes.push_back(node.Root());
    }
    return hashes;
  }

  std::vector<std::string> entries;
  std::vector<crypto::Digest> leaves;
  crypto::CompactRange range;
  uint64_t archived_below = 0;
};

}  // namespace vouch::server::ledger::tree

#endif  // VOUCH_TESTS_SERVER_LEDGER_TREE_GROWING_LOG_H_
