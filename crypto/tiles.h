// A log as static files (c2sp.org/tlog-tiles): 256 hashes of one level of its tree to a tile, 256
// entries to a bundle; and proofs for any entry and any two sizes, made from tiles.
#ifndef VOUCH_CRYPTO_TILES_H_
#define VOUCH_CRYPTO_TILES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "crypto/bytes.h"
#include "crypto/merkle.h"

namespace vouch::crypto {

inline constexpr int kTileHeight = 8;
inline constexpr uint32_t kTileWidth = 1 << kTileHeight;
inline constexpr int kMostTileLevels = 8;  // as many as a log of 2^63 entries has
inline constexpr size_t kLargestEntry = UINT16_MAX;

struct Tile {
  int level = 0;
  uint64_t index = 0;
  uint32_t width = kTileWidth;  // 1 to 255: partial
};
inline bool operator==(const Tile& a, const Tile& b) {
  return a.level == b.level && a.index == b.index && a.width == b.width;
}
// What lies at a path below a log's prefix: a tile of hashes, or a bundle of entries (level 0).
struct TileName {
  bool entries = false;
  Tile tile;
};

// "tile/0/x001/x234/067", "tile/1/000.p/17"; entries: "tile/entries/000.p/112".
std::string TilePath(const Tile& tile);
std::string BundlePath(uint64_t index, uint32_t width);
// InvalidArgument for any path those two do not write.
absl::StatusOr<TileName> ReadTilePath(absl::string_view path);

// How many hashes tile `index` of `level` has in a log of `size`: 0 when it is not there yet.
uint32_t TileWidthAt(int level, uint64_t index, uint64_t size);
// All tiles of a log of `size`, level by level; a bundle belongs to each of level 0.
std::vector<Tile> TilesOf(uint64_t size);

// Reads tiles of one log. Thread-safe where its maker says so.
class TileReader {
 public:
  virtual ~TileReader() = default;
  // Exactly `tile.width` hashes: a wider tile, of which it is the beginning, serves as well.
  // NotFound when there is none.
  virtual absl::StatusOr<std::vector<Digest>> ReadTile(const Tile& tile) const = 0;
};
// And its entries.
class LogReader : public TileReader {
 public:
  // Exactly `width` entries from 256 * index on. NotFound also where entries were pruned.
  virtual absl::StatusOr<std::vector<std::string>> ReadBundle(uint64_t index,
                                                              uint32_t width) const = 0;
  // One entry; of those below first_entry() the few that were kept. NotFound for the others.
  virtual absl::StatusOr<std::string> ReadEntry(uint64_t index) const;
  // Of a bundle below first_entry(), each entry that was kept, and nothing in place of the others.
  virtual absl::StatusOr<std::vector<std::string>> ReadKept(uint64_t index, uint32_t width) const;
  // The log's published minimum: entries below it were pruned. A multiple of 256, or the log's end.
  virtual uint64_t first_entry() const { return 0; }
};

std::string EncodeTile(absl::Span<const Digest> hashes);
// DataLoss unless there are exactly `width` hashes.
absl::StatusOr<std::vector<Digest>> DecodeTile(absl::string_view bytes, uint32_t width);
// InvalidArgument for an entry over kLargestEntry.
absl::StatusOr<std::string> EncodeBundle(absl::Span<const std::string> entries);
// DataLoss unless there are exactly `width` whole entries; of more, a bundle's beginning may be
// wanted with `or_more`.
absl::StatusOr<std::vector<std::string>> DecodeBundle(absl::string_view bytes, uint32_t width,
                                                      bool or_more = false);

// The roots that make up the log of `size`: what a CompactRange goes on from.
absl::StatusOr<CompactRange> RangeFromTiles(const TileReader& tiles, uint64_t size);
// OutOfRange for an index or size beyond `size`; else whatever reading a tile returned. The proofs
// are what the tiles say: whoever serves them verifies them against a root it trusts.
absl::StatusOr<std::vector<Digest>> InclusionProofFromTiles(const TileReader& tiles, uint64_t index,
                                                            uint64_t size);
absl::StatusOr<std::vector<Digest>> RangeProofFromTiles(const TileReader& tiles, uint64_t first,
                                                        uint64_t count, uint64_t size);
absl::StatusOr<std::vector<Digest>> ConsistencyProofFromTiles(const TileReader& tiles,
                                                              uint64_t old_size, uint64_t size);

// Reads every entry of a log of `size`, hashes it anew, and holds every tile against it. DataLoss
// names the first tile or bundle that does not agree. `visit`, where given, sees each entry. Below
// first_entry() the tiles of leaf hashes are taken as they are, and those above held against them.
absl::StatusOr<CompactRange> RecomputeLog(
    const LogReader& log, uint64_t size,
    const std::function<absl::Status(uint64_t index, absl::string_view entry)>& visit = nullptr);
// The same where there are no entries: every tile is held against the leaf hashes of level 0.
// `visit` sees each of them.
absl::StatusOr<CompactRange> RecomputeTiles(
    const TileReader& tiles, uint64_t size,
    const std::function<absl::Status(uint64_t index, const Digest& leaf)>& visit = nullptr);

}  // namespace vouch::crypto

#endif  // VOUCH_CRYPTO_TILES_H_
