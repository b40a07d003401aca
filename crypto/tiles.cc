#include "crypto/tiles.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace vouch::crypto {

namespace {

// Groups of three digits, all but the last behind an x.
std::string GroupsOf(uint64_t index) {
  std::string path = absl::StrCat(absl::Dec(index % 1000, absl::kZeroPad3));
  for (index /= 1000; index != 0; index /= 1000) {
    path = absl::StrCat("x", absl::Dec(index % 1000, absl::kZeroPad3), "/", path);
  }
  return path;
}

std::string PathOf(absl::string_view kind, uint64_t index, uint32_t width) {
  std::string path = absl::StrCat("tile/", kind, "/", GroupsOf(index));
  if (width != kTileWidth) absl::StrAppend(&path, ".p/", width);
  return path;
}

// Reads each tile once, and hashes the nodes between the levels of tiles.
class NodeSource {
 public:
  NodeSource(const TileReader& tiles, uint64_t size) : tiles_(tiles), size_(size) {}

  absl::StatusOr<Digest> Hash(const Subtree& node) {
    // At the right border a node is made up of perfect ones, the largest first.
    std::vector<Digest> parts;
    uint64_t begin = node.begin;
    while (begin < node.end) {
      const uint64_t rest = node.end - begin;
      const int level = 63 - __builtin_clzll(rest);
      absl::StatusOr<Digest> part = Perfect(level, begin >> level);
      if (!part.ok()) return part.status();
      parts.push_back(*part);
      begin += uint64_t{1} << level;
    }
    Digest hash = parts.back();
    for (size_t i = parts.size() - 1; i > 0; --i) hash = NodeHash(parts[i - 1], hash);
    return hash;
  }

  absl::StatusOr<std::vector<Digest>> Hashes(absl::Span<const Subtree> shape) {
    std::vector<Digest> hashes;
    for (const Subtree& node : shape) {
      absl::StatusOr<Digest> hash = Hash(node);
      if (!hash.ok()) return hash.status();
      hashes.push_back(*hash);
    }
    return hashes;
  }

 private:
  absl::StatusOr<Digest> Perfect(int level, uint64_t index) {
    const int tile_level = level / kTileHeight;
    const int above = level % kTileHeight;
    const uint64_t first = index << above;
    const std::pair<int, uint64_t> key{tile_level, first / kTileWidth};
    auto found = read_.find(key);
    if (found == read_.end()) {
      const Tile tile{tile_level, key.second, TileWidthAt(tile_level, key.second, size_)};
      absl::StatusOr<std::vector<Digest>> hashes = tiles_.ReadTile(tile);
      if (!hashes.ok()) return hashes.status();
      if (hashes->size() != tile.width) return absl::DataLossError("a tile has another width");
      found = read_.emplace(key, *std::move(hashes)).first;
    }
    CompactRange range;
    const absl::Span<const Digest> all(found->second);
    for (const Digest& hash : all.subspan(first % kTileWidth, size_t{1} << above)) {
      range.Append(hash);
    }
    return range.Root();
  }

  const TileReader& tiles_;
  const uint64_t size_;
  std::map<std::pair<int, uint64_t>, std::vector<Digest>> read_;
};

absl::Status Beyond() {
  return absl::OutOfRangeError("the log has no such entry or size at the size asked for");
}

}  // namespace

std::string TilePath(const Tile& tile) {
  return PathOf(absl::StrCat(tile.level), tile.index, tile.width);
}

std::string BundlePath(uint64_t index, uint32_t width) { return PathOf("entries", index, width); }

absl::StatusOr<TileName> ReadTilePath(absl::string_view path) {
  const absl::Status malformed = absl::InvalidArgumentError("no tile or bundle has this path");
  absl::string_view rest = path;
  if (path.size() > 64 || !absl::ConsumePrefix(&rest, "tile/")) return malformed;
  TileName name;
  name.entries = absl::ConsumePrefix(&rest, "entries/");
  if (!name.entries) {
    const size_t slash = rest.find('/');
    if (slash == absl::string_view::npos ||
        !absl::SimpleAtoi(rest.substr(0, slash), &name.tile.level)) {
      return malformed;
    }
    rest.remove_prefix(slash + 1);
  }
  const size_t partial = rest.find(".p/");
  if (partial != absl::string_view::npos) {
    if (!absl::SimpleAtoi(rest.substr(partial + 3), &name.tile.width)) return malformed;
    rest = rest.substr(0, partial);
  }
  for (absl::string_view group : absl::StrSplit(rest, '/')) {
    absl::ConsumePrefix(&group, "x");
    uint32_t digits = 0;
    if (group.size() != 3 || !absl::SimpleAtoi(group, &digits) || digits > 999 ||
        name.tile.index > (UINT64_MAX - digits) / 1000) {
      return malformed;
    }
    name.tile.index = name.tile.index * 1000 + digits;
  }
  // What is written back must be what was read: there is one path to each.
  const bool width_fits = name.tile.width > 0 && name.tile.width <= kTileWidth &&
                          (partial == absl::string_view::npos || name.tile.width < kTileWidth);
  const bool level_fits = name.tile.level >= 0 && name.tile.level < 64;
  if (!width_fits || !level_fits ||
      path != (name.entries ? BundlePath(name.tile.index, name.tile.width) : TilePath(name.tile))) {
    return malformed;
  }
  return name;
}

uint32_t TileWidthAt(int level, uint64_t index, uint64_t size) {
  if (level >= kMostTileLevels) return 0;
  const uint64_t hashes = size >> (kTileHeight * level);
  if (index > hashes / kTileWidth) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>(hashes - index * kTileWidth, kTileWidth));
}

std::vector<Tile> TilesOf(uint64_t size) {
  std::vector<Tile> tiles;
  for (int level = 0; level < kMostTileLevels; ++level) {
    for (uint64_t index = 0;; ++index) {
      const uint32_t width = TileWidthAt(level, index, size);
      if (width == 0) break;
      tiles.push_back({level, index, width});
    }
  }
  return tiles;
}

std::string EncodeTile(absl::Span<const Digest> hashes) {
  std::string bytes(hashes.size() * sizeof(Digest), '\0');
  if (!hashes.empty()) std::memcpy(&bytes[0], hashes.data(), bytes.size());
  return bytes;
}

absl::StatusOr<std::vector<Digest>> DecodeTile(absl::string_view bytes, uint32_t width) {
  if (bytes.size() != width * sizeof(Digest)) {
    return absl::DataLossError("a tile does not have the size of its hashes");
  }
  std::vector<Digest> hashes(width);
  if (width > 0) std::memcpy(hashes.data(), bytes.data(), bytes.size());
  return hashes;
}

absl::StatusOr<std::string> EncodeBundle(absl::Span<const std::string> entries) {
  ByteWriter bytes;
  for (const std::string& entry : entries) {
    if (entry.size() > kLargestEntry) {
      return absl::InvalidArgumentError("an entry is longer than a bundle can say");
    }
    bytes.U16(static_cast<uint16_t>(entry.size())).Raw(AsBytes(entry));
  }
  return std::move(bytes).str();
}

absl::StatusOr<std::vector<std::string>> DecodeBundle(absl::string_view bytes, uint32_t width,
                                                      bool or_more) {
  ByteReader reader(AsBytes(bytes));
  std::vector<std::string> entries;
  while (reader.ok() && (or_more ? entries.size() < width : reader.remaining() > 0)) {
    entries.emplace_back(AsText(reader.Raw(reader.U16())));
  }
  if (!reader.ok() || entries.size() != width) {
    return absl::DataLossError("an entry bundle does not hold the entries it should");
  }
  return entries;
}

absl::StatusOr<CompactRange> RangeFromTiles(const TileReader& tiles, uint64_t size) {
  NodeSource source(tiles, size);
  std::vector<Digest> roots;
  uint64_t begin = 0;
  for (uint64_t rest = size; rest != 0;) {
    const uint64_t largest = uint64_t{1} << (63 - __builtin_clzll(rest));
    absl::StatusOr<Digest> root = source.Hash({begin, begin + largest});
    if (!root.ok()) return root.status();
    roots.push_back(*root);
    begin += largest;
    rest -= largest;
  }
  return CompactRange::From(size, std::move(roots));
}

absl::StatusOr<std::vector<Digest>> InclusionProofFromTiles(const TileReader& tiles, uint64_t index,
                                                            uint64_t size) {
  return RangeProofFromTiles(tiles, index, 1, size);
}

absl::StatusOr<std::vector<Digest>> RangeProofFromTiles(const TileReader& tiles, uint64_t first,
                                                        uint64_t count, uint64_t size) {
  if (count == 0 || first >= size || count > size - first) return Beyond();
  return NodeSource(tiles, size).Hashes(RangeProofShape(first, count, size));
}

absl::StatusOr<std::vector<Digest>> ConsistencyProofFromTiles(const TileReader& tiles,
                                                              uint64_t old_size, uint64_t size) {
  if (old_size > size) return Beyond();
  return NodeSource(tiles, size).Hashes(ConsistencyProofShape(old_size, size));
}

namespace {

// Hands out the leaf hashes of a tile of level 0, as far as they can be had.
using LeavesOf = std::function<absl::StatusOr<std::vector<Digest>>(uint64_t index, uint32_t width)>;

// Every tile from level `lowest` up against the leaves.
absl::StatusOr<CompactRange> Recompute(const TileReader& tiles, uint64_t size, int lowest,
                                       const LeavesOf& leaves_of, absl::string_view source) {
  CompactRange range;
  // Of each level, the hashes of the tile that is being filled.
  std::vector<std::vector<Digest>> filling(kMostTileLevels);
  std::vector<uint64_t> filled(kMostTileLevels);
  const auto check = [&](int level) -> absl::Status {
    if (level < lowest) return absl::OkStatus();
    const Tile tile{level, filled[level], static_cast<uint32_t>(filling[level].size())};
    absl::StatusOr<std::vector<Digest>> stored = tiles.ReadTile(tile);
    if (!stored.ok()) return stored.status();
    if (*stored == filling[level]) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(TilePath(tile), " does not agree with ", source));
  };
  for (uint64_t index = 0; TileWidthAt(0, index, size) > 0; ++index) {
    absl::StatusOr<std::vector<Digest>> leaves = leaves_of(index, TileWidthAt(0, index, size));
    if (!leaves.ok()) return leaves.status();
    for (const Digest& leaf : *leaves) {
      range.Append(leaf);
      filling[0].push_back(leaf);
    }
    for (int level = 0; filling[level].size() == kTileWidth; ++level) {
      if (absl::Status status = check(level); !status.ok()) return status;
      CompactRange tile;
      for (const Digest& hash : filling[level]) tile.Append(hash);
      filling[level + 1].push_back(tile.Root());
      filling[level].clear();
      ++filled[level];
    }
  }
  for (int level = 0; level < kMostTileLevels; ++level) {
    if (filling[level].empty()) continue;
    if (absl::Status status = check(level); !status.ok()) return status;
  }
  return range;
}

}  // namespace

absl::StatusOr<std::string> LogReader::ReadEntry(uint64_t index) const {
  absl::StatusOr<std::vector<std::string>> entries =
      ReadBundle(index / kTileWidth, static_cast<uint32_t>(index % kTileWidth + 1));
  if (!entries.ok()) return entries.status();
  return std::move(entries->back());
}

absl::StatusOr<std::vector<std::string>> LogReader::ReadKept(uint64_t index, uint32_t width) const {
  std::vector<std::string> entries;
  for (uint32_t place = 0; place < width; ++place) {
    absl::StatusOr<std::string> entry = ReadEntry(index * kTileWidth + place);
    if (!entry.ok() && !absl::IsNotFound(entry.status())) return entry.status();
    entries.push_back(entry.ok() ? *std::move(entry) : std::string());
  }
  return entries;
}

absl::StatusOr<CompactRange> RecomputeLog(
    const LogReader& log, uint64_t size,
    const std::function<absl::Status(uint64_t, absl::string_view)>& visit) {
  uint64_t next = 0;
  const LeavesOf hashed = [&](uint64_t index,
                              uint32_t width) -> absl::StatusOr<std::vector<Digest>> {
    if (index * kTileWidth + width <= log.first_entry()) {
      next += width;
      return log.ReadTile({0, index, width});
    }
    absl::StatusOr<std::vector<std::string>> entries = log.ReadBundle(index, width);
    if (!entries.ok()) return entries.status();
    std::vector<Digest> leaves;
    leaves.reserve(entries->size());
    for (const std::string& entry : *entries) {
      if (visit != nullptr) {
        if (absl::Status status = visit(next, entry); !status.ok()) return status;
      }
      ++next;
      leaves.push_back(LeafHash(AsBytes(entry)));
    }
    return leaves;
  };
  return Recompute(log, size, 0, hashed, "the entries");
}

absl::StatusOr<CompactRange> RecomputeTiles(
    const TileReader& tiles, uint64_t size,
    const std::function<absl::Status(uint64_t, const Digest&)>& visit) {
  uint64_t next = 0;
  const LeavesOf read = [&](uint64_t index, uint32_t width) -> absl::StatusOr<std::vector<Digest>> {
    absl::StatusOr<std::vector<Digest>> leaves = tiles.ReadTile({0, index, width});
    if (!leaves.ok() || visit == nullptr) return leaves;
    for (const Digest& leaf : *leaves) {
      if (absl::Status status = visit(next++, leaf); !status.ok()) return status;
    }
    return leaves;
  };
  return Recompute(tiles, size, 1, read, "the leaf hashes");
}

}  // namespace vouch::crypto
